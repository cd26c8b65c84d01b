// COIN-OR: linear programs through CLP's own C++ interface, mixed-integer programs through CBC's C
// interface. CBC spoils its model while it solves, so each search gets a model of its own.
#ifdef ASTROLABE_CBC

#include <Cbc_C_Interface.h>
#include <fmt/format.h>

#include <ClpSimplex.hpp>
#include <ClpSolve.hpp>
#include <CoinMessageHandler.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/back_ends.h"

namespace astrolabe::milp {

namespace {

constexpr int kCbcSeed = 1;  // any fixed number: same model, same answer

std::vector<double> coin_bounds(const std::vector<double>& bounds) {
  std::vector<double> result = bounds;
  for (double& b : result) {
    if (std::isinf(b)) b = b > 0 ? COIN_DBL_MAX : -COIN_DBL_MAX;
  }
  return result;
}

class LogHandler final : public CoinMessageHandler {
 public:
  explicit LogHandler(const LogSink& sink) : sink_(sink) { setLogLevel(sink ? 1 : 0); }
  int print() override {
    if (sink_) sink_(std::string(messageBuffer()) + "\n");
    return 0;
  }
  CoinMessageHandler* clone() const override { return new LogHandler(*this); }

 private:
  LogSink sink_;
};

struct DeleteCbcModel {
  void operator()(Cbc_Model* model) const { Cbc_deleteModel(model); }
};
using CbcModelPointer = std::unique_ptr<Cbc_Model, DeleteCbcModel>;

class CbcSolver final : public Solver {
 public:
  SolverKind kind() const override { return SolverKind::kCbc; }
  std::string name_and_version() const override { return std::string("CBC ") + Cbc_getVersion(); }

 protected:
  void back_end_load() override;
  void back_end_update(const Changes& changes) override;
  SolveResult back_end_lp(const LpOptions& options) override;
  SolveResult back_end_mip(const MipOptions& options) override;
  Basis back_end_basis() const override;
  void back_end_set_basis(const Basis& basis) override;

 private:
  void run_cold(const LpOptions& options);
  ModelStatus status() const;
  SolveResult collect() const;
  void collect_rays(SolveResult* result);
  CbcModelPointer make_cbc_model(const MipOptions& options) const;

