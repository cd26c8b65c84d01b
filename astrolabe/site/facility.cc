#include "astrolabe/site/facility.h"

#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::site {

Power facility_power(Power it_power, double pue) {
  ASTROLABE_DEMAND(pue >= 1, "PUE >= 1");
  return it_power * pue;
}

Power it_power(Power facility_power, double pue) {
  ASTROLABE_DEMAND(pue >= 1, "PUE >= 1");
  return facility_power / pue;
}

int racks_needed(Power it_power, Power rack_power) {
  ASTROLABE_DEMAND(rack_power > Power(), "rack power > 0");
  return static_cast<int>(std::ceil(it_power / rack_power * (1 - 1e-12)));
}

Volume cooling_water(Energy it_energy, VolumePerEnergy water_per_it_energy) {
  return it_energy * water_per_it_energy;
}

Carbon grid_carbon(Energy grid_energy, CarbonIntensity intensity) {
  return grid_energy * intensity;
}

Money carbon_cost(Carbon carbon, CarbonPrice price) { return carbon * price; }

double accelerators_per_mw(double pue, Power it_power_per_accelerator) {
  ASTROLABE_DEMAND(it_power_per_accelerator > Power(), "IT power > 0");
  return it_power(units::MW, pue) / it_power_per_accelerator;
}

int building_phases(const SiteFacts& site, Power energised) {
  ASTROLABE_DEMAND(site.block > Power(), "block power > 0");
  const Power left = site.expandable - energised;
  if (left <= Power()) return 0;
  return static_cast<int>(std::floor(left / site.block * (1 + 1e-12)));
}

FacilityYear facility_year(const SiteFacts& site, Power it_power, double load_share) {
  ASTROLABE_DEMAND(load_share >= 0 && load_share <= 1, "load share in [0, 1]");
  FacilityYear y;
  y.it_energy = it_power * load_share * units::year;
  y.facility_energy = y.it_energy * site.pue;
  if (site.water) y.water = cooling_water(y.it_energy, *site.water);
  y.carbon = grid_carbon(y.facility_energy, site.grid.carbon_intensity);
  y.electricity = y.facility_energy * site.grid.electricity_price;
  y.carbon_charge = carbon_cost(y.carbon, site.grid.carbon_price);
  return y;
}

}  // namespace astrolabe::site
