// Speed of building an operator graph, as a layout search does for every layout and batch.

#include <benchmark/benchmark.h>

#include <string>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/workload/operator_graph.h"

namespace astrolabe::workload {
namespace {

const catalog::Catalog& project_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

void build(benchmark::State& state, const char* model, const Batch& batch, const Routing& routing) {
  const ModelArchitecture m = read_model(project_catalog(), model);
  const Precision precision = parse_precision("fp8_block", {});
  const ShardDegrees shard{.tensor = 1, .data = 32, .expert = 32};
  std::size_t operators = 0;
  for (auto _ : state) {
    const OperatorList list = build_operator_graph(m, precision, shard, batch, routing);
    operators = list.size();
    benchmark::DoNotOptimize(list.data());
  }
  state.counters["operators"] = static_cast<double>(operators);
}

void decode_of_deepseek_r1(benchmark::State& state) {
  build(state, "deepseek_r1", {.decode_sequences = 64, .decode_context = 4096}, {});
}
BENCHMARK(decode_of_deepseek_r1);

void mixed_with_drafts_under_a_power_law(benchmark::State& state) {
  Batch batch{.decode_sequences = 64, .decode_context = 4096, .draft_tokens = 1};
  batch.prefill_sequences = 1;
  batch.prefill_tokens = 2048;
  build(state, "deepseek_v3_2", batch, {.model = RoutingModel::kPowerLaw, .alpha = 1.2});
}
BENCHMARK(mixed_with_drafts_under_a_power_law);

}  // namespace
}  // namespace astrolabe::workload

BENCHMARK_MAIN();
