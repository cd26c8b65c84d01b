#pragma once

// When may which command start: the timing state of one pseudo-channel.
//
// For each node (pseudo-channel, SID, bank group, bank) and each common command the earliest tick
// is kept; a command that starts at t raises those of the commands its rows name to t + latency,
// corrected for commands that count from a later tick than they start at. The rows are compiled
// once (TimingPlan) into a flat list of raises for each command and bank. A window row keeps a ring
// of the last starts. What is asked for rarely (refreshes, PREab) is not raised: its rows are gone
// through when it is asked for.

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

struct TimingPlan {
  static constexpr std::size_t kCommon = 4;  // RD, WR, ACT, PREpb: the first of Command
  static constexpr std::size_t kSids = 8, kGroups = kMostBanks;
  // Nodes by number: the pseudo-channel, then SIDs, bank groups and banks; for each common command
  // a value of each of them, so that a bank's values of one command are found from one address.
  static constexpr std::array<std::size_t, kLevels> kFirst = {0, 1, 1 + kSids, 1 + kSids + kGroups};
  static constexpr std::size_t kNodes = 1 + kSids + kGroups + kMostBanks;
  static constexpr std::size_t place(std::size_t node, std::size_t command) {
    return command * kNodes + node;
  }

  struct Raise {
    std::int32_t place = 0, latency = 0;  // between starts
  };
  struct Wait {  // of a rare command for the last start of another
    Level level = Level::kPseudoChannel;
    std::size_t before = 0;
    Tick latency = 0;
  };
  struct Window {
    Level level = Level::kPseudoChannel;
    std::size_t length = 4;
    std::size_t ring = 0, place = 0;  // of the first node of the level
    Tick latency = 0;
  };
  using Nodes = std::array<std::size_t, kLevels>;

  explicit TimingPlan(const DramSpec& spec);

  // Of a command on a bank; `bank` kMostBanks for one to the whole pseudo-channel.
  std::span<const Raise> raises(Command command, int bank) const {
    const Range& r = ranges_[index(command)][static_cast<std::size_t>(bank)];
    return {raises_.data() + r.begin, r.size};
  }

  std::array<std::vector<Wait>, kTimedCommands> waits;  // of the rare ones
  std::array<std::vector<Window>, kCommon> windows;     // from a command to the same
  std::size_t rings = 0;                                // of all windows and their nodes
  Nodes banks_of{}, nodes_of{};                         // banks of a node; nodes, by level
  std::array<Nodes, kMostBanks> nodes{};                // of a bank, by level

 private:
  struct Row {
    Level level = Level::kPseudoChannel;
    bool is_sibling = false;
    std::size_t next = 0;
    Tick latency = 0;
  };
  struct Range {
    std::uint32_t begin = 0, size = 0;
  };
  static bool is_implied(const Row& row, const std::vector<Row>& rows);
  void number_nodes(const Organization& organization);
  Range compile(const std::vector<Row>& rows, int bank);
  void add_raise(std::size_t begin, std::size_t place, Tick latency);

  std::vector<Raise> raises_;
  std::array<std::array<Range, kMostBanks + 1>, kTimedCommands> ranges_{};
};

class DeviceTiming {
 public:
  explicit DeviceTiming(const TimingPlan& plan);

  std::size_t group_of(int bank) const { return plan_->nodes[static_cast<std::size_t>(bank)][2]; }

  // RD, WR, ACT, PREpb: the floor of all banks.
  Tick earliest_of_all(Command command) const { return ready(command)[0]; }
  // What SID and bank group allow; what the bank allows.
  Tick earliest_in_group(Command command, int bank) const {
    const Parents& parents = parents_[static_cast<std::size_t>(bank)];
    return std::max(ready(command)[parents.sid], ready(command)[parents.group]);
  }
  Tick earliest_in_bank(Command command, int bank) const {
    return ready(command)[TimingPlan::kFirst[3] + static_cast<std::size_t>(bank)];
  }
  // Of any command; `bank` -1 for one to the whole pseudo-channel.
  Tick earliest(Command command, int bank) const;

  // A command that starts at t: to a bank, to the whole pseudo-channel. Inlined, as most callers
  // know the command.
  [[gnu::always_inline]] void start(Command command, int bank, Tick t) {
    raise_all(command, bank, t);
    last_of_bank_[index(command)][static_cast<std::size_t>(bank)] = t;
    if (index(command) >= TimingPlan::kCommon) return;
    if (!plan_->windows[index(command)].empty()) note_windows(command, bank, t);
  }
  void shift(Tick by);  // as if all had started later
  void start_all(Command command, Tick t) { raise_all(command, kMostBanks, t); }

 private:
  struct Ring {
    static constexpr std::size_t kLongest = 16;  // window (dram_spec.cc)
    std::array<Tick, kLongest> starts;
    std::size_t n = 0;  // starts so far; places are remainders
  };

  struct Parents {  // nodes of a bank
    std::uint8_t sid = 0, group = 0;
  };
  static_assert(TimingPlan::kNodes <= 256, "a node is a byte");

  const Tick* ready(Command command) const {
    return ready_.data() + TimingPlan::place(0, index(command));
  }
  void raise_all(Command command, int bank, Tick t) {
    for (const TimingPlan::Raise& r : plan_->raises(command, bank)) {
      raise(static_cast<std::size_t>(r.place), t + r.latency);
    }
    last_[index(command)] = t;
  }
  void raise(std::size_t place, Tick t) {
    const Tick now = ready_[place];
    ready_[place] = now < t ? t : now;
  }
  Tick last_start(const TimingPlan::Wait& wait, int bank) const;
  void note_windows(Command command, int bank, Tick t);

  const TimingPlan* plan_;
  std::array<Tick, TimingPlan::kNodes * TimingPlan::kCommon> ready_{};
  std::array<Parents, kMostBanks> parents_{};
  std::array<std::array<Tick, kMostBanks>, kTimedCommands> last_of_bank_;  // starts
  std::array<Tick, kTimedCommands> last_;
  std::vector<Ring> rings_;  // per window, per node
};

}  // namespace astrolabe::memory
