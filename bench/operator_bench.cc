// Speed of operator times from measured tables, one thread:
//   cmake --build build/release --target operator_bench && build/release/operator_bench
// load_tables: from the compiled cache, made in the first call. estimate: one direct local
// regression, each at a place of its own (places are kept: kept_regression.h). curve: one
// evaluation of a prepared operator, over one dimension (product) and two (attention). prepare:
// making such a curve, of a width that was not asked for before.

#include <benchmark/benchmark.h>

#include <cmath>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/measured_curve.h"
#include "astrolabe/device/table_cache.h"

namespace astrolabe::device {
namespace {

const std::string kDirectory = ASTROLABE_SOURCE_DIR "/data/measurements";
const std::string kInterpolation = ASTROLABE_SOURCE_DIR "/data/fitted/interpolation.csv";

TiledTime all_tiled() {
  const std::string data = ASTROLABE_SOURCE_DIR "/data";
  return {read_tiled_tables(data + "/fitted/tiled_parameters.csv"),
          read_tiled_chips(catalog::Catalog::load(data))};
}

MeasuredTables load(const std::vector<Chip>& chips, const TiledTime& tiled) {
  return MeasuredTables::load(kDirectory, kInterpolation, chips, &tiled,
                              default_cache_path(kDirectory));
}

struct World {
  TiledTime tiled = all_tiled();
  std::vector<Chip> chips = chips_of(tiled.chips);
  MeasuredTables tables = load(chips, tiled);
  MeasuredTime time{tables, chips};
  const Chip& chip =
      *std::find_if(chips.begin(), chips.end(), [](const Chip& c) { return c.name == "h200_sxm"; });
  TableRequest product{Family::kGemm, "h200_sxm", "vllm", "", "", {"bfloat16"}};
  TableRequest attention{Family::kAttentionDecode, "h200_sxm", "vllm", "", "",
                         {"bfloat16", "bfloat16"}};

  MeasuredCurve product_curve(float k = 3000) const {
    return MeasuredCurve::prepare(time, product, chip, {5120, k, 0}, {2, 1, 65536});
  }
  MeasuredCurve attention_curve(float head_dim = 128) const {
    return MeasuredCurve::prepare(time, attention, chip, {head_dim, 12, 2, 0, 0, 0}, {4, 1, 1024},
                                  {5, 16, 131072});
  }
};

void load_tables(benchmark::State& state) {
  const TiledTime tiled = all_tiled();
  const std::vector<Chip> chips = chips_of(tiled.chips);
  for (auto _ : state) benchmark::DoNotOptimize(load(chips, tiled));
}
BENCHMARK(load_tables)->Unit(benchmark::kMillisecond);

void estimate(benchmark::State& state) {
  const World w;
  float m = 1, k = 3000;
  for (auto _ : state) {
    m = m > 30000 ? 1 : m * 1.37f;
    k += 0.25f;
    benchmark::DoNotOptimize(w.time.estimate(w.product, w.chip, {5120, k, std::floor(m)}));
  }
}
BENCHMARK(estimate)->Unit(benchmark::kMicrosecond);

void curve_of_product(benchmark::State& state) {
  const World w;
  const MeasuredCurve curve = w.product_curve();
  double m = 1;
  for (auto _ : state) {
    m = m > 30000 ? 1 : m * 1.37;
    benchmark::DoNotOptimize(curve.us(m));
  }
}
BENCHMARK(curve_of_product);

void curve_of_attention(benchmark::State& state) {
  const World w;
  const MeasuredCurve curve = w.attention_curve();
  double length = 16;
  for (auto _ : state) {
    length = length > 100000 ? 16 : length * 1.37;
    benchmark::DoNotOptimize(curve.us(37, length));
  }
}
BENCHMARK(curve_of_attention);

void prepare_product(benchmark::State& state) {
  const World w;
  float k = 3000;
  for (auto _ : state) benchmark::DoNotOptimize(w.product_curve(k += 0.25f));
}
BENCHMARK(prepare_product)->Unit(benchmark::kMillisecond);

void prepare_attention(benchmark::State& state) {
  const World w;
  float head_dim = 128;
  for (auto _ : state) benchmark::DoNotOptimize(w.attention_curve(head_dim += 0.01f));
}
BENCHMARK(prepare_attention)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace astrolabe::device

BENCHMARK_MAIN();
