#include "astrolabe/study/headlines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace astrolabe::study {

using planning::Problem;
namespace scale = planning::scale;

namespace {

// 11751 -> 11,751, as the tables of the report.
std::string grouped(double value) {
  const std::string digits = fmt::format("{:.0f}", std::abs(value));
  std::string text = std::round(value) < 0 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string bottleneck_name(const planning::Bottleneck& b) {
  std::string name = planning::family_text(b.family).what;
  if (const auto at = name.find("{}"); at != std::string::npos) name.replace(at, 2, b.entity);
  return name;
}

// The bottleneck with the largest rent in the quarters of a year, with its mean worth.
std::string year_bottleneck(const PlanView& view, int year) {
  std::map<std::string, double> rent, worth;
  std::map<std::string, int> quarters;
  std::map<std::string, std::string> unit;
  for (const planning::Bottleneck& b : view.bottlenecks) {
    if (b.t < 0 || view.problem().quarter(b.t).year() != year) continue;
    const std::string name = bottleneck_name(b);
    rent[name] += b.rent;
    worth[name] += b.worth;
    ++quarters[name];
    unit[name] = b.unit;
  }
  std::string best;
  for (const auto& [name, r] : rent) {
    if (best.empty() || r > rent[best]) best = name;
  }
  if (best.empty()) return "";
  return best + ", " + planning::money_text(worth[best] / quarters[best]) + " per " + unit[best];
}

double levelised_cost(const PlanView& view, double* npv_busd) {
  const Problem& p = view.problem();
  double cost = 0, tokens = 0;
  for (const auto& item : view.formulation.costs()) {
    if (item.name != planning::kUnservedDemand) cost += view.value(item.cost);
  }
  const double days = units::quarter.in(units::day);
  for (const planning::Allocation& x : view.formulation.allocations()) {
    if (p.classes[x.work].is_training) continue;
    tokens += view.value(x.column) * x.tokens * days * p.discount_factor(x.t);
  }
  *npv_busd = cost;
  return tokens > 0 ? cost / scale::kMoney / (tokens / scale::kTokensPerDay) * 1e6 : 0;
}

std::string gigawatt(double mw) { return fmt::format("{:.2f}", mw / 1e3); }

}  // namespace

std::vector<YearFigures> yearly_figures(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  std::vector<YearFigures> years;
  std::map<std::string, double> spending;
  for (const auto& row : cost_table(view).rows) {
    spending[std::get<std::string>(row[0])] += std::get<double>(row[2]) / 1e3;
  }
  for (int t = 0; t < p.horizon(); ++t) {
    const bool is_last = p.quarter(t).quarter() == 4 || t + 1 == p.horizon();
    if (!is_last) continue;
    YearFigures y;
    y.year = p.quarter(t).year();
    y.t = t;
    for (std::size_t c = 0; c < p.classes.size(); ++c) {
      if (p.classes[c].is_training) continue;
      const double demand =
          p.classes[c].demand[static_cast<std::size_t>(t)].in(units::token)*scale::kTokensPerDay;
      y.demand += demand;
      y.served += demand - std::max(0.0, view.value(f.unserved(c, t)));
    }
    for (std::size_t s = 0; s < p.sites.size(); ++s) {
      const double it = view.value(f.it_power(s, t));
      y.it_power_mw += it;
      y.facility_power_mw += it * p.sites[s].pue;
      for (std::size_t a = 0; a < p.accelerators.size(); ++a) {
        y.accelerators += view.value(f.in_service(a, s, t)) / scale::kAccelerators;
      }
    }
    int quarters = 0;
    for (int q = t; q >= 0 && p.quarter(q).year() == y.year; --q) {
      ++quarters;
      for (std::size_t h = 0; h < p.hbm.size(); ++h) {
        for (std::size_t r = 0; r < p.hbm[h].recipes.size(); ++r) {
          y.hbm_kwafers += view.value(f.wafers(h, r, q)) / 3;
        }
      }
      for (std::size_t l = 0; l < p.lines.size(); ++l) {
        y.dram_kwafers += view.value(f.host_wafers(l, q)) / 3;
      }
    }
    y.hbm_kwafers /= std::max(quarters, 1);
    y.dram_kwafers = y.dram_kwafers / std::max(quarters, 1) + y.hbm_kwafers;
    y.spending_busd = spending[std::to_string(y.year)];
    y.bottleneck = year_bottleneck(view, y.year);
    y.is_scarce = !y.bottleneck.empty();
    if (!y.is_scarce) y.bottleneck = "nothing scarce: all demand worth its cost is served";
    years.push_back(std::move(y));
  }
  return years;
}

namespace {

Headline korea_headline(const PlanView& view) {
  const Problem& p = view.problem();
  const auto& f = view.formulation;
  Headline h{"Korean sites, last quarter", "", "MW IT", "", {}};
  double total = 0;
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    if (p.sites[s].country != "KR") continue;
    const double it = view.value(f.it_power(s, p.horizon() - 1));
    total += it;
    int first = -1;
    for (int t = 0; t < p.horizon() && first < 0; ++t) {
      if (view.value(f.it_power(s, t)) > 0.5) first = t;
    }
    h.facts.push_back(p.sites[s].name + ".contracted_power");
    h.facts.push_back(p.sites[s].name + ".grid_lead_time");
    h.facts.push_back(p.sites[s].name + ".build_time");
    if (first < 0) continue;
    const int lead = std::max(p.sites[s].build_quarters, 0);
    h.detail += fmt::format("{}{}: {} MW, first in {}, building ordered by {}",
                            h.detail.empty() ? "" : "; ", p.sites[s].name, grouped(it),
                            p.quarter(first).text(), p.quarter(first - lead).text());
  }
  if (h.detail.empty()) h.detail = "no Korean site is used";
  h.value = grouped(total);
  return h;
}

Headline first_bottleneck_headline(const std::vector<YearFigures>& years) {
  Headline h{"What binds, year by year", "", "", "", {}};
  for (const YearFigures& y : years) {
    h.detail += fmt::format("{}{}: {}", h.detail.empty() ? "" : "; ", y.year, y.bottleneck);
  }
  for (const YearFigures& y : years) {
    if (!y.is_scarce) continue;
    h.value =
        fmt::format("first, in {}: {}", y.year, y.bottleneck.substr(0, y.bottleneck.find(',')));
    break;
  }
  return h;
}

std::vector<std::string> facts_of(const PlanView& view,
                                  const std::vector<const char*>& attributes) {
  std::vector<std::string> facts;
  for (const auto& a : view.problem().accelerators) {
    for (const char* attribute : attributes) facts.push_back(a.name + "." + attribute);
  }
  return facts;
}

// What may bind: capacity of lines, power of sites, ceilings of funds.
std::vector<std::string> limits_of(const PlanView& view) {
  std::vector<std::string> facts;
  for (const auto& l : view.problem().lines) facts.push_back(l.name + ".capacity");
  for (const auto& s : view.problem().sites) facts.push_back(s.name + ".contracted_power");
  for (const auto& s : view.problem().sites) facts.push_back(s.name + ".expandable_power");
  for (const auto& f : view.problem().funds) facts.push_back(f.name + ".yearly_ceiling");
  return facts;
}

}  // namespace

