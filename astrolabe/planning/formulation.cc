#include "astrolabe/planning/formulation.h"

#include <algorithm>

#include "astrolabe/planning/builders.h"

namespace astrolabe::planning {

void Linear::add(const Linear& other, double factor) {
  for (const milp::Term& term : other.terms) add(term.variable, term.coefficient * factor);
  constant += other.constant * factor;
}

std::vector<Zone> make_zones(const Problem& problem) {
  std::vector<Zone> zones;
  for (std::size_t s = 0; s < problem.sites.size(); ++s) {
    const Site& site = problem.sites[s];
    auto same = [&](const Zone& zone) {
      const Site& other = problem.sites[zone.sites.front()];
      return other.grid == site.grid && other.country == site.country && other.pue == site.pue &&
             other.allowed == site.allowed && other.renewable_share == site.renewable_share &&
             other.electricity_price == site.electricity_price;
    };
    const auto it = std::find_if(zones.begin(), zones.end(), same);
    if (it == zones.end()) {
      zones.push_back({{s}});
    } else {
      it->sites.push_back(s);
    }
  }
  return zones;
}

Formulation Formulation::build(const Problem& problem) {
  Formulation f;
  f.problem_ = &problem;
  f.zones_ = make_zones(problem);
  f.zone_of_.resize(problem.sites.size());
  for (std::size_t z = 0; z < f.zones_.size(); ++z) {
    for (std::size_t s : f.zones_[z].sites) f.zone_of_[s] = z;
  }
  auto add_country = [&](const std::string& country) {
    if (std::find(f.countries_.begin(), f.countries_.end(), country) == f.countries_.end()) {
      f.countries_.push_back(country);
    }
  };
  for (const Site& s : problem.sites) add_country(s.country);
  for (const SupplyLine& l : problem.lines) add_country(l.country);
  int cycle = 0, packaging = 0, logic = 0;
  for (const HbmProduct& h : problem.hbm) {
    for (const HbmRecipe& r : h.recipes) cycle = std::max(cycle, r.cycle_quarters);
  }
  for (const SupplyLine& l : problem.lines) cycle = std::max(cycle, l.cycle_quarters);
  for (const AcceleratorType& a : problem.accelerators) {
    packaging = std::max(packaging, a.packaging_quarters);
    logic = std::max(logic, a.logic_quarters);
  }
  f.history_ = packaging + std::max(cycle, logic);
  ColumnBuilder(&f).build();
  RowBuilder(&f).build();
  MoneyBuilder(&f).build();
  return f;
}

namespace {

// Model units of power per model unit of accelerators: MW per thousand accelerators.
double megawatts_each(Power p) { return p.in(units::MW) / scale::kAccelerators; }

}  // namespace

Linear Formulation::delivered(std::size_t a, int t) const {
  Linear e;
  const AcceleratorType& type = problem_->accelerators[a];
  if (t < type.first_delivery) return e;
  const int last = std::min(type.last_delivery, problem_->horizon() - 1);
  if (last < type.first_delivery) return e;
  e.add(delivered_.at(a, 0, static_cast<std::size_t>(std::min(t, last))), 1);
  return e;
}

Linear Formulation::deployed(std::size_t a, std::size_t s, int t) const {
  Linear e;
  for (const ExistingFleet& fleet : problem_->existing) {
    if (fleet.accelerator.index() == a && fleet.site.index() == s && fleet.installed <= t) {
      e.constant += fleet.accelerators * scale::kAccelerators;
    }
  }
  if (t < 0) return e;
  const auto horizon = static_cast<std::size_t>(problem_->horizon());
  const auto at = std::min(static_cast<std::size_t>(t), horizon - 1);
  e.add(deployed_.at(a, s, at), 1);
  return e;
}

bool Formulation::may_serve(std::size_t a, std::size_t s, int t) const {
  if (t < 0 || t >= problem_->horizon()) return false;
  const int life = problem_->accelerators[a].life_quarters;
  for (const ExistingFleet& fleet : problem_->existing) {
    if (fleet.accelerator.index() == a && fleet.site.index() == s && fleet.installed <= t &&
        fleet.installed + life > t) {
      return true;
    }
  }
  const auto at = static_cast<std::size_t>(t);
  if (!deployed_.at(a, s, at).is_valid()) return false;
  // Nothing is left when every deployment is older than the life: D(t) is D(t - life).
  return t < life ||
         deployed_.at(a, s, at) != deployed_.at(a, s, at - static_cast<std::size_t>(life));
}

Linear Formulation::in_service(std::size_t a, std::size_t s, int t) const {
  Linear e;
  if (t < 0 || t >= problem_->horizon()) return e;
  e.add(in_service_.at(a, s, static_cast<std::size_t>(t)), 1);
  return e;
}

Linear Formulation::it_power(std::size_t s, int t) const {
  Linear e;
  for (std::size_t a = 0; a < problem_->accelerators.size(); ++a) {
    e.add(in_service(a, s, t), megawatts_each(problem_->accelerators[a].it_power));
  }
  return e;
}

Linear Formulation::built_power(std::size_t s, int t) const {
  Linear e;
  const Site& site = problem_->sites[s];
  e.constant = site.energised[static_cast<std::size_t>(t)].in(units::MW);
  e.add(phases(s, t), site.block.in(units::MW));
  return e;
}

Linear Formulation::module_output(std::size_t line, int t) const {
  Linear e;
  const ExpansionModule& m = problem_->lines[line].module;
  const int ramp = std::max(1, m.ramp_quarters);
  for (int k = 0; k < ramp; ++k) {
    e.add(modules(line, t - m.lead_quarters - k),
          m.capacity_wafers_per_quarter * scale::kWafers / ramp);
  }
  return e;
}

Linear Formulation::zone_energy(std::size_t zone, int t) const {
  const auto column = zone_energy_column(zone, t);
  if (!column.is_valid()) return zone_energy_terms(zone, t);
  Linear e;
  e.add(column, 1);
  return e;
}

Linear Formulation::zone_energy_terms(std::size_t zone, int t) const {
  Linear e;
  const Site& first = problem_->sites[zones_[zone].sites.front()];
  for (std::size_t s : zones_[zone].sites) {
    e.add(it_power(s, t), first.pue * problem_->idle_power_share);
    e.constant += problem_->sites[s].fixed_load[static_cast<std::size_t>(t)].in(units::MW);
  }
  for (std::size_t i : allocations_of(zone, t)) {
    e.add(allocations_[i].column, first.pue * allocations_[i].megawatts);
  }
  return e;
}

milp::VariableId Formulation::wafers(std::size_t h, std::size_t recipe, int t) const {
  if (t < -history_ || t >= problem_->horizon()) return {};
  return wafers_.at(h, recipe, supply_index(t));
}

milp::VariableId Formulation::host_wafers(std::size_t line, int t) const {
  if (t < -history_ || t >= problem_->horizon()) return {};
  return host_wafers_.at(line, 0, supply_index(t));
}

milp::VariableId Formulation::phases(std::size_t s, int t) const {
  if (t < 0) return {};
  return phases_.at(s, 0, static_cast<std::size_t>(t));
}

milp::VariableId Formulation::grid_power(std::size_t s, int t) const {
  if (t < 0) return {};
  return grid_power_.at(s, 0, static_cast<std::size_t>(t));
}

milp::VariableId Formulation::modules(std::size_t line, int t) const {
  if (t < 0) return {};
  return modules_.at(line, 0, static_cast<std::size_t>(std::min(t, problem_->horizon() - 1)));
}

milp::VariableId Formulation::contracts(std::size_t e, std::size_t zone, int t) const {
  if (t < 0) return {};
  return contracts_.at(e, zone, static_cast<std::size_t>(t));
}

milp::VariableId Formulation::renewable_use(std::size_t zone, int t) const {
  if (t < 0) return {};
  return renewable_use_.at(zone, 0, static_cast<std::size_t>(t));
}

milp::VariableId Formulation::use_after(std::size_t e, std::size_t zone, int k) const {
  return use_after_.at(e, zone, static_cast<std::size_t>(k));
}

int Formulation::season_before_end(int k) const {
  return std::max(0, problem_->horizon() - 4) + (problem_->horizon() < 4 ? 0 : k);
}

milp::VariableId Formulation::unserved(std::size_t c, int t) const {
  return unserved_.at(c, 0, static_cast<std::size_t>(t));
}

double Formulation::site_power_limit(std::size_t s, int t) const {
  const Site& site = problem_->sites[s];
  const auto at = static_cast<std::size_t>(t);
  const double sure = std::max(site.contracted[at], site.energised[at]).in(units::MW);
  const double most = std::max(site.expandable.in(units::MW), sure);
  return t >= site.grid_quarters ? most : sure;
}

}  // namespace astrolabe::planning
