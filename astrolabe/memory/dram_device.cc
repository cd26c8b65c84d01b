#include "astrolabe/memory/dram_device.h"

namespace astrolabe::memory {

// Whether another row of the same commands asks for as much on a node that holds this one's.
bool TimingPlan::is_implied(const Row& row, const std::vector<Row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [&row](const Row& other) {
    return other.next == row.next && other.latency >= row.latency && !other.is_sibling &&
           (row.is_sibling ? other.level == Level::kPseudoChannel : other.level < row.level);
  });
}

TimingPlan::TimingPlan(const DramSpec& spec) {
  number_nodes(spec.organization);
  std::array<std::vector<Row>, kTimedCommands> rows;
  for (const Constraint& c : spec.constraints) {
    for (const Command before : c.preceding) {
      for (const Command after : c.following) {
        const Tick latency = c.ticks + spec.offset(before) - spec.offset(after);
        if (c.window == 1) {
          rows[index(before)].push_back({c.level, c.is_sibling, index(after), latency});
        } else if (before == after) {
          ASTROLABE_DEMAND(index(after) < kCommon, "windows of refreshes and PREab are not kept");
          const auto level = static_cast<std::size_t>(c.level);
          windows[index(after)].push_back({c.level, static_cast<std::size_t>(c.window), rings,
                                           place(kFirst[level], index(after)), latency});
          rings += nodes_of[level];
        }
      }
    }
  }
  for (std::size_t c = 0; c < kTimedCommands; ++c) {
    std::vector<Row> common;
    for (const Row& row : rows[c]) {
      if (is_implied(row, rows[c])) continue;
      if (row.next < kCommon) {
        common.push_back(row);
        continue;
      }
      ASTROLABE_DEMAND(!row.is_sibling, "rows of refreshes and PREab are not about siblings");
      waits[row.next].push_back({row.level, c, row.latency});
    }
    for (std::size_t bank = 0; bank < nodes_of[3]; ++bank) {
      ranges_[c][bank] = compile(common, static_cast<int>(bank));
    }
    ranges_[c][kMostBanks] = compile(common, -1);
  }
}

void TimingPlan::number_nodes(const Organization& organization) {
  const auto sids = static_cast<std::size_t>(organization.sids),
             groups = static_cast<std::size_t>(organization.bank_groups),
             banks = static_cast<std::size_t>(organization.banks);
  nodes_of = {1, sids, sids * groups, sids * groups * banks};
  for (std::size_t level = 0; level < kLevels; ++level) {
    banks_of[level] = nodes_of[3] / nodes_of[level];
    for (std::size_t b = 0; b < nodes_of[3]; ++b) {
      nodes[b][level] = b / banks_of[level];
    }
  }
}

// The raises of a command on a bank: of its node of the level, or of the siblings of that.
TimingPlan::Range TimingPlan::compile(const std::vector<Row>& rows, int bank) {
  const std::size_t begin = raises_.size();
  for (const Row& row : rows) {
    if (row.level == Level::kPseudoChannel) {
      add_raise(begin, place(0, row.next), row.latency);
      continue;
    }
    if (bank < 0) continue;
    const auto level = static_cast<std::size_t>(row.level);
    const std::size_t own = nodes[static_cast<std::size_t>(bank)][level];
    const std::size_t siblings = nodes_of[level] / nodes_of[level - 1];
    for (std::size_t node = own / siblings * siblings, k = 0; k < siblings; ++k, ++node) {
      if ((node == own) != row.is_sibling) {
        add_raise(begin, place(kFirst[level] + node, row.next), row.latency);
      }
    }
  }
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(raises_.size() - begin)};
}

void TimingPlan::add_raise(std::size_t begin, std::size_t place, Tick latency) {
  for (std::size_t k = begin; k < raises_.size(); ++k) {
    if (raises_[k].place != static_cast<std::int32_t>(place)) continue;
    raises_[k].latency = std::max(raises_[k].latency, static_cast<std::int32_t>(latency));
    return;
  }
  raises_.push_back({static_cast<std::int32_t>(place), static_cast<std::int32_t>(latency)});
}

DeviceTiming::DeviceTiming(const TimingPlan& plan) : plan_(&plan) {
  for (auto& starts : last_of_bank_) starts.fill(-kNever);
  last_.fill(-kNever);
  for (std::size_t b = 0; b < kMostBanks; ++b) {
    parents_[b] = {static_cast<std::uint8_t>(TimingPlan::kFirst[1] + plan.nodes[b][1]),
                   static_cast<std::uint8_t>(TimingPlan::kFirst[2] + plan.nodes[b][2])};
  }
  Ring ring;
  ring.starts.fill(-kNever);
  rings_.resize(plan.rings, ring);
}

// The last start of the command that is waited for, on the node of the bank.
Tick DeviceTiming::last_start(const TimingPlan::Wait& w, int bank) const {
  if (w.level == Level::kPseudoChannel) return last_[w.before];
  const std::size_t n = plan_->banks_of[static_cast<std::size_t>(w.level)];
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

void DeviceTiming::shift(Tick by) {
  for (Tick& t : ready_) t += by;
  for (Tick& t : last_) t += by;
  for (auto& starts : last_of_bank_) {
    for (Tick& t : starts) t += by;
  }
  for (Ring& ring : rings_) {
    for (Tick& t : ring.starts) t += by;
  }
}

void DeviceTiming::note_windows(Command command, int bank, Tick t) {
  for (const TimingPlan::Window& window : plan_->windows[index(command)]) {
    const auto level = static_cast<std::size_t>(window.level);
    const std::size_t node = plan_->nodes[static_cast<std::size_t>(bank)][level];
    Ring& ring = rings_[window.ring + node];
    ring.starts[ring.n++ % Ring::kLongest] = t;
    const Tick oldest = ring.starts[(ring.n - window.length) % Ring::kLongest];
    raise(window.place + node, oldest + window.latency);
  }
}

}  // namespace astrolabe::memory
