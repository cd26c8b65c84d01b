#pragma once

// The constraint families of the plan. One row here is one line of the table in
// docs/theory/planning.md (a test compares them): formula, what its dual means, in which unit.
// A shadow price is the fall of the objective per unit of relief, undiscounted to its quarter.

#include <string>

namespace astrolabe::planning {

enum class Family {
  kDemand,
  kTrainingTotal,
  kTrainingPace,
  kInCountry,
  kFleetUse,
  kFleetGrowth,
  kFleetLife,
  kDelivery,
  kDeliveryGrowth,
  kStackBalance,
  kStackUse,
  kHostDramBalance,
  kHostDramUse,
  kHbmWafers,
  kDramWafers,
  kDramCeiling,
  kLogicWafers,
  kPackagingWafers,
  kModuleGrowth,
  kSitePower,
  kSiteGrid,
  kSiteGrowth,
  kSiteRequirement,
  kVendorCommitment,
  kVendorCeiling,
  kZoneEnergy,
  kRenewableEnergy,
  kRenewableUse,
  kRenewableAfter,
  kEnergyGrowth,
  kSpending,
  kFundYear,
  kFundSize,
};
inline constexpr int kFamilies = static_cast<int>(Family::kFundSize) + 1;

struct FamilyText {
  const char* name;      // the family's name in the model, e.g. "site_power"
  const char* formula;   // in the symbols of docs/theory/planning.md
  const char* unit;      // of one unit of relief, for a person: "MW", "wafer", ...
  double unit_in_model;  // that unit in model units (1 wafer = 1e-3 kwafer)
  const char* what;      // "HBM wafers at {}": {} is the entity
  bool is_scarcity;      // a bottleneck a person can relieve (not bookkeeping)
};

const FamilyText& family_text(Family family);

}  // namespace astrolabe::planning
