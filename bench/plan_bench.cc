// Speed of the steps from scenario to plan, on the reference question, one thread:
//   cmake --build build/release --target plan_bench && build/release/plan_bench
// BuildProblem reads nothing: capability search, bills of materials, capacity paths. BuildModel makes
// the mixed-integer program. Solve finds the plan to a gap of 0.5 % and checks every answer.

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

void ReadScenario(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(reference());
}
BENCHMARK(ReadScenario)->Unit(benchmark::kMillisecond);

void BuildProblem(benchmark::State& state) {
  const auto input = reference();
  for (auto _ : state) {
    benchmark::DoNotOptimize(study::build_problem(input.scenario, input.catalog));
  }
}
BENCHMARK(BuildProblem)->Unit(benchmark::kMillisecond);

void BuildModel(benchmark::State& state) {
  const auto input = reference();
  const auto built = study::build_problem(input.scenario, input.catalog);
  for (auto _ : state) {
    benchmark::DoNotOptimize(planning::Formulation::build(built.problem));
  }
}
BENCHMARK(BuildModel)->Unit(benchmark::kMillisecond);

void Solve(benchmark::State& state) {
  const auto input = reference();
  const auto built = study::build_problem(input.scenario, input.catalog);
  const auto formulation = planning::Formulation::build(built.problem);
  planning::SolveOptions options;
  options.solver = milp::available_solvers().front();
  for (auto _ : state) benchmark::DoNotOptimize(planning::solve(formulation, options));
}
BENCHMARK(Solve)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace astrolabe

BENCHMARK_MAIN();
