#include "astrolabe/study/plan_tables.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "astrolabe/study/token_costs.h"

namespace astrolabe::study {

using planning::AcceleratorType;
using planning::Linear;
using planning::Problem;
using planning::Site;
namespace scale = planning::scale;

namespace {

constexpr double kSmall = 1e-6;  // below this a model quantity is rounding

double thousand_accelerators(const PlanView& view, std::size_t a, std::size_t s, int t) {
  return view.value(view.formulation.in_service(a, s, t)) / scale::kAccelerators / 1e3;
}

}  // namespace

std::vector<ServedFlow> served_flows(const PlanView& view, int t) {
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, double> sum;
  for (const planning::Allocation& x : view.formulation.allocations()) {
    if (x.t != t) continue;
    const double tokens = view.value(x.column) * x.tokens;
    if (tokens > kSmall) sum[{x.work, x.accelerator, x.zone}] += tokens;
  }
  std::vector<ServedFlow> flows;
  for (const auto& [key, tokens] : sum) {
    flows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), tokens});
  }
  return flows;
}

Table demand_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"demand",
              "Demand and what is served",
              {{"quarter", "Quarter", {}},
               {"class", "Class of work", {}},
               {"demand_ttokens_per_day", "Demand", {}},
               {"served_ttokens_per_day", "Served", {}},
               {"unserved_ttokens_per_day", "Unserved", {}},
               {"marginal_cost_usd_per_mtokens", "Marginal cost of serving", {}}},
              {}};
  std::map<std::pair<std::size_t, int>, double> price;
  const auto& meanings = view.formulation.meanings();
  std::map<std::string, std::size_t> class_index;
  for (std::size_t c = 0; c < p.classes.size(); ++c) class_index[p.classes[c].name] = c;
  for (std::size_t i = 0; i < meanings.size(); ++i) {
    if (meanings[i].family != planning::Family::kDemand) continue;
    const double days = units::quarter.in(units::day);
    const double usd = view.solution.duals[i] / scale::kMoney * scale::kTokensPerDay / days * 1e6 /
                       p.discount_factor(meanings[i].t);
    price[{class_index[meanings[i].entity], meanings[i].t}] = usd;
  }
  for (int t = 0; t < p.horizon(); ++t) {
    for (std::size_t c = 0; c < p.classes.size(); ++c) {
      const auto& work = p.classes[c];
      if (work.is_training) continue;
      const double demand =
          work.demand[static_cast<std::size_t>(t)].in(units::token)*scale::kTokensPerDay;
      const double unserved = std::max(0.0, view.value(view.formulation.unserved(c, t)));
      table.add_row(
          {view.quarter_text(t), work.name, demand, demand - unserved, unserved, price[{c, t}]});
    }
  }
  return table;
}

Table fleet_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"fleet",
              "Fleet in service",
              {{"quarter", "Quarter", {}},
               {"accelerator", "Accelerator", {}},
               {"site", "Site", {}},
               {"accelerators_thousand", "Accelerators", {}},
               {"it_power_mw", "Provisioned IT power", {}}},
              {}};
  for (int t = 0; t < p.horizon(); ++t) {
    for (std::size_t a = 0; a < p.accelerators.size(); ++a) {
      for (std::size_t s = 0; s < p.sites.size(); ++s) {
        const double n = thousand_accelerators(view, a, s, t);
        if (n < kSmall) continue;
        table.add_row({view.quarter_text(t), p.accelerators[a].name, p.sites[s].name, n,
                       n * 1e3 * p.accelerators[a].it_power.in(units::MW)});
      }
    }
  }
  for (const AcceleratorType& a : p.accelerators) {
    table.columns[4].facts.push_back(a.name + ".it_power");
  }
  return table;
}

