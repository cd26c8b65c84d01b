#include <algorithm>
#include <cmath>

#include "astrolabe/planning/builders.h"

namespace astrolabe::planning {

using milp::kInfinity;

milp::VariableId ColumnBuilder::add(const std::string& name, double upper, bool is_integer) {
  return f_.model_.add_variable(name, 0, upper, 0, is_integer);
}

void ColumnBuilder::build() {
  supply_columns();
  site_columns();
  fleet_columns();
  allocation_columns();
  energy_columns();
}

namespace {

std::string indexed(const std::string& family, const std::string& a, const std::string& quarter) {
  return family + "[" + a + "," + quarter + "]";
}

}  // namespace

void ColumnBuilder::supply_columns() {
  const int T = p_.horizon();
  const auto quarters = static_cast<std::size_t>(T + f_.history_);
  std::size_t most_recipes = 1;
  for (const HbmProduct& h : p_.hbm) most_recipes = std::max(most_recipes, h.recipes.size());
  f_.wafers_ = ColumnGrid(p_.hbm.size(), most_recipes, quarters);
  f_.stacks_ = ColumnGrid(p_.hbm.size(), 1, quarters);
  f_.host_wafers_ = ColumnGrid(p_.lines.size(), 1, quarters);
  f_.host_stock_ = ColumnGrid(1, 1, quarters);
  f_.modules_ = ColumnGrid(p_.lines.size(), 1, static_cast<std::size_t>(T));
  for (int t = -f_.history_; t < T; ++t) {
    const std::size_t at = f_.supply_index(t);
    const std::string q = p_.quarter(t).text();
    for (std::size_t h = 0; h < p_.hbm.size(); ++h) {
      f_.stacks_.at(h, 0, at) = add(indexed("stacks", p_.hbm[h].name, q), kInfinity);
      for (std::size_t r = 0; r < p_.hbm[h].recipes.size(); ++r) {
        const HbmRecipe& recipe = p_.hbm[h].recipes[r];
        if (recipe.stacks_per_wafer[static_cast<std::size_t>(std::max(t, 0))] <= 0) continue;
        const std::string who = p_.hbm[h].name + "," + p_.lines[recipe.line.index()].name;
        f_.wafers_.at(h, r, at) = add(indexed("hbm_wafers", who, q), kInfinity);
      }
    }
    f_.host_stock_.at(0, 0, at) = add("host_dram[" + q + "]", kInfinity);
    for (std::size_t l = 0; l < p_.lines.size(); ++l) {
      if (p_.lines[l].kind != LineKind::kDram) continue;
      f_.host_wafers_.at(l, 0, at) = add(indexed("host_wafers", p_.lines[l].name, q), kInfinity);
    }
  }
  for (std::size_t l = 0; l < p_.lines.size(); ++l) {
    const ExpansionModule& m = p_.lines[l].module;
    // A module ordered too late to make a wafer within the horizon is never ordered.
    for (int t = std::max(0, m.earliest_order); m.limit > 0 && t < T; ++t) {
      const int last_useful = std::max(T - 1 - m.lead_quarters, 0);
      auto& cell = f_.modules_.at(l, 0, static_cast<std::size_t>(t));
      cell = t <= std::max(last_useful, m.earliest_order)
                 ? add(indexed("modules", p_.lines[l].name, p_.quarter(t).text()), m.limit, true)
                 : f_.modules_.at(l, 0, static_cast<std::size_t>(t - 1));
    }
  }
}

void ColumnBuilder::site_columns() {
  const int T = p_.horizon();
  f_.phases_ = ColumnGrid(p_.sites.size(), 1, static_cast<std::size_t>(T));
  f_.grid_power_ = ColumnGrid(p_.sites.size(), 1, static_cast<std::size_t>(T));
  for (std::size_t s = 0; s < p_.sites.size(); ++s) {
    const Site& site = p_.sites[s];
    const double most = site.expandable.in(units::MW);
    for (int t = 0; t < T; ++t) {
      const auto at = static_cast<std::size_t>(t);
      const double live = site.energised[at].in(units::MW);
      const double sure = std::max(site.contracted[at].in(units::MW), live);
      const std::string q = p_.quarter(t).text();
      if (t >= site.grid_quarters && most > sure) {
        f_.grid_power_.at(s, 0, at) = add(indexed("grid", site.name, q), most - sure);
      }
      // Phases that a contract already covers were ordered before the start; others need the build
      // time from the first quarter on.
      const double all = t >= site.build_quarters ? f_.site_power_limit(s, t) : sure;
      const double limit = all - site.fixed_load[at].in(units::MW);
      const double phases = std::floor((limit - live) / site.block.in(units::MW) + 1e-9);
      if (phases >= 1) f_.phases_.at(s, 0, at) = add(indexed("phases", site.name, q), phases, true);
    }
  }
}

void ColumnBuilder::fleet_columns() {
  const int T = p_.horizon();
  const auto quarters = static_cast<std::size_t>(T);
  f_.delivered_ = ColumnGrid(p_.accelerators.size(), 1, quarters);
  f_.deployed_ = ColumnGrid(p_.accelerators.size(), p_.sites.size(), quarters);
  f_.in_service_ = ColumnGrid(p_.accelerators.size(), p_.sites.size(), quarters);
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
    const AcceleratorType& type = p_.accelerators[a];
    const int last = std::min(type.last_delivery, T - 1);
    for (int t = std::max(0, type.first_delivery); t <= last; ++t) {
      f_.delivered_.at(a, 0, static_cast<std::size_t>(t)) =
          add(indexed("delivered", type.name, p_.quarter(t).text()), kInfinity);
    }
    for (std::size_t s = 0; s < p_.sites.size(); ++s) {
      const auto& allowed = p_.sites[s].allowed;
      const bool is_allowed = allowed.empty() || std::find(allowed.begin(), allowed.end(),
                                                           AcceleratorId(a)) != allowed.end();
      const std::string who = type.name + "," + p_.sites[s].name;
      // Stock may wait two quarters after the last delivery; then D stays.
      for (int t = std::max(0, type.first_delivery); is_allowed && t < T && last >= 0; ++t) {
        auto& cell = f_.deployed_.at(a, s, static_cast<std::size_t>(t));
        cell = t <= last + 2 || t == std::max(0, type.first_delivery)
                   ? add(indexed("deployed", who, p_.quarter(t).text()), kInfinity)
                   : f_.deployed_.at(a, s, static_cast<std::size_t>(t - 1));
      }
      for (int t = 0; t < T; ++t) {
        if (!f_.may_serve(a, s, t)) continue;
        f_.in_service_.at(a, s, static_cast<std::size_t>(t)) =
            add(indexed("in_service", who, p_.quarter(t).text()), kInfinity);
      }
    }
  }
}

