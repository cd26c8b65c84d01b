#pragma once

// A data centre as its meters see it: IT power to facility power, racks, water, carbon.
//
//   facility power = IT power * PUE            water  = IT energy * w
//   racks          = ceil(IT power / rack)     carbon = grid energy * intensity
//   accelerators   = facility power / (PUE * IT power per accelerator)
//
// PUE is a yearly mean; on the hottest hours the facility draws more, so a site sized to its grid
// connection at the mean PUE is short by (peak PUE / mean PUE - 1) of its IT power. Water is taken
// per IT energy as published (WUE, The Green Grid); it varies with climate and cooling more than
// with load. Carbon is location-based and average, not marginal: load added at night may be
// dirtier. Source: ISO/IEC 30134-2 (PUE), ISO/IEC 30134-9 (WUE); GHG Protocol Scope 2 Guidance
// (2015).

#include "astrolabe/base/quantity.h"
#include "astrolabe/site/site_facts.h"

namespace astrolabe::site {

Power facility_power(Power it_power, double pue);
Power it_power(Power facility_power, double pue);

// Whole racks for an IT power; a rack is never filled past its limit.
int racks_needed(Power it_power, Power rack_power);

Volume cooling_water(Energy it_energy, VolumePerEnergy water_per_it_energy);
Carbon grid_carbon(Energy grid_energy, CarbonIntensity intensity);
Money carbon_cost(Carbon carbon, CarbonPrice price);

double accelerators_per_mw(double pue, Power it_power_per_accelerator);

// Whole building phases between what runs and what the site can ever have.
int building_phases(const SiteFacts& site, Power energised);

// Energy of a year and what it means, at a mean load of the given share of IT power.
struct FacilityYear {
  Energy it_energy, facility_energy;
  std::optional<Volume> water;  // empty: no water fact
  Carbon carbon;                // all energy from the grid
  Money electricity, carbon_charge;
};
FacilityYear facility_year(const SiteFacts& site, Power it_power, double load_share);

}  // namespace astrolabe::site
