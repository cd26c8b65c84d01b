// Speed of the HBM simulator: requests of 32 bytes per CPU-second on one core, and nanoseconds
// each. The cases of docs/theory/memory.md: cmake --build build/release --target memory_bench.

#include <benchmark/benchmark.h>

#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {
namespace {

const std::string kData = ASTROLABE_SOURCE_DIR "/data";

void run(benchmark::State& state, const std::string& memory, int channels,
         const std::string& traffic, double requests, double steady) {
  MemoryConfig config = memory.find('-') == std::string::npos ? load_product(kData, memory)
                                                              : load_preset(kData, memory);
  if (channels > 0) config.channels = channels;
  Traffic t = parse_traffic(traffic);
  t.requests = static_cast<std::uint64_t>(requests);
  RunOptions options;
  options.steady_tolerance = steady;
  double cpu = 0, simulated = 0, bandwidth = 0;
  for (auto _ : state) {
    const RunResult r = simulate(config, t, options);
    cpu += r.cpu_seconds;
    simulated += static_cast<double>(r.simulated_requests);
    bandwidth = r.bandwidth().base() / 1e9;
  }
  state.counters["requests_per_cpu_second"] = simulated / cpu;
  state.counters["ns_per_request"] = 1e9 * cpu / simulated;
  state.counters["bandwidth_gb_per_s"] = bandwidth;
}

void add(const char* name, const char* memory, int channels, const char* traffic, double requests,
         double steady = 0) {
  benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
    run(state, memory, channels, traffic, requests, steady);
  })->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace astrolabe::memory

int main(int argc, char** argv) {
  using astrolabe::memory::add;
  benchmark::Initialize(&argc, argv);
  add("HBM3 1 channel sequential", "hbm3-6.4-16gb-8hi", 1, "sequential", 3e6);
  add("HBM3 16 channels sequential", "hbm3-6.4-16gb-8hi", 16, "sequential", 3e6);
  add("HBM3 16 channels random", "hbm3-6.4-16gb-8hi", 16, "random", 3e6);
  add("HBM4 1 channel stride 4 KiB", "hbm4-8.0-24gb-16hi", 1, "stride4k", 3e6);
  add("H100 1 ms sequential", "h100", 0, "sequential", 1e8);
  add("H100 1 ms sequential, steady state", "h100", 0, "sequential", 1e8, 0.01);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
