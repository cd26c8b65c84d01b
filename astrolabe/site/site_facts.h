#pragma once

// A site, its grid and an energy source as the catalogue states them. Announced, contracted and
// energised power are three different things and never stand for one another.
//
//   energised(t), contracted(t): the last dated fact at or before quarter t; 0 before the first
//   contracted(t) >= energised(t) is enforced upward: what runs was contracted
//   announced: one figure without a date that binds nobody
//
// Power of a site steps when a substation or a building is switched on, so a path is read in steps
// (supply lines, where tools are added monthly, are read linearly); nothing is assumed before the
// first fact or after the last. All power is facility power: IT power times PUE. Where a source
// means IT power its note says so in data/sites.csv, and the figure is then too low by the PUE. A
// missing fact leaves the reading without a value and with a reason that names it.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "astrolabe/catalog/fact_reader.h"

namespace astrolabe::site {

using VolumePerEnergy = Quantity<Dim{.joule = -1, .metre = 3}>;

struct Grid {
  std::string entity, country;
  EnergyPrice electricity_price;
  CarbonIntensity carbon_intensity;
  CarbonPrice carbon_price;  // 0 where there is none
};

struct SiteFacts {
  std::string entity, name, country;
  Grid grid;
  double latitude_deg = 0, longitude_deg = 0;
  Power announced;
  std::vector<std::pair<Quarter, Power>> contracted, energised;  // dated facts, in order of time
  Power block;                                                   // one building phase
  Duration build_time, grid_lead_time;
  int build_quarters = 0, grid_quarters = 0;  // rounded up
  Power expandable;
  double pue = 1;
  PowerCost shell_capex;                 // per IT power
  PowerCost grid_capex;                  // per facility power
  std::optional<VolumePerEnergy> water;  // per IT energy
  std::optional<Power> rack_power_limit;
};

struct EnergySourceFacts {
  std::string entity, name, grid, technology;
  double capacity_factor = 0;
  std::array<double, 4> seasonal = {1, 1, 1, 1};  // by quarter of the year, as stated
  bool has_seasonal = false;
  EnergyPrice price;
  int lead_quarters = 0;
  std::vector<std::pair<Quarter, Power>> potential;
  std::optional<Quarter> earliest_connection;
};

catalog::Reading<Grid> read_grid(const catalog::Catalog& catalog, const std::string& entity);
catalog::Reading<SiteFacts> read_site(const catalog::Catalog& catalog, const std::string& entity);
catalog::Reading<EnergySourceFacts> read_energy_source(const catalog::Catalog& catalog,
                                                       const std::string& entity);

// The three states by quarter, start .. start + quarters - 1.
struct PowerStates {
  std::vector<Power> announced, contracted, energised;
};
PowerStates power_state_path(const SiteFacts& site, Quarter start, int quarters);

}  // namespace astrolabe::site
