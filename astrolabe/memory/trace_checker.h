#pragma once

// An independent check of a command trace. It reads its own rule file (data/memory/rules), looks
// back from each command at those before it, and shares no code and no table with the simulator
// but the reader of lines.
//
// Checked: columns and ranges; clocks do not go back; command bus occupancy and edges; every gap,
// apart and window rule; the state of banks (ACT on a closed one, RD and WR to the open row, REF
// with closed ones); power-down and self-refresh; refreshes.
//
// Refresh audit: one is due to each bank every tREFI of the trace, whether it is mentioned or not,
// up to the last command of its channel; REFab gives one to all banks, REFpb to its own, and after
// self-refresh nothing is owed. A bank may owe as many as may be postponed, the one that is due,
// and one because a trace does not say where in tREFI, or in a round of the banks, a controller's
// count began. It is reported at the first command of its channel by which it owes more, once for
// each that is missing.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/error.h"

namespace astrolabe::memory {

struct TraceRules {
  enum class Kind : std::uint8_t { kGap, kApart, kWindow };
  struct Rule {
    Kind kind = Kind::kGap;
    int level = 0;  // 0 PseudoChannel, 1 Sid, 2 BankGroup, 3 Bank
    int before = 0, after = 0, count = 1;
    std::int64_t ticks = 0;
    std::string name;
  };
  std::array<std::int64_t, 6> size{};  // PseudoChannel, Sid, BankGroup, Bank, Row, Column
  std::map<int, std::int64_t> row_bus, column_bus, counts_late;
  std::vector<bool> may_start_on_falling;
  std::vector<Rule> rules;
  std::int64_t power_up = 0, self_refresh_exit = 0, refresh_interval = 0;
  int postponed = 8;
  bool counts_refresh_all = true, counts_refresh_bank = true;  // neither: no audit

  std::int64_t banks() const { return size[1] * size[2] * size[3]; }  // of a pseudo-channel

  // InputError for a rule that cannot be kept, no organisation or no refresh.
  static TraceRules read(const std::string& path);
};

struct Violation {
  std::int64_t line = 0;
  std::string text;
};

class TraceChecker {
 public:
  explicit TraceChecker(const TraceRules& rules) : rules_(rules) {}

  // `clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column`; InputError for a row that
  // is not one of those.
  void check_line(std::string_view line, const SourcePosition& where);

  std::int64_t commands() const { return commands_; }
  std::int64_t violation_count() const { return violation_count_; }
  const std::vector<Violation>& violations() const { return violations_; }  // the first 100

 private:
  struct Row {
    std::int64_t clock = 0;
    int command = 0;
    std::array<std::int64_t, 7> at{};  // Channel, PseudoChannel, Sid, BankGroup, Bank, Row, Column
    std::int64_t line = 0;
  };
  struct Node {
    std::vector<std::vector<std::int64_t>> recent;  // per command, the last starts
  };
  struct Bank {
    std::int64_t open_row = -1;
  };
  struct Lane {  // a pseudo-channel
    std::array<std::map<std::int64_t, Node>, 4> nodes;
    std::map<std::int64_t, Bank> banks;
    std::vector<std::int64_t> refreshes;  // of each bank
    std::int64_t deadline = 0;            // before it no bank owes too many
  };
  struct ChannelState {
    std::map<std::int64_t, Lane> lanes;
    std::int64_t row_free = 0, column_free = 0, ready = 0;
    Row last_rising;
    bool has_rising = false, is_down = false, is_asleep = false;
  };

  Row parse(std::string_view line, const SourcePosition& where) const;
  void check_range(const Row& row, const SourcePosition& where) const;
  void check_power(const Row& row, ChannelState* channel);
  void check_bus(const Row& row, ChannelState* channel);
  void check_rules(const Row& row, const Lane& lane);
  void check_state(const Row& row, Lane* lane);
  void check_refresh(const Row& row, ChannelState* channel);
  void audit(const Row& row, std::int64_t pseudo_channel, Lane* lane);
  void note_refresh(const Row& row, Lane* lane);
  int most_owed() const { return rules_.postponed + 2; }
  void remember(const Row& row, Lane* lane) const;
  void report(const Row& row, const std::string& text);
  std::int64_t node_of(const Row& row, int level) const;
  std::int64_t effective(const Row& row) const;

  TraceRules rules_;
  std::map<std::int64_t, ChannelState> channels_;
  std::int64_t commands_ = 0, violation_count_ = 0, last_clock_ = -1;
  bool has_header_ = false;
  std::vector<Violation> violations_;
};

}  // namespace astrolabe::memory
