#include "astrolabe/planning/feasibility.h"

#include <algorithm>
#include <unordered_map>

namespace astrolabe::planning {

namespace {

milp::SolveResult run(milp::Solver* solver, const ProbeOptions& options) {
  if (options.time_for_solve() <= Duration{}) {
    milp::SolveResult late;
    late.status = milp::ModelStatus::kTimeLimit;
    return late;
  }
  if (options.with_integers) {
    milp::MipOptions mip;
    mip.time_limit = options.time_for_solve();
    mip.threads = options.threads;
    return solver->solve_mip(mip);
  }
  milp::LpOptions lp;
  lp.time_limit = options.time_for_solve();
  lp.threads = options.threads;
  lp.wants_rays = false;
  return solver->solve_lp(lp);
}

Feasibility read(const milp::SolveResult& r, const ProbeOptions& options) {
  switch (r.status) {
    case milp::ModelStatus::kOptimal:
    case milp::ModelStatus::kGapReached:
      return Feasibility::kFeasible;
    case milp::ModelStatus::kInfeasible:
    case milp::ModelStatus::kInfeasibleOrUnbounded:  // without costs nothing is unbounded
      return Feasibility::kInfeasible;
    case milp::ModelStatus::kTimeLimit:
      return r.has_primal && options.with_integers ? Feasibility::kFeasible : Feasibility::kUnknown;
    default:
      return Feasibility::kUnknown;
  }
}

}  // namespace

Duration ProbeOptions::time_for_solve() const {
  using Clock = std::chrono::steady_clock;
  if (deadline == Clock::time_point::max()) return time_limit;
  const std::chrono::duration<double> left = deadline - Clock::now();
  return std::min(time_limit, left.count() * units::second);
}

FeasibilityProbe::FeasibilityProbe(const milp::Model& model, const ProbeOptions& options)
    : model_(model), options_(options), solver_(milp::make_solver(options.solver)) {
  milp::Model without_costs = model;
  for (std::size_t i = 0; i < model.num_variables(); ++i) {
    without_costs.set_cost(milp::VariableId(i), 0);
  }
  without_costs.set_objective_offset(0);
  solver_->load(without_costs);
}

Feasibility FeasibilityProbe::solve() { return read(run(solver_.get(), options_), options_); }

Feasibility FeasibilityProbe::solve_without(std::span<const milp::ConstraintId> rows) {
  for (milp::ConstraintId row : rows) {
    solver_->set_row_bounds(row, -milp::kInfinity, milp::kInfinity);
  }
  const Feasibility answer = solve();
  for (milp::ConstraintId row : rows) {
    solver_->set_row_bounds(row, model_.lower(row), model_.upper(row));
  }
  return answer;
}

Feasibility probe(const Problem& problem, const ProbeOptions& options) {
  const Formulation f = Formulation::build(problem);
  return FeasibilityProbe(f.model(), options).solve();
}

std::optional<double> least_relief(const milp::Model& model, std::span<const RowRelief> relief,
                                   double most, const ProbeOptions& options) {
  milp::Model eased;
  eased.reserve(model.num_constraints(), model.num_variables() + 1,
                model.num_nonzeros() + relief.size());
  for (std::size_t i = 0; i < model.num_variables(); ++i) {
    const milp::VariableId v(i);
    eased.add_variable(model.name(v), model.lower(v), model.upper(v), 0, model.is_integer(v));
  }
  const milp::VariableId r = eased.add_variable("relief", 0, most, 1);
  std::unordered_map<std::size_t, double> amount;
  for (const RowRelief& row : relief) amount[row.row.index()] += row.amount;
  for (std::size_t i = 0; i < model.num_constraints(); ++i) {
    const milp::ConstraintId c(i);
    std::vector<milp::Term> terms(model.terms(c).begin(), model.terms(c).end());
    if (const auto it = amount.find(i); it != amount.end()) terms.push_back({r, -it->second});
    eased.add_constraint(model.family_name(c), model.name(c), model.lower(c), model.upper(c),
                         terms);
  }
  const auto solver = milp::make_solver(options.solver);
  solver->load(eased);
  const milp::SolveResult result = run(solver.get(), options);
  if (!result.has_primal || read(result, options) != Feasibility::kFeasible) return std::nullopt;
  return std::max(0.0, result.x[r.index()]);
}

}  // namespace astrolabe::planning
