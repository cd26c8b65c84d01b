// Speed of the steps from scenario to plan, on the reference question, one thread:
//   cmake --build build/release --target plan_bench && build/release/plan_bench
// build_problem reads nothing: capability search, bills of materials, capacity paths. build_model
// makes the mixed-integer program. solve_plan finds the plan to a gap of 0.5 % and checks every
// answer.

#include <benchmark/benchmark.h>

#include "astrolabe/planning/formulation.h"
#include "astrolabe/planning/solve.h"
#include "astrolabe/study/problem_builder.h"

namespace astrolabe {
namespace {

study::ScenarioAndCatalog reference() {
  return study::read_scenario(ASTROLABE_SOURCE_DIR "/scenarios/stargate_korea.toml",
                              ASTROLABE_SOURCE_DIR "/data");
}

void read_scenario(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(reference());
}
BENCHMARK(read_scenario)->Unit(benchmark::kMillisecond);

void build_problem(benchmark::State& state) {
  const auto input = reference();
  for (auto _ : state) {
    benchmark::DoNotOptimize(study::build_problem(input.scenario, input.catalog));
  }
}
BENCHMARK(build_problem)->Unit(benchmark::kMillisecond);

void build_model(benchmark::State& state) {
  const auto input = reference();
  const auto built = study::build_problem(input.scenario, input.catalog);
  for (auto _ : state) {
    benchmark::DoNotOptimize(planning::Formulation::build(built.problem));
  }
}
BENCHMARK(build_model)->Unit(benchmark::kMillisecond);

void solve_plan(benchmark::State& state) {
  const auto input = reference();
  const auto built = study::build_problem(input.scenario, input.catalog);
  const auto formulation = planning::Formulation::build(built.problem);
  planning::SolveOptions options;
  options.solver = milp::available_solvers().front();
  for (auto _ : state) benchmark::DoNotOptimize(planning::solve(formulation, options));
}
BENCHMARK(solve_plan)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace astrolabe

BENCHMARK_MAIN();