namespace {

// False where all of a class must be served in another country.
bool may_stand_in(const DemandClass& work, const std::string& country) {
  return std::none_of(work.in_country.begin(), work.in_country.end(), [&](const auto& share) {
    return share.country != country && share.share >= 1;
  });
}

}  // namespace

void ColumnBuilder::allocation_columns() {
  const int T = p_.horizon();
  f_.unserved_ = ColumnGrid(p_.classes.size(), 1, static_cast<std::size_t>(T));
  f_.allocations_of_.resize(f_.zones_.size() * static_cast<std::size_t>(T));
  for (std::size_t c = 0; c < p_.classes.size(); ++c) {
    const DemandClass& work = p_.classes[c];
    for (int t = 0; t < T; ++t) {
      const bool is_due =
          work.is_training ? t == work.last : work.demand[static_cast<std::size_t>(t)].base() > 0;
      if (!is_due || work.must_serve) continue;
      f_.unserved_.at(c, 0, static_cast<std::size_t>(t)) =
          add(indexed("unserved", work.name, p_.quarter(t).text()), kInfinity);
    }
  }
  for (const CapacityNeed& need : p_.needs) {
    const std::size_t c = need.work.index(), a = need.accelerator.index();
    const DemandClass& work = p_.classes[c];
    for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
      if (!may_stand_in(work, p_.sites[f_.zones_[z].sites.front()].country)) continue;
      const std::string who = work.name + "," + p_.accelerators[a].name + "," +
                              p_.sites[f_.zones_[z].sites.front()].name;
      for (int t = 0; t < T; ++t) {
        const bool is_due = work.is_training ? t >= work.first && t <= work.last
                                             : work.demand[static_cast<std::size_t>(t)].base() > 0;
        const auto& sites = f_.zones_[z].sites;
        const bool has_fleet = std::any_of(sites.begin(), sites.end(),
                                           [&](std::size_t s) { return f_.may_serve(a, s, t); });
        if (!is_due || !has_fleet) continue;
        for (std::size_t o = 0; o < need.points.size(); ++o) {
          const OperatingPoint& point = need.points[o];
          const auto id =
              add(indexed("serve", who + "," + point.name, p_.quarter(t).text()), kInfinity);
          const double tokens = p_.token_rate(need, point, t).in(units::token / units::day) *
                                scale::kTokensPerDay / scale::kAccelerators / work.peak_to_average;
          const Power extra = point.it_power - p_.idle_power_share * p_.accelerators[a].it_power;
          const double megawatts =
              extra.in(units::MW) / scale::kAccelerators / work.peak_to_average;
          f_.allocations_of_[z * static_cast<std::size_t>(T) + static_cast<std::size_t>(t)]
              .push_back(f_.allocations_.size());
          f_.allocations_.push_back({c, a, z, o, t, id, tokens, megawatts});
        }
      }
    }
  }
}

