#include "astrolabe/study/problem_builder.h"

#include <algorithm>
#include <sstream>

#include "astrolabe/base/finance.h"
#include "astrolabe/study/problem_parts.h"
#include "astrolabe/supply/capacity.h"

namespace astrolabe::study {

using catalog::Catalog;
using planning::AssetClass;
using planning::Problem;

namespace {

constexpr Dim kPower = Power::kDim, kMoney = Money::kDim;

SourcePosition position_of(const Catalog& catalog, const std::string& entity,
                           const std::string& attribute, const SourcePosition& fallback) {
  for (const catalog::Fact* fact : catalog.facts_of(entity)) {
    if (fact->attribute.rfind(attribute, 0) == 0) return fact->position;
  }
  return fallback;
}

// Rates per year of the catalogue ("%/year") as a fraction per year.
double per_year(const Catalog& catalog, const char* attribute) {
  return catalog.get<Frequency::kDim>("finance_base", attribute).in(1.0 / units::year);
}

}  // namespace

double step_at(const std::vector<std::pair<Quarter, double>>& points, Quarter q) {
  double value = 0;
  for (const auto& [date, v] : points) {
    if (date <= q) value = v;
  }
  return value;
}

void add_lines(const Scenario& scenario, const Catalog& catalog, Problem* problem) {
  for (const SupplierInput& input : scenario.suppliers) {
    const std::string& kind = catalog.kind_of(input.line);
    const auto reading = supply::read_line(catalog, input.line, problem->start, problem->quarters);
    if (!reading.value) {
      throw InputError(input.position, "line", input.line + ": " + reading.reason,
                       "a line whose capacity is known");
    }
    const supply::LineCapacity& facts = *reading.value;
    planning::SupplyLine line;
    line.name = input.line;
    line.maker = facts.maker;
    line.country = facts.country;
    line.kind = kind == "dram_lines"      ? planning::LineKind::kDram
                : kind == "process_nodes" ? planning::LineKind::kLogic
                                          : planning::LineKind::kPackaging;
    line.position = position_of(catalog, input.line, "capacity", input.position);
    for (int t = 0; t < problem->quarters; ++t) {
      const double share = input.share.at(problem->quarter(t));
      const auto at = static_cast<std::size_t>(t);
      line.capacity.push_back(facts.wafers[at] * share);
      if (!facts.hbm_wafers.empty()) line.hbm_capacity.push_back(facts.hbm_wafers[at] * share);
    }
    line.electricity_per_wafer = facts.electricity_per_wafer;
    if (input.may_expand && facts.module.limit > 0) {
      planning::ExpansionModule& m = line.module;
      m.capacity_wafers_per_quarter = (facts.module.capacity * units::quarter).in(units::wafer);
      m.capex = facts.module.capex;
      m.lead_quarters = facts.module.lead_quarters;
      m.ramp_quarters = facts.module.ramp_quarters;
      m.limit = static_cast<int>(input.module_limit.value_or(facts.module.limit));
      m.earliest_order = facts.module.earliest_decision
                             ? std::max(0, *facts.module.earliest_decision - problem->start)
                             : 0;
      m.hbm_share = input.hbm_share_of_modules;
    }
    problem->lines.push_back(std::move(line));
  }
  if (scenario.dram_ceiling) {
    for (int t = 0; t < problem->quarters; ++t) {
      problem->dram_ceiling.push_back(
          WaferRate::from_base(scenario.dram_ceiling->at(problem->quarter(t))) * units::quarter);
    }
  }
}

void add_sites(const Scenario& scenario, const Catalog& catalog, Problem* problem) {
  for (const SiteInput& input : scenario.sites) {
    planning::Site site;
    const std::string& name = input.name;
    site.name = name;
    site.country = catalog.get_text(name, "country");
    site.grid = catalog.get_text(name, "grid");
    site.pue = catalog.get_number(name, "pue");
    site.block = catalog.get<kPower>(name, "block_power");
    site.build_quarters = supply::whole_quarters(catalog.get<Duration::kDim>(name, "build_time"));
    site.grid_quarters =
        supply::whole_quarters(catalog.get<Duration::kDim>(name, "grid_lead_time"));
    site.expandable = catalog.get<kPower>(name, "expandable_power");
    site.shell_capex = catalog.get<PowerCost::kDim>(name, "shell_capex");
    site.grid_capex = catalog.get<PowerCost::kDim>(name, "grid_capex");
    site.carbon_intensity = catalog.get<CarbonIntensity::kDim>(site.grid, "carbon_intensity");
    site.carbon_price =
        catalog.find<CarbonPrice::kDim>(site.grid, "carbon_price").value_or(CarbonPrice{});
    site.position = position_of(catalog, name, "grid_lead_time", input.position);
    site.renewable_position = key_position(input, "renewable_share");
    site.fixed_load_position = key_position(input, "fixed_load");
    const auto energised = catalog.path(name, "energised_power", kPower);
    const auto contracted = catalog.path(name, "contracted_power", kPower);
    const EnergyPrice price = catalog.get<EnergyPrice::kDim>(site.grid, "electricity_price");
    for (int t = 0; t < problem->quarters; ++t) {
      const Quarter q = problem->quarter(t);
      site.energised.push_back(Power::from_base(step_at(energised, q)));
      site.contracted.push_back(
          std::max(site.energised.back(), Power::from_base(step_at(contracted, q))));
      site.electricity_price.push_back(price);
      site.fixed_load.push_back(Power::from_base(input.fixed_load.at(q)));
      site.renewable_share.push_back(input.renewable_share.at(q));
    }
    for (const std::string& accelerator : input.accelerators) {
      for (std::size_t a = 0; a < problem->accelerators.size(); ++a) {
        if (problem->accelerators[a].name == accelerator) {
          site.allowed.emplace_back(a);
        }
      }
    }
    const planning::SiteId id(problem->sites.size());
    for (const SiteInput::Requirement& r : input.requirements) {
      problem->requirements.push_back(
          {id, r.it_power, std::max(0, r.from - problem->start), r.position});
    }
    problem->sites.push_back(std::move(site));
  }
}

void add_existing(const Scenario& scenario, Problem* problem) {
  for (const ExistingInput& input : scenario.existing) {
    planning::ExistingFleet fleet;
    for (std::size_t a = 0; a < problem->accelerators.size(); ++a) {
      if (problem->accelerators[a].name == input.accelerator) {
        fleet.accelerator = planning::AcceleratorId(a);
      }
    }
    for (std::size_t s = 0; s < problem->sites.size(); ++s) {
      if (problem->sites[s].name == input.site) fleet.site = planning::SiteId(s);
    }
    fleet.accelerators = input.accelerators;
    fleet.installed = input.installed - problem->start;
    fleet.position = input.position;
    if (!fleet.accelerator.is_valid() || !fleet.site.is_valid()) {
      throw InputError(input.position, "existing", input.accelerator + " at " + input.site,
                       "an accelerator and a site that take part and have no missing fact");
    }
    problem->existing.push_back(fleet);
  }
}

void add_vendors(const Scenario& scenario, Problem* problem) {
  for (const VendorInput& v : scenario.vendors) {
    planning::VendorCeiling ceiling{v.name, {}, v.position};
    for (int t = 0; t < problem->quarters; ++t) {
      ceiling.it_power.push_back(Power::from_base(v.it_power.at(problem->quarter(t))));
    }
    problem->ceilings.push_back(std::move(ceiling));
  }
  for (const CommitmentInput& c : scenario.commitments) {
    problem->commitments.push_back(
        {c.vendor, c.it_power, std::min(problem->quarters - 1, c.by - problem->start), c.position});
  }
}

void add_demand(const Scenario& scenario, const Catalog&, Problem* problem) {
  for (const DemandInput& input : scenario.demand) {
    planning::DemandClass work;
    work.name = input.name;
    for (int t = 0; t < problem->quarters; ++t) {
      work.demand.push_back(input.tokens_per_day.at(problem->quarter(t)) * units::token);
    }
    work.peak_to_average = input.peak_to_average;
    work.value_unserved = input.value_unserved;
    work.must_serve = input.must_serve;
    for (const auto& [country, share] : input.in_country) {
      work.in_country.push_back({country, share});
    }
    work.position = input.position;
    problem->classes.push_back(std::move(work));
  }
  for (const TrainingInput& input : scenario.training) {
    planning::DemandClass run;
    run.name = input.name;
    run.is_training = true;
    run.total = input.tokens;
    run.first = std::max(0, input.start - problem->start);
    run.last = std::min(problem->quarters - 1, input.deadline - problem->start);
    run.peak_pace = input.peak_to_average;
    run.value_unserved = input.value_unserved;
    run.must_serve = input.must_serve;
    run.position = input.position;
    problem->classes.push_back(std::move(run));
  }
}

namespace {

AssetClass asset_class(const std::string& word, const SourcePosition& where) {
  std::vector<std::string> names;
  for (int i = 0; i < planning::kAssetClasses; ++i) {
    const auto asset = static_cast<AssetClass>(i);
    if (word == planning::asset_class_name(asset)) return asset;
    names.emplace_back(planning::asset_class_name(asset));
  }
  throw InputError(where, "eligible", "'" + word + "'", join_alternatives(names));
}

}  // namespace

void add_money(const Scenario& scenario, const Catalog& catalog, Problem* problem) {
  const double inflation = catalog.find_number("finance_base", "inflation").value_or(0);
  problem->discount_rate = real_rate(catalog.get_number("finance_base", "wacc"), inflation);
  problem->operations_cost = per_year(catalog, "operations_cost");
  problem->accelerator_residual_rate = declining_rate(
      catalog.get_number("finance_base", "residual_value_year_3"), 3.0 * units::year);
  problem->building_life_years =
      catalog.get<Duration::kDim>("finance_base", "building_life").in(units::year);
  problem->fab_life_years = catalog.get<Duration::kDim>("finance_base", "fab_life").in(units::year);
  problem->fab_capex_charged = scenario.fab_capex_charged;
  problem->funds_cover_running_costs = scenario.funds_cover_running_costs;
  problem->contract_years =
      catalog.get<Duration::kDim>("finance_base", "energy_contract_term").in(units::year);
  for (const FundInput& input : scenario.funds) {
    planning::Fund fund;
    fund.name = input.name;
    fund.country = catalog.find_text(input.name, "country").value_or("");
    fund.position = position_of(catalog, input.name, "yearly_ceiling", input.position);
    std::istringstream words(catalog.get_text(input.name, "eligible"));
    for (std::string word; words >> word;)
      fund.eligible.push_back(asset_class(word, fund.position));
    fund.size = catalog.get<kMoney>(input.name, "size");
    fund.yearly_cost = real_rate(catalog.get_number(input.name, "cost"), inflation);
    const auto ceiling = catalog.path(input.name, "yearly_ceiling", kMoney);
    const Quarter from = catalog.get_quarter(input.name, "available_from");
    const auto until = catalog.find_quarter(input.name, "available_until");
    const int last_year = problem->quarter(problem->quarters - 1).year();
    for (int year = problem->start.year(); year <= last_year; ++year) {
      const bool is_open = year >= from.year() && (!until || year <= until->year());
      const double usd = is_open ? step_at(ceiling, Quarter(year, 4)) : 0;
      fund.yearly_ceiling.push_back(Money::from_base(usd));
    }
    problem->funds.push_back(std::move(fund));
  }
}

void add_energy(const Scenario& scenario, const Catalog& catalog, Problem* problem) {
  for (const EnergyInput& input : scenario.energy) {
    planning::EnergySource source;
    source.name = input.name;
    source.grid = catalog.get_text(input.name, "grid");
    source.technology = catalog.get_text(input.name, "technology");
    source.capacity_factor = catalog.get_number(input.name, "capacity_factor");
    source.price = catalog.get<EnergyPrice::kDim>(input.name, "ppa_price");
    source.lead_quarters =
        supply::whole_quarters(catalog.get<Duration::kDim>(input.name, "lead_time"));
    source.position = position_of(catalog, input.name, "potential", input.position);
    double sum = 0;
    for (int i = 1; i <= 4; ++i) {
      const std::string attribute = "seasonal_q" + std::to_string(i);
      source.seasonal.push_back(catalog.find_number(input.name, attribute).value_or(1));
      sum += source.seasonal.back();
    }
    for (double& s : source.seasonal) s *= 4 / sum;  // mean 1
    const auto potential = catalog.path(input.name, "potential", kPower);
    for (double watt : supply::interpolate_path(potential, problem->start, problem->quarters)) {
      source.potential.push_back(Power::from_base(watt));
    }
    problem->energy.push_back(std::move(source));
  }
}

BuiltProblem build_problem(const Scenario& scenario, const Catalog& catalog) {
  BuiltProblem built;
  Problem& p = built.problem;
  p.name = scenario.name;
  p.start = scenario.start;
  p.quarters = scenario.end - scenario.start + 1;
  p.objective = scenario.objective == ObjectiveInput::kLeastCost ? planning::Objective::kLeastCost
                                                                 : planning::Objective::kMostServed;
  p.availability = scenario.availability;
  p.idle_power_share = scenario.idle_power_share;
  add_money(scenario, catalog, &p);
  add_lines(scenario, catalog, &p);
  add_accelerators(scenario, catalog, &built);
  add_sites(scenario, catalog, &p);
  add_existing(scenario, &p);
  add_vendors(scenario, &p);
  add_demand(scenario, catalog, &p);
  add_energy(scenario, catalog, &p);
  add_capability(scenario, catalog, &built);
  return built;
}

}  // namespace astrolabe::study
