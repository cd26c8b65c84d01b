#pragma once

// Whether a command may start, from the constraint rows alone: each row is checked against the last
// starts of its preceding commands on every bank that it relates to.

#include <algorithm>
#include <array>
#include <vector>

#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

class PlainTiming {
 public:
  explicit PlainTiming(const DramSpec& spec)
      : spec_(spec),
        starts_(static_cast<std::size_t>(spec.organization.banks_per_pseudo_channel())) {}

  bool is_legal(Command command, int bank, Tick t) const {
    for (const Constraint& c : spec_.constraints) {
      if (std::find(c.following.begin(), c.following.end(), command) == c.following.end()) continue;
      for (const Command before : c.preceding) {
        std::vector<Tick> starts;
        const std::size_t k = static_cast<std::size_t>(c.window);
        const auto take = [&](const std::vector<Tick>& from) {
          const std::size_t n = std::min(k, from.size());
          starts.insert(starts.end(), from.end() - static_cast<std::ptrdiff_t>(n), from.end());
        };
        for (std::size_t b = 0; b < starts_.size(); ++b) {
          if (related(c, static_cast<int>(b), bank)) take(starts_[b][index(before)]);
        }
        if (related(c, -1, bank)) take(of_all_[index(before)]);
        if (starts.size() < k) continue;
        std::sort(starts.begin(), starts.end());
        const Tick last = starts[starts.size() - k] + spec_.offset(before);
        if (t + spec_.offset(command) < last + c.ticks) return false;
      }
    }
    return true;
  }

  void start(Command command, int bank, Tick t) {
    (bank < 0 ? of_all_ : starts_[static_cast<std::size_t>(bank)])[index(command)].push_back(t);
  }

 private:
  using Starts = std::array<std::vector<Tick>, kTimedCommands>;

  int sid(int bank) const {
    return bank / (spec_.organization.bank_groups * spec_.organization.banks);
  }
  int group(int bank) const { return bank / spec_.organization.banks; }

  bool same_node(Level level, int a, int b) const {
    switch (level) {
      case Level::kPseudoChannel:
        return true;
      case Level::kSid:
        return sid(a) == sid(b);
      case Level::kBankGroup:
        return group(a) == group(b);
      case Level::kBank:
        return a == b;
    }
    return false;
  }

  bool related(const Constraint& c, int before, int after) const {
    if (before < 0 || after < 0) return c.level == Level::kPseudoChannel;
    if (!c.is_sibling) return same_node(c.level, before, after);
    if (same_node(c.level, before, after)) return false;
    return c.level == Level::kSid ||
           same_node(static_cast<Level>(static_cast<int>(c.level) - 1), before, after);
  }

  DramSpec spec_;
  std::vector<Starts> starts_;
  Starts of_all_;
};

}  // namespace astrolabe::memory
