#pragma once

// The interface to a linear and mixed-integer solver: a loaded copy of a model whose bounds, costs
// and integrality may be changed between solves, so that a series of related programs starts warm.
//
// Signs, the same for every back end and for both senses of the objective:
//   row_duals[i]     = d(objective) / d(right-hand side of row i)
//   reduced_costs[j] = d(objective) / d(bound at which x_j stands) = c_j - sum_i a_ij y_i
// so minimising, a row that binds at its lower bound has y >= 0 and at its upper bound y <= 0;
// maximising, the other way round. They are one-sided derivatives where the basis is degenerate.
//
// Farkas ray y of an infeasible LP: y'A x >= sum_i (y_i > 0 ? y_i L_i : y_i U_i) for every x that
// satisfies the rows, yet max { y'A x : l <= x <= u } is smaller (farkas_margin in verify.h
// checks). Primal ray d of an unbounded LP: from any feasible x, x + t d is feasible for all t >= 0
// and improves the objective without limit.
//
// Assumption: double arithmetic with tolerances near 1e-7, so a result is a claim; verify.h
// recomputes it. Both back ends are given a minimisation, so that no sign depends on theirs.
// Sources: [huangfu2018highs], [forrest2005cbc], docs/theory/milp.md.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/quantity.h"
#include "astrolabe/milp/model.h"

namespace astrolabe::milp {

enum class SolverKind { kHighs, kCbc };  // kCbc: CLP for linear programs, CBC for the rest

enum class CallStatus { kOk, kError };  // did the solver do what it was asked; not what it found

enum class ModelStatus {
  kNotSolved,
  kOptimal,     // LP: to tolerance; MIP: gap closed to 1e-9 of the objective
  kGapReached,  // MIP: incumbent within the asked gap
  kInfeasible,
  kUnbounded,
  kInfeasibleOrUnbounded,  // the solver could not tell which
  kTimeLimit,              // x is the incumbent if has_primal
  kNumericalTrouble,
};
const char* text(ModelStatus status);
const char* text(SolverKind kind);

enum class LpMethod {
  kAuto,  // simplex, from the last basis if there is one
  kSimplex,
  kIpm,  // interior point from scratch, then crossover to a basis
};

using LogSink = std::function<void(std::string_view)>;  // one message, newline included

struct LpOptions {
  LpMethod method = LpMethod::kAuto;
  bool warm_start = true;  // from the basis of the last solve or set_basis(); not for kIpm
  bool wants_rays = true;  // may cost a second solve when infeasible or unbounded
  Duration time_limit = units::year;
  int threads = 1;
  LogSink log = {};  // empty: quiet
};

struct MipOptions {
  double relative_gap = 1e-4;  // |objective - bound| / |objective|
  double absolute_gap = 0;
  Duration time_limit = units::year;
  int threads = 1;
  std::vector<double> start = {};  // values by column of a solution to start from; empty: none
  LogSink log = {};                // CBC writes its own log to stdout when this is set
};

enum class BasisStatus : unsigned char { kAtLower, kBasic, kAtUpper, kFree, kFixed };

struct Basis {
  std::vector<BasisStatus> columns, rows;  // a row stands at a bound of its activity
  bool is_empty() const { return columns.empty() && rows.empty(); }
};

struct SolveResult {
  CallStatus call = CallStatus::kError;
  ModelStatus status = ModelStatus::kNotSolved;
  std::string message;  // why, when the call failed
  bool has_primal = false, has_dual = false;
  double objective = 0, bound = 0;  // bound: LP = objective; MIP: the best proven
  std::vector<double> x, row_activity;
  std::vector<double> reduced_costs, row_duals;  // LP only
  std::vector<double> dual_ray, primal_ray;      // empty when there is none
  long iterations = 0, nodes = 0;
  Duration elapsed;

  bool is_optimal() const { return status == ModelStatus::kOptimal; }
  // |objective - bound| / |objective|, 0 when both are equal, infinite without an incumbent.
  double gap() const;
};

class Solver {
 public:
  virtual ~Solver() = default;
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  virtual SolverKind kind() const = 0;
  virtual std::string name_and_version() const = 0;

  void load(const Model& model);

  void set_bounds(VariableId v, double lower, double upper);
  void set_cost(VariableId v, double cost);
  void set_row_bounds(ConstraintId c, double lower, double upper);
  void set_integer(VariableId v, bool is_integer);

  // The program as it stands: the loaded model with every change since. Never read back from the
  // back end, so it is what a result is verified against.
  const ColumnForm& program() const { return program_; }

  // The linear relaxation: integrality is ignored.
  SolveResult solve_lp(const LpOptions& options = {});
  // A program without integer columns is solved as an LP, without duals in the result.
  SolveResult solve_mip(const MipOptions& options = {});

  Basis basis() const { return back_end_basis(); }  // of the last LP; empty when there is none
  void set_basis(const Basis& basis);

 protected:
  Solver() = default;
  // What changed since the back end last saw program().
  struct Changes {
    bool bounds = false, costs = false, row_bounds = false;
  };
  // Costs for a minimisation: those of program(), negated when it is to be maximised.
  std::vector<double> minimised_costs() const;

  virtual void back_end_load() = 0;
  virtual void back_end_update(const Changes& changes) = 0;
  // Results in the signs of the minimisation, without offset; Solver turns them back.
  virtual SolveResult back_end_lp(const LpOptions& options) = 0;
  virtual SolveResult back_end_mip(const MipOptions& options) = 0;
  virtual Basis back_end_basis() const = 0;
  virtual void back_end_set_basis(const Basis& basis) = 0;

 private:
  void push_changes();
  void restore_signs(SolveResult* result) const;
  bool has_crossed_bounds() const;  // infeasible, and what back ends answer to it differs

  ColumnForm program_;
  Changes changes_;
};

// Compiled into this binary, the preferred one first; at least one.
std::vector<SolverKind> available_solvers();
bool is_available(SolverKind kind);
// InputError when the kind is not compiled in.
std::unique_ptr<Solver> make_solver(SolverKind kind);

}  // namespace astrolabe::milp
