#pragma once

// What the capacity-expansion program is told: plain values per quarter of the horizon, no
// catalogue and no file. study/pipeline fills it from a scenario; tests fill it by hand.
//
// Time is an index t = 0 .. horizon()-1 of quarters from `start`. A vector "by quarter" has
// horizon() entries. Accelerators, stacks and wafers are flows; fab modules, packaging modules and
// site blocks are whole numbers. "Facility power" is what the site draws from its grid, "IT power"
// what reaches the racks: facility = IT * PUE. Money is constant USD of the base year.

#include <optional>
#include <string>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/ids.h"
#include "astrolabe/base/quantity.h"
#include "astrolabe/base/quarter.h"

namespace astrolabe::planning {

using AcceleratorId = Id<struct AcceleratorTag>;
using HbmId = Id<struct HbmTag>;
using LineId = Id<struct LineTag>;
using SiteId = Id<struct SiteTag>;
using ClassId = Id<struct ClassTag>;
using FundId = Id<struct FundTag>;
using SourceId = Id<struct EnergySourceTag>;

// Money that is spent on one kind of thing; a fund names the kinds it may pay for.
enum class AssetClass { kAccelerators, kBuilding, kGrid, kFab, kEnergy, kOperations };
inline constexpr int kAssetClasses = 6;
const char* asset_class_name(AssetClass a);  // "accelerators", "building", ...

// Whole units of capacity that can be ordered: a cleanroom phase, a packaging expansion.
struct ExpansionModule {
  double capacity_wafers_per_quarter = 0;  // at full output
  Money capex;                             // of one module, paid evenly from order to first output
  int lead_quarters = 0;                   // order to first output
  int ramp_quarters = 0;                   // first to full output, linear
  int limit = 0;                           // most modules over the horizon; 0 = cannot be expanded
  int earliest_order = 0;                  // index t
  double hbm_share = 1;  // of the module's wafers that can become HBM (DRAM lines)
};

enum class LineKind { kDram, kLogic, kPackaging };

// A supplier: wafer starts this programme can have by quarter, and what can be added.
struct SupplyLine {
  std::string name, maker, country;
  LineKind kind = LineKind::kDram;
  std::vector<Wafers> capacity;      // by quarter, the programme's share
  std::vector<Wafers> hbm_capacity;  // DRAM lines: the HBM-capable part, by quarter
  ExpansionModule module;
  int cycle_quarters = 2;        // DRAM lines: wafer start to finished commodity DRAM
  Energy electricity_per_wafer;  // per wafer start
  SourcePosition position;
};

// One HBM product at one maker.
struct HbmRecipe {
  LineId line;
  std::vector<double>
      stacks_per_wafer;    // good stacks per DRAM wafer started at t; 0 = not made yet
  int cycle_quarters = 2;  // wafer start to packaged stack
};

struct HbmProduct {
  std::string name;
  Money stack_price;  // carrying cost of stacks in stock
  std::vector<HbmRecipe> recipes;
};

struct AcceleratorType {
  std::string name, vendor;
  int first_delivery = 0, last_delivery = 0;  // index t, inclusive
  int life_quarters = 20;
  HbmId hbm;
  double stacks = 0;  // per accelerator
  LineId logic, packaging;
  std::vector<double> logic_wafers;  // per accelerator, of wafers started at t; yield included
  double packaging_wafers = 0;
  double host_dram_wafers = 0;  // commodity DRAM wafers per accelerator
  int packaging_quarters = 1;   // stacks and dies needed this long before delivery
  int logic_quarters = 1;       // wafer start this long before packaging
  Power it_power;               // provisioned per accelerator, servers and network included
  Money price;                  // with its share of server, network, storage
  SourcePosition position;
};

// Power a site may draw, in the three states that public announcements mix up.
struct Site {
  std::string name, country, grid;
  double pue = 1;
  Power block;                    // facility power of one building phase
  int build_quarters = 0;         // order of a phase to ready
  std::vector<Power> energised;   // facility power running already, by quarter
  std::vector<Power> contracted;  // grid power under contract by quarter (>= energised)
  Power expandable;               // most facility power the site can ever have
  int grid_quarters = 0;          // order of further grid power to energised
  PowerCost shell_capex;          // per watt of IT power, accelerators not included
  PowerCost grid_capex;           // per watt of facility power beyond the contracted
  std::vector<EnergyPrice> electricity_price;  // by quarter
  CarbonIntensity carbon_intensity;
  CarbonPrice carbon_price;
  std::vector<Power> fixed_load;  // facility power of other users behind the same grid (a fab)
  std::vector<double>
      renewable_share;  // least share of energy under renewable contracts, by quarter
  std::vector<AcceleratorId> allowed;                      // empty = every type
  SourcePosition position;                                 // of the grid connection's lead time
  SourcePosition renewable_position, fixed_load_position;  // where these two were asked for
};

// Accelerators that stand at a site when the horizon starts.
struct ExistingFleet {
  AcceleratorId accelerator;
  SiteId site;
  double accelerators = 0;
  int installed = 0;  // index t, negative before the start
  SourcePosition position;
};

// What one accelerator in service delivers and draws for one class of work (from `parallel`).
struct OperatingPoint {
  std::string name;  // "throughput", "energy"
  TokenRate tokens;  // processed tokens (input + output) per accelerator at full load
  Power it_power;    // per accelerator while serving, servers and network included
  // Over `tokens`, one, two, ... years after the accelerator's first delivery; then no more.
  std::vector<double> software_gain = {};

