#pragma once

// What would make an infeasible plan possible: single changes, each as small as it can be and each
// verified by solving the changed problem again. What does not verify is dropped.
//
//   start earlier     lead times shortened to the failing quarter: the order before the plan starts
//   on site           contracted power raised by whole phases, within what the site can ever have
//   move              the missing IT power required at the cheapest other site with room, and its
//                     extra cost
//   more supply       a limit of the conflict grown by the least relief, rounded up to whole
//   percent delay             the demand from the first quarter in which the relaxation is feasible
//   lower             the demand less its least relief, rounded down to whole MW or percent
//
// Extra cost: relaxed objective with the move minus that without the demand. Relaxations on both
// sides, because the gap of a first plan is wider than the difference looked for; it leaves out
// what whole phases add. Power generated on site and wafers beyond a limit are free here.
// Assumption and where it fails: one demand gives way at a time; two that give way a little each
// may cost less. Source: docs/theory/infeasibility.md.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "astrolabe/planning/conflict.h"
#include "astrolabe/planning/reachability.h"

namespace astrolabe::planning {

struct Fix {
  std::string sentence;
  bool is_verified = false;  // the changed problem was solved and its plan checked
  std::optional<double> extra_cost_billion_usd;
  std::function<void(Problem*)> apply;
};

enum class FixKind { kStartEarlier, kOnSite, kMove, kMoreSupply, kDelay, kLower };

struct Candidate {
  FixKind kind = FixKind::kLower;
  Fix fix;
  // Billion USD; empty where it is not known. A large program: asked for what is verified only.
  std::function<std::optional<double>(const ProbeOptions&)> extra_cost;
};

// `base` is the problem in which every other conflict has been waived. Best first.
std::vector<Candidate> fixes_for(const Problem& base, const Shortfall& shortfall,
                                 const ProbeOptions& options);
std::vector<Candidate> fixes_for(const Problem& base, const Conflict& conflict,
                                 const ProbeOptions& options);

// The cheapest way in which all of them give way at once, when no single change is enough: priced
// slacks (milp/elastic.h), each demand lowered by its largest share of violation. Renewable
// shares and fixed loads, which have no rows of their own to ease, stay as they are.
std::optional<Candidate> lower_together(const Problem& problem,
                                        const std::vector<HardDemand>& demands,
                                        const ProbeOptions& options);

HardDemand demand_of(const Shortfall& shortfall);

// Any plan at all, costs left out: the relaxation with phases and modules rounded up, its residuals
// checked like every plan's; where that has no answer, planning::solve. Only status, x and reason.
Solution find_any_plan(const Problem& problem, const SolveOptions& options);

// Applies, looks for any plan within the time limit, and sets is_verified.
bool verify_fix(const Problem& problem, const SolveOptions& options, Fix* fix);

}  // namespace astrolabe::planning
