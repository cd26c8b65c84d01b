#pragma once

// Why there is no plan, in the words of whoever wrote the scenario, and what would change that.
//
//   1. Reachability, without a solver: power that cannot be there in time (reachability.h).
//   2. What reachability does not see: conflicts between demands and limits (conflict.h), each
//   taken
//      out before the next is looked for, so that independent conflicts are all named.
//   3. Fixes, each solved again before it is printed (fixes.h): single changes; when there are
//   several
//      conflicts and no single change is enough, one change for each, together; and when that fails
//      too, the cheapest way in which all of them give way at once (milp/elastic.h).
//
// Assumptions and where they fail: work is bounded by time, so on a large model later conflicts and
// fixes may be left out, which is said; the list of conflicts need not be the only possible one.
// Source: docs/theory/infeasibility.md.

#include <string>
#include <vector>

#include "astrolabe/planning/fixes.h"
#include "astrolabe/planning/problem.h"
#include "astrolabe/planning/solve.h"

namespace astrolabe::planning {

struct Explanation {
  std::vector<std::string> conflicts;  // empty: the problem has a plan
  std::vector<Fix> fixes;              // verified, at most kMostFixes
  bool is_single = true;               // each fix alone suffices; else: one change per conflict
  bool is_cut_short = false;           // the time limit ended the search

  std::string text() const;
};

inline constexpr std::size_t kMostFixes = 4;

// options.time_limit bounds the whole explanation together with kExplanationTime.
inline constexpr Duration kExplanationTime = 120.0 * units::second;
Explanation explain_infeasibility(const Problem& problem, const SolveOptions& options);

}  // namespace astrolabe::planning
