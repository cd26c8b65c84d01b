#include "astrolabe/study/wafer_readings.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::study {

using catalog::Catalog;
using planning::Problem;

namespace {

constexpr double kRounding = 1e-9;  // of a quotient that is whole on paper

// Announced powers that the readings are held against.
struct Announced {
  const char *column, *title, *entity, *attribute;
};
constexpr Announced kAnnounced[] = {
    {"us_plan_over_fed", "US plan over IT power fed", "stargate_us", "total_plan"},
    {"vendor_deals_over_fed", "Chip deals over IT power fed", "openai", "vendor_commitment"},
    {"total_plan_over_fed", "Plan in all over IT power fed", "openai", "total_plan"}};

// Accelerators per token a second of the mix of the last quarter, availability not included.
Quantity<Dim{.second = 1, .token = -1}> accelerators_per_token_rate(
    const Problem& p, planning::AcceleratorId accelerator, std::string* unserved) {
  Tokens total;
  for (const auto& work : p.classes) {
    if (!work.is_training) total += work.demand.back();
  }
  auto sum = 0.0 * units::second / units::token;
  for (std::size_t c = 0; c < p.classes.size(); ++c) {
    const auto& work = p.classes[c];
    if (work.is_training || work.demand.back() <= Tokens()) continue;
    const auto need = std::find_if(p.needs.begin(), p.needs.end(), [&](const auto& n) {
      return n.work.index() == c && n.accelerator.index() == accelerator.index();
    });
    if (need == p.needs.end() || need->points.empty()) {
      *unserved = work.name;
      return 0.0 * units::second / units::token;
    }
    sum += (work.demand.back() / total) * work.peak_to_average /
           p.token_rate(*need, need->points.front(), p.horizon() - 1);
  }
  return sum;
}

}  // namespace

std::vector<WaferReading> wafer_readings(const Catalog& catalog, const LetterInput& letter) {
  const WaferRate monthly = catalog.get<WaferRate::kDim>("openai", "wafer_letter_of_intent");
  const WaferRate yearly = catalog.get<WaferRate::kDim>("openai", "wafer_letter_of_intent_yearly");
  const Wafers total = catalog.get<Wafers::kDim>("openai", "wafer_letter_of_intent_total");
  const Duration period = static_cast<double>(letter.until - letter.from + 1) * units::quarter;
  return {{"per month", "openai.wafer_letter_of_intent", monthly * units::year, monthly},
          {"per year", "openai.wafer_letter_of_intent_yearly", yearly * units::year, yearly},
          {"in all", "openai.wafer_letter_of_intent_total", total, total / period}};
}

FedByWafers fed_by_wafers(Wafers wafers, const Problem& p, planning::AcceleratorId accelerator,
                          double pue) {
  const planning::AcceleratorType& type = p.accelerators[accelerator.index()];
  FedByWafers fed;
  double stacks_per_wafer = 0;
  for (const auto& recipe : p.hbm[type.hbm.index()].recipes) {
    stacks_per_wafer = std::max(stacks_per_wafer, recipe.stacks_per_wafer.back());
  }
  // A product in volume only after the horizon feeds nothing in it.
  if (stacks_per_wafer <= 0) return fed;
  fed.wafers_per_accelerator =
      (type.stacks / stacks_per_wafer + type.host_dram_wafers) * units::wafer;
  fed.accelerators = wafers / fed.wafers_per_accelerator;
  fed.it_power = fed.accelerators * type.it_power;
  fed.facility_power = pue * fed.it_power;
  fed.price = fed.accelerators * type.price;
  const auto per_rate = accelerators_per_token_rate(p, accelerator, &fed.unserved);
  if (per_rate.base() > 0) {
    fed.tokens_per_day = fed.accelerators * p.availability / per_rate * units::day;
  }
  return fed;
}

FabNeed fab_need(WaferRate rate, const supply::ModuleFacts& module, Energy electricity_per_wafer,
                 Power connection, const LetterInput& letter) {
  FabNeed need;
  need.modules = static_cast<int>(std::ceil(rate / module.capacity - kRounding));
  need.fabs = static_cast<double>(need.modules) / letter.modules_per_fab;
  need.capex = need.modules * module.capex;
  need.average = rate / units::wafer * electricity_per_wafer;
  need.connection = need.fabs / letter.fabs_on_connection * connection;
  const int quarters = module.lead_quarters + std::max(1, module.ramp_quarters) - 1;
  need.decision = letter.full_output - quarters;
  need.earliest_decision = module.earliest_decision.value_or(need.decision);
  need.earliest_full = need.earliest_decision + quarters;
  return need;
}