Table power_table(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  Table table{"power",
              "Facility power by site",
              {{"quarter", "Quarter", {}},
               {"site", "Site", {}},
               {"facility_power_mw", "Facility power of the fleet (provisioned)", {}},
               {"built_power_mw", "Facility power built", {}},
               {"grid_limit_mw", "Grid power energised", {}},
               {"it_power_mw", "IT power of the fleet (provisioned)", {}}},
              {}};
  for (int t = 0; t < p.horizon(); ++t) {
    for (std::size_t s = 0; s < p.sites.size(); ++s) {
      const Site& site = p.sites[s];
      const auto at = static_cast<std::size_t>(t);
      const double it = view.value(f.it_power(s, t));
      const double grid = std::max(site.contracted[at], site.energised[at]).in(units::MW) +
                          view.value(f.grid_power(s, t));
      table.add_row({view.quarter_text(t), site.name, it * site.pue,
                     view.value(f.built_power(s, t)), grid, it});
    }
  }
  for (const Site& site : p.sites) {
    table.columns[2].facts.push_back(site.name + ".pue");
    table.columns[4].facts.push_back(site.name + ".contracted_power");
    table.columns[4].facts.push_back(site.name + ".energised_power");
  }
  return table;
}

Table supply_table(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  const double months = units::quarter.in(units::month);
  Table table{"supply",
              "Wafer starts for this programme",
              {{"quarter", "Quarter", {}},
               {"line", "Line", {}},
               {"product", "Product", {}},
               {"kwafers_per_month", "Wafer starts", {}},
               {"capacity_kwafers_per_month", "Capacity open to the programme", {}}},
              {}};
  for (int t = 0; t < p.horizon(); ++t) {
    const auto at = static_cast<std::size_t>(t);
    for (std::size_t l = 0; l < p.lines.size(); ++l) {
      const auto& line = p.lines[l];
      const double capacity =
          (line.capacity[at].in(units::kwafer) + view.value(f.module_output(l, t))) / months;
      auto add = [&](const std::string& product, double kwafers) {
        if (kwafers < kSmall) return;
        table.add_row({view.quarter_text(t), line.name, product, kwafers / months, capacity});
      };
      if (line.kind == planning::LineKind::kDram) {
        for (std::size_t h = 0; h < p.hbm.size(); ++h) {
          for (std::size_t r = 0; r < p.hbm[h].recipes.size(); ++r) {
            if (p.hbm[h].recipes[r].line.index() == l) {
              add(p.hbm[h].name, view.value(f.wafers(h, r, t)));
            }
          }
        }
        add("host DRAM", view.value(f.host_wafers(l, t)));
        continue;
      }
      const bool is_logic = line.kind == planning::LineKind::kLogic;
      for (const AcceleratorType& a : p.accelerators) {
        const auto index = static_cast<std::size_t>(&a - p.accelerators.data());
        const auto id = is_logic ? a.logic : a.packaging;
        if (!id.is_valid() || id.index() != l) continue;
        const int lead = a.packaging_quarters + (is_logic ? a.logic_quarters : 0);
        const double made =
            view.value(f.delivered(index, t + lead)) - view.value(f.delivered(index, t + lead - 1));
        add(a.name, made * (is_logic ? a.logic_wafers[at] : a.packaging_wafers));
      }
    }
  }
  for (const auto& line : p.lines) table.columns[4].facts.push_back(line.name + ".capacity");
  return table;
}

Table allocation_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"allocation",
              "Who serves what, where",
              {{"quarter", "Quarter", {}},
               {"class", "Class of work", {}},
               {"accelerator", "Accelerator", {}},
               {"site", "Site", {}},
               {"operating_point", "Operating point", {}},
               {"accelerators_thousand", "Accelerators", {}},
               {"ttokens_per_day", "Tokens", {}}},
              {}};
  for (const planning::Allocation& x : view.formulation.allocations()) {
    const double n = view.value(x.column) / scale::kAccelerators / 1e3;
    if (n < kSmall) continue;
    const auto& sites = view.formulation.zones()[x.zone].sites;
    double total = 0;
    for (std::size_t s : sites) total += thousand_accelerators(view, x.accelerator, s, x.t);
    std::string point;
    for (const auto& need : p.needs) {
      if (need.work.index() == x.work && need.accelerator.index() == x.accelerator) {
        point = need.points[x.point].name;
      }
    }
    for (std::size_t s : sites) {
      const double here = thousand_accelerators(view, x.accelerator, s, x.t);
      if (here < kSmall || total < kSmall) continue;
      const double share = here / total;
      table.add_row({view.quarter_text(x.t), p.classes[x.work].name,
                     p.accelerators[x.accelerator].name, p.sites[s].name, point, n * share,
                     view.value(x.column) * x.tokens * share});
    }
  }
  return table;
}

