#include <algorithm>
#include <cmath>

#include "astrolabe/planning/builders.h"

namespace astrolabe::planning {

using milp::kInfinity;

void RowBuilder::build() {
  stack_rows();
  host_dram_rows();
  dram_line_rows();
  logic_and_packaging_rows();
  module_rows();
  delivery_rows();
  fleet_rows();
  demand_rows();
  in_country_rows();
  commitment_rows();
  site_rows();
  energy_rows();
}

namespace {

// One term a column. What is left of equal terms that cancel is rounding, and is dropped.
std::vector<milp::Term> merged(std::vector<milp::Term> terms) {
  std::stable_sort(terms.begin(), terms.end(), [](const milp::Term& a, const milp::Term& b) {
    return a.variable < b.variable;
  });
  std::vector<milp::Term> out;
  double largest = 0;
  for (const milp::Term& term : terms) {
    if (!out.empty() && out.back().variable == term.variable) {
      out.back().coefficient += term.coefficient;
    } else {
      out.push_back(term);
    }
    largest = std::max(largest, std::fabs(term.coefficient));
  }
  std::erase_if(
      out, [&](const milp::Term& term) { return std::fabs(term.coefficient) <= 1e-12 * largest; });
  return out;
}

}  // namespace

void RowBuilder::add_row(Family family, const std::string& entity, int t, double lower,
                         double upper, const Linear& e) {
  const std::string name = std::string(family_text(family).name) + "[" + entity +
                           (entity.empty() ? "" : ",") + p_.quarter(t).text() + "]";
  f_.model_.add_constraint(family_text(family).name, name, lower, upper, merged(e.terms));
  f_.meanings_.push_back({family, entity, t});
}

void RowBuilder::at_most(Family family, const std::string& entity, int t, const Linear& left,
                         const Linear& right) {
  Linear e = left;
  e.add(right, -1);
  if (e.terms.empty() && e.constant <= 1e-9) return;
  add_row(family, entity, t, -kInfinity, -e.constant, e);
}

void RowBuilder::equal(Family family, const std::string& entity, int t, const Linear& left,
                       const Linear& right) {
  Linear e = left;
  e.add(right, -1);
  add_row(family, entity, t, -e.constant, -e.constant, e);
}

void RowBuilder::delivery_rows() {
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
    const AcceleratorType& type = p_.accelerators[a];
    for (int t = std::max(0, type.first_delivery); t < p_.horizon(); ++t) {
      const Linear now = f_.delivered(a, t), before = f_.delivered(a, t - 1);
      if (now.terms.empty()) continue;
      const bool is_new = before.terms.empty() || before.terms[0].variable != now.terms[0].variable;
      if (!before.terms.empty() && is_new) {
        at_most(Family::kDeliveryGrowth, type.name, t, before, now);
      }
      Linear sum;
      for (std::size_t s = 0; s < p_.sites.size(); ++s) {
        const auto column = f_.deployed_.at(a, s, static_cast<std::size_t>(t));
        if (t > 0 && !is_new && column == f_.deployed_.at(a, s, static_cast<std::size_t>(t - 1))) {
          continue;
        }
        sum.add(column, 1);
      }
      if (!sum.terms.empty()) at_most(Family::kDelivery, type.name, t, sum, now);
    }
  }
}

void RowBuilder::fleet_rows() {
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
    const int life = p_.accelerators[a].life_quarters;
    for (std::size_t s = 0; s < p_.sites.size(); ++s) {
      const std::string who = p_.accelerators[a].name + "," + p_.sites[s].name;
      for (int t = 0; t < p_.horizon(); ++t) {
        const auto at = static_cast<std::size_t>(t);
        const Linear now = f_.deployed(a, s, t), before = f_.deployed(a, s, t - 1);
        if (t > 0 && f_.deployed_.at(a, s, at - 1).is_valid() &&
            f_.deployed_.at(a, s, at) != f_.deployed_.at(a, s, at - 1)) {
          Linear d_before, d_now;
          d_before.add(f_.deployed_.at(a, s, at - 1), 1);
          d_now.add(f_.deployed_.at(a, s, at), 1);
          at_most(Family::kFleetGrowth, who, t, d_before, d_now);
        }
        const Linear fleet = f_.in_service(a, s, t);
        if (fleet.terms.empty()) continue;
        Linear left = fleet, right = now;
        if (t > 0) {
          left.add(f_.in_service(a, s, t - 1), -1);
          right.add(before, -1);
        }
        at_most(Family::kFleetGrowth, who, t, left, right);
        const Linear old = f_.deployed(a, s, t - life);
        if (old.terms.empty() && old.constant == 0) continue;
        Linear alive = now;
        alive.add(old, -1);
        at_most(Family::kFleetLife, who, t, fleet, alive);
      }
    }
  }
}

