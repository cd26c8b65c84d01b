#include <algorithm>
#include <cmath>
#include <map>

#include "astrolabe/study/plan_tables.h"

namespace astrolabe::study {

using planning::AcceleratorType;
using planning::Problem;
using planning::Site;
namespace scale = planning::scale;

namespace {

constexpr double kLeast = 1e-6;

// Rise of a cumulative expression in quarter t.
template <class Expression>
double rise(const PlanView& view, int t, Expression at) {
  return view.value(at(t)) - (t > 0 ? view.value(at(t - 1)) : 0);
}

}  // namespace

namespace {

void add_accelerator_orders(const PlanView& view, int t, Table* table) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  for (std::size_t a = 0; a < p.accelerators.size(); ++a) {
    const AcceleratorType& type = p.accelerators[a];
    const double n = rise(view, t, [&](int q) { return f.delivered(a, q); }) / scale::kAccelerators;
    if (n < 1) continue;
    int cycle = 0;
    for (const auto& recipe : p.hbm[type.hbm.index()].recipes) {
      cycle = std::max(cycle, recipe.cycle_quarters);
    }
    const int lead = type.packaging_quarters + std::max(cycle, type.logic_quarters);
    table->add_row({view.quarter_text(t - lead), type.name, type.vendor, std::round(n),
                    std::string("accelerators"), view.quarter_text(t),
                    std::to_string(cycle) + " quarters HBM wafers to stacks (logic " +
                        std::to_string(type.logic_quarters) + "), " +
                        std::to_string(type.packaging_quarters) + " packaging to rack"});
  }
}

void add_module_orders(const PlanView& view, int t, Table* table) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  for (std::size_t l = 0; l < p.lines.size(); ++l) {
    const auto& m = p.lines[l].module;
    const double n = rise(view, t, [&](int q) { return f.modules(l, q); });
    if (n < 0.5) continue;
    table->add_row({view.quarter_text(t),
                    "expansion of " +
                        std::to_string(std::lround(m.capacity_wafers_per_quarter /
                                                   units::quarter.in(units::month))) +
                        " wafers/month",
                    p.lines[l].name, std::round(n), std::string("modules"),
                    view.quarter_text(t + m.lead_quarters),
                    std::to_string(m.lead_quarters) + " quarters to first wafers, " +
                        std::to_string(m.ramp_quarters) + " to full output"});
  }
}

void add_site_orders(const PlanView& view, int t, Table* table) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    const Site& site = p.sites[s];
    const double phases = rise(view, t, [&](int q) { return f.phases(s, q); });
    if (phases > 0.5) {
      table->add_row({view.quarter_text(t - site.build_quarters), std::string("building phases"),
                      site.name, phases * site.block.in(units::MW), std::string("MW facility"),
                      view.quarter_text(t),
                      std::to_string(site.build_quarters) + " quarters to build"});
    }
    const double grid = rise(view, t, [&](int q) { return f.grid_power(s, q); });
    if (grid > 0.5) {
      table->add_row({view.quarter_text(t - site.grid_quarters), std::string("grid connection"),
                      site.name, grid, std::string("MW facility"), view.quarter_text(t),
                      std::to_string(site.grid_quarters) + " quarters to energise"});
    }
  }
}

}  // namespace

Table orders_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"orders",
              "What to order when",
              {{"quarter", "Order in", {}},
               {"what", "What", {}},
               {"supplier", "From", {}},
               {"amount", "Amount", {}},
               {"unit", "Unit", {}},
               {"delivery_quarter", "There in", {}},
               {"detail", "How the lead time adds up", {}}},
              {}};
  for (int t = 0; t < p.horizon(); ++t) {
    add_accelerator_orders(view, t, &table);
    add_module_orders(view, t, &table);
    add_site_orders(view, t, &table);
  }
  std::stable_sort(table.rows.begin(), table.rows.end(), [](const auto& a, const auto& b) {
    return std::get<std::string>(a[0]) < std::get<std::string>(b[0]);
  });
  return table;
}

