// Resolving a curve of a collective, and evaluating it.

#include <benchmark/benchmark.h>

#include "astrolabe/network/engine_collectives.h"

namespace {

using namespace astrolabe;
using namespace astrolabe::network;

const std::string kData = ASTROLABE_SOURCE_DIR "/data";

const NetworkPredictor& tables() {
  static const NetworkPredictor predictor =
      NetworkPredictor::load(catalog::Catalog::load(kData), kData);
  return predictor;
}

void load_tables(benchmark::State& state) {
  const catalog::Catalog catalog = catalog::Catalog::load(kData);
  for (auto _ : state) benchmark::DoNotOptimize(NetworkPredictor::load(catalog, kData));
}
BENCHMARK(load_tables)->Unit(benchmark::kMillisecond);

void resolve_collective(benchmark::State& state) {
  const EngineCollectives engine(tables(), "h200_sxm", "vllm");
  for (auto _ : state) benchmark::DoNotOptimize(engine.collective(Operation::kAllReduce, 8));
}
BENCHMARK(resolve_collective)->Unit(benchmark::kMicrosecond);

void evaluate_all_reduce(benchmark::State& state) {
  const FastestWay way =
      EngineCollectives(tables(), "h200_sxm", "vllm").collective(Operation::kAllReduce, 8);
  double bytes = 1e3;
  for (auto _ : state) {
    benchmark::DoNotOptimize(way.at(bytes * units::byte));
    bytes = bytes > 1e9 ? 1e3 : bytes * 1.01;
  }
}
BENCHMARK(evaluate_all_reduce);

void evaluate_exchange(benchmark::State& state) {
  const FastestWay way =
      EngineCollectives(tables(), "gb200", "trtllm").exchange(32, 7168, 8, 256, "nvfp4");
  double tokens = 1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(way.at(tokens));
    tokens = tokens > 1e5 ? 1 : tokens * 1.01;
  }
}
BENCHMARK(evaluate_exchange);

void evaluate_physics(benchmark::State& state) {
  const FabricFacts& f = tables().fabric("b300_sxm");
  NetworkPredictor p = tables();
  const CollectiveParameters parameters = p.parameters().collective(f);
  const CollectiveShape shape{Operation::kAllReduce, Implementation::kCustom, 8, 0};
  double bytes = 1e3;
  for (auto _ : state) {
    benchmark::DoNotOptimize(collective_time(f, parameters, shape, bytes * units::byte));
    bytes = bytes > 1e9 ? 1e3 : bytes * 1.01;
  }
}
BENCHMARK(evaluate_physics);

}  // namespace

BENCHMARK_MAIN();
