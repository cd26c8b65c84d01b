#pragma once

// A whole memory: many equal channels, their traffic, and what came of it.
//
// Channels share nothing but the address mapping, so each runs to its end on one thread, and the
// result is the same on any number of threads. Steady state: with `steady_tolerance` > 0 only a few
// evenly spread channels run, in batches, until the 95 % interval of their bandwidth over batches
// is within the tolerance; the rest are taken to be like them, which holds for traffic that treats
// channels and time alike (not for traces). The interval is reported.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/memory/channel.h"
#include "astrolabe/memory/energy.h"
#include "astrolabe/memory/traffic.h"

namespace astrolabe::memory {

struct MemoryConfig {
  std::string name;
  DramSpec spec;
  int channels = 1;
  std::uint64_t interleave_bytes = 256;
  std::string mapping;  // the text
  SourcePosition mapping_where;
  ControllerSettings controller;
  Bandwidth peak_bandwidth() const { return spec.peak_bandwidth() * channels; }
};

struct ChannelCommand {
  int channel = 0;
  IssuedCommand command;
};

struct RunOptions {
  int threads = 1;
  double steady_tolerance = 0;
  Tick until = kNever;  // stop there
  const std::atomic<bool>* interrupt = nullptr;
  // Called with the commands of all channels in the order of their clocks.
  std::function<void(const std::vector<ChannelCommand>&)> on_commands;
};

struct RunResult {
  Statistics statistics;  // of all channels
  Duration time;          // simulated
  double cpu_seconds = 0;
  bool is_partial = false;
  int simulated_channels = 0;
  double relative_interval = 0;  // half width of the 95 % interval; 0: all was simulated
  std::int64_t simulated_requests = 0;

  Bandwidth bandwidth() const {
    return static_cast<double>(statistics.requests()) * (kAccessBytes * units::byte) / time;
  }
};

// `data_dir`/memory/products.csv and mappings.csv: by the name of the memory, or of the accelerator
// of the catalogue that has it. InputError for unknown names.
MemoryConfig load_product(const std::string& data_dir, const std::string& product,
                          const TimingOverrides& overrides = {});
// A preset with its textbook controller: one channel, mop4clxor.
MemoryConfig load_preset(const std::string& data_dir, const std::string& preset,
                         const TimingOverrides& overrides = {});
// none, all_bank or per_bank; InputError at the caller's place and key for another.
RefreshMode refresh_mode(const std::string& name, const SourcePosition& where,
                         const std::string& key);

std::vector<std::string> product_names(const std::string& data_dir);
// InputError at the caller's place and key for a name that load_product does not know.
void check_product(const std::string& data_dir, const std::string& product,
                   const SourcePosition& where, const std::string& key);
// A text, or the name of one in mappings.csv.
std::string mapping_text(const std::string& data_dir, const std::string& name_or_text);

RunResult simulate(const MemoryConfig& config, const Traffic& traffic, const RunOptions& options);

// Takes the commands before `reached` out of the channels' logs and gives them to `on_commands`.
// A channel that goes to sleep has noted commands that start later.
void hand_over(std::vector<std::vector<IssuedCommand>>* logs, Tick reached,
               const RunOptions& options);

// Channels that ended earlier are idle to the end of the last; sets time. InputError if refreshes
// came too late.
void finish_run(const MemoryConfig& config, RunResult* result);

// Half the 95 % interval of the mean of batches, as a share of it; 1 for less than two.
double relative_interval(const std::vector<double>& rates);
// All requests at the mean rate of batches of so many ticks on so many of the channels: scales the
// counts, sets clocks and time.
void extrapolate(const MemoryConfig& config, std::uint64_t requests,
                 const std::vector<double>& rates, Tick batch, int channels, RunResult* result);

double cpu_seconds();  // of this process, all threads

}  // namespace astrolabe::memory