namespace {

// Adds one bar per run of neighbouring quarters in which something becomes ready.
void add_bars(const PlanView& view, Table* table, const std::string& item, const std::string& kind,
              const std::string& place, const std::string& unit, int lead,
              const std::vector<double>& rises, const std::string& detail) {
  const int n = static_cast<int>(rises.size());
  for (int t = 0; t < n; ++t) {
    if (rises[static_cast<std::size_t>(t)] < 0.5) continue;
    int last = t;
    double amount = 0;
    while (last < n && rises[static_cast<std::size_t>(last)] >= 0.5) {
      amount += rises[static_cast<std::size_t>(last)];
      ++last;
    }
    table->add_row({item, kind, place, view.quarter_text(t - lead), view.quarter_text(last - 1),
                    amount, unit, detail});
    t = last;
  }
}

}  // namespace

Table timeline_table(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  Table table{"timeline",
              "When construction and grid work must start",
              {{"item", "Item", {}},
               {"kind", "Kind", {}},
               {"place", "Place", {}},
               {"order_quarter", "Start", {}},
               {"ready_quarter", "Ready", {}},
               {"amount", "Amount", {}},
               {"unit", "Unit", {}},
               {"detail", "Detail", {}}},
              {}};
  const auto horizon = static_cast<std::size_t>(p.horizon());
  auto rises_of = [&](auto expression, double factor) {
    std::vector<double> rises(horizon);
    for (int t = 0; t < p.horizon(); ++t) {
      rises[static_cast<std::size_t>(t)] = rise(view, t, expression) * factor;
    }
    return rises;
  };
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    const Site& site = p.sites[s];
    const double block = site.block.in(units::MW);
    add_bars(view, &table, site.name + " building", "site_block", site.name, "MW",
             site.build_quarters, rises_of([&](int t) { return f.phases(s, t); }, block),
             "phases of " + format_number(block) + " MW facility power");
    add_bars(view, &table, site.name + " grid", "grid_connection", site.name, "MW",
             site.grid_quarters, rises_of([&](int t) { return f.grid_power(s, t); }, 1),
             "grid power beyond the contracted");
  }
  for (std::size_t l = 0; l < p.lines.size(); ++l) {
    const auto& line = p.lines[l];
    std::vector<double> rises = rises_of([&](int t) { return f.modules(l, t); }, 1);
    // Ordered at t, first wafers lead quarters later.
    std::vector<double> ready(horizon + static_cast<std::size_t>(line.module.lead_quarters));
    for (std::size_t t = 0; t < horizon; ++t) {
      ready[t + static_cast<std::size_t>(line.module.lead_quarters)] = rises[t];
    }
    const bool is_fab = line.kind != planning::LineKind::kPackaging;
    add_bars(view, &table, line.name, is_fab ? "fab_module" : "packaging_module", line.country,
             "modules", line.module.lead_quarters, ready,
             format_number(std::round(line.module.capacity_wafers_per_quarter /
                                      units::quarter.in(units::month))) +
                 " wafers/month each");
  }
  for (std::size_t e = 0; e < p.energy.size(); ++e) {
    auto contracted = [&](int t) {
      planning::Linear sum;
      for (std::size_t z = 0; z < f.zones().size(); ++z) sum.add(f.contracts(e, z, t), 1);
      return sum;
    };
    add_bars(view, &table, p.energy[e].name, "renewable", p.energy[e].grid, "MW",
             p.energy[e].lead_quarters, rises_of(contracted, 1), p.energy[e].technology);
  }
  return table;
}

namespace {

// Undiscounted spending by calendar year and item, million USD.
class YearlyCosts {
 public:
  explicit YearlyCosts(const PlanView& view) : view_(view), p_(view.problem()) {}
  std::map<std::pair<int, std::string>, double> compute();

