#pragma once

// What a run counts. Lost cycles: the data bus of a pseudo-channel is a line of slots of tBL; each
// tick of it belongs to a burst or to exactly one cause, so that they add up to all ticks.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "astrolabe/memory/dram_command.h"

namespace astrolabe::memory {

enum class LossCause : std::uint8_t {
  kRefresh,       // all or the wanted bank in refresh or waiting for it
  kTurnaround,    // from reads to writes or back
  kFourActivate,  // tFAW, tRRD: too many activates
  kGroupSpacing,  // tCCDL, tCCDR: no other bank group had data
  kBankConflict,  // tRP, tRCD, tRAS, tRC of the wanted bank
  kCommandBus,    // the row or column command bus was taken
  kIdle,          // nothing was asked for
};
inline constexpr std::size_t kLossCauses = 7;
inline constexpr std::array<std::string_view, kLossCauses> kLossNames = {
    "refresh", "turnaround", "tFAW", "tCCDL", "bank_conflict", "command_bus", "idle"};

// Counts by ticks: exact below 2048, then 128 steps to each doubling (within 0.8 %).
class LatencyHistogram {
 public:
  LatencyHistogram() : counts_(kExact + std::size_t{128} * 40) {}
  void add(Tick latency) {
    ++counts_[bucket(latency)];
    sum_ += latency;
    ++n_;
  }
  void merge(const LatencyHistogram& other);
  std::int64_t count() const { return n_; }
  double mean() const { return n_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(n_); }
  double percentile(double p) const;  // in ticks; 0 if nothing was counted
  bool operator==(const LatencyHistogram&) const = default;

 private:
  static constexpr std::size_t kExact = 2048;
  static std::size_t bucket(Tick latency) {
    const auto v = static_cast<std::uint64_t>(latency);
    if (v < kExact) return v;
    const auto octave = static_cast<std::size_t>(63 - __builtin_clzll(v)) - 11;
    return kExact + 128 * octave + ((v >> (octave + 4)) & 127);
  }
  static double value(std::size_t bucket);

  std::vector<std::int64_t> counts_;
  std::int64_t sum_ = 0, n_ = 0;
};

struct Statistics {
  std::int64_t reads = 0, writes = 0;
  std::int64_t row_hits = 0, row_misses = 0, row_conflicts = 0;
  std::array<std::int64_t, kCommands> commands{};
  std::array<Tick, kLossCauses> lost{};  // of data bus ticks, over pseudo-channels
  Tick data_ticks = 0;                   // ticks of bursts, over pseudo-channels
  Tick bus_ticks = 0;                    // all ticks of the data buses
  Tick row_bus_ticks = 0, column_bus_ticks = 0, command_bus_ticks = 0;
  Tick bank_open_ticks = 0, bank_ticks = 0;
  Tick power_down_ticks = 0, self_refresh_ticks = 0, channel_ticks = 0;
  Tick clocks = 0;  // end of the last burst
  int most_postponed = 0;
  LatencyHistogram read_latency;

  std::int64_t requests() const { return reads + writes; }
  void merge(const Statistics& other);
  void scale(double factor);  // all counts but the latencies
  bool operator==(const Statistics&) const = default;
};

}  // namespace astrolabe::memory
