#pragma once

// What the subcommands of `astrolabe memory` share: which memory, which controller, which traffic.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "astrolabe/memory/memory_system.h"

namespace astrolabe {

struct MemoryOptions {
  std::string product, preset, traffic = "sequential", trace, commands, refresh, page_policy;
  std::string mapping, requesters;
  double requests = 1e6, rate = 0, footprint_gib = 0, partial_writes = 0, temperature = 85,
         steady = 0;
  double power_down_ns = 0, self_refresh_ns = 0;
  int channels = 0, threads = 0, queue = 0, hit_cap = -1, postpone = 0, pull_in = 0, raaimt = 0;
  std::uint64_t seed = 1, interleave = 0;
  std::vector<std::string> timing;  // "tRP=25"
};

void add_memory_options(CLI::App* command, MemoryOptions* options);
void add_traffic_options(CLI::App* command, MemoryOptions* options);
void add_temperature_option(CLI::App* command, double* celsius);
memory::MemoryConfig memory_config(const MemoryOptions& options, const std::string& data_dir);
memory::Traffic memory_traffic(const MemoryOptions& options);
memory::RunOptions memory_run_options(const MemoryOptions& options);

// Set by Ctrl-C from the first call on.
const std::atomic<bool>* interrupt_flag();

void add_memory_study_commands(CLI::App* memory, Invocation* invocation);  // sweep, curve

}  // namespace astrolabe
