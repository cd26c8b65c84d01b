#pragma once

// Why is there no plan? An irreducible set of groups of constraints that cannot hold together: drop
// any one group and the rest can. A group is what a person would name ("the renewables rule",
// "grid at Pohang before 2029"), a vector of rows; rows in no group always stay.
//
// Deletion filter: with every group in, relax the bounds of one group's rows; if the program is
// still infeasible the group stays out, else it goes back. What remains is irreducible. One solver
// is loaded once and each LP starts from the last basis. For LPs the Farkas ray of each infeasible
// solve also drops, at once, every group without a row in the ray's support.
//
// Assumptions and where they fail: the answer is one irreducible set of possibly many, and which
// one depends on the order of the groups (the first in the list are the first to be dropped, so
// list what a person can least change first). For MIPs every test is a full search; with a time
// limit the set returned is infeasible but perhaps not irreducible, and says so. Source:
// [chinneck1991iis], [chinneck2008feasibility].

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "astrolabe/milp/model.h"
#include "astrolabe/milp/solver.h"

namespace astrolabe::milp {

struct ConstraintGroup {
  std::string label;
  std::vector<ConstraintId> rows;
};

enum class SubsetStatus {
  kIrreducible,
  kFeasible,         // the whole model can be satisfied: nothing to explain
  kInfeasibleAlone,  // infeasible even without any group: the groups are not the reason
  kStopped,          // time limit or a solve without an answer: infeasible, perhaps not minimal
};

struct InfeasibleSubset {
  SubsetStatus status = SubsetStatus::kStopped;
  std::vector<std::size_t> groups;  // indices into the groups given, ascending
  int solves = 0;
  std::string reason;  // when kStopped
};

struct DeletionOptions {
  SolverKind solver = SolverKind::kHighs;
  bool with_integers = false;  // false: the relaxation's infeasibility is explained
  Duration time_limit = 60.0 * units::second;
  int threads = 1;
};

InfeasibleSubset find_infeasible_subset(const Model& model, std::span<const ConstraintGroup> groups,
                                        const DeletionOptions& options = {});

// One group per constraint family, labelled with the family's name.
std::vector<ConstraintGroup> groups_by_family(const Model& model);

}  // namespace astrolabe::milp