 private:
  void pay(const std::string& item, int t, double usd) {
    if (std::fabs(usd) < 1) return;
    const int at = std::clamp(t, 0, p_.horizon() - 1);
    sum_[{p_.quarter(at).year(), item}] += usd / 1e6;
  }
  void pay_evenly(const std::string& item, int from, int quarters, double usd) {
    const int n = std::max(quarters, 1);
    for (int k = 0; k < n; ++k) {
      // A payment after the horizon belongs to the years beyond it.
      if (from + k < p_.horizon()) pay(item, from + k, usd / n);
    }
  }

  const PlanView& view_;
  const Problem& p_;
  std::map<std::pair<int, std::string>, double> sum_;
};

std::map<std::pair<int, std::string>, double> YearlyCosts::compute() {
  const auto& f = view_.formulation;
  const double hours = units::quarter.in(units::hour);
  for (int t = 0; t < p_.horizon(); ++t) {
    const auto at = static_cast<std::size_t>(t);
    for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
      const double price = p_.accelerators[a].price.in(units::usd) / scale::kAccelerators;
      pay("accelerators", t, price * rise(view_, t, [&](int q) { return f.delivered(a, q); }));
      for (std::size_t s = 0; s < p_.sites.size(); ++s) {
        pay("operations", t, price * p_.operations_cost / 4 * view_.value(f.in_service(a, s, t)));
      }
    }
    for (std::size_t s = 0; s < p_.sites.size(); ++s) {
      const Site& site = p_.sites[s];
      const double phase = (site.shell_capex * (site.block / site.pue)).in(units::usd);
      pay_evenly("buildings", t - site.build_quarters, site.build_quarters,
                 phase * rise(view_, t, [&](int q) { return f.phases(s, q); }));
      pay_evenly("grid connections", t - site.grid_quarters / 2, 1,
                 (site.grid_capex * (1.0 * units::MW)).in(units::usd)*rise(view_, t, [&](int q) {
                   return f.grid_power(s, q);
                 }));
    }
    for (std::size_t l = 0; l < p_.lines.size(); ++l) {
      const auto& m = p_.lines[l].module;
      pay_evenly("fab and packaging expansions", t, m.lead_quarters,
                 m.capex.in(units::usd)*p_.fab_capex_charged *
                     rise(view_, t, [&](int q) { return f.modules(l, q); }));
    }
    for (std::size_t z = 0; z < f.zones().size(); ++z) {
      const Site& site = p_.sites[f.zones()[z].sites.front()];
      const double load = view_.value(f.zone_energy(z, t));
      double usd = load * site.electricity_price[at].in(units::usd / units::MWh);
      for (std::size_t e = 0; e < p_.energy.size(); ++e) {
        const auto season = static_cast<std::size_t>(p_.quarter(t).quarter() - 1);
        usd += view_.value(f.contracts(e, z, t)) * p_.energy[e].capacity_factor *
               p_.energy[e].seasonal[season] * p_.energy[e].price.in(units::usd / units::MWh);
      }
      usd -= view_.value(f.renewable_use(z, t)) *
             site.electricity_price[at].in(units::usd / units::MWh);
      pay("electricity", t, usd * hours);
      const double emitting = load - view_.value(f.renewable_use(z, t));
      pay("carbon allowances", t,
          emitting * hours *
              (site.carbon_intensity * site.carbon_price).in(units::usd / units::MWh));
    }
  }
  return sum_;
}

}  // namespace

Table cost_table(const PlanView& view) {
  Table table{"costs",
              "Spending by year (undiscounted)",
              {{"year", "Year", {}}, {"item", "Item", {}}, {"musd", "Spending", {}}},
              {}};
  for (const auto& [key, musd] : YearlyCosts(view).compute()) {
    table.add_row({std::to_string(key.first), key.second, musd});
  }
  for (const AcceleratorType& a : view.problem().accelerators) {
    table.columns[2].facts.push_back(a.name + ".price");
  }
  return table;
}

