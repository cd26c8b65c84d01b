#include "astrolabe/memory/dram_device.h"

namespace astrolabe::memory {

namespace {

std::size_t node_count(Level level, const TimingPlan& plan) {
  const std::size_t sids = static_cast<std::size_t>(plan.sids);
  const std::size_t groups = sids * static_cast<std::size_t>(plan.groups_per_sid);
  switch (level) {
    case Level::kPseudoChannel:
      return 1;
    case Level::kSid:
      return sids;
    case Level::kBankGroup:
      return groups;
    case Level::kBank:
      return groups * static_cast<std::size_t>(plan.banks_per_group);
  }
  return 0;
}

}  // namespace

TimingPlan::TimingPlan(const DramSpec& spec)
    : sids(spec.organization.sids),
      groups_per_sid(spec.organization.bank_groups),
      banks_per_group(spec.organization.banks) {
  for (const Constraint& c : spec.constraints) {
    for (const Command before : c.preceding) {
      for (const Command after : c.following) {
        const Tick latency = c.ticks + spec.offset(before) - spec.offset(after);
        if (c.window > 1) {
          if (before == after) {
            windows.push_back({c.level, static_cast<std::uint8_t>(after),
                               static_cast<std::size_t>(c.window), latency});
          }
          continue;
        }
        std::vector<Raise>& list = raises[index(before)];
        const auto same = std::find_if(list.begin(), list.end(), [&](const Raise& r) {
          return r.level == c.level && r.is_sibling == c.is_sibling && r.next == index(after);
        });
        if (same == list.end()) {
          list.push_back({c.level, c.is_sibling, static_cast<std::uint8_t>(after), latency});
        } else {
          same->latency = std::max(same->latency, latency);
        }
      }
    }
  }
}

DeviceTiming::DeviceTiming(const TimingPlan& plan) : plan_(&plan) {
  const std::size_t banks = node_count(Level::kBank, plan);
  for (std::size_t b = 0; b < banks; ++b) {
    group_of_[b] = static_cast<std::uint8_t>(b / static_cast<std::size_t>(plan.banks_per_group));
    sid_of_[b] =
        static_cast<std::uint8_t>(group_of_[b] / static_cast<std::size_t>(plan.groups_per_sid));
  }
  for (const TimingPlan::Window& window : plan.windows) {
    Ring ring;
    ring.starts.fill(-kNever);
    rings_.emplace_back(node_count(window.level, plan), ring);
  }
}

void DeviceTiming::raise_siblings(const TimingPlan::Raise& r, int bank, Tick t) {
  const std::size_t b = static_cast<std::size_t>(bank), c = r.next;
  if (r.level == Level::kSid) {
    for (std::size_t s = 0; s < static_cast<std::size_t>(plan_->sids); ++s) {
      if (s != sid_of_[b]) raise(&sid_[c][s], t);
    }
    return;
  }
  // Other groups of the SID, or other banks of the group.
  const bool is_group = r.level == Level::kBankGroup;
  const std::size_t n =
      static_cast<std::size_t>(is_group ? plan_->groups_per_sid : plan_->banks_per_group);
  const std::size_t own = is_group ? group_of_[b] : b;
  const std::size_t first = own / n * n;
  for (std::size_t i = first; i < first + n; ++i) {
    if (i != own) raise(is_group ? &group_[c][i] : &bank_[c][i], t);
  }
}

void DeviceTiming::note_window(std::size_t w, int bank, Tick t) {
  const TimingPlan::Window& window = plan_->windows[w];
  const std::size_t b = static_cast<std::size_t>(bank), c = window.command;
  std::size_t node = 0;
  Tick* ready = &pseudo_channel_[c];
  if (window.level == Level::kSid) {
    node = sid_of_[b];
    ready = &sid_[c][node];
  } else if (window.level == Level::kBankGroup) {
    node = group_of_[b];
    ready = &group_[c][node];
  } else if (window.level == Level::kBank) {
    node = b;
    ready = &bank_[c][node];
  }
  Ring& ring = rings_[w][node];
  ring.starts[ring.at] = t;
  ring.at = ring.at + 1 == window.length ? 0 : ring.at + 1;
  raise(ready, ring.starts[ring.at] + window.latency);  // the oldest of the last `length`
}

void DeviceTiming::start(Command command, int bank, Tick t) {
  const std::size_t b = static_cast<std::size_t>(bank);
  for (const TimingPlan::Raise& r : plan_->raises[index(command)]) {
    const Tick at = t + r.latency;
    if (r.is_sibling) {
      raise_siblings(r, bank, at);
    } else if (r.level == Level::kPseudoChannel) {
      raise(&pseudo_channel_[r.next], at);
    } else if (r.level == Level::kSid) {
      raise(&sid_[r.next][sid_of_[b]], at);
    } else if (r.level == Level::kBankGroup) {
      raise(&group_[r.next][group_of_[b]], at);
    } else {
      raise(&bank_[r.next][b], at);
    }
  }
  for (std::size_t w = 0; w < plan_->windows.size(); ++w) {
    if (plan_->windows[w].command == index(command) && bank >= 0) note_window(w, bank, t);
  }
}

}  // namespace astrolabe::memory
