#pragma once

// The commands of an HBM device and the clock they are counted in.
//
// A tick is half a tCK: even ticks are rising edges of CK, odd ticks falling ones. HBM has two
// command buses per channel, one for rows and one for columns, that both pseudo-channels share.
// HBM3 and later: an ACT takes the row bus for three ticks (R-F-R) and its timings count from the
// third; other row commands take one tick. Only precharges may start on a falling edge.
// HBM2 and HBM2E: an ACT takes two tCK and counts from the second; every command starts on a
// rising edge.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace astrolabe::memory {

using Tick = std::int64_t;
inline constexpr Tick kNever = INT64_MAX / 4;

enum class Command : std::uint8_t {
  kRead,
  kWrite,
  kActivate,
  kPrecharge,
  kPrechargeAll,
  kRefreshBank,
  kRefreshAll,
  kManageBank,  // RFMpb: refresh management
  kManageAll,
  kPowerDown,
  kPowerUp,
  kSelfRefresh,
  kSelfRefreshExit,
};
inline constexpr std::size_t kTimedCommands = 9;  // the rows of a standard are about these
inline constexpr std::size_t kCommands = 13;
inline constexpr std::array<std::string_view, kCommands> kCommandNames = {
    "RD",    "WR",    "ACT", "PREpb", "PREab", "REFpb", "REFab",
    "RFMpb", "RFMab", "PDE", "PDX",   "SRE",   "SRX"};

constexpr std::size_t index(Command command) { return static_cast<std::size_t>(command); }
constexpr bool is_column(Command c) { return c == Command::kRead || c == Command::kWrite; }
constexpr bool is_refresh(Command c) {
  return c >= Command::kRefreshBank && c <= Command::kManageAll;
}

}  // namespace astrolabe::memory