Table readings_table(const Scenario& scenario, const Catalog& catalog, const Problem& problem) {
  const LetterInput& letter = scenario.letter.value();
  const double pue = catalog.get_number(letter.site, "pue");
  Table table{"readings",
              "What 900,000 wafers feed, by reading and accelerator",
              {{"reading", "Reading", {}},
               {"accelerator", "If all of them become", {}},
               {"mwafers", "Wafers of a year, or in all", {}},
               {"dram_kwafers_per_gw", "DRAM wafers per GW of IT power", {}},
               {"accelerators_million", "Accelerators", {}},
               {"it_power_gw", "IT power fed", {}},
               {"facility_power_gw", "Facility power", {letter.site + ".pue"}},
               {"tokens_1e15_per_day", "Tokens of the scenario's mix", {}},
               {"accelerators_busd", "Price of the accelerators", {}}},
              {}};
  for (const Announced& a : kAnnounced) {
    table.columns.push_back({a.column, a.title, {std::string(a.entity) + "." + a.attribute}});
  }
  table.columns.push_back({"cannot_serve", "Class it cannot serve", {}});
  for (const WaferReading& reading : wafer_readings(catalog, letter)) {
    table.columns[2].facts.push_back(reading.fact);
    for (std::size_t a = 0; a < problem.accelerators.size(); ++a) {
      const FedByWafers fed =
          fed_by_wafers(reading.wafers, problem, planning::AcceleratorId(a), pue);
      if (fed.accelerators <= 0) continue;
      std::vector<Table::Cell> row = {reading.name,
                                      problem.accelerators[a].name,
                                      reading.wafers.in(units::kwafer) / 1e3,
                                      reading.wafers.in(units::kwafer) / fed.it_power.in(units::GW),
                                      fed.accelerators / 1e6,
                                      fed.it_power.in(units::GW),
                                      fed.facility_power.in(units::GW),
                                      fed.tokens_per_day.in(units::token) / 1e15,
                                      fed.price.in(units::billion_usd)};
      for (const Announced& it : kAnnounced) {
        row.emplace_back(catalog.get<Power::kDim>(it.entity, it.attribute) / fed.it_power);
      }
      row.emplace_back(fed.unserved);
      table.add_row(std::move(row));
    }
  }
  for (const auto& type : problem.accelerators) {
    table.columns[5].facts.push_back(type.name + ".it_power");
    table.columns[8].facts.push_back(type.name + ".price");
  }
  return table;
}

Table reading_fabs_table(const Scenario& scenario, const Catalog& catalog, const Problem& problem) {
  const LetterInput& letter = scenario.letter.value();
  const auto line = supply::read_line(catalog, letter.line, problem.start, problem.quarters);
  const auto connection = catalog.find<Power::kDim>(letter.line, "connection_power");
  if (!line.value || line.value->module.limit == 0 || !connection) {
    throw InputError({scenario.file, 0}, "letter_of_intent.line", letter.line,
                     "a DRAM line with expansion modules and a connection_power");
  }
  const std::string& of = letter.line;
  const WaferRate today =
      catalog.get<WaferRate::kDim>("check_world", "korean_dram_wafer_starts@2025Q4");
  Table table{"reading_fabs",
              "What 900,000 wafers take, if all of them are new capacity",
              {{"reading", "Reading", {}},
               {"kwafers_per_month", "Wafer starts", {}},
               {"percent_of_korean_starts",
                "Share of what Samsung and SK hynix start",
                {"check_world.korean_dram_wafer_starts"}},
               {"modules", "Modules", {of + ".module_capacity"}},
               {"module_limit", "Modules that have a place", {of + ".module_limit"}},
               {"fabs", "Fabs", {}},
               {"capex_busd", "Capital cost", {of + ".module_capex"}},
               {"average_power_gw", "Mean power", {of + ".electricity_per_wafer"}},
               {"connection_gw", "Connection", {of + ".connection_power"}},
               {"kwh_per_wafer", "Electricity per wafer", {of + ".electricity_per_wafer"}},
               {"full_output", "Full output asked in", {}},
               {"decision", "Ground broken by", {of + ".module_lead_time"}},
               {"earliest_decision", "Earliest decision", {of + ".module_earliest"}},
               {"earliest_full", "Full output after it", {of + ".module_ramp_time"}}},
              {}};
  for (const WaferReading& reading : wafer_readings(catalog, letter)) {
    const Energy each = line.value->electricity_per_wafer;
    const FabNeed need = fab_need(reading.rate, line.value->module, each, *connection, letter);
    table.add_row({reading.name, (reading.rate * units::month).in(units::kwafer),
                   100 * (reading.rate / today), static_cast<double>(need.modules),
                   static_cast<double>(line.value->module.limit), need.fabs,
                   need.capex.in(units::billion_usd), need.average.in(units::GW),
                   need.connection.in(units::GW), each.in(units::kWh), letter.full_output.text(),
                   need.decision.text(), need.earliest_decision.text(), need.earliest_full.text()});
  }
  return table;
}

}  // namespace astrolabe::study