void RowBuilder::demand_rows() {
  const std::size_t horizon = static_cast<std::size_t>(p_.horizon());
  std::vector<Linear> served(p_.classes.size() * horizon);
  std::vector<Linear> used(p_.accelerators.size() * f_.zones_.size() * horizon);
  for (const Allocation& x : f_.allocations_) {
    const auto t = static_cast<std::size_t>(x.t);
    served[x.work * horizon + t].add(x.column, x.tokens);
    used[(x.accelerator * f_.zones_.size() + x.zone) * horizon + t].add(x.column, 1);
  }
  for (std::size_t c = 0; c < p_.classes.size(); ++c) {
    const DemandClass& work = p_.classes[c];
    const double days = units::quarter.in(units::day);
    Linear run;
    for (std::size_t t = 0; t < horizon; ++t) {
      if (work.is_training) {
        run.add(served[c * horizon + t], days);
        continue;
      }
      const double demand = work.demand[t].in(units::token)*scale::kTokensPerDay;
      if (demand <= 0) continue;
      Linear left = served[c * horizon + t], right;
      left.add(f_.unserved_.at(c, 0, t), 1);
      right.constant = demand;
      equal(Family::kDemand, work.name, static_cast<int>(t), left, right);
    }
    if (work.is_training) {
      // Scaled to days of a quarter, so that coefficients stay near one.
      Linear left, right;
      left.add(run, 1 / days);
      left.add(f_.unserved_.at(c, 0, static_cast<std::size_t>(work.last)), 1);
      right.constant = work.total.in(units::token)*scale::kTokensPerDay / days;
      equal(Family::kTrainingTotal, work.name, work.last, left, right);
      // Without it the whole run would fall on one quarter, the one whose inference is worth least.
      Linear fastest;
      fastest.constant = work.peak_pace * right.constant / (work.last - work.first + 1);
      for (int t = work.first; t <= work.last; ++t) {
        const Linear& pace = served[c * horizon + static_cast<std::size_t>(t)];
        if (!pace.terms.empty()) at_most(Family::kTrainingPace, work.name, t, pace, fastest);
      }
    }
  }
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
    for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
      for (std::size_t t = 0; t < horizon; ++t) {
        const Linear& use = used[(a * f_.zones_.size() + z) * horizon + t];
        if (use.terms.empty()) continue;
        Linear fleet;
        for (std::size_t s : f_.zones_[z].sites) {
          fleet.add(f_.in_service(a, s, static_cast<int>(t)), p_.availability);
        }
        const std::string who =
            p_.accelerators[a].name + "," + p_.sites[f_.zones_[z].sites.front()].name;
        at_most(Family::kFleetUse, who, static_cast<int>(t), use, fleet);
      }
    }
  }
}

void RowBuilder::in_country_rows() {
  for (std::size_t c = 0; c < p_.classes.size(); ++c) {
    const DemandClass& work = p_.classes[c];
    for (const DemandClass::CountryShare& share : work.in_country) {
      if (share.share <= 0 || work.is_training) continue;
      std::vector<Linear> served(static_cast<std::size_t>(p_.horizon()));
      for (const Allocation& x : f_.allocations_) {
        const Site& site = p_.sites[f_.zones_[x.zone].sites.front()];
        if (x.work != c || site.country != share.country) continue;
        served[static_cast<std::size_t>(x.t)].add(x.column, x.tokens);
      }
      for (int t = 0; t < p_.horizon(); ++t) {
        const auto at = static_cast<std::size_t>(t);
        const double demand = work.demand[at].in(units::token)*scale::kTokensPerDay;
        if (demand <= 0) continue;
        Linear due;
        due.constant = share.share * demand;
        due.add(f_.unserved_.at(c, 0, at), -1);
        at_most(Family::kInCountry, work.name + "," + share.country, t, due, served[at]);
      }
    }
  }
}

void RowBuilder::commitment_rows() {
  for (const VendorCommitment& commitment : p_.commitments) {
    Linear due, power;
    due.constant = commitment.it_power.in(units::MW);
    for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
      const AcceleratorType& type = p_.accelerators[a];
      if (type.vendor != commitment.vendor) continue;
      power.add(f_.delivered(a, commitment.by), type.it_power.in(units::MW) / scale::kAccelerators);
    }
    at_most(Family::kVendorCommitment, commitment.vendor, commitment.by, due, power);
  }
  for (const VendorCeiling& ceiling : p_.ceilings) {
    for (int t = 0; t < p_.horizon(); ++t) {
      Linear power, most;
      most.constant = ceiling.it_power[static_cast<std::size_t>(t)].in(units::MW);
      for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
        const AcceleratorType& type = p_.accelerators[a];
        if (type.vendor != ceiling.vendor) continue;
        power.add(f_.delivered(a, t), type.it_power.in(units::MW) / scale::kAccelerators);
      }
      at_most(Family::kVendorCeiling, ceiling.vendor, t, power, most);
    }
  }
  for (const SiteRequirement& r : p_.requirements) {
    for (int t = r.from; t < p_.horizon(); ++t) {
      Linear due;
      due.constant = r.it_power.in(units::MW);
      at_most(Family::kSiteRequirement, p_.sites[r.site.index()].name, t, due,
              f_.it_power(r.site.index(), t));
    }
  }
}