Table bottleneck_table(const PlanView& view) {
  Table table{"bottlenecks",
              "What binds, and what one more unit is worth",
              {{"quarter", "Quarter", {}},
               {"family", "Constraint family", {}},
               {"entity", "Where", {}},
               {"constraint", "Constraint", {}},
               {"used_percent", "Used", {}},
               {"shadow_price", "Worth of one more unit", {}},
               {"shadow_unit", "Unit", {}},
               {"rent_musd", "Worth times use in the quarter", {}},
               {"sentence", "In words", {}}},
              {}};
  for (const planning::Bottleneck& b : view.bottlenecks) {
    const std::string family = planning::family_text(b.family).name;
    const std::string quarter = view.quarter_text(b.t);
    table.add_row({quarter, family, b.entity, family + "[" + b.entity + "," + quarter + "]",
                   b.used_percent, b.worth, "USD/" + b.unit, b.rent / 1e6, b.sentence});
  }
  return table;
}

Table flows_table(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  Table table{"flows",
              "From wafers to tokens",
              {{"year", "Year", {}},
               {"source", "From", {}},
               {"target", "To", {}},
               {"stage", "Stage", {}},
               {"ttokens_per_day", "Tokens that go this way", {}}},
              {}};
  for (int t = 0; t < p.horizon(); ++t) {
    if (p.quarter(t).quarter() != 4 && t + 1 != p.horizon()) continue;
    std::map<std::tuple<int, std::string, std::string>, double> flow;
    for (const ServedFlow& s : served_flows(view, t)) {
      const AcceleratorType& a = p.accelerators[s.accelerator];
      const auto& product = p.hbm[a.hbm.index()];
      // Share of each DRAM line in the stacks of this product made so far.
      std::vector<double> made(product.recipes.size(), 0.0);
      double total = 0;
      for (std::size_t r = 0; r < made.size(); ++r) {
        for (int q = -f.history(); q <= t; ++q) {
          made[r] += view.value(f.wafers(a.hbm.index(), r, q)) *
                     product.recipes[r].stacks_per_wafer[static_cast<std::size_t>(std::max(q, 0))];
        }
        total += made[r];
      }
      for (std::size_t r = 0; r < made.size(); ++r) {
        const double share = total > 0 ? made[r] / total : 0;
        if (share < 1e-3) continue;
        flow[{0, p.lines[product.recipes[r].line.index()].name, product.name}] +=
            s.ttokens_per_day * share;
      }
      if (total <= 0) flow[{0, "made before the horizon", product.name}] += s.ttokens_per_day;
      flow[{1, product.name, a.name}] += s.ttokens_per_day;
      const auto& sites = f.zones()[s.zone].sites;
      double fleet = 0;
      for (std::size_t i : sites) fleet += thousand_accelerators(view, s.accelerator, i, t);
      for (std::size_t i : sites) {
        const double share =
            fleet > 0 ? thousand_accelerators(view, s.accelerator, i, t) / fleet : 0;
        if (share < 1e-3) continue;
        flow[{2, a.name, p.sites[i].name}] += s.ttokens_per_day * share;
        flow[{3, p.sites[i].name, p.classes[s.work].name}] += s.ttokens_per_day * share;
      }
    }
    static const char* stages[] = {"DRAM line to HBM", "HBM to accelerator", "accelerator to site",
                                   "site to class of work"};
    for (const auto& [key, tokens] : flow) {
      if (tokens < kSmall) continue;
      table.add_row({std::to_string(p.quarter(t).year()), std::get<1>(key), std::get<2>(key),
                     std::string(stages[std::get<0>(key)]), tokens});
    }
  }
  return table;
}

std::vector<Table> plan_tables(const PlanView& view) {
  std::vector<Table> tables = {
      demand_table(view),     fleet_table(view),        power_table(view),
      supply_table(view),     orders_table(view),       timeline_table(view),
      flows_table(view),      bottleneck_table(view),   cost_table(view),
      funds_table(view),      cost_summary_table(view), energy_table(view),
      allocation_table(view), depreciation_table(view), token_cost_table(view)};
  return tables;
}

}  // namespace astrolabe::study