void ColumnBuilder::energy_columns() {
  const int T = p_.horizon();
  f_.zone_energy_ = f_.renewable_use_ =
      ColumnGrid(f_.zones_.size(), 1, static_cast<std::size_t>(T));
  for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
    const Site& site = p_.sites[f_.zones_[z].sites.front()];
    for (int t = 0; t < T; ++t) {
      const auto at = static_cast<std::size_t>(t);
      if (site.renewable_share[at] <= 0) continue;
      // Used in several rows, so that a column of its own saves many entries.
      f_.zone_energy_.at(z, 0, at) =
          add(indexed("energy", site.name, p_.quarter(t).text()), kInfinity);
      f_.renewable_use_.at(z, 0, at) =
          add(indexed("renewable", site.name, p_.quarter(t).text()), kInfinity);
    }
  }
  f_.contracts_ = ColumnGrid(p_.energy.size(), f_.zones_.size(), static_cast<std::size_t>(T));
  f_.use_after_ = ColumnGrid(p_.energy.size(), f_.zones_.size(), kSeasons);
  for (std::size_t e = 0; e < p_.energy.size(); ++e) {
    for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
      const Site& site = p_.sites[f_.zones_[z].sites.front()];
      const bool is_asked = std::any_of(site.renewable_share.begin(), site.renewable_share.end(),
                                        [](double share) { return share > 0; });
      if (site.grid != p_.energy[e].grid || !is_asked) continue;
      for (int t = p_.energy[e].lead_quarters; t < T; ++t) {
        const auto at = static_cast<std::size_t>(t);
        const double most = p_.energy[e].potential[at].in(units::MW);
        if (most <= 0) continue;
        f_.contracts_.at(e, z, at) = add(
            indexed("contract", p_.energy[e].name + "," + site.name, p_.quarter(t).text()), most);
      }
      if (p_.contract_years <= 0 || !f_.contracts(e, z, T - 1).is_valid()) continue;
      for (int k = 0; k < kSeasons; ++k) {
        const std::string who = p_.energy[e].name + "," + site.name;
        f_.use_after_.at(e, z, static_cast<std::size_t>(k)) =
            add(indexed("use_after", who, p_.quarter(T + k).text()), kInfinity);
      }
    }
  }
}

}  // namespace astrolabe::planning
