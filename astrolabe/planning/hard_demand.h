#pragma once

// What a plan may not refuse. Everything else in the program has a way out (demand stays unserved,
// accelerators stay undelivered, sites stay empty), so only these can make it infeasible:
//
//   site requirements, vendor commitments, demand that must be served, its in-country shares,
//   renewable shares, and the fixed load of other users at a site.
//
// A demand can give way by amount or by time. Giving way by the share r of its amount moves the
// bounds of its rows in proportion to r (for a renewable share the row's coefficients move instead,
// so it has no such form). Assumption: a demand gives way by the same share in every quarter.

#include <string>
#include <vector>

#include "astrolabe/planning/formulation.h"

namespace astrolabe::planning {

struct HardDemand {
  enum class Kind {
    kSiteRequirement,
    kVendorCommitment,
    kMustServe,
    kInCountry,
    kRenewableShare,
    kFixedLoad,
  };
  Kind kind = Kind::kSiteRequirement;
  std::size_t index = 0;  // in requirements, commitments, classes, classes, sites, sites
  std::size_t part = 0;   // kInCountry: in DemandClass::in_country

  bool operator==(const HardDemand&) const = default;
};

std::vector<HardDemand> list_hard_demands(const Problem& problem);

// How the bounds of a row move when a demand gives way completely.
struct RowRelief {
  milp::ConstraintId row;
  double amount = 0;  // added to every finite bound
};

// Empty for a renewable share. A zone of sites with one renewable rule is named by its first site.
std::vector<RowRelief> relief_rows(const Formulation& formulation, const HardDemand& demand);
std::vector<milp::ConstraintId> demand_rows(const Formulation& formulation,
                                            const HardDemand& demand);

// The problem with the demand changed; `keep` is the share of its amount that stays.
void scale_demand(Problem* problem, const HardDemand& demand, double keep);
void delay_demand(Problem* problem, const HardDemand& demand, int from);
bool can_be_delayed(const HardDemand& demand);

int first_quarter(const Problem& problem, const HardDemand& demand);
// "site pohang needs 300 MW of IT power from 2028Q1 (scenario.toml:41)"
std::string describe(const Problem& problem, const HardDemand& demand);
// "at pohang", "of nvidia": the demand's owner in a sentence about a fix.
std::string short_name(const Problem& problem, const HardDemand& demand);
// "60 MW", "63% of chat": what is left of it.
std::string amount_text(const Problem& problem, const HardDemand& demand, double keep);

}  // namespace astrolabe::planning
