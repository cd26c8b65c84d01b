#pragma once

// Which demands and limits cannot hold together: an irreducible set of named groups (family x
// entity), so that a person sees a handful of names and not a hundred rows.
//
//   1. The first failing quarter T: the least T such that the demands up to T alone are infeasible
//      (bisection; demands of later quarters only add to earlier ones).
//   2. The deletion filter over groups of rows: every hard demand up to T, and every limit a person
//      can name (wafers at a line, power at a site, a fund, ...). What stays cannot lose a member.
//   3. How much: for each member the least relief that makes the program feasible when all the
//      others hold as they are.
//
// Assumptions and where they fail: one irreducible set of possibly many; limits are listed so that
// money gives way to things and things far from the demand to things near it. Amounts rest on the
// linear relaxation unless whole numbers are the conflict. Source: [chinneck2008feasibility].

#include <optional>
#include <string>
#include <vector>

#include "astrolabe/planning/feasibility.h"

namespace astrolabe::planning {

// A limit a person can name: rows of one family (funds: year and size) and one entity.
struct Limit {
  Family family = Family::kSitePower;
  std::string entity;
  std::vector<milp::ConstraintId> rows;
};

struct ConflictingDemand {
  HardDemand demand;
  std::optional<double> relief;  // share of it that must give way, the others as they are
};

struct ConflictingLimit {
  Limit limit;
  // By how much it must grow, the others as they are: a share of its size; power at a site in MW of
  // facility power from the first failing quarter on.
  std::optional<double> relief;
};

struct Conflict {
  int t = 0;  // the first failing quarter
  std::vector<ConflictingDemand> demands;
  std::vector<ConflictingLimit> limits;
  bool is_minimal = true;  // false: the time limit left members that may not be needed
  std::string sentence;
};

// nullopt: the problem (its relaxation, without options.with_integers) is feasible, or no answer in
// time, which `options` bounds per solve and `time_limit` over all.
std::optional<Conflict> find_conflict(const Problem& problem, const ProbeOptions& options,
                                      Duration time_limit);

}  // namespace astrolabe::planning
