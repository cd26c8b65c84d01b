#include "astrolabe/memory/statistics.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::memory {

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t k = 0; k < counts_.size(); ++k) counts_[k] += other.counts_[k];
  sum_ += other.sum_;
  n_ += other.n_;
}

double LatencyHistogram::value(std::size_t bucket) {
  if (bucket < kExact) return static_cast<double>(bucket);
  const std::size_t octave = (bucket - kExact) / 128, step = (bucket - kExact) % 128;
  return std::ldexp(128.5 + static_cast<double>(step), static_cast<int>(octave) + 4);
}

double LatencyHistogram::percentile(double p) const {
  if (n_ == 0) return 0;
  const auto rank = static_cast<std::int64_t>(std::ceil(p * static_cast<double>(n_)));
  std::int64_t below = 0;
  for (std::size_t k = 0; k < counts_.size(); ++k) {
    below += counts_[k];
    if (below >= std::max<std::int64_t>(rank, 1)) return value(k);
  }
  return value(counts_.size() - 1);
}

void Statistics::merge(const Statistics& o) {
  reads += o.reads;
  writes += o.writes;
  row_hits += o.row_hits;
  row_misses += o.row_misses;
  row_conflicts += o.row_conflicts;
  for (std::size_t k = 0; k < kCommands; ++k) commands[k] += o.commands[k];
  for (std::size_t k = 0; k < kLossCauses; ++k) lost[k] += o.lost[k];
  data_ticks += o.data_ticks;
  bus_ticks += o.bus_ticks;
  row_bus_ticks += o.row_bus_ticks;
  column_bus_ticks += o.column_bus_ticks;
  command_bus_ticks += o.command_bus_ticks;
  bank_open_ticks += o.bank_open_ticks;
  bank_ticks += o.bank_ticks;
  power_down_ticks += o.power_down_ticks;
  self_refresh_ticks += o.self_refresh_ticks;
  channel_ticks += o.channel_ticks;
  clocks = std::max(clocks, o.clocks);
  most_postponed = std::max(most_postponed, o.most_postponed);
  read_latency.merge(o.read_latency);
}

void Statistics::scale(double factor) {
  const auto by = [factor](std::int64_t* v) {
    *v = static_cast<std::int64_t>(std::llround(static_cast<double>(*v) * factor));
  };
  for (std::int64_t* v :
       {&reads, &writes, &row_hits, &row_misses, &row_conflicts, &data_ticks, &bus_ticks,
        &row_bus_ticks, &column_bus_ticks, &command_bus_ticks, &bank_open_ticks, &bank_ticks,
        &power_down_ticks, &self_refresh_ticks, &channel_ticks, &clocks}) {
    by(v);
  }
  for (std::int64_t& v : commands) by(&v);
  for (Tick& v : lost) by(&v);
}

}  // namespace astrolabe::memory
