#pragma once

// Solves a formulation to a gap. Open solvers find good bounds on models of this kind and no
// incumbents, so the incumbent is ours:
//   1. LP relaxation (interior point, crossover: duals must be basic) gives the bound.
//   2. Dive: fix the phases of the sites with the largest blocks to whole numbers, solve the LP
//   warm,
//      let the others take up the difference, fix the next, and the modules last. Cumulative
//      columns stay monotone under rounding at a threshold. Several thresholds; the best is kept.
//   3. If the gap is still open: branch and bound from the best plan.
//   4. Integers fixed, one more LP: its duals are the shadow prices. Said so in the report, since a
//      whole phase or module has no marginal price of its own.
// After every solve primal, dual, objective and gap are recomputed from our own data; a result that
// fails is an error.

#include <functional>
#include <string>
#include <vector>

#include "astrolabe/milp/solver.h"
#include "astrolabe/milp/verify.h"
#include "astrolabe/planning/formulation.h"

namespace astrolabe::planning {

struct SolveOptions {
  milp::SolverKind solver = milp::SolverKind::kHighs;
  double gap = 0.005;  // relative, against the LP or branch-and-bound bound
  Duration time_limit = 600.0 * units::second;
  int threads = 1;
  std::function<void(const std::string&)> progress;  // one line per step; may be empty
};

enum class PlanStatus { kSolved, kGapOpen, kInfeasible, kNotVerified };

struct SolveStep {
  std::string name;
  double objective = 0;  // billion USD, as the solver gave it
  bool is_feasible = false;
  std::string verification;  // one line, ours
  double seconds = 0;
};

struct Solution {
  PlanStatus status = PlanStatus::kInfeasible;
  std::vector<double> x;      // by column, model units
  std::vector<double> duals;  // by row: d(objective)/d(right-hand side) over penalty_weight
  double objective = 0, bound = 0;
  double gap = 0;                   // (objective - bound) / |objective|
  double gap_without_unserved = 0;  // against the cost of what is built
  std::vector<SolveStep> steps;
  std::string solver_name;
  std::string reason;  // why, when not solved

  double value(const Linear& e) const;
  double value(milp::VariableId v) const { return v.is_valid() ? x[v.index()] : 0; }
};

Solution solve(const Formulation& formulation, const SolveOptions& options);

}  // namespace astrolabe::planning
