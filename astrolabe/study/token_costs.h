#pragma once

// What a million tokens costs, by class of work and by site: the net present cost of the plan,
// divided over what was served, so that the parts add up to the whole.
//
//   accelerator a     its capital K[a] over its quarters in service, df(t) F[a,s,t]
//   site s            buildings and grid K[s] over its quarters of IT power in service
//   operations, idle power       where and when they fall, (a, s, t)
//   power of what is served      with the work that draws it; contracts with the zone's power
//   fabs, stocks, cost of funds  in proportion to all of the above
// A cell (a, s, t) is divided over the classes it serves in proportion to accelerators; what serves
// nothing is "idle". Cost per token = sum of discounted cost / sum of discounted tokens.
//
// Assumptions and where they fail: average, not marginal cost (the table `demand` has the
// marginal); the fleet that stood before the horizon costs its operation only; a class that fills
// idle hours pays as much for an accelerator as one that needs it at the peak. Energy of other
// users behind a site's connection (a fab) is no cost of tokens and is left out.

#include <map>
#include <string>

#include "astrolabe/study/plan_tables.h"

namespace astrolabe::study {

struct TokenCost {
  double ttokens = 0, discounted_ttokens = 0;
  // Net present cost, billion USD.
  double accelerators = 0, site = 0, energy = 0, operations = 0, other = 0;
  double total() const { return accelerators + site + energy + operations + other; }
  void add(const TokenCost& o);
};

inline constexpr std::size_t kIdle = static_cast<std::size_t>(-1);

// By (class or kIdle, site).
std::map<std::pair<std::size_t, std::size_t>, TokenCost> token_costs(const PlanView& view);

// Per class over all sites, per site over all classes, and each pair.
Table token_cost_table(const PlanView& view);

}  // namespace astrolabe::study
