#pragma once

// What no solver is needed for: can each required amount of power be there in time at all? Compares
// every site requirement with the power its site can have by then, given what is live, contracted,
// and the lead times of anything ordered on the first day of the horizon; every fixed load
// likewise; and every vendor commitment with the accelerators its packaging line can have made.
//
//   facility[s,t] = live[s,t] + B[s] floor((limit[s,t] - live[s,t]) / B[s])    (whole phases)
//   limit[s,t]    = contracted[s,t] before both lead times have passed, expandable[s] after
//   IT[s,t]       = (facility[s,t] - fixed[s,t]) / PUE[s]
//
// The answer is necessary, not sufficient: it looks at one site or line at a time, has all the
// money and accelerators it wants, and leaves other types on the same packaging line out.

#include <string>
#include <vector>

#include "astrolabe/planning/problem.h"

namespace astrolabe::planning {

struct Shortfall {
  enum class Kind { kSitePower, kVendorPower, kFixedLoad };
  Kind kind = Kind::kSitePower;
  std::size_t index = 0;    // in problem.requirements, .commitments or .sites, as the kind says
  SiteId site;              // kSitePower, kFixedLoad
  std::string vendor;       // kVendorPower
  int t = 0;                // first quarter that fails
  Power needed, available;  // IT power; kFixedLoad: facility power
  Quarter latest_order;     // when the missing step had to be ordered
  Quarter possible;         // when it is there if ordered at the start; before `start` = never
  std::string sentence;     // for a person, with file:line of the demand and of the fact
};

// "300 MW", "1.5 MW": to a tenth.
std::string power_text(Power power);

std::vector<Shortfall> find_shortfalls(const Problem& problem);

// Grid power a site can have by t when everything is ordered on the first day.
Power reachable_grid_power(const Problem& problem, SiteId site, int t);
// Facility power for accelerators likewise: whole phases of what other loads leave.
Power reachable_facility_power(const Problem& problem, SiteId site, int t);
// What of it is left for accelerators; below zero when the fixed load alone is too much.
Power reachable_it_power(const Problem& problem, SiteId site, int t);

}  // namespace astrolabe::planning
