#pragma once

// One HBM channel as its standard describes it: organisation, timing parameters and the
// constraints between commands as rows, in JEDEC's names.
//
//   A row (level, preceding, following, latency, window, sibling) says: on each node of the level
//   (`sibling`: between different nodes of the level under one parent), the first of `following`
//   after the window-th last of `preceding` comes at least `latency` later.
//
// Rows and values are tables (data/memory); nothing of a standard is in code but the order of
// the levels, which commands there are and what they do to a bank.
// Assumptions: parameters are the minimum of their range at all times; durations are rounded up to
// whole tCK; the two pseudo-channels share nothing but the command buses.
// Source: JESD238 as far as public tables repeat it, row by row in data/memory/constraints.csv.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"
#include "astrolabe/memory/dram_command.h"

namespace astrolabe::memory {

enum class Level : std::uint8_t { kPseudoChannel, kSid, kBankGroup, kBank };
inline constexpr std::size_t kLevels = 4;

struct Organization {
  int pseudo_channels = 2;
  int sids = 1, bank_groups = 4, banks = 4;  // per pseudo-channel, per SID, per bank group
  int rows = 0, columns = 0;                 // per bank; accesses of `kAccessBytes` per row
  int channels_per_stack = 16;

  int banks_per_pseudo_channel() const { return sids * bank_groups * banks; }
  std::int64_t accesses_per_channel() const {
    return std::int64_t{pseudo_channels} * banks_per_pseudo_channel() * rows * columns;
  }
};
inline constexpr int kAccessBytes = 32;
inline constexpr int kMostBanks = 64;  // per pseudo-channel

struct Constraint {
  Level level = Level::kPseudoChannel;
  std::vector<Command> preceding, following;
  std::string latency;  // the expression
  Tick ticks = 0;       // its value
  int window = 1;
  bool is_sibling = false;
  SourcePosition where;
};

struct DramSpec {
  std::string preset, standard;
  double pin_rate_gbps = 0;
  Duration tCK;
  Organization organization;
  std::map<std::string, std::int64_t, std::less<>> timing;  // tCK; tREFI too
  std::vector<Constraint> constraints;

  // The row bus: how long a command holds it, and how many ticks after its start it counts.
  int activate_ticks = 3, activate_offset = 2, row_ticks = 1;
  bool has_falling_edge_precharge = true;

  Tick ticks(std::string_view parameter) const { return 2 * timing.find(parameter)->second; }
  Duration tick() const { return tCK / 2; }
  Bandwidth peak_bandwidth() const;  // of one channel: 32 bytes each tBL on each pseudo-channel
  Tick offset(Command command) const { return command == Command::kActivate ? activate_offset : 0; }
};

// A change to one timing parameter, in tCK: "lower tRP by one" of the mutation tests.
using TimingOverrides = std::map<std::string, std::int64_t, std::less<>>;

// Reads data_dir/memory/timing.csv and constraints.csv. `pin_rate_gbps` 0: the preset's own.
// Throws InputError for an unknown preset (with the nearest), an unreadable table, a row that can
// never be met, a window shorter than the burst it bounds, a missing parameter.
DramSpec load_spec(const std::string& data_dir, const std::string& preset, double pin_rate_gbps = 0,
                   const TimingOverrides& overrides = {});
// InputError, at `where` and `key`, unless a DRAM that is refreshed `rate` times as often as at
// 85 C can serve a row between two refreshes.
void check_refresh(const DramSpec& spec, int rate, const SourcePosition& where,
                   const std::string& key);
std::vector<std::string> preset_names(const std::string& data_dir);

}  // namespace astrolabe::memory