Table cost_summary_table(const PlanView& view) {
  Table table{"cost_summary",
              "Net present cost",
              {{"item", "Item", {}},
               {"npv_musd", "Net present cost", {}},
               {"share_percent", "Share of what is spent", {}}},
              {}};
  double spent = 0;
  for (const auto& item : view.formulation.costs()) {
    if (item.name != planning::kUnservedDemand) spent += view.value(item.cost);
  }
  for (const auto& item : view.formulation.costs()) {
    const double npv = view.value(item.cost);
    const bool is_penalty = item.name == planning::kUnservedDemand;
    table.add_row({item.name, npv * 1e3, is_penalty || spent <= 0 ? 0.0 : 100 * npv / spent});
  }
  return table;
}

Table funds_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"funds",
              "Money drawn by fund",
              {{"year", "Year", {}},
               {"fund", "Fund", {}},
               {"drawn_musd", "Drawn", {}},
               {"ceiling_musd", "Ceiling", {}}},
              {}};
  for (std::size_t i = 0; i < p.funds.size(); ++i) {
    for (std::size_t y = 0; y < p.funds[i].yearly_ceiling.size(); ++y) {
      const int year = p.start.year() + static_cast<int>(y);
      double drawn = 0;
      for (const planning::Draw& draw : view.formulation.draws()) {
        if (draw.fund == i && draw.year == year) drawn += view.value(draw.column);
      }
      const double ceiling = p.funds[i].yearly_ceiling[y].in(units::million_usd);
      if (drawn < kLeast && ceiling <= 0) continue;
      table.add_row({std::to_string(year), p.funds[i].name, drawn * 1e3, ceiling});
    }
    table.columns[3].facts.push_back(p.funds[i].name + ".yearly_ceiling");
  }
  return table;
}

Table energy_table(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  const double hours = units::quarter.in(units::hour);
  Table table{"energy",
              "Energy by site zone",
              {{"quarter", "Quarter", {}},
               {"zone", "Sites", {}},
               {"energy_gwh", "Energy drawn", {}},
               {"renewable_required_percent", "Renewable share asked", {}},
               {"renewable_percent", "Renewable share used", {}},
               {"contracted_percent", "Renewable energy contracted", {}},
               {"emissions_kt_co2e", "Emissions of the rest", {}},
               {"source", "Contracts", {}}},
              {}};
  for (int t = 0; t < p.horizon(); ++t) {
    for (std::size_t z = 0; z < f.zones().size(); ++z) {
      const Site& first = p.sites[f.zones()[z].sites.front()];
      std::string sites, sources;
      for (std::size_t s : f.zones()[z].sites)
        sites += (sites.empty() ? "" : " ") + p.sites[s].name;
      const double load = view.value(f.zone_energy(z, t));
      double renewable = 0;
      for (std::size_t e = 0; e < p.energy.size(); ++e) {
        const double mw = view.value(f.contracts(e, z, t));
        if (mw < kLeast) continue;
        const auto season = static_cast<std::size_t>(p.quarter(t).quarter() - 1);
        renewable += mw * p.energy[e].capacity_factor * p.energy[e].seasonal[season];
        sources += (sources.empty() ? "" : "; ") + p.energy[e].name + " " +
                   format_number(std::round(mw)) + " MW";
      }
      if (load < kLeast) continue;
      const double used = view.value(f.renewable_use(z, t));
      const double rest = std::max(0.0, load - used) * hours * units::MWh.base();
      table.add_row({view.quarter_text(t), sites, load * hours / 1e3,
                     100 * first.renewable_share[static_cast<std::size_t>(t)], 100 * used / load,
                     100 * renewable / load, rest * first.carbon_intensity.base() / 1e6, sources});
    }
  }
  return table;
}

}  // namespace astrolabe::study
