#include "astrolabe/milp/solver.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/back_ends.h"
#include "astrolabe/milp/verify.h"

namespace astrolabe::milp {

namespace {

// A MIP whose bound meets its incumbent to this part of the objective is optimal, not "within gap".
constexpr double kClosedGap = 1e-9;
// A Farkas ray that proves less than this on the scale of its terms proves nothing.
constexpr double kLeastMargin = 1e-9;

using Clock = std::chrono::steady_clock;

Duration since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count() * units::second;
}

void negate(std::vector<double>* values) {
  for (double& v : *values) v = v == 0 ? 0 : -v;
}

void drop_duals(SolveResult* result) {
  result->has_dual = false;
  result->row_duals.clear();
  result->reduced_costs.clear();
}

}  // namespace

const char* text(ModelStatus status) {
  switch (status) {
    case ModelStatus::kNotSolved:
      return "not solved";
    case ModelStatus::kOptimal:
      return "optimal";
    case ModelStatus::kGapReached:
      return "gap reached";
    case ModelStatus::kInfeasible:
      return "infeasible";
    case ModelStatus::kUnbounded:
      return "unbounded";
    case ModelStatus::kInfeasibleOrUnbounded:
      return "infeasible or unbounded";
    case ModelStatus::kTimeLimit:
      return "time limit";
    case ModelStatus::kNumericalTrouble:
      return "numerical trouble";
  }
  return "?";
}

const char* text(SolverKind kind) {
  switch (kind) {
    case SolverKind::kHighs:
      return "highs";
    case SolverKind::kCbc:
      return "cbc";
  }
  return "?";
}

double SolveResult::gap() const {
  if (!has_primal) return kInfinity;
  if (objective == bound) return 0;
  return objective == 0 ? kInfinity : std::abs(objective - bound) / std::abs(objective);
}

void Solver::load(const Model& model) {
  program_ = model.column_form();
  changes_ = {};
  back_end_load();
}

void Solver::set_bounds(VariableId v, double lower, double upper) {
  ASTROLABE_ASSERT(v.index() < program_.columns(), std::to_string(v.index()));
  program_.lower[v.index()] = lower;
  program_.upper[v.index()] = upper;
  changes_.bounds = true;
}

void Solver::set_cost(VariableId v, double cost) {
  ASTROLABE_ASSERT(v.index() < program_.columns(), std::to_string(v.index()));
  program_.cost[v.index()] = cost;
  changes_.costs = true;
}

void Solver::set_row_bounds(ConstraintId c, double lower, double upper) {
  ASTROLABE_ASSERT(c.index() < program_.rows(), std::to_string(c.index()));
  program_.row_lower[c.index()] = lower;
  program_.row_upper[c.index()] = upper;
  changes_.row_bounds = true;
}

void Solver::set_integer(VariableId v, bool is_integer) {
  ASTROLABE_ASSERT(v.index() < program_.columns(), std::to_string(v.index()));
  program_.is_integer[v.index()] = is_integer ? 1 : 0;
}

void Solver::set_basis(const Basis& basis) {
  ASTROLABE_DEMAND(
      basis.columns.size() == program_.columns() && basis.rows.size() == program_.rows(),
      "a basis of another model");
  push_changes();
  back_end_set_basis(basis);
}

std::vector<double> Solver::minimised_costs() const {
  std::vector<double> costs = program_.cost;
  if (program_.sense == Sense::kMaximise) negate(&costs);
  return costs;
}

void Solver::push_changes() {
  if (changes_.bounds || changes_.costs || changes_.row_bounds) back_end_update(changes_);
  changes_ = {};
}

bool Solver::has_crossed_bounds() const {
  for (std::size_t j = 0; j < program_.columns(); ++j) {
    if (program_.lower[j] > program_.upper[j]) return true;
  }
  for (std::size_t i = 0; i < program_.rows(); ++i) {
    if (program_.row_lower[i] > program_.row_upper[i]) return true;
  }
  return false;
}

void Solver::restore_signs(SolveResult* result) const {
  if (program_.sense == Sense::kMaximise) {
    result->objective = -result->objective;
    result->bound = -result->bound;
    negate(&result->row_duals);
    negate(&result->reduced_costs);
  }
  result->objective += program_.offset;
  result->bound += program_.offset;
  std::vector<double>& ray = result->dual_ray;
  if (!ray.empty() && farkas_margin(program_, ray) < kLeastMargin) {  // its sign, or no proof
    negate(&ray);
    if (farkas_margin(program_, ray) < kLeastMargin) ray.clear();
  }
  if (!result->primal_ray.empty() && !(unbounded_improvement(program_, result->primal_ray) > 0)) {
    result->primal_ray.clear();
  }
}

SolveResult Solver::solve_lp(const LpOptions& options) {
  const auto start = Clock::now();
  SolveResult result;
  if (has_crossed_bounds()) {
    result.call = CallStatus::kOk;
    result.status = ModelStatus::kInfeasible;
  } else {
    push_changes();
    result = back_end_lp(options);
    restore_signs(&result);
  }
  result.elapsed = since(start);
  return result;
}

SolveResult Solver::solve_mip(const MipOptions& options) {
  ASTROLABE_DEMAND(options.start.empty() || options.start.size() == program_.columns(),
                   "a start solution of another model");
  if (program_.integers() == 0) {
    SolveResult result = solve_lp(
        {.time_limit = options.time_limit, .threads = options.threads, .log = options.log});
    drop_duals(&result);
    return result;
  }
  const auto start = Clock::now();
  SolveResult result;
  if (has_crossed_bounds()) {
    result.call = CallStatus::kOk;
    result.status = ModelStatus::kInfeasible;
    return result;
  }
  push_changes();
  result = back_end_mip(options);
  restore_signs(&result);
  const double closed = kClosedGap * std::max(1.0, std::abs(result.objective));
  if (result.status == ModelStatus::kOptimal &&
      std::abs(result.objective - result.bound) > closed) {
    result.status = ModelStatus::kGapReached;
  }
  result.elapsed = since(start);
  return result;
}

std::vector<SolverKind> available_solvers() {
  std::vector<SolverKind> kinds;
#ifdef ASTROLABE_HIGHS
  kinds.push_back(SolverKind::kHighs);
#endif
#ifdef ASTROLABE_CBC
  kinds.push_back(SolverKind::kCbc);
#endif
  return kinds;
}

bool is_available(SolverKind kind) {
  const auto kinds = available_solvers();
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::unique_ptr<Solver> make_solver(SolverKind kind) {
  switch (kind) {
#ifdef ASTROLABE_HIGHS
    case SolverKind::kHighs:
      return make_highs_solver();
#endif
#ifdef ASTROLABE_CBC
    case SolverKind::kCbc:
      return make_cbc_solver();
#endif
    default:
      break;
  }
  std::vector<std::string> names;
  for (const SolverKind k : available_solvers()) names.emplace_back(text(k));
  throw InputError({}, "solver", text(kind), join_alternatives(names));
}

}  // namespace astrolabe::milp
