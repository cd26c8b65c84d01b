// Kernel times by the tiled fidelity: one formula, and a chip that takes the fastest of several
// sets.

#include <benchmark/benchmark.h>

#include "astrolabe/device/tiled_model.h"

namespace {

using namespace astrolabe;
using namespace astrolabe::device;

const std::string kData = ASTROLABE_SOURCE_DIR "/data";

TiledChip chip(const char* entity) {
  static const catalog::Catalog catalog = catalog::Catalog::load(kData);
  return read_tiled_chip(catalog, entity);
}

const TiledModel& model() {
  static const TiledModel instance(read_tiled_tables(kData + "/fitted/tiled_parameters.csv"),
                                   read_tiled_chips(catalog::Catalog::load(kData)));
  return instance;
}

void gemm_on_h200(benchmark::State& state) {
  const TiledTimer timer =
      model().timer({"gemm fp8", "trtllm"}, TiledFormula::kGemm, chip("h200_chip"));
  GemmShape shape{*find_kernel_format("fp8"), 1, 7168, 4096, 1};
  for (auto _ : state) {
    shape.m = shape.m >= 4096 ? 1 : shape.m + 7;
    benchmark::DoNotOptimize(timer.estimate(shape, Residency::kCold));
  }
}
BENCHMARK(gemm_on_h200);

void gemm_on_a_new_architecture(benchmark::State& state) {
  TiledChip next = chip("b300_chip");
  next.architecture = "next", next.year = 2027;
  const TiledTimer timer = model().timer({"gemm fp8", "trtllm"}, TiledFormula::kGemm, next);
  GemmShape shape{*find_kernel_format("fp8"), 1, 7168, 4096, 1};
  for (auto _ : state) {
    shape.m = shape.m >= 4096 ? 1 : shape.m + 7;
    benchmark::DoNotOptimize(timer.estimate(shape, Residency::kCold));
  }
}
BENCHMARK(gemm_on_a_new_architecture);

void decode_attention(benchmark::State& state) {
  const TiledTimer timer = model().timer({"attention_decode fp8", "vllm native"},
                                         TiledFormula::kDecode, chip("b200_chip"));
  AttentionShape shape;
  shape.heads = 8, shape.kv_heads = 1, shape.kv_tokens = 4096, shape.kv_bytes = 1;
  for (auto _ : state) {
    shape.sequences = shape.sequences >= 512 ? 1 : shape.sequences + 1;
    benchmark::DoNotOptimize(timer.estimate(shape, Residency::kCold));
  }
}
BENCHMARK(decode_attention);

void experts(benchmark::State& state) {
  const TiledTimer timer =
      model().timer({"moe fp8_block", "sglang native"}, TiledFormula::kExperts, chip("b200_chip"));
  ExpertShape shape;
  shape.format = *find_kernel_format("fp8_block");
  shape.hidden = 7168, shape.inter = 2048, shape.top_k = 8, shape.experts = 256;
  shape.expert_ranks = 8, shape.is_power_law = true;
  for (auto _ : state) {
    shape.tokens = shape.tokens >= 8192 ? 1 : shape.tokens + 7;
    benchmark::DoNotOptimize(timer.estimate(shape, Residency::kCold));
  }
}
BENCHMARK(experts);

}  // namespace

BENCHMARK_MAIN();