void RowBuilder::site_rows() {
  for (std::size_t s = 0; s < p_.sites.size(); ++s) {
    const Site& site = p_.sites[s];
    for (int t = 0; t < p_.horizon(); ++t) {
      const auto at = static_cast<std::size_t>(t);
      Linear draw;
      draw.add(f_.it_power(s, t), site.pue);
      Linear built = f_.built_power(s, t);
      if (!draw.terms.empty() || draw.constant > 0) {
        at_most(Family::kSitePower, site.name, t, draw, built);
      }
      Linear grid;
      grid.constant = std::max(site.contracted[at], site.energised[at]).in(units::MW);
      grid.add(f_.grid_power(s, t), 1);
      // A load behind the same connection takes power, not data-centre buildings.
      const double fixed = site.fixed_load[at].in(units::MW);
      built.constant += fixed;
      if (!built.terms.empty() || fixed > 0) at_most(Family::kSiteGrid, site.name, t, built, grid);
      if (t == 0) continue;
      Linear phases_before, phases_now, grid_before, grid_now;
      phases_before.add(f_.phases(s, t - 1), site.block.in(units::MW));
      phases_now.add(f_.phases(s, t), site.block.in(units::MW));
      grid_before.add(f_.grid_power(s, t - 1), 1);
      grid_now.add(f_.grid_power(s, t), 1);
      if (!phases_before.terms.empty() && !phases_now.terms.empty()) {
        at_most(Family::kSiteGrowth, site.name, t, phases_before, phases_now);
      }
      if (!grid_before.terms.empty() && !grid_now.terms.empty()) {
        at_most(Family::kSiteGrowth, site.name, t, grid_before, grid_now);
      }
    }
  }
}

void RowBuilder::energy_rows() {
  for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
    const Site& site = p_.sites[f_.zones_[z].sites.front()];
    for (int t = 0; t < p_.horizon(); ++t) {
      const double share = site.renewable_share[static_cast<std::size_t>(t)];
      if (share <= 0) continue;
      equal(Family::kZoneEnergy, site.name, t, f_.zone_energy(z, t), f_.zone_energy_terms(z, t));
      Linear due, supply;
      due.add(f_.zone_energy(z, t), share);
      const auto season = static_cast<std::size_t>(p_.quarter(t).quarter() - 1);
      for (std::size_t e = 0; e < p_.energy.size(); ++e) {
        const EnergySource& source = p_.energy[e];
        supply.add(f_.contracts(e, z, t), source.capacity_factor * source.seasonal[season]);
      }
      at_most(Family::kRenewableEnergy, site.name, t, due, supply);
      Linear used;
      used.add(f_.renewable_use(z, t), 1);
      at_most(Family::kRenewableUse, site.name, t, used, supply);
      at_most(Family::kRenewableUse, site.name, t, used, f_.zone_energy(z, t));
    }
  }
  contract_rows();
  after_horizon_rows();
}

void RowBuilder::contract_rows() {
  for (std::size_t e = 0; e < p_.energy.size(); ++e) {
    for (int t = 0; t < p_.horizon(); ++t) {
      Linear before, now, potential;
      for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
        before.add(f_.contracts(e, z, t - 1), 1);
        now.add(f_.contracts(e, z, t), 1);
      }
      if (now.terms.empty()) continue;
      potential.constant = p_.energy[e].potential[static_cast<std::size_t>(t)].in(units::MW);
      at_most(Family::kEnergyGrowth, p_.energy[e].name, t, now, potential);
      if (!before.terms.empty()) at_most(Family::kEnergyGrowth, p_.energy[e].name, t, before, now);
    }
  }
}

void RowBuilder::after_horizon_rows() {
  const int last = p_.horizon() - 1;
  for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
    const std::string& name = p_.sites[f_.zones_[z].sites.front()].name;
    for (int k = 0; k < kSeasons; ++k) {
      const auto season = static_cast<std::size_t>(p_.quarter(last + 1 + k).quarter() - 1);
      Linear used;
      for (std::size_t e = 0; e < p_.energy.size(); ++e) {
        const auto column = f_.use_after(e, z, k);
        if (!column.is_valid()) continue;
        Linear use, made;
        use.add(column, 1);
        made.add(f_.contracts(e, z, last),
                 p_.energy[e].capacity_factor * p_.energy[e].seasonal[season]);
        at_most(Family::kRenewableAfter, name, last, use, made);
        used.add(column, 1);
      }
      if (used.terms.empty()) continue;
      at_most(Family::kRenewableAfter, name, last, used,
              f_.zone_energy(z, f_.season_before_end(k)));
    }
  }
}

}  // namespace astrolabe::planning
