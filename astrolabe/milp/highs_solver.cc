// HiGHS through its C interface: the shared library of the PyPI package highsbox is built with
// another C++ standard library ABI, so no C++ object may cross.
#ifdef ASTROLABE_HIGHS

#include <interfaces/highs_c_api.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/back_ends.h"

namespace astrolabe::milp {

namespace {

constexpr int kHighsSeed = 1;  // any fixed number: same model, same answer

static_assert(sizeof(HighsInt) == sizeof(int), "HighsInt is expected to be a C int");

// HiGHS has one scheduler for the whole process, and it refuses to run with another number of
// threads than the scheduler was started with. It may be restarted only while nothing runs: a solve
// that finds others running takes their number of threads, which changes its speed, not its answer.
class SchedulerUse {
 public:
  explicit SchedulerUse(int threads) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (running_ == 0 && threads != threads_) {
      Highs_resetGlobalScheduler(1);
      threads_ = threads;
    }
    ++running_;
    granted_ = threads_;
  }
  ~SchedulerUse() {
    const std::lock_guard<std::mutex> lock(mutex_);
    --running_;
  }
  SchedulerUse(const SchedulerUse&) = delete;
  SchedulerUse& operator=(const SchedulerUse&) = delete;
  int threads() const { return granted_; }

 private:
  static std::mutex mutex_;
  static int running_, threads_;
  int granted_ = 1;
};
std::mutex SchedulerUse::mutex_;
int SchedulerUse::running_ = 0;
int SchedulerUse::threads_ = 0;

ModelStatus model_status(HighsInt status) {
  switch (status) {
    case kHighsModelStatusOptimal:
    case kHighsModelStatusModelEmpty:
      return ModelStatus::kOptimal;
    case kHighsModelStatusInfeasible:
      return ModelStatus::kInfeasible;
    case kHighsModelStatusUnbounded:
      return ModelStatus::kUnbounded;
    case kHighsModelStatusUnboundedOrInfeasible:
      return ModelStatus::kInfeasibleOrUnbounded;
    case kHighsModelStatusTimeLimit:
      return ModelStatus::kTimeLimit;
    case kHighsModelStatusNotset:
      return ModelStatus::kNotSolved;
    default:
      return ModelStatus::kNumericalTrouble;
  }
}

void log_callback(int, const char* message, const HighsCallbackDataOut*, HighsCallbackDataIn*,
                  void* sink) {
  if (message != nullptr) (*static_cast<const LogSink*>(sink))(message);
}

class HighsSolver final : public Solver {
 public:
  HighsSolver() : highs_(Highs_create()) {
    set("output_flag", false);
    set("log_to_console", false);  // the callback takes the log
    set("random_seed", kHighsSeed);
  }
  ~HighsSolver() override { Highs_destroy(highs_); }

  SolverKind kind() const override { return SolverKind::kHighs; }
  std::string name_and_version() const override { return std::string("HiGHS ") + Highs_version(); }

 protected:
  void back_end_load() override;
  void back_end_update(const Changes& changes) override;
  SolveResult back_end_lp(const LpOptions& options) override;
  SolveResult back_end_mip(const MipOptions& options) override;
  Basis back_end_basis() const override;
  void back_end_set_basis(const Basis& basis) override;

 private:
  // An option HiGHS does not know, or a value it refuses, is a bug of this file.
  void set(const char* option, bool value) {
    accept(Highs_setBoolOptionValue(highs_, option, value ? 1 : 0), option);
  }
  void set(const char* option, int value) {
    accept(Highs_setIntOptionValue(highs_, option, value), option);
  }
  void set(const char* option, double value) {
    accept(Highs_setDoubleOptionValue(highs_, option, value), option);
  }
  void set(const char* option, const char* value) {
    accept(Highs_setStringOptionValue(highs_, option, value), option);
  }
  static void accept(HighsInt status, const char* what) {
    ASTROLABE_DEMAND(status != kHighsStatusError, what);
  }
  int columns() const { return static_cast<int>(program().columns()); }
  int rows() const { return static_cast<int>(program().rows()); }

  HighsInt run(Duration time_limit, int threads, const LogSink& log);
  SolveResult collect(HighsInt call, bool wants_duals);
  void collect_rays(SolveResult* result);
  void settle_infeasible_or_unbounded(const LpOptions& options, SolveResult* result);
  bool has_valid_basis() const;
  long counter(const char* name) const;

