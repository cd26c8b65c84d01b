// Speed of the serving models with measured kernels, on one core: an iteration's time from a
// prepared table, a steady state, and the search over all layouts of DeepSeek-R1 on a GB200 NVL72
// rack.

#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>

#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/layout_search.h"

namespace astrolabe::parallel {
namespace {

const std::string kData = std::string(ASTROLABE_SOURCE_DIR) + "/data";

const catalog::Catalog& facts() {
  static const catalog::Catalog catalog = catalog::Catalog::load(kData);
  return catalog;
}

ServingRequest request_for(const ServingChip& chip) {
  ServingRequest r{workload::read_model(facts(), "deepseek_r1"), {}, {}, {}};
  r.precision = checkpoint_precision("fp4", r.model, chip.engine.framework, chip.has_fp4(), {});
  r.work.input = workload::LengthDistribution::fixed(1024);
  r.work.output = workload::LengthDistribution::fixed(1024);
  r.work.ttft = 2.0 * units::second;
  r.work.tpot = 30.0 * units::millisecond;
  return r;
}

void iteration_from_table(benchmark::State& state) {
  const KernelLibrary library(facts(), kData);
  const ServingChip chip = library.chip("gb200_nvl72", Framework::kTrtllm);
  const ServingRequest r = request_for(chip);
  const EngineIteration iteration(r.model, r.precision, {.data = 8, .expert = 8}, chip.engine,
                                  *chip.clock);
  const IterationTable table(iteration, {.sequences = 256, .context = 8192});
  double batch = 1, context = 1000;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.decode_iteration(batch, context));
    batch = batch > 200 ? 1 : batch * 1.1;
    context = context > 8000 ? 1000 : context + 37;
  }
}
BENCHMARK(iteration_from_table);

void steady_point(benchmark::State& state) {
  const KernelLibrary library(facts(), kData);
  const ServingChip chip = library.chip("gb200_nvl72", Framework::kTrtllm);
  const ServingRequest r = request_for(chip);
  const ServingCandidate candidate(chip, r, {{.data = 8, .expert = 8}});
  double batch = 1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(steady_state(candidate.curves(), batch).tpot);
    batch = batch > 200 ? 1 : batch + 1;
  }
}
BENCHMARK(steady_point);

// `kept`: kernel times are there from a search before, as for the next class of a plan.
void search(benchmark::State& state, bool is_kept) {
  auto library = std::make_unique<KernelLibrary>(facts(), kData);
  int layouts = 0;
  for (auto _ : state) {
    if (!is_kept) {
      state.PauseTiming();
      library = std::make_unique<KernelLibrary>(facts(), kData);
      state.ResumeTiming();
    }
    const ServingChip chip = library->chip("gb200_nvl72", Framework::kTrtllm);
    const SearchResult r = search_layouts(chip, request_for(chip));
    layouts = r.layouts;
    benchmark::DoNotOptimize(r.best);
  }
  state.counters["layouts"] = layouts;
}
BENCHMARK_CAPTURE(search, first, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search, kept, true)->Unit(benchmark::kMillisecond);

void load_library(benchmark::State& state) {
  for (auto _ : state) {
    const KernelLibrary library(facts(), kData);
    benchmark::DoNotOptimize(&library);
  }
}
BENCHMARK(load_library)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace astrolabe::parallel

BENCHMARK_MAIN();
