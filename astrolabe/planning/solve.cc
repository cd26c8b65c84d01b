#include "astrolabe/planning/solve.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

namespace astrolabe::planning {

double Solution::value(const Linear& e) const {
  double v = e.constant;
  for (const milp::Term& term : e.terms) v += term.coefficient * x[term.variable.index()];
  return v;
}

namespace {

// Rounds up unless the fraction is within `threshold` of the whole number below.
double round_up(double value, double threshold) {
  const double whole = std::floor(value + 1e-6);
  return value - whole > threshold ? whole + 1 : whole;
}

class PlanSearch {
 public:
  PlanSearch(const Formulation& f, const SolveOptions& options)
      : f_(f),
        options_(options),
        start_(std::chrono::steady_clock::now()),
        solver_(milp::make_solver(options.solver)) {
    const Problem& p = f.problem();
    for (std::size_t s = 0; s < p.sites.size(); ++s) {
      for (int t = 0; t < p.horizon(); ++t) collect(f.phases(s, t), &phases_);
    }
    for (std::size_t l = 0; l < p.lines.size(); ++l) {
      for (int t = 0; t < p.horizon(); ++t) collect(f.modules(l, t), &modules_);
    }
    make_batches();
    best_.solver_name = solver_->name_and_version();
    solver_->load(f.model());
  }

  Solution run();

 private:
  static void collect(milp::VariableId v, std::vector<milp::VariableId>* into) {
    if (v.is_valid() && (into->empty() || into->back() != v)) into->push_back(v);
  }
  Duration elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() *
           units::second;
  }
  Duration time_left() const {
    return std::max(options_.time_limit - elapsed(), 1.0 * units::second);
  }
  bool is_closed() const { return has_plan_ && best_.gap <= options_.gap; }
  void release(const std::vector<milp::VariableId>& columns);
  void fix_rounded(const std::vector<milp::VariableId>& columns, const std::vector<double>& x,
                   double threshold);
  milp::SolveResult solve_lp(const std::string& name, milp::LpMethod method);
  void keep_if_better(const milp::SolveResult& result);
  // Fractions above a threshold round up: of all batches but the last, the last, and modules.
  struct Thresholds {
    double early, last, modules;
  };
  void dive(const std::vector<double>& relaxed, const Thresholds& thresholds);
  void make_batches();
  void branch_and_bound();
  bool price_with_integers_fixed();
  void record(const std::string& name, const milp::SolveResult& r,
              const milp::Verification& verification);
  void set_gaps();

