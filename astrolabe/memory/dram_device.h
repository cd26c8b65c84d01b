#pragma once

// When may which command start: the timing state of one pseudo-channel.
//
// For each node (pseudo-channel, SID, bank group, bank) and each command the earliest tick is kept;
// a command that starts at t raises those of the commands its rows name to t + latency, corrected
// for commands that count from a later tick than they start at. A window row keeps a ring of the
// last starts. The rows are compiled once (TimingPlan) into a list of raises per command. What is
// asked for rarely (refreshes, PREab) is not raised: its rows are gone through when it is asked
// for.

#include <algorithm>
#include <array>
#include <vector>

#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

struct TimingPlan {
  struct Raise {
    std::uint16_t at = 0;  // of node 0 of the level, among the values of DeviceTiming
    std::uint8_t next = 0;
    Level level = Level::kPseudoChannel;
    Tick latency = 0;  // between starts
  };
  struct Wait {  // of a rare command for the last start of another
    Level level = Level::kPseudoChannel;
    std::uint8_t before = 0;
    Tick latency = 0;
  };
  struct Window {
    Level level = Level::kPseudoChannel;
    std::uint8_t command = 0;
    std::size_t length = 4;
    Tick latency = 0;
  };
  struct Raises {
    std::vector<Raise> own;             // of the node of the command, the coarsest level first
    std::vector<Raise> siblings;        // of the other nodes of the level
    std::vector<Raise> activates;       // those of `own` for ACT on some of the banks
    std::size_t of_pseudo_channel = 0;  // the first so many of `own`
    std::vector<std::size_t> windows;
  };
  static constexpr std::size_t kCommon = 4;  // RD, WR, ACT, PREpb: the first of Command
  std::array<Raises, kTimedCommands> raises;
  std::array<std::vector<Wait>, kTimedCommands> waits;  // of the rare ones
  std::vector<Window> windows;
  int sids = 1, groups_per_sid = 1, banks_per_group = 1;

  explicit TimingPlan(const DramSpec& spec);
};

class DeviceTiming {
 public:
  static constexpr std::size_t kSids = 8, kGroups = kMostBanks;
  // Values of one command: the pseudo-channel, then SIDs, bank groups and banks.
  static constexpr std::array<std::size_t, kLevels> kFirst = {0, 1, 1 + kSids, 1 + kSids + kGroups};
  static constexpr std::size_t kValues = 1 + kSids + kGroups + kMostBanks;
  static constexpr std::size_t place(std::size_t command, Level level) {
    return command * kValues + kFirst[static_cast<std::size_t>(level)];
  }

  explicit DeviceTiming(const TimingPlan& plan);

  int sid_of(int bank) const { return nodes(bank)[1]; }
  int group_of(int bank) const { return nodes(bank)[2]; }

  // RD, WR, ACT, PREpb: the floor of all banks.
  Tick earliest_of_all(Command command) const {
    return ready_[place(index(command), Level::kPseudoChannel)];
  }
  // What SID and bank group allow.
  Tick earliest_in_group(Command command, int bank) const {
    return std::max(of(command, Level::kSid, bank), of(command, Level::kBankGroup, bank));
  }
  Tick earliest_in_bank(Command command, int bank) const { return of(command, Level::kBank, bank); }
  // Of an ACT: what SID, bank group and bank allow, in one look.
  Tick earliest_activate_in_bank(int bank) const {
    return activate_[static_cast<std::size_t>(bank)];
  }
  // Of any command; `bank` -1 for one to the whole pseudo-channel.
  Tick earliest(Command command, int bank) const;

  // A command that starts at t; `bank` -1 for one to the whole pseudo-channel.
  void start(Command command, int bank, Tick t);

 private:
  using Nodes = std::array<std::uint8_t, kLevels>;  // of a bank, by level
  struct Ring {
    std::array<Tick, 16> starts;
    std::size_t at = 0;
  };

  const Nodes& nodes(int bank) const { return nodes_[static_cast<std::size_t>(bank)]; }
  Tick of(Command command, Level level, int bank) const {
    return ready_[place(index(command), level) + nodes(bank)[static_cast<std::size_t>(level)]];
  }
  void raise(std::size_t place, Tick t) { ready_[place] = std::max(ready_[place], t); }
  void raise_activates(Level level, std::size_t node, Tick t) {
    const std::size_t n = banks_of_[static_cast<std::size_t>(level)];
    for (std::size_t b = node * n; b < node * n + n; ++b) activate_[b] = std::max(activate_[b], t);
  }
  Tick last_start(const TimingPlan::Wait& wait, int bank) const;
  void raise_siblings(const TimingPlan::Raise& r, int bank, Tick t);
  void note_window(std::size_t w, int bank, Tick t);

  const TimingPlan* plan_;
  std::array<Tick, TimingPlan::kCommon * kValues> ready_{};
  std::array<std::array<Tick, kMostBanks>, kTimedCommands> last_of_bank_;  // starts
  std::array<Tick, kTimedCommands> last_;
  std::array<Tick, kMostBanks> activate_{};
  std::array<Nodes, kMostBanks> nodes_{};
  std::array<std::size_t, kLevels> banks_of_{}, nodes_of_{};  // banks of a node; nodes
  std::vector<std::vector<Ring>> rings_;                      // per window, per node
};

}  // namespace astrolabe::memory