std::vector<Headline> plan_headlines(const PlanView& view) {
  const Problem& p = view.problem();
  const std::vector<YearFigures> years = yearly_figures(view);
  std::vector<Headline> headlines;
  if (years.empty()) return headlines;
  const YearFigures& last = years.back();
  double peak = 0;
  int peak_year = 0;
  for (const YearFigures& y : years) {
    if (y.dram_kwafers > peak) {
      peak = y.dram_kwafers;
      peak_year = y.year;
    }
  }
  double npv = 0;
  const double cost = levelised_cost(view, &npv);
  std::vector<std::string> site_facts, line_facts;
  for (const auto& s : p.sites) site_facts.push_back(s.name + ".pue");
  for (const auto& l : p.lines) line_facts.push_back(l.name + ".capacity");
  headlines.push_back(
      {fmt::format("Tokens served at the end of {}", last.year), grouped(last.served),
       "trillion a day",
       fmt::format("{:.0f} % of a demand of {}", 100 * last.served / std::max(last.demand, 1e-9),
                   grouped(last.demand)),
       facts_of(view, {"hbm_bandwidth", "hbm_capacity", "dense_fp8", "it_power"})});
  headlines.push_back({fmt::format("IT power in service at the end of {}", last.year),
                       gigawatt(last.it_power_mw), "GW",
                       fmt::format("{} GW of facility power, {:.2f} million accelerators",
                                   gigawatt(last.facility_power_mw), last.accelerators / 1e6),
                       facts_of(view, {"it_power"})});
  headlines.push_back({"Most DRAM wafer starts in a year", grouped(peak), "thousand a month",
                       fmt::format("in {}, HBM and host memory", peak_year), line_facts});
  headlines.push_back(
      {"Net present cost", grouped(npv), "billion USD",
       fmt::format("real, at {:.1f} % a year, residual values credited", 100 * p.discount_rate),
       facts_of(view, {"price"})});
  headlines.push_back({"Cost of serving", fmt::format("{:.3f}", cost), "USD per million tokens",
                       "net present cost over discounted tokens, training included in the cost",
                       facts_of(view, {"price", "hbm_bandwidth", "it_power"})});
  headlines.push_back(first_bottleneck_headline(years));
  headlines.back().facts = limits_of(view);
  headlines.push_back(korea_headline(view));
  return headlines;
}

