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
  for (std::size_t c = 0; c < kTimedCommands; ++c) {
    for (const Raise& r : raises[c]) {
      raises_of_level[c][r.is_sibling ? kLevels : static_cast<std::size_t>(r.level)].push_back(r);
    }
  }
  for (std::size_t w = 0; w < windows.size(); ++w) windows_of[windows[w].command].push_back(w);
}

DeviceTiming::DeviceTiming(const TimingPlan& plan)
    : plan_(&plan),
      banks_per_group_(static_cast<std::size_t>(plan.banks_per_group)),
      banks_per_sid_(banks_per_group_ * static_cast<std::size_t>(plan.groups_per_sid)) {
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
      if (s == sid_of_[b]) continue;
      raise(&sid_[c][s], t);
      if (c == index(Command::kActivate)) raise_activates(s * banks_per_sid_, banks_per_sid_, t);
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
    if (i == own) continue;
    raise(is_group ? &group_[c][i] : &bank_[c][i], t);
    if (c == index(Command::kActivate)) {
      raise_activates(is_group ? i * banks_per_group_ : i, is_group ? banks_per_group_ : 1, t);
    }
  }
}

void DeviceTiming::note_window(std::size_t w, int bank, Tick t) {
  const TimingPlan::Window& window = plan_->windows[w];
  const std::size_t b = static_cast<std::size_t>(bank), c = window.command;
  std::size_t node = 0, span = 0;
  Tick* ready = &pseudo_channel_[c];
  if (window.level == Level::kSid) {
    node = sid_of_[b];
    ready = &sid_[c][node];
    span = banks_per_sid_;
  } else if (window.level == Level::kBankGroup) {
    node = group_of_[b];
    ready = &group_[c][node];
    span = banks_per_group_;
  } else if (window.level == Level::kBank) {
    node = b;
    ready = &bank_[c][node];
    span = 1;
  }
  Ring& ring = rings_[w][node];
  ring.starts[ring.at] = t;
  ring.at = ring.at + 1 == window.length ? 0 : ring.at + 1;
  const Tick at = ring.starts[ring.at] + window.latency;  // from the oldest of the last `length`
  raise(ready, at);
  if (c == index(Command::kActivate)) raise_activates(node * span, span, at);
}

void DeviceTiming::start(Command command, int bank, Tick t) {
  const auto& by_level = plan_->raises_of_level[index(command)];
  for (const TimingPlan::Raise& r : by_level[0]) raise(&pseudo_channel_[r.next], t + r.latency);
  if (bank < 0) return;
  const std::size_t b = static_cast<std::size_t>(bank), sid = sid_of_[b], group = group_of_[b];
  constexpr std::size_t kActivate = index(Command::kActivate);
  for (const TimingPlan::Raise& r : by_level[1]) {
    raise(&sid_[r.next][sid], t + r.latency);
    if (r.next == kActivate) raise_activates(sid * banks_per_sid_, banks_per_sid_, t + r.latency);
  }
  for (const TimingPlan::Raise& r : by_level[2]) {
    raise(&group_[r.next][group], t + r.latency);
    if (r.next == kActivate) {
      raise_activates(group * banks_per_group_, banks_per_group_, t + r.latency);
    }
  }
  for (const TimingPlan::Raise& r : by_level[3]) {
    raise(&bank_[r.next][b], t + r.latency);
    if (r.next == kActivate) raise(&activate_[b], t + r.latency);
  }
  for (const TimingPlan::Raise& r : by_level[kLevels]) raise_siblings(r, bank, t + r.latency);
  for (const std::size_t w : plan_->windows_of[index(command)]) note_window(w, bank, t);
}

}  // namespace astrolabe::memory