  TokenRate tokens_after(double years) const;
};
struct CapacityNeed {
  ClassId work;
  AcceleratorId accelerator;
  std::vector<OperatingPoint> points;  // empty: this type cannot serve the class
  std::string reason;                  // why it cannot
};

// A class of work: inference by service level, or a training run.
struct DemandClass {
  std::string name;
  bool is_training = false;
  std::vector<Tokens> demand;  // inference: mean tokens per DAY in quarter t
  Tokens total;                // training: tokens of the whole run
  int first = 0, last = 0;     // training: window, index t inclusive (deadline = end of last)
  double peak_to_average = 1;  // inference: capacity is built for the peak
  double peak_pace = 1;        // training: fastest quarter over the mean of the window, >= 1
  TokenPrice value_unserved;   // lost per token not served
  bool must_serve = false;     // unserved demand is not allowed
  struct CountryShare {
    std::string country;
    double share = 0;
  };
  std::vector<CountryShare> in_country;  // least share of served tokens in a country
  SourcePosition position;
};

struct Fund {
  std::string name, country;  // empty country = anywhere
  std::vector<AssetClass> eligible;
  Money size;
  std::vector<Money> yearly_ceiling;  // by calendar year of the horizon
  double yearly_cost = 0;             // of its money, as a fraction; above the discount rate it
                                      // costs more, below it less
  SourcePosition position;
};

// Renewable energy that can be contracted for the sites of a grid.
struct EnergySource {
  std::string name, grid, technology;
  double capacity_factor = 0;
  std::vector<double> seasonal;  // by quarter of the year (4), mean 1
  EnergyPrice price;
  int lead_quarters = 0;
  std::vector<Power> potential;  // nameplate that can be under contract, by quarter
  SourcePosition position;
};

// "At least this much IT power at this site from this quarter on."
struct SiteRequirement {
  SiteId site;
  Power it_power;
  int from = 0;
  SourcePosition position;
};
// "At least this much IT power of this vendor's accelerators delivered by the end of this quarter."
struct VendorCommitment {
  std::string vendor;
  Power it_power;
  int by = 0;
  SourcePosition position;
};

// "At most this much IT power of this vendor's accelerators delivered by the end of a quarter."
struct VendorCeiling {
  std::string vendor;
  std::vector<Power> it_power;  // cumulative from the start, by quarter
  SourcePosition position;
};

enum class Objective { kLeastCost, kMostServed };

struct Problem {
  std::string name;
  Quarter start;
  int quarters = 0;
  Objective objective = Objective::kLeastCost;

  std::vector<AcceleratorType> accelerators;
  std::vector<HbmProduct> hbm;
  std::vector<SupplyLine> lines;
  std::vector<Site> sites;
  std::vector<ExistingFleet> existing;
  std::vector<DemandClass> classes;
  std::vector<CapacityNeed> needs;
  std::vector<Fund> funds;                 // empty: money is not limited
  bool funds_cover_running_costs = false;  // electricity and carbon too, as kOperations
  std::vector<EnergySource> energy;
  std::vector<SiteRequirement> requirements;
  std::vector<VendorCommitment> commitments;
  std::vector<VendorCeiling> ceilings;  // vendors without one are not limited

  // Ceiling on DRAM wafer starts over all lines by quarter (a letter of intent); empty = none.
  std::vector<Wafers> dram_ceiling;

  WaferPrice dram_wafer_value;           // carrying cost of commodity DRAM in stock
  double discount_rate = 0;              // per year, real
  double availability = 1;               // share of time an accelerator serves (failures, upgrades)
  double idle_power_share = 0;           // of it_power drawn by an accelerator that serves nothing
  double operations_cost = 0;            // per year, share of the price of accelerators in service
  double accelerator_residual_rate = 0;  // yearly loss of value (declining balance), as a fraction
  double building_life_years = 0, fab_life_years = 0;
  double fab_capex_charged = 1;  // share of fab and packaging capex the programme carries
  double contract_years = 0;     // renewable contracts go on so long after the horizon

  int horizon() const { return quarters; }
  Quarter quarter(int t) const { return start + t; }
  // Tokens of an operating point at t: software improves from the first delivery on.
  TokenRate token_rate(const CapacityNeed& need, const OperatingPoint& point, int t) const;
  double discount_factor(int t) const;  // (1 + discount_rate)^-((t + 1/2) / 4): mid-quarter
};

}  // namespace astrolabe::planning
