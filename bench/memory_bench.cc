// Speed of the HBM simulator: requests of 32 bytes per CPU-second on one core, nanoseconds each,
// and what is to be reached (a label, never a failure: machines differ). The cases of
// docs/theory/memory.md: cmake --build build/release --target memory_bench.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <string>

#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {
namespace {

const std::string kData = ASTROLABE_SOURCE_DIR "/data";

// What is to be reached: so many million requests a CPU-second, or so many CPU-seconds in all;
// nothing if both are zero.
struct Bar {
  double million_per_second = 0, cpu_seconds = 0;
};

std::string judge(const Bar& bar, double million_per_second, double cpu_seconds) {
  std::array<char, 96> text;
  if (bar.million_per_second == 0 && bar.cpu_seconds == 0) {
    std::snprintf(text.data(), text.size(), "%.2f M requests/CPU-s", million_per_second);
    return text.data();
  }
  const bool is_rate = bar.million_per_second > 0;
  const bool is_met =
      is_rate ? million_per_second >= bar.million_per_second : cpu_seconds <= bar.cpu_seconds;
  std::snprintf(text.data(), text.size(), "%.2f %s, to reach %g: %s",
                is_rate ? million_per_second : cpu_seconds, is_rate ? "M requests/CPU-s" : "CPU-s",
                is_rate ? bar.million_per_second : bar.cpu_seconds, is_met ? "met" : "MISSED");
  return text.data();
}

void run(benchmark::State& state, const std::string& memory, int channels,
         const std::string& traffic, double requests, double steady, const Bar& bar) {
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
  const auto runs = static_cast<double>(state.iterations());
  state.SetLabel(judge(bar, simulated / cpu / 1e6, cpu / runs));
}

void add(const char* name, const char* memory, int channels, const char* traffic, double requests,
         const Bar& bar, double steady = 0) {
  benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
    run(state, memory, channels, traffic, requests, steady, bar);
  })->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace astrolabe::memory

int main(int argc, char** argv) {
  using astrolabe::memory::add;
  benchmark::Initialize(&argc, argv);
  constexpr const char* kHbm3 = "hbm3-6.4-16gb-8hi";
  add("HBM3 1 channel sequential", kHbm3, 1, "sequential", 3e6, {10, 0});
  add("HBM3 16 channels sequential", kHbm3, 16, "sequential", 3e6, {5, 0});
  add("HBM3 16 channels random", kHbm3, 16, "random", 3e6, {3, 0});
  add("HBM4 1 channel stride 4 KiB", "hbm4-8.0-24gb-16hi", 1, "stride4k", 3e6, {3, 0});
  constexpr const char* kHbm4e = "hbm4e-12.8-32gb-16hi";
  add("HBM4E 1 channel sequential", kHbm4e, 1, "sequential", 3e6, {});
  add("HBM4E 1 channel random", kHbm4e, 1, "random", 3e6, {});
  add("HBM4E 1 channel mixed 2:1", kHbm4e, 1, "mixed21", 3e6, {});
  add("HBM4E 1 channel random 2:1", kHbm4e, 1, "random21", 3e6, {});
  add("H100 stride 4 KiB", "h100", 0, "stride4k", 3e6, {});
  add("H100 1 ms sequential", "h100", 0, "sequential", 1e8, {0, 30});  // 15 s on two cores
  add("H100 1 ms sequential, steady state", "h100", 0, "sequential", 1e8, {0, 0.2}, 0.01);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