  const Formulation& f_;
  const SolveOptions& options_;
  std::chrono::steady_clock::time_point start_;
  std::unique_ptr<milp::Solver> solver_;
  std::vector<milp::VariableId> phases_, modules_;
  std::vector<std::vector<milp::VariableId>> batches_;  // of phases, by falling block size
  milp::Basis relaxed_basis_;
  Solution best_;
  bool has_plan_ = false, is_unverified_ = false;
};

void PlanSearch::make_batches() {
  const Problem& p = f_.problem();
  std::vector<std::size_t> sites(p.sites.size());
  std::iota(sites.begin(), sites.end(), std::size_t{0});
  std::stable_sort(sites.begin(), sites.end(), [&](std::size_t a, std::size_t b) {
    return p.sites[a].block > p.sites[b].block;
  });
  constexpr std::size_t kBatches = 4;
  batches_.resize(std::min(kBatches, std::max<std::size_t>(sites.size(), 1)));
  for (std::size_t i = 0; i < sites.size(); ++i) {
    auto& batch = batches_[i * batches_.size() / sites.size()];
    for (int t = 0; t < p.horizon(); ++t) collect(f_.phases(sites[i], t), &batch);
  }
}

void PlanSearch::record(const std::string& name, const milp::SolveResult& r,
                        const milp::Verification& verification) {
  SolveStep step{name, r.objective, r.has_primal, verification.text(), elapsed().in(units::second)};
  if (r.has_primal && !verification.passed) {
    is_unverified_ = true;
    best_.reason = name + ": the solver's answer does not pass our check: " + verification.failure;
  }
  if (options_.progress) {
    options_.progress(fmt::format(
        "{:6.1f} s  {:<46} {}", step.seconds, name,
        r.has_primal ? fmt::format("{:.3f} billion USD", r.objective) : milp::text(r.status)));
  }
  best_.steps.push_back(std::move(step));
}

void PlanSearch::release(const std::vector<milp::VariableId>& columns) {
  for (milp::VariableId v : columns) {
    solver_->set_bounds(v, f_.model().lower(v), f_.model().upper(v));
  }
}

void PlanSearch::fix_rounded(const std::vector<milp::VariableId>& columns,
                             const std::vector<double>& x, double threshold) {
  for (milp::VariableId v : columns) {
    const double whole =
        std::clamp(round_up(x[v.index()], threshold), f_.model().lower(v), f_.model().upper(v));
    solver_->set_bounds(v, whole, whole);
  }
}

milp::SolveResult PlanSearch::solve_lp(const std::string& name, milp::LpMethod method) {
  milp::LpOptions lp;
  lp.method = method;
  lp.threads = options_.threads;
  lp.time_limit = time_left();
  lp.wants_rays = false;
  milp::SolveResult r = solver_->solve_lp(lp);
  record(name, r, r.has_primal ? milp::verify_lp(solver_->program(), r) : milp::Verification{});
  return r;
}

void PlanSearch::set_gaps() {
  const double distance = best_.objective - best_.bound;
  best_.gap = std::max(0.0, distance) / std::max(std::fabs(best_.objective), 1e-9);
  double unserved = 0;
  for (const Formulation::CostItem& item : f_.costs()) {
    if (item.name == kUnservedDemand) unserved = f_.penalty_weight() * best_.value(item.cost);
  }
  best_.gap_without_unserved =
      std::max(0.0, distance) / std::max(std::fabs(best_.objective - unserved), 1e-9);
}

void PlanSearch::keep_if_better(const milp::SolveResult& r) {
  if (!r.has_primal || (has_plan_ && r.objective >= best_.objective)) return;
  best_.x = r.x;
  best_.objective = r.objective;
  has_plan_ = true;
  set_gaps();
}

void PlanSearch::dive(const std::vector<double>& relaxed, const Thresholds& thresholds) {
  const std::string label = fmt::format("dive {:.2f}/{:.2f}/{:.2f}", thresholds.early,
                                        thresholds.last, thresholds.modules);
  release(phases_);
  release(modules_);
  solver_->set_basis(relaxed_basis_);
  std::vector<double> x = relaxed;
  // Large blocks first, to the nearest whole number: what they leave over or short is taken up by
  // the smaller ones, which are still free. The last batch rounds up.
  const std::size_t batches = batches_.size();
  for (std::size_t i = 0; i < batches; ++i) {
    fix_rounded(batches_[i], x, i + 1 < batches ? thresholds.early : thresholds.last);
    const milp::SolveResult r =
        solve_lp(fmt::format("{}: phases {}", label, i + 1), milp::LpMethod::kSimplex);
    if (!r.has_primal) return;
    x = r.x;
  }
  fix_rounded(modules_, x, thresholds.modules);
  keep_if_better(solve_lp(label + ": plan", milp::LpMethod::kSimplex));
}

void PlanSearch::branch_and_bound() {
  release(phases_);
  release(modules_);
  milp::MipOptions mip;
  mip.relative_gap = options_.gap;
  mip.time_limit = time_left();
  mip.threads = options_.threads;
  if (has_plan_) mip.start = best_.x;
  const milp::SolveResult r = solver_->solve_mip(mip);
  record("branch and bound", r,
         r.has_primal ? milp::verify_mip(solver_->program(), r) : milp::Verification{});
  if (!r.has_primal && r.status == milp::ModelStatus::kInfeasible) {
    best_.reason = "no whole number of phases and modules satisfies every constraint";
  }
  best_.bound = std::max(best_.bound, std::min(r.bound, best_.objective));
  keep_if_better(r);
  set_gaps();
}

bool PlanSearch::price_with_integers_fixed() {
  fix_rounded(phases_, best_.x, 0.5);
  fix_rounded(modules_, best_.x, 0.5);
  const milp::SolveResult r =
      solve_lp("integers fixed: plan and shadow prices", milp::LpMethod::kSimplex);
  if (!r.has_primal || !r.has_dual) return false;
  best_.x = r.x;
  best_.objective = r.objective;
  best_.duals = r.row_duals;
  for (double& dual : best_.duals) dual /= f_.penalty_weight();
  set_gaps();
  return true;
}

Solution PlanSearch::run() {
  const milp::SolveResult relaxed = solve_lp("LP relaxation", milp::LpMethod::kIpm);
  if (!relaxed.has_primal || relaxed.status != milp::ModelStatus::kOptimal) {
    best_.reason =
        std::string("LP relaxation: ") + milp::text(relaxed.status) + " " + relaxed.message;
    best_.status = relaxed.status == milp::ModelStatus::kInfeasible ||
                           relaxed.status == milp::ModelStatus::kInfeasibleOrUnbounded
                       ? PlanStatus::kInfeasible
                       : PlanStatus::kNotVerified;
    return best_;
  }
  best_.bound = relaxed.objective;
  relaxed_basis_ = solver_->basis();
  for (const Thresholds& thresholds :
       {Thresholds{0.5, 0.05, 0.5}, Thresholds{0.3, 0.05, 0.5}, Thresholds{0.02, 0.02, 0.5},
        Thresholds{0.5, 0.05, 0.9}, Thresholds{0.5, 0.05, 0.1}}) {
    if (is_closed()) break;
    dive(relaxed.x, thresholds);
  }
  if (!is_closed()) branch_and_bound();
  if (!has_plan_) {
    best_.status = PlanStatus::kInfeasible;
    if (best_.reason.empty()) best_.reason = "no plan was found within the time limit";
    return best_;
  }
  if (!price_with_integers_fixed() || is_unverified_) {
    best_.status = PlanStatus::kNotVerified;
  } else {
    best_.status = best_.gap <= options_.gap ? PlanStatus::kSolved : PlanStatus::kGapOpen;
  }
  return best_;
}

}  // namespace

Solution solve(const Formulation& formulation, const SolveOptions& options) {
  return PlanSearch(formulation, options).run();
}

}  // namespace astrolabe::planning
