#include "astrolabe/milp/deletion_filter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/verify.h"

namespace astrolabe::milp {

namespace {

using Clock = std::chrono::steady_clock;

enum class Answer { kFeasible, kInfeasible, kNone };

// A ray whose entries below this part of the largest are cut off, if it is still a proof.
constexpr double kRayNoise = 1e-9;
constexpr double kProof = 1e-9;

class DeletionFilter {
 public:
  DeletionFilter(const Model& model, std::span<const ConstraintGroup> groups,
                 const DeletionOptions& options)
      : model_(model),
        groups_(groups),
        options_(options),
        solver_(make_solver(options.solver)),
        is_in_(groups.size(), true),
        groups_of_row_(model.num_constraints(), 0) {
    solver_->load(model);
    for (std::size_t j = 0; j < model.num_variables(); ++j) solver_->set_cost(VariableId(j), 0);
    for (const ConstraintGroup& group : groups) {
      for (const ConstraintId row : group.rows) {
        ASTROLABE_DEMAND(row.is_valid() && row.index() < model.num_constraints(), group.label);
        ++groups_of_row_[row.index()];
      }
    }
  }

  InfeasibleSubset run();

 private:
  Answer solve();
  void drop_outside_ray(const std::vector<double>& ray);
  void set_in(std::size_t group, bool is_in);
  InfeasibleSubset finish(SubsetStatus status, std::string reason = "") const;
  Duration time_left() const {
    return options_.time_limit -
           std::chrono::duration<double>(Clock::now() - start_).count() * units::second;
  }

  const Model& model_;
  std::span<const ConstraintGroup> groups_;
  const DeletionOptions& options_;
  std::unique_ptr<Solver> solver_;
  std::vector<bool> is_in_;
  std::vector<int> groups_of_row_;  // groups still in; a row is relaxed when none is
  std::string trouble_;
  int solves_ = 0;
  Clock::time_point start_ = Clock::now();
};

void DeletionFilter::set_in(std::size_t group, bool is_in) {
  if (is_in_[group] == is_in) return;
  is_in_[group] = is_in;
  for (const ConstraintId row : groups_[group].rows) {
    int& count = groups_of_row_[row.index()];
    count += is_in ? 1 : -1;
    if (count == 0) {
      solver_->set_row_bounds(row, -kInfinity, kInfinity);
    } else if (is_in && count == 1) {
      solver_->set_row_bounds(row, model_.lower(row), model_.upper(row));
    }
  }
}

Answer DeletionFilter::solve() {
  const Duration left = time_left();
  if (!(left > Duration())) {
    trouble_ = "time limit";
    return Answer::kNone;
  }
  ++solves_;
  SolveResult r = solver_->solve_lp({.time_limit = left, .threads = options_.threads});
  if (r.status == ModelStatus::kOptimal && options_.with_integers) {
    // The first solution is enough: with zero costs every one of them is optimal.
    r = solver_->solve_mip({.time_limit = left, .threads = options_.threads});
  }
  if (r.status == ModelStatus::kInfeasible) {
    if (!r.dual_ray.empty()) drop_outside_ray(r.dual_ray);
    return Answer::kInfeasible;
  }
  if (r.has_primal) return Answer::kFeasible;
  trouble_ = text(r.status);
  return Answer::kNone;
}

void DeletionFilter::drop_outside_ray(const std::vector<double>& ray) {
  double largest = 0;
  for (const double y : ray) largest = std::max(largest, std::abs(y));
  std::vector<double> cut = ray;
  for (double& y : cut) {
    if (std::abs(y) <= kRayNoise * largest) y = 0;
  }
  const std::vector<double>& proof = farkas_margin(solver_->program(), cut) > kProof ? cut : ray;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto& rows = groups_[g].rows;
    const bool is_used = std::any_of(rows.begin(), rows.end(),
                                     [&](ConstraintId row) { return proof[row.index()] != 0; });
    if (!is_used) set_in(g, false);
  }
}

InfeasibleSubset DeletionFilter::finish(SubsetStatus status, std::string reason) const {
  InfeasibleSubset subset{status, {}, solves_, std::move(reason)};
  if (status == SubsetStatus::kFeasible) return subset;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (is_in_[g]) subset.groups.push_back(g);
  }
  return subset;
}

InfeasibleSubset DeletionFilter::run() {
  const Answer whole = solve();
  if (whole == Answer::kNone) return finish(SubsetStatus::kStopped, trouble_);
  if (whole == Answer::kFeasible) return finish(SubsetStatus::kFeasible);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (!is_in_[g]) continue;
    set_in(g, false);
    const Answer answer = solve();
    if (answer != Answer::kInfeasible) set_in(g, true);
    if (answer == Answer::kNone) return finish(SubsetStatus::kStopped, trouble_);
  }
  const InfeasibleSubset subset = finish(SubsetStatus::kIrreducible);
  return subset.groups.empty() ? finish(SubsetStatus::kInfeasibleAlone) : subset;
}

}  // namespace

InfeasibleSubset find_infeasible_subset(const Model& model, std::span<const ConstraintGroup> groups,
                                        const DeletionOptions& options) {
  return DeletionFilter(model, groups, options).run();
}

std::vector<ConstraintGroup> groups_by_family(const Model& model) {
  std::vector<ConstraintGroup> groups(model.num_families());
  for (std::size_t f = 0; f < groups.size(); ++f) groups[f].label = model.family_name(FamilyId(f));
  for (std::size_t i = 0; i < model.num_constraints(); ++i) {
    groups[model.family(ConstraintId(i)).index()].rows.emplace_back(i);
  }
  return groups;
}

}  // namespace astrolabe::milp
