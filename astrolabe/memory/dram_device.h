#pragma once

// When may which command start: the timing state of one pseudo-channel.
//
// For each node (pseudo-channel, SID, bank group, bank) and each command the earliest tick is kept;
// a command that starts at t raises those of the commands its rows name to t + latency, corrected
// for commands that count from a later tick than they start at. A window row keeps a ring of the
// last starts. The rows are compiled once (TimingPlan) into a list of raises per command.

#include <algorithm>
#include <array>
#include <vector>

#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

struct TimingPlan {
  struct Raise {
    Level level = Level::kPseudoChannel;
    bool is_sibling = false;
    std::uint8_t next = 0;
    Tick latency = 0;  // between starts
  };
  struct Window {
    Level level = Level::kPseudoChannel;
    std::uint8_t command = 0;
    std::size_t length = 4;
    Tick latency = 0;
  };
  std::array<std::vector<Raise>, kTimedCommands> raises;
  // The same, split by what they raise, in the order of Level; then those of siblings.
  std::array<std::array<std::vector<Raise>, kLevels + 1>, kTimedCommands> raises_of_level;
  std::array<std::vector<std::size_t>, kTimedCommands> windows_of;
  std::vector<Window> windows;
  int sids = 1, groups_per_sid = 1, banks_per_group = 1;

  explicit TimingPlan(const DramSpec& spec);
};

class DeviceTiming {
 public:
  explicit DeviceTiming(const TimingPlan& plan);

  int sid_of(int bank) const { return sid_of_[static_cast<std::size_t>(bank)]; }
  int group_of(int bank) const { return group_of_[static_cast<std::size_t>(bank)]; }

  // Of commands to the whole pseudo-channel, and the floor of all others.
  Tick earliest(Command command) const { return pseudo_channel_[index(command)]; }
  // What SID and bank group allow.
  Tick earliest_in_group(Command command, int bank) const {
    const std::size_t b = static_cast<std::size_t>(bank), c = index(command);
    return std::max(sid_[c][sid_of_[b]], group_[c][group_of_[b]]);
  }
  Tick earliest_in_bank(Command command, int bank) const {
    return bank_[index(command)][static_cast<std::size_t>(bank)];
  }
  // Of an ACT: what SID, bank group and bank allow, in one look.
  Tick earliest_activate_in_bank(int bank) const {
    return activate_[static_cast<std::size_t>(bank)];
  }
  Tick earliest(Command command, int bank) const {
    return std::max(
        {earliest(command), earliest_in_group(command, bank), earliest_in_bank(command, bank)});
  }

  // A command that starts at t; `bank` -1 for one to the whole pseudo-channel.
  void start(Command command, int bank, Tick t);

 private:
  static constexpr std::size_t kGroups = 32;
  struct Ring {
    std::array<Tick, 16> starts;
    std::size_t at = 0;
  };

  void raise(Tick* value, Tick t) const { *value = std::max(*value, t); }
  void raise_activates(std::size_t first, std::size_t n, Tick t) {
    for (std::size_t b = first; b < first + n; ++b) activate_[b] = std::max(activate_[b], t);
  }
  void raise_siblings(const TimingPlan::Raise& r, int bank, Tick t);
  void note_window(std::size_t w, int bank, Tick t);

  const TimingPlan* plan_;
  std::array<Tick, kTimedCommands> pseudo_channel_{};
  std::array<std::array<Tick, 4>, kTimedCommands> sid_{};
  std::array<std::array<Tick, kGroups>, kTimedCommands> group_{};
  std::array<std::array<Tick, kMostBanks>, kTimedCommands> bank_{};
  std::array<Tick, kMostBanks> activate_{};
  std::size_t banks_per_group_, banks_per_sid_;
  std::array<std::uint8_t, kMostBanks> sid_of_{}, group_of_{};
  std::vector<std::vector<Ring>> rings_;  // per window, per node
};

}  // namespace astrolabe::memory
