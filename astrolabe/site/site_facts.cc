#include "astrolabe/site/site_facts.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::site {

namespace {

std::vector<std::pair<Quarter, Power>> power_path(const char* attribute,
                                                  catalog::FactReader* facts) {
  std::vector<std::pair<Quarter, Power>> path;
  for (const auto& [q, v] : facts->path(attribute, Power::kDim)) {
    path.emplace_back(q, Power::from_base(v));
  }
  return path;
}

// A month late is a quarter late; months are binary fractions of a year, hence the slack.
int whole_quarters(Duration d) { return static_cast<int>(std::ceil(d.in(units::quarter)-1e-6)); }

Power last_at(const std::vector<std::pair<Quarter, Power>>& path, Quarter q) {
  Power power;
  for (const auto& [from, p] : path) {
    if (from <= q) power = p;
  }
  return power;
}

}  // namespace

catalog::Reading<Grid> read_grid(const catalog::Catalog& catalog, const std::string& entity) {
  catalog::FactReader facts(catalog, entity);
  Grid g;
  g.entity = entity;
  g.country = facts.text("country");
  g.electricity_price = facts.quantity<EnergyPrice::kDim>("electricity_price");
  g.carbon_intensity = facts.quantity<CarbonIntensity::kDim>("carbon_intensity");
  g.carbon_price =
      facts.optional_quantity<CarbonPrice::kDim>("carbon_price").value_or(CarbonPrice());
  return facts.finish(std::move(g));
}

catalog::Reading<SiteFacts> read_site(const catalog::Catalog& catalog, const std::string& entity) {
  catalog::FactReader facts(catalog, entity);
  SiteFacts s;
  s.entity = entity;
  s.name = facts.text("name");
  s.country = facts.text("country");
  s.latitude_deg = facts.number("latitude");
  s.longitude_deg = facts.number("longitude");
  s.announced = facts.quantity<Power::kDim>("announced_power");
  s.contracted = power_path("contracted_power", &facts);
  s.energised = power_path("energised_power", &facts);
  s.block = facts.quantity<Power::kDim>("block_power");
  s.build_time = facts.quantity<Duration::kDim>("build_time");
  s.grid_lead_time = facts.quantity<Duration::kDim>("grid_lead_time");
  s.build_quarters = whole_quarters(s.build_time);
  s.grid_quarters = whole_quarters(s.grid_lead_time);
  s.expandable = facts.quantity<Power::kDim>("expandable_power");
  s.pue = facts.number("pue");
  s.shell_capex = facts.quantity<PowerCost::kDim>("shell_capex");
  s.grid_capex = facts.quantity<PowerCost::kDim>("grid_capex");
  s.water = facts.optional_quantity<VolumePerEnergy::kDim>("water");
  s.rack_power_limit = facts.optional_quantity<Power::kDim>("rack_power_limit");
  if (const std::string grid = facts.text("grid"); !grid.empty()) {
    s.grid = facts.take(read_grid(catalog, grid));
  }
  return facts.finish(std::move(s));
}

catalog::Reading<EnergySourceFacts> read_energy_source(const catalog::Catalog& catalog,
                                                       const std::string& entity) {
  catalog::FactReader facts(catalog, entity);
  EnergySourceFacts e;
  e.entity = entity;
  e.name = facts.text("name");
  e.grid = facts.text("grid");
  e.technology = facts.text("technology");
  e.capacity_factor = facts.number("capacity_factor");
  e.price = facts.quantity<EnergyPrice::kDim>("ppa_price");
  e.lead_quarters = whole_quarters(facts.quantity<Duration::kDim>("lead_time"));
  e.potential = power_path("potential", &facts);
  e.earliest_connection = facts.optional_quarter("earliest_connection");
  const char* const attributes[] = {"seasonal_q1", "seasonal_q2", "seasonal_q3", "seasonal_q4"};
  int n_seasons = 0;
  for (std::size_t q = 0; q < 4; ++q) {
    const auto season = facts.optional_number(attributes[q]);
    e.seasonal[q] = season.value_or(1);
    n_seasons += season ? 1 : 0;
  }
  e.has_seasonal = n_seasons == 4;
  return facts.finish(std::move(e));
}

PowerStates power_state_path(const SiteFacts& site, Quarter start, int quarters) {
  PowerStates states;
  for (int t = 0; t < quarters; ++t) {
    const Power energised = last_at(site.energised, start + t);
    const Power contracted = last_at(site.contracted, start + t);
    states.announced.push_back(site.announced);
    states.energised.push_back(energised);
    states.contracted.push_back(
        std::max(contracted, energised, [](Power a, Power b) { return a < b; }));
  }
  return states;
}

}  // namespace astrolabe::site