  ClpSimplex clp_;
  bool has_basis_ = false;
  bool is_dual_feasible_ = false;  // costs unchanged since the basis was optimal
};

void CbcSolver::back_end_load() {
  const ColumnForm& p = program();
  clp_ = ClpSimplex();
  clp_.setLogLevel(0);
  const auto lower = coin_bounds(p.lower), upper = coin_bounds(p.upper);
  const auto row_lower = coin_bounds(p.row_lower), row_upper = coin_bounds(p.row_upper);
  clp_.loadProblem(static_cast<int>(p.columns()), static_cast<int>(p.rows()), p.start.data(),
                   p.row.data(), p.value.data(), lower.data(), upper.data(),
                   minimised_costs().data(), row_lower.data(), row_upper.data());
  clp_.setOptimizationDirection(1);
  clp_.setRandomSeed(kCbcSeed);
  has_basis_ = is_dual_feasible_ = false;
}

void CbcSolver::back_end_update(const Changes& changes) {
  const ColumnForm& p = program();
  if (changes.bounds) {
    const auto lower = coin_bounds(p.lower), upper = coin_bounds(p.upper);
    for (std::size_t j = 0; j < p.columns(); ++j) {
      clp_.setColumnBounds(static_cast<int>(j), lower[j], upper[j]);
    }
  }
  if (changes.row_bounds) {
    const auto lower = coin_bounds(p.row_lower), upper = coin_bounds(p.row_upper);
    for (std::size_t i = 0; i < p.rows(); ++i) {
      clp_.setRowBounds(static_cast<int>(i), lower[i], upper[i]);
    }
  }
  if (changes.costs) {
    const auto costs = minimised_costs();
    std::copy(costs.begin(), costs.end(), clp_.objective());
    is_dual_feasible_ = false;
  }
}

void CbcSolver::run_cold(const LpOptions& options) {
  clp_.allSlackBasis(true);
  ClpSolve how;
  if (options.method == LpMethod::kIpm) {
    how.setSolveType(ClpSolve::useBarrier);  // with crossover, which is its default
  } else {
    how.setSolveType(ClpSolve::useDual);
  }
  clp_.initialSolve(how);
}

SolveResult CbcSolver::back_end_lp(const LpOptions& options) {
  LogHandler handler(options.log);
  clp_.passInMessageHandler(&handler);
  clp_.setLogLevel(options.log ? 1 : 0);
  clp_.setMaximumSeconds(-1);
  clp_.setMaximumWallSeconds(options.time_limit.in(units::second));
  clp_.setNumberIterations(0);
  if (has_basis_ && options.warm_start && options.method != LpMethod::kIpm) {
    is_dual_feasible_ ? clp_.dual() : clp_.primal();
  } else {
    run_cold(options);
  }
  long iterations = clp_.numberIterations();
  const bool has_answer = clp_.isProvenOptimal();
  if (options.wants_rays &&
      (status() == ModelStatus::kInfeasible || status() == ModelStatus::kUnbounded)) {
    // Rays come from the plain simplex method only: presolve hides them.
    clp_.setNumberIterations(0);
    status() == ModelStatus::kInfeasible ? clp_.dual() : clp_.primal();
    iterations += clp_.numberIterations();
  }
  SolveResult r = collect();
  if (options.wants_rays) collect_rays(&r);
  r.iterations = iterations;
  has_basis_ = r.status != ModelStatus::kNumericalTrouble;
  if (has_answer) is_dual_feasible_ = true;
  clp_.setDefaultMessageHandler();
  clp_.setLogLevel(0);
  return r;
}

ModelStatus CbcSolver::status() const {
  switch (clp_.status()) {
    case 0:
      return ModelStatus::kOptimal;
    case 1:
      return ModelStatus::kInfeasible;
    case 2:
      return ModelStatus::kUnbounded;
    case 3:
      return ModelStatus::kTimeLimit;  // no iteration limit is ever set
    default:
      return ModelStatus::kNumericalTrouble;
  }
}

SolveResult CbcSolver::collect() const {
  SolveResult r;
  r.call = CallStatus::kOk;
  r.status = status();
  if (r.status == ModelStatus::kNumericalTrouble) r.message = "CLP stopped on errors";
  r.has_primal = r.has_dual = r.status == ModelStatus::kOptimal;
  if (!r.has_primal) return r;
  const std::size_t columns = program().columns(), rows = program().rows();
  const auto copy = [](const double* values, std::size_t n) {
    return std::vector<double>(values, values + n);
  };
  r.x = copy(clp_.primalColumnSolution(), columns);
  r.row_activity = copy(clp_.primalRowSolution(), rows);
  r.reduced_costs = copy(clp_.dualColumnSolution(), columns);
  r.row_duals = copy(clp_.dualRowSolution(), rows);
  r.objective = r.bound = clp_.objectiveValue();
  return r;
}

void CbcSolver::collect_rays(SolveResult* r) {
  const auto take = [](double* ray, std::size_t n) {
    const std::unique_ptr<double[]> owner(ray);
    return ray == nullptr ? std::vector<double>() : std::vector<double>(ray, ray + n);
  };
  if (r->status == ModelStatus::kInfeasible) {
    r->dual_ray = take(clp_.infeasibilityRay(), program().rows());
  } else if (r->status == ModelStatus::kUnbounded) {
    r->primal_ray = take(clp_.unboundedRay(), program().columns());
  }
}

CbcModelPointer CbcSolver::make_cbc_model(const MipOptions& options) const {
  const ColumnForm& p = program();
  CbcModelPointer model(Cbc_newModel());
  const auto lower = coin_bounds(p.lower), upper = coin_bounds(p.upper);
  const auto row_lower = coin_bounds(p.row_lower), row_upper = coin_bounds(p.row_upper);
  Cbc_loadProblem(model.get(), static_cast<int>(p.columns()), static_cast<int>(p.rows()),
                  p.start.data(), p.row.data(), p.value.data(), lower.data(), upper.data(),
                  minimised_costs().data(), row_lower.data(), row_upper.data());
  std::vector<int> index;
  for (std::size_t j = 0; j < p.columns(); ++j) {
    const int column = static_cast<int>(j);
    if (p.is_integer[j] != 0) Cbc_setInteger(model.get(), column);
    index.push_back(column);
  }
  const auto set = [&](const char* name, const std::string& value) {
    Cbc_setParameter(model.get(), name, value.c_str());
  };
  set("log", options.log ? "1" : "0");
  set("ratioGap", fmt::format("{}", options.relative_gap));
  set("allowableGap", fmt::format("{}", options.absolute_gap));
  set("seconds", fmt::format("{}", options.time_limit.in(units::second)));
  set("timeMode", "elapsed");
  set("randomSeed", std::to_string(kCbcSeed));
  set("randomCbcSeed", std::to_string(kCbcSeed));
  // From 100 on CBC's threads are deterministic.
  if (options.threads > 1) set("threads", std::to_string(100 + options.threads));
  if (!options.start.empty()) {
    Cbc_setMIPStartI(model.get(), static_cast<int>(index.size()), index.data(),
                     options.start.data());
  }
  return model;
}

SolveResult CbcSolver::back_end_mip(const MipOptions& options) {
  const CbcModelPointer model = make_cbc_model(options);
  SolveResult r;
  const int call = Cbc_solve(model.get());
  r.call = CallStatus::kOk;
  r.nodes = Cbc_getNodeCount(model.get());
  r.iterations = Cbc_getIterationCount(model.get());
  const double* best = Cbc_bestSolution(model.get());
  if (Cbc_isAbandoned(model.get()) != 0) {
    r.status = ModelStatus::kNumericalTrouble;
    r.message = "CBC gave up, status " + std::to_string(call);
  } else if (Cbc_isContinuousUnbounded(model.get()) != 0) {
    r.status = ModelStatus::kUnbounded;
  } else if (best == nullptr && Cbc_isProvenInfeasible(model.get()) != 0) {
    r.status = ModelStatus::kInfeasible;
  } else if (Cbc_isProvenOptimal(model.get()) != 0) {
    r.status = ModelStatus::kOptimal;
  } else {
    r.status = ModelStatus::kTimeLimit;
  }
  r.bound = Cbc_getBestPossibleObjValue(model.get());
  r.has_primal = best != nullptr && r.status != ModelStatus::kUnbounded;
  if (!r.has_primal) return r;
  r.x.assign(best, best + program().columns());
  const double* activity = Cbc_getRowActivity(model.get());
  r.row_activity.assign(activity, activity + program().rows());
  r.objective = Cbc_getObjValue(model.get());
  return r;
}

Basis CbcSolver::back_end_basis() const {
  Basis basis;
  if (!has_basis_) return basis;
  const auto convert = [](ClpSimplex::Status status) {
    switch (status) {
      case ClpSimplex::basic:
        return BasisStatus::kBasic;
      case ClpSimplex::atUpperBound:
        return BasisStatus::kAtUpper;
      case ClpSimplex::atLowerBound:
        return BasisStatus::kAtLower;
      case ClpSimplex::isFixed:
        return BasisStatus::kFixed;
      default:
        return BasisStatus::kFree;
    }
  };
  for (std::size_t j = 0; j < program().columns(); ++j) {
    basis.columns.push_back(convert(clp_.getColumnStatus(static_cast<int>(j))));
  }
  for (std::size_t i = 0; i < program().rows(); ++i) {
    basis.rows.push_back(convert(clp_.getRowStatus(static_cast<int>(i))));
  }
  return basis;
}

void CbcSolver::back_end_set_basis(const Basis& basis) {
  // The bounds may have changed since the basis was taken: a status without its bound is corrected.
  const auto convert = [](BasisStatus status, double lower, double upper) {
    if (status == BasisStatus::kBasic) return ClpSimplex::basic;
    if (lower == upper) return ClpSimplex::isFixed;
    if (status == BasisStatus::kAtUpper && upper < kInfinity) return ClpSimplex::atUpperBound;
    if (lower > -kInfinity) return ClpSimplex::atLowerBound;
    return upper < kInfinity ? ClpSimplex::atUpperBound : ClpSimplex::isFree;
  };
  const ColumnForm& p = program();
  if (!has_basis_) clp_.createStatus();
  for (std::size_t j = 0; j < basis.columns.size(); ++j) {
    clp_.setColumnStatus(static_cast<int>(j), convert(basis.columns[j], p.lower[j], p.upper[j]));
  }
  for (std::size_t i = 0; i < basis.rows.size(); ++i) {
    clp_.setRowStatus(static_cast<int>(i), convert(basis.rows[i], p.row_lower[i], p.row_upper[i]));
  }
  has_basis_ = true;
}

}  // namespace

std::unique_ptr<Solver> make_cbc_solver() { return std::make_unique<CbcSolver>(); }

}  // namespace astrolabe::milp

#endif  // ASTROLABE_CBC