  void* highs_;
};

void HighsSolver::back_end_load() {
  const ColumnForm& p = program();
  const auto status = Highs_passLp(
      highs_, columns(), rows(), static_cast<HighsInt>(p.value.size()), kHighsMatrixFormatColwise,
      kHighsObjSenseMinimize, 0.0, minimised_costs().data(), p.lower.data(), p.upper.data(),
      p.row_lower.data(), p.row_upper.data(), p.start.data(), p.row.data(), p.value.data());
  accept(status, "passLp");
}

void HighsSolver::back_end_update(const Changes& changes) {
  const ColumnForm& p = program();
  if (changes.bounds && columns() > 0) {
    accept(Highs_changeColsBoundsByRange(highs_, 0, columns() - 1, p.lower.data(), p.upper.data()),
           "column bounds");
  }
  if (changes.costs && columns() > 0) {
    accept(Highs_changeColsCostByRange(highs_, 0, columns() - 1, minimised_costs().data()),
           "costs");
  }
  if (changes.row_bounds && rows() > 0) {
    accept(Highs_changeRowsBoundsByRange(highs_, 0, rows() - 1, p.row_lower.data(),
                                         p.row_upper.data()),
           "row bounds");
  }
}

HighsInt HighsSolver::run(Duration time_limit, int threads, const LogSink& log) {
  const SchedulerUse scheduler(threads);
  set("threads", scheduler.threads());
  set("time_limit", time_limit.in(units::second));
  set("output_flag", static_cast<bool>(log));
  if (log) {
    accept(Highs_setCallback(highs_, log_callback, const_cast<LogSink*>(&log)), "callback");
    accept(Highs_startCallback(highs_, kHighsCallbackLogging), "callback");
  }
  Highs_zeroAllClocks(highs_);  // the time limit counts the clock, which runs on between solves
  const HighsInt call = Highs_run(highs_);
  if (log) Highs_stopCallback(highs_, kHighsCallbackLogging);
  set("output_flag", false);
  return call;
}

long HighsSolver::counter(const char* name) const {
  HighsInt value = 0;
  Highs_getIntInfoValue(highs_, name, &value);
  return std::max<long>(value, 0);  // -1 when it did not count
}

bool HighsSolver::has_valid_basis() const {
  HighsInt validity = kHighsBasisValidityInvalid;
  Highs_getIntInfoValue(highs_, "basis_validity", &validity);
  return validity == kHighsBasisValidityValid;
}

SolveResult HighsSolver::collect(HighsInt call, bool wants_duals) {
  SolveResult r;
  r.call = call == kHighsStatusError ? CallStatus::kError : CallStatus::kOk;
  r.status = model_status(Highs_getModelStatus(highs_));
  if (r.call == CallStatus::kError) {
    r.message = "HiGHS returned an error";
    if (r.status == ModelStatus::kNotSolved) r.status = ModelStatus::kNumericalTrouble;
  }
  HighsInt primal = kHighsSolutionStatusNone, dual = kHighsSolutionStatusNone;
  Highs_getIntInfoValue(highs_, "primal_solution_status", &primal);
  Highs_getIntInfoValue(highs_, "dual_solution_status", &dual);
  r.has_primal = primal == kHighsSolutionStatusFeasible;
  r.has_dual = wants_duals && r.has_primal && dual == kHighsSolutionStatusFeasible;
  r.iterations = counter("simplex_iteration_count") + counter("ipm_iteration_count") +
                 counter("crossover_iteration_count");
  if (!r.has_primal) return r;
  r.x.resize(program().columns());
  r.row_activity.resize(program().rows());
  r.reduced_costs.resize(program().columns());
  r.row_duals.resize(program().rows());
  Highs_getSolution(highs_, r.x.data(), r.reduced_costs.data(), r.row_activity.data(),
                    r.row_duals.data());
  r.objective = r.bound = Highs_getObjectiveValue(highs_);
  if (!r.has_dual) {
    r.reduced_costs.clear();
    r.row_duals.clear();
  }
  return r;
}

void HighsSolver::collect_rays(SolveResult* r) {
  HighsInt has_ray = 0;
  if (r->status == ModelStatus::kInfeasible && rows() > 0) {
    r->dual_ray.resize(program().rows());
    const auto status = Highs_getDualRay(highs_, &has_ray, r->dual_ray.data());
    if (status == kHighsStatusError || has_ray == 0) r->dual_ray.clear();
  } else if (r->status == ModelStatus::kUnbounded) {
    r->primal_ray.resize(program().columns());
    const auto status = Highs_getPrimalRay(highs_, &has_ray, r->primal_ray.data());
    if (status == kHighsStatusError || has_ray == 0) r->primal_ray.clear();
  }
}

// Presolve may not know which of the two it is; the simplex method without presolve does.
void HighsSolver::settle_infeasible_or_unbounded(const LpOptions& options, SolveResult* r) {
  set("presolve", "off");
  set("solver", "simplex");
  *r = collect(run(options.time_limit, options.threads, options.log), true);
  set("presolve", "choose");
}

SolveResult HighsSolver::back_end_lp(const LpOptions& options) {
  const bool is_ipm = options.method == LpMethod::kIpm;
  if (is_ipm || !options.warm_start) accept(Highs_clearSolver(highs_), "clearSolver");
  set("solver", is_ipm ? "ipm" : "simplex");
  set("run_crossover", "on");
  SolveResult r = collect(run(options.time_limit, options.threads, options.log), true);
  if (r.status == ModelStatus::kInfeasibleOrUnbounded) settle_infeasible_or_unbounded(options, &r);
  if (options.wants_rays) collect_rays(&r);
  return r;
}

SolveResult HighsSolver::back_end_mip(const MipOptions& options) {
  const Basis lp_basis = back_end_basis();
  std::vector<HighsInt> integrality(program().is_integer.begin(), program().is_integer.end());
  accept(Highs_clearSolver(highs_), "clearSolver");
  accept(Highs_changeColsIntegralityByRange(highs_, 0, columns() - 1, integrality.data()),
         "integrality");
  set("solver", "choose");
  set("mip_rel_gap", options.relative_gap);
  set("mip_abs_gap", options.absolute_gap);
  if (!options.start.empty()) {
    accept(Highs_setSolution(highs_, options.start.data(), nullptr, nullptr, nullptr), "start");
  }
  SolveResult r = collect(run(options.time_limit, options.threads, options.log), false);
  Highs_getDoubleInfoValue(highs_, "mip_dual_bound", &r.bound);
  std::int64_t nodes = 0;
  Highs_getInt64InfoValue(highs_, "mip_node_count", &nodes);
  r.nodes = std::max<long>(static_cast<long>(nodes), 0);
  if (r.status == ModelStatus::kInfeasibleOrUnbounded) {
    // Settle it on the relaxation: infeasible if that is, else unbounded or an integer question.
    accept(Highs_clearIntegrality(highs_), "integrality");
    SolveResult lp;
    settle_infeasible_or_unbounded({.time_limit = options.time_limit, .threads = options.threads},
                                   &lp);
    if (lp.status == ModelStatus::kInfeasible) r.status = lp.status;
  }
  accept(Highs_clearSolver(highs_), "clearSolver");
  accept(Highs_clearIntegrality(highs_), "integrality");
  if (!lp_basis.is_empty()) back_end_set_basis(lp_basis);
  return r;
}

Basis HighsSolver::back_end_basis() const {
  Basis basis;
  if (!has_valid_basis()) return basis;
  std::vector<HighsInt> column(program().columns()), row(program().rows());
  if (Highs_getBasis(highs_, column.data(), row.data()) == kHighsStatusError) return basis;
  const auto convert = [](HighsInt status, double lower, double upper) {
    switch (status) {
      case kHighsBasisStatusBasic:
        return BasisStatus::kBasic;
      case kHighsBasisStatusUpper:
        return BasisStatus::kAtUpper;
      case kHighsBasisStatusZero:
        return BasisStatus::kFree;
      default:
        return lower == upper ? BasisStatus::kFixed : BasisStatus::kAtLower;
    }
  };
  const ColumnForm& p = program();
  for (std::size_t j = 0; j < column.size(); ++j) {
    basis.columns.push_back(convert(column[j], p.lower[j], p.upper[j]));
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    basis.rows.push_back(convert(row[i], p.row_lower[i], p.row_upper[i]));
  }
  return basis;
}

void HighsSolver::back_end_set_basis(const Basis& basis) {
  // The bounds may have changed since the basis was taken: a status without its bound is corrected.
  const auto convert = [](BasisStatus status, double lower, double upper) -> HighsInt {
    if (status == BasisStatus::kBasic) return kHighsBasisStatusBasic;
    if (status == BasisStatus::kAtUpper && upper < kInfinity) return kHighsBasisStatusUpper;
    if (lower > -kInfinity) return kHighsBasisStatusLower;
    return upper < kInfinity ? kHighsBasisStatusUpper : kHighsBasisStatusZero;
  };
  const ColumnForm& p = program();
  std::vector<HighsInt> column, row;
  for (std::size_t j = 0; j < basis.columns.size(); ++j) {
    column.push_back(convert(basis.columns[j], p.lower[j], p.upper[j]));
  }
  for (std::size_t i = 0; i < basis.rows.size(); ++i) {
    row.push_back(convert(basis.rows[i], p.row_lower[i], p.row_upper[i]));
  }
  Highs_setBasis(highs_, column.data(), row.data());  // refused: the next solve starts cold
}

}  // namespace

std::unique_ptr<Solver> make_highs_solver() { return std::make_unique<HighsSolver>(); }

}  // namespace astrolabe::milp

#endif  // ASTROLABE_HIGHS