std::string plan_summary(const PlanView& view, const std::vector<Headline>& headlines) {
  const planning::Solution& s = view.solution;
  std::string out =
      fmt::format("{}  {} to {}\n\n", view.problem().name, view.problem().start.text(),
                  view.problem().quarter(view.problem().horizon() - 1).text());
  for (const Headline& h : headlines) {
    if (h.label == "What binds, year by year") continue;
    std::string detail = h.detail;
    if (detail.size() > 150) detail = detail.substr(0, 147) + "...";
    out += fmt::format("  {:<42} {:>8} {:<22} {}\n", h.label, h.value, h.unit, detail);
  }
  out +=
      fmt::format("\n  {:<5}{:>9}{:>8}{:>8}{:>9}{:>10}{:>9}{:>10}  {}\n", "year", "demand",
                  "served", "IT GW", "fac. GW", "accel. k", "DRAM k", "spend B", "what binds most");
  for (const YearFigures& y : yearly_figures(view)) {
    std::string bottleneck = y.bottleneck;
    if (bottleneck.size() > 62) bottleneck = bottleneck.substr(0, 59) + "...";
    out += fmt::format("  {:<5}{:>9.0f}{:>7.0f}%{:>8.2f}{:>9.2f}{:>10.0f}{:>9.0f}{:>10.1f}  {}\n",
                       y.year, y.demand, 100 * y.served / std::max(y.demand, 1e-9),
                       y.it_power_mw / 1e3, y.facility_power_mw / 1e3, y.accelerators / 1e3,
                       y.dram_kwafers, y.spending_busd, bottleneck);
  }
  out += fmt::format(
      "\n  demand in 1e12 tokens a day, DRAM in thousand wafer starts a month, spend in billion "
      "USD\n"
      "  objective {:.2f}, bound {:.2f}, gap {:.3f} % ({:.3f} % without the value of unserved "
      "demand)\n",
      s.objective, s.bound, 100 * s.gap, 100 * s.gap_without_unserved);
  return out;
}

Table summary_table(const PlanView& view) {
  Table table{"summary",
              "Year by year",
              {{"year", "Year", {}},
               {"demand_ttokens_per_day", "Demand", {}},
               {"served_percent", "Served", {}},
               {"it_power_gw", "IT power", {}},
               {"facility_power_gw", "Facility power", {}},
               {"accelerators_thousand", "Accelerators", {}},
               {"hbm_kwafers_per_month", "HBM wafer starts", {}},
               {"dram_kwafers_per_month", "DRAM wafer starts, HBM included", {}},
               {"spending_busd", "Spending", {}},
               {"bottleneck", "What binds most", {}}},
              {}};
  for (const YearFigures& y : yearly_figures(view)) {
    table.add_row({std::to_string(y.year), y.demand, 100 * y.served / std::max(y.demand, 1e-9),
                   y.it_power_mw / 1e3, y.facility_power_mw / 1e3, y.accelerators / 1e3,
                   y.hbm_kwafers, y.dram_kwafers, y.spending_busd, y.bottleneck});
  }
  table.columns[3].facts = facts_of(view, {"it_power"});
  table.columns[8].facts = facts_of(view, {"price"});
  return table;
}

Table sites_table(const PlanView& view, const catalog::Catalog& catalog) {
  const Problem& p = view.problem();
  Table table{"sites",
              "Sites",
              {{"site", "Site", {}},
               {"name", "Name", {}},
               {"country", "Country", {}},
               {"latitude", "Latitude", {}},
               {"longitude", "Longitude", {}},
               {"announced_mw", "Announced", {}},
               {"contracted_mw", "Contracted at the end", {}},
               {"energised_mw", "Energised in the first quarter", {}},
               {"planned_mw", "Built in the plan, facility", {}},
               {"note", "State", {}}},
              {}};
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    const auto& site = p.sites[s];
    const int last = p.horizon() - 1;
    table.add_row(
        {site.name, catalog.get_text(site.name, "name"), site.country,
         catalog.get_number(site.name, "latitude"), catalog.get_number(site.name, "longitude"),
         catalog.get<Power::kDim>(site.name, "announced_power").in(units::MW),
         site.contracted[static_cast<std::size_t>(last)].in(units::MW),
         site.energised[0].in(units::MW), view.value(view.formulation.built_power(s, last)),
         catalog.find_text(site.name, "status_note").value_or("")});
    for (std::size_t c = 5; c <= 7; ++c) {
      static const char* attributes[] = {"announced_power", "contracted_power", "energised_power"};
      table.columns[c].facts.push_back(site.name + "." + attributes[c - 5]);
    }
  }
  return table;
}

}  // namespace astrolabe::study
