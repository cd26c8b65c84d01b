#pragma once

// Whether a plan exists at all, and how little would have to change: the program with its costs set
// to zero, as a linear program (or with whole phases and modules, which costs a search each time).
//
//   least_relief:  min r  subject to  L_i <= a_i x <= U_i for all i, where the finite bounds of
//                  relieved rows are moved by r times their amount, 0 <= r <= most
//
// The relaxation answers for the linear program alone: what it calls infeasible is infeasible, what
// it calls feasible still has to be verified with whole phases and modules.

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "astrolabe/planning/hard_demand.h"
#include "astrolabe/planning/solve.h"

namespace astrolabe::planning {

struct ProbeOptions {
  milp::SolverKind solver = milp::SolverKind::kHighs;
  bool with_integers = false;
  Duration time_limit = 20.0 * units::second;  // of one solve
  int threads = 1;
  // No solve starts after it, and none runs past it.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  Duration time_for_solve() const;  // not above 0 when the deadline has passed
};

enum class Feasibility { kFeasible, kInfeasible, kUnknown };

// One loaded model, many questions: rows are set free and bound again between them.
class FeasibilityProbe {
 public:
  FeasibilityProbe(const milp::Model& model, const ProbeOptions& options);
  Feasibility solve();
  Feasibility solve_without(std::span<const milp::ConstraintId> rows);

 private:
  const milp::Model& model_;
  ProbeOptions options_;
  std::unique_ptr<milp::Solver> solver_;
};

Feasibility probe(const Problem& problem, const ProbeOptions& options);

// nullopt: no relief up to `most` suffices, or no answer in time.
std::optional<double> least_relief(const milp::Model& model, std::span<const RowRelief> relief,
                                   double most, const ProbeOptions& options);

}  // namespace astrolabe::planning
