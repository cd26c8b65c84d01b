// Speed of building, transposing, solving and verifying a linear program of the size of a plan:
// a multi-period production and transport problem with stocks, about 100,000 nonzeros.

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "astrolabe/milp/deletion_filter.h"
#include "astrolabe/milp/model.h"
#include "astrolabe/milp/solver.h"
#include "astrolabe/milp/verify.h"

namespace astrolabe::milp {
namespace {

constexpr int kPeriods = 40;

double draw(std::mt19937* engine, double low, double high) {
  return low + (high - low) * static_cast<double>((*engine)()) / 4294967296.0;
}

std::string label(const char* what, int a, int b, int t) {
  return std::string(what) + "[" + std::to_string(a) + "," + std::to_string(b) + "," +
         std::to_string(t) + "]";
}

// Plants with capacity that can be bought (kept ever after) ship to customers with growing demand;
// unserved demand is priced. `plants` * `customers` shipping columns in each of kPeriods periods.
Model make_plan(int plants, int customers) {
  std::mt19937 engine(1);
  Model m;
  std::vector<VariableId> bought;
  std::vector<std::vector<Term>> served(static_cast<std::size_t>(customers));
  for (int t = 0; t < kPeriods; ++t) {
    const double discount = std::pow(0.98, t);
    for (auto& terms : served) terms.clear();
    for (int p = 0; p < plants; ++p) {
      bought.push_back(
          m.add_variable(label("buy", p, 0, t), 0, 30, discount * draw(&engine, 50, 150)));
      std::vector<Term> load;
      for (int c = 0; c < customers; ++c) {
        const VariableId ship =
            m.add_variable(label("ship", p, c, t), 0, kInfinity, discount * draw(&engine, 1, 20));
        load.push_back({ship, draw(&engine, 0.8, 1.2)});
        served[static_cast<std::size_t>(c)].push_back({ship, 1});
      }
      for (int s = 0; s <= t; ++s) {
        load.push_back({bought[static_cast<std::size_t>(s * plants + p)], -1});
      }
      m.add_constraint("capacity", label("capacity", p, 0, t), -kInfinity, 5, load);
    }
    for (int c = 0; c < customers; ++c) {
      auto& terms = served[static_cast<std::size_t>(c)];
      terms.push_back(
          {m.add_variable(label("unserved", c, 0, t), 0, kInfinity, discount * 100), 1});
      m.add_constraint("demand", label("demand", c, 0, t), draw(&engine, 1, 3) * (t + 1), kInfinity,
                       terms);
    }
  }
  return m;
}

void build(benchmark::State& state) {
  for (auto _ : state) {
    const Model m = make_plan(20, 50);
    benchmark::DoNotOptimize(m.num_nonzeros());
  }
  state.SetLabel(make_plan(20, 50).statistics().text());
}
BENCHMARK(build)->Unit(benchmark::kMillisecond);

void column_form(benchmark::State& state) {
  const Model m = make_plan(20, 50);
  for (auto _ : state) benchmark::DoNotOptimize(m.column_form().value.data());
}
BENCHMARK(column_form)->Unit(benchmark::kMillisecond);

void cold(benchmark::State& state, SolverKind kind, LpMethod method) {
  const Model m = make_plan(20, 50);
  const auto solver = make_solver(kind);
  solver->load(m);
  SolveResult r;
  for (auto _ : state) r = solver->solve_lp({.method = method, .warm_start = false});
  state.SetLabel(std::string(text(r.status)) + ", " + verify_lp(m, r).text());
}
void warm(benchmark::State& state, SolverKind kind) {
  const Model m = make_plan(20, 50);
  const auto solver = make_solver(kind);
  solver->load(m);
  solver->solve_lp();
  bool is_tight = false;
  for (auto _ : state) {  // the first plant may not buy in the first year, and again it may
    is_tight = !is_tight;
    for (int t = 0; t < 4; ++t) {
      solver->set_bounds(VariableId(static_cast<std::size_t>(t * (20 * 51 + 50))), 0,
                         is_tight ? 0 : 30);
    }
    benchmark::DoNotOptimize(solver->solve_lp().objective);
  }
}
void verification(benchmark::State& state) {
  const Model m = make_plan(20, 50);
  const auto solver = make_solver(available_solvers()[0]);
  solver->load(m);
  const SolveResult r = solver->solve_lp();
  for (auto _ : state) benchmark::DoNotOptimize(verify_lp(solver->program(), r).passed);
}
BENCHMARK(verification)->Unit(benchmark::kMillisecond);

// The demand of the last period must be served and capacity may not be bought: which groups (one
// per family and period) are to blame.
void explanation(benchmark::State& state, SolverKind kind) {
  Model m = make_plan(10, 20);
  std::vector<ConstraintGroup> groups(2UL * kPeriods);
  for (std::size_t i = 0; i < m.num_constraints(); ++i) {
    const auto t = i / 30;
    groups[2 * t + (i % 30 < 10 ? 0 : 1)].rows.emplace_back(i);
  }
  const auto columns = static_cast<std::size_t>(10 * 21 + 20);
  for (std::size_t j = 39 * columns; j < 40 * columns; ++j) {
    if (m.cost(VariableId(j)) > 40) m.set_bounds(VariableId(j), 0, 0);
  }
  for (std::size_t j = 0; j < m.num_variables(); ++j) {
    if (m.upper(VariableId(j)) == 30) m.set_bounds(VariableId(j), 0, 0.01);
  }
  InfeasibleSubset s;
  for (auto _ : state) s = find_infeasible_subset(m, groups, {.solver = kind});
  state.SetLabel(std::to_string(s.groups.size()) + " of " + std::to_string(groups.size()) +
                 " groups after " + std::to_string(s.solves) + " solves");
}

void register_solvers() {
  for (const SolverKind kind : available_solvers()) {
    const std::string name = text(kind);
    const auto add = [](const std::string& n, auto f) {
      benchmark::RegisterBenchmark(n.c_str(), f)->Unit(benchmark::kMillisecond);
    };
    add(name + "/cold simplex", [kind](auto& s) { cold(s, kind, LpMethod::kSimplex); });
    add(name + "/cold interior point", [kind](auto& s) { cold(s, kind, LpMethod::kIpm); });
    add(name + "/warm after a change of bounds", [kind](auto& s) { warm(s, kind); });
    add(name + "/explanation", [kind](auto& s) { explanation(s, kind); });
  }
}

}  // namespace
}  // namespace astrolabe::milp

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  astrolabe::milp::register_solvers();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
