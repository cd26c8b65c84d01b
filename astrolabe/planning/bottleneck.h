#pragma once

// What binds in each quarter, and what one more unit of it would be worth.
//
// From the duals of the LP with integers fixed: worth = -dual / discount factor, in USD of that
// quarter per unit of relief (one wafer, one MW, one accelerator). A row with slack is worth
// nothing. The rent, worth times what is used, ranks the bottlenecks of a quarter. For power, the
// sentence says what stands behind it: a contract or connection that comes later, building time,
// the size of the site, or whole phases that were worth their price.

#include <string>
#include <vector>

#include "astrolabe/planning/formulation.h"
#include "astrolabe/planning/solve.h"

namespace astrolabe::planning {

struct Bottleneck {
  Family family = Family::kDemand;
  std::string entity;
  int t = 0;
  double used_percent = 0;  // left over right-hand side
  double worth = 0;         // USD of quarter t per `unit`
  std::string unit;
  double rent = 0;       // USD in quarter t: worth times the amount in use
  std::string sentence;  // "2028Q3: HBM wafers at sk_hynix, 41 kUSD per wafer"
};

// Scarcity rows with a worth, by quarter, largest rent first.
std::vector<Bottleneck> find_bottlenecks(const Formulation& formulation, const Solution& solution);

// "41 kUSD", "1.2 million USD", "0.35 USD".
std::string money_text(double usd);

}  // namespace astrolabe::planning
