#include <map>

#include "astrolabe/planning/asset_life.h"
#include "astrolabe/site/facility.h"
#include "astrolabe/study/plan_tables.h"

namespace astrolabe::study {

using planning::AcceleratorType;
using planning::AssetClass;
using planning::Problem;
using planning::Site;
namespace scale = planning::scale;

std::vector<Power> mean_it_power(const PlanView& view, int t) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  std::vector<Power> power(p.sites.size());
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    power[s] = p.idle_power_share * view.value(f.it_power(s, t)) * units::MW;
  }
  for (std::size_t z = 0; z < f.zones().size(); ++z) {
    for (std::size_t i : f.allocations_of(z, t)) {
      const planning::Allocation& x = f.allocations()[i];
      double total = 0;
      for (std::size_t s : f.zones()[z].sites) {
        total += view.value(f.in_service(x.accelerator, s, t));
      }
      if (total <= 0) continue;
      for (std::size_t s : f.zones()[z].sites) {
        const double share = view.value(f.in_service(x.accelerator, s, t)) / total;
        power[s] += share * view.value(x.column) * x.megawatts * units::MW;
      }
    }
  }
  return power;
}

Table water_table(const PlanView& view, const catalog::Catalog& catalog,
                  std::vector<std::string>* unknown) {
  const Problem& p = view.problem();
  Table table{"water",
              "Cooling water by site",
              {{"quarter", "Quarter", {}},
               {"site", "Site", {}},
               {"it_energy_gwh", "IT energy", {}},
               {"water_megalitres", "Cooling water", {}}},
              {}};
  std::vector<std::optional<site::VolumePerEnergy>> water;
  for (const Site& s : p.sites) {
    water.push_back(catalog.find<site::VolumePerEnergy::kDim>(s.name, "water"));
    if (!water.back()) unknown->push_back(s.name);
    if (water.back()) table.columns[3].facts.push_back(s.name + ".water");
  }
  const Volume megalitre = 1e3 * units::metre * units::metre * units::metre;
  for (int t = 0; t < p.horizon(); ++t) {
    const std::vector<Power> power = mean_it_power(view, t);
    for (std::size_t s = 0; s < p.sites.size(); ++s) {
      const Energy energy = power[s] * units::quarter;
      if (!water[s] || energy.in((1e3 * units::MWh)) < 1e-6) continue;
      table.add_row({p.quarter(t).text(), p.sites[s].name, energy.in((1e3 * units::MWh)),
                     site::cooling_water(energy, *water[s]).in(megalitre)});
    }
  }
  return table;
}

namespace {

// Additions and book values of one kind of asset by quarter, million USD.
struct Book {
  std::vector<double> added, value;
};

// `added` at quarter t keeps the share left(age) at the end of a quarter.
template <class Left>
void enter(const std::vector<double>& added, Left left, Book* book) {
  const std::size_t n = added.size();
  book->added.resize(n);
  book->value.resize(n);
  for (std::size_t t = 0; t < n; ++t) {
    book->added[t] += added[t];
    for (std::size_t q = t; added[t] != 0 && q < n; ++q) {
      book->value[q] += added[t] * left(static_cast<double>(q + 1 - t));
    }
  }
}

template <class Expression>
std::vector<double> additions(const PlanView& view, double musd_each, int delay,
                              Expression cumulative) {
  const auto n = static_cast<std::size_t>(view.problem().horizon());
  std::vector<double> added(n);
  for (int t = 0; t + delay < static_cast<int>(n); ++t) {
    const double before = t > 0 ? view.value(cumulative(t - 1)) : 0;
    added[static_cast<std::size_t>(t + delay)] = musd_each * (view.value(cumulative(t)) - before);
  }
  return added;
}

std::map<std::string, Book> books(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  std::map<std::string, Book> all;
  auto plant_left = [&](AssetClass asset) {
    return [&p, asset](double age) { return planning::plant_value_left(p, asset, age); };
  };
  for (std::size_t a = 0; a < p.accelerators.size(); ++a) {
    const AcceleratorType& type = p.accelerators[a];
    enter(
        additions(view, type.price.in(units::million_usd) / scale::kAccelerators, 0,
                  [&](int t) { return f.delivered(a, t); }),
        [&](double age) { return planning::accelerator_value_left(p, type, age); },
        &all["accelerators"]);
  }
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    const Site& site = p.sites[s];
    enter(additions(view, (site.shell_capex * (site.block / site.pue)).in(units::million_usd), 0,
                    [&](int t) { return f.phases(s, t); }),
          plant_left(AssetClass::kBuilding), &all["buildings"]);
    enter(additions(view, (site.grid_capex * (1.0 * units::MW)).in(units::million_usd), 0,
                    [&](int t) { return f.grid_power(s, t); }),
          plant_left(AssetClass::kGrid), &all["grid connections"]);
  }
  for (std::size_t l = 0; l < p.lines.size(); ++l) {
    const auto& m = p.lines[l].module;
    enter(additions(view, m.capex.in(units::million_usd)*p.fab_capex_charged, m.lead_quarters,
                    [&](int t) { return f.modules(l, t); }),
          plant_left(AssetClass::kFab), &all["fab and packaging expansions"]);
  }
  return all;
}

}  // namespace

Table depreciation_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"depreciation",
              "Depreciation and book value by year",
              {{"year", "Year", {}},
               {"item", "Item", {}},
               {"added_musd", "Came into service", {}},
               {"depreciation_musd", "Depreciation", {}},
               {"book_value_musd", "Left at the end of the year", {}}},
              {}};
  for (const auto& [item, book] : books(view)) {
    double added = 0, before = 0;
    for (int t = 0; t < p.horizon(); ++t) {
      const auto at = static_cast<std::size_t>(t);
      added += book.added[at];
      if (p.quarter(t).quarter() != 4 && t + 1 != p.horizon()) continue;
      const double value = book.value[at];
      if (added != 0 || before != 0) {
        table.add_row(
            {std::to_string(p.quarter(t).year()), item, added, before + added - value, value});
      }
      before = value;
      added = 0;
    }
  }
  table.columns[3].facts = {"finance_base.accelerator_life", "finance_base.residual_value_year_3",
                            "finance_base.building_life", "finance_base.fab_life"};
  return table;
}

}  // namespace astrolabe::study
