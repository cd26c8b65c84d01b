#include "astrolabe/memory/dram_device.h"

namespace astrolabe::memory {

namespace {

struct Row {
  Level level = Level::kPseudoChannel;
  bool is_sibling = false;
  std::size_t next = 0;
  Tick latency = 0;
};

// Whether another row of the same commands asks for as much on a node that holds this one's.
bool is_implied(const Row& row, const std::vector<Row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [&row](const Row& other) {
    return other.next == row.next && other.latency >= row.latency && !other.is_sibling &&
           (row.is_sibling ? other.level == Level::kPseudoChannel : other.level < row.level);
  });
}

}  // namespace

TimingPlan::TimingPlan(const DramSpec& spec)
    : sids(spec.organization.sids),
      groups_per_sid(spec.organization.bank_groups),
      banks_per_group(spec.organization.banks) {
  std::array<std::vector<Row>, kTimedCommands> rows;
  for (const Constraint& c : spec.constraints) {
    for (const Command before : c.preceding) {
      for (const Command after : c.following) {
        const Tick latency = c.ticks + spec.offset(before) - spec.offset(after);
        if (c.window > 1) {
          if (before == after) {
            raises[index(after)].windows.push_back(windows.size());
            windows.push_back({c.level, static_cast<std::uint8_t>(after),
                               static_cast<std::size_t>(c.window), latency});
          }
          continue;
        }
        rows[index(before)].push_back({c.level, c.is_sibling, index(after), latency});
      }
    }
  }
  for (std::size_t c = 0; c < kTimedCommands; ++c) {
    std::stable_sort(rows[c].begin(), rows[c].end(),
                     [](const Row& a, const Row& b) { return a.level < b.level; });
    Raises& r = raises[c];
    for (const Row& row : rows[c]) {
      if (is_implied(row, rows[c])) continue;
      if (row.next >= kCommon) {
        ASTROLABE_DEMAND(!row.is_sibling, "rows of refreshes and PREab are not about siblings");
        waits[row.next].push_back({row.level, static_cast<std::uint8_t>(c), row.latency});
        continue;
      }
      const Raise raise{static_cast<std::uint16_t>(DeviceTiming::place(row.next, row.level)),
                        static_cast<std::uint8_t>(row.next), row.level, row.latency};
      if (row.is_sibling) {
        r.siblings.push_back(raise);
        continue;
      }
      r.own.push_back(raise);
      if (row.level == Level::kPseudoChannel) {
        ++r.of_pseudo_channel;
      } else if (row.next == index(Command::kActivate)) {
        r.activates.push_back(raise);
      }
    }
  }
}

DeviceTiming::DeviceTiming(const TimingPlan& plan) : plan_(&plan) {
  const auto sids = static_cast<std::size_t>(plan.sids),
             groups = static_cast<std::size_t>(plan.groups_per_sid),
             banks = static_cast<std::size_t>(plan.banks_per_group);
  banks_of_ = {0, groups * banks, banks, 1};
  nodes_of_ = {1, sids, sids * groups, sids * groups * banks};
  for (std::size_t b = 0; b < nodes_of_[3]; ++b) {
    nodes_[b] = {0, static_cast<std::uint8_t>(b / banks_of_[1]),
                 static_cast<std::uint8_t>(b / banks), static_cast<std::uint8_t>(b)};
  }
  for (auto& starts : last_of_bank_) starts.fill(-kNever);
  last_.fill(-kNever);
  for (const TimingPlan::Window& window : plan.windows) {
    Ring ring;
    ring.starts.fill(-kNever);
    rings_.emplace_back(nodes_of_[static_cast<std::size_t>(window.level)], ring);
  }
}

// The last start of the command that is waited for, on the node of the bank.
Tick DeviceTiming::last_start(const TimingPlan::Wait& w, int bank) const {
  if (w.level == Level::kPseudoChannel) return last_[w.before];
  const std::size_t n = banks_of_[static_cast<std::size_t>(w.level)];
  const std::size_t first = static_cast<std::size_t>(bank) / n * n;
  const auto begin = last_of_bank_[w.before].begin() + static_cast<std::ptrdiff_t>(first);
  return *std::max_element(begin, begin + static_cast<std::ptrdiff_t>(n));
}

Tick DeviceTiming::earliest(Command command, int bank) const {
  const std::size_t c = index(command);
  if (c < TimingPlan::kCommon) {
    return std::max({earliest_of_all(command), earliest_in_group(command, bank),
                     earliest_in_bank(command, bank)});
  }
  Tick ready = 0;
  for (const TimingPlan::Wait& w : plan_->waits[c]) {
    ready = std::max(ready, last_start(w, bank) + w.latency);
  }
  return ready;
}

// The other SIDs, the other groups of the SID, or the other banks of the group.
void DeviceTiming::raise_siblings(const TimingPlan::Raise& r, int bank, Tick t) {
  const auto level = static_cast<std::size_t>(r.level);
  const std::size_t own = nodes(bank)[level];
  const std::size_t n =
      level == 1 ? nodes_of_[1] : banks_of_[level - 1] / std::max<std::size_t>(1, banks_of_[level]);
  const std::size_t first = own / n * n;
  for (std::size_t i = first; i < first + n; ++i) {
    if (i == own) continue;
    raise(r.at + i, t);
    if (r.next == index(Command::kActivate)) raise_activates(r.level, i, t);
  }
}

void DeviceTiming::note_window(std::size_t w, int bank, Tick t) {
  const TimingPlan::Window& window = plan_->windows[w];
  const std::size_t node = nodes(bank)[static_cast<std::size_t>(window.level)], c = window.command;
  Ring& ring = rings_[w][node];
  ring.starts[ring.at] = t;
  ring.at = ring.at + 1 == window.length ? 0 : ring.at + 1;
  const Tick at = ring.starts[ring.at] + window.latency;  // from the oldest of the last `length`
  raise(place(c, window.level) + node, at);
  if (c == index(Command::kActivate)) raise_activates(window.level, node, at);
}

void DeviceTiming::start(Command command, int bank, Tick t) {
  const TimingPlan::Raises& raises = plan_->raises[index(command)];
  last_[index(command)] = t;
  if (bank < 0) {
    for (std::size_t k = 0; k < raises.of_pseudo_channel; ++k) {
      raise(raises.own[k].at, t + raises.own[k].latency);
    }
    return;
  }
  last_of_bank_[index(command)][static_cast<std::size_t>(bank)] = t;
  const Nodes& own = nodes(bank);
  for (const TimingPlan::Raise& r : raises.own) {
    raise(r.at + own[static_cast<std::size_t>(r.level)], t + r.latency);
  }
  for (const TimingPlan::Raise& r : raises.activates) {
    raise_activates(r.level, own[static_cast<std::size_t>(r.level)], t + r.latency);
  }
  for (const TimingPlan::Raise& r : raises.siblings) raise_siblings(r, bank, t + r.latency);
  for (const std::size_t w : raises.windows) note_window(w, bank, t);
}

}  // namespace astrolabe::memory
