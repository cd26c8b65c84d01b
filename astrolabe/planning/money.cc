#include <algorithm>
#include <cmath>

#include "astrolabe/base/finance.h"
#include "astrolabe/planning/asset_life.h"
#include "astrolabe/planning/builders.h"

namespace astrolabe::planning {

using milp::kInfinity;

namespace {

// Spending rows are in 10 million USD: a megawatt of grid connection stays above 1e-3 there.
constexpr double kSpendingScale = 100;

// What a dollar repaid as an annuity at the fund's rate is worth at the discount rate.
double annuity_cost_ratio(double fund_rate, double discount_rate, double years) {
  return capital_recovery_factor(fund_rate, years) * annuity_factor(discount_rate, years);
}

}  // namespace

void MoneyBuilder::build() {
  const std::size_t years = year_index(p_.horizon() - 1) + 1;
  spending_.resize(kAssetClasses * f_.countries_.size() * years);
  accelerator_costs();
  building_costs();
  grid_costs();
  module_costs();
  running_costs();
  stock_costs();
  unserved_costs();
  if (!p_.funds.empty()) fund_rows();
  objective();
}

std::size_t MoneyBuilder::year_index(int t) const {
  return static_cast<std::size_t>(p_.quarter(t).year() - p_.start.year());
}

bool MoneyBuilder::is_fund_limited(AssetClass asset) const {
  return std::any_of(p_.funds.begin(), p_.funds.end(), [&](const Fund& fund) {
    return std::find(fund.eligible.begin(), fund.eligible.end(), asset) != fund.eligible.end();
  });
}

std::vector<MoneyBuilder::Payment> MoneyBuilder::spread(double usd, int from, int quarters) const {
  std::vector<Payment> payments;
  const int n = std::max(quarters, 1);
  for (int k = 0; k < n; ++k) {
    // What was ordered before the start is paid from the start on.
    payments.push_back({std::clamp(from + k, 0, p_.horizon() - 1), usd / n});
  }
  return payments;
}

double MoneyBuilder::present_value(const std::vector<Payment>& payments) const {
  double pv = 0;
  for (const Payment& payment : payments) pv += payment.usd * p_.discount_factor(payment.t);
  return pv;
}

double MoneyBuilder::end_discount() const { return p_.discount_factor(p_.horizon()); }

void MoneyBuilder::spend(AssetClass asset, const std::string& country,
                         const std::vector<Payment>& payments, milp::VariableId column,
                         double factor) {
  if (!is_fund_limited(asset)) return;
  for (const Payment& payment : payments) {
    spending_[spending_row(asset, country, payment.t)].add(column,
                                                           payment.usd * scale::kMoney * factor);
  }
}

void MoneyBuilder::spend_running(const std::string& country, int t, const Linear& usd) {
  constexpr AssetClass asset = AssetClass::kOperations;
  if (!p_.funds_cover_running_costs || !is_fund_limited(asset)) return;
  spending_[spending_row(asset, country, t)].add(usd, scale::kMoney);
}

std::size_t MoneyBuilder::spending_row(AssetClass asset, const std::string& country, int t) const {
  const auto k = static_cast<std::size_t>(
      std::find(f_.countries_.begin(), f_.countries_.end(), country) - f_.countries_.begin());
  const std::size_t years = year_index(p_.horizon() - 1) + 1;
  return (static_cast<std::size_t>(asset) * f_.countries_.size() + k) * years + year_index(t);
}

void MoneyBuilder::accelerator_costs() {
  Formulation::CostItem item{"accelerators", {}};
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
    const AcceleratorType& type = p_.accelerators[a];
    const double each = type.price.in(units::usd) / scale::kAccelerators;
    for (int t = 0; t < p_.horizon(); ++t) {
      const Linear now = f_.delivered(a, t);
      if (now.terms.empty() || t > std::min(type.last_delivery, p_.horizon() - 1)) continue;
      const int age = p_.horizon() - t;
      const double kept = accelerator_value_left(p_, type, age);
      const double cost = each * (p_.discount_factor(t) - kept * end_discount());
      item.cost.add(now, cost * scale::kMoney);
      item.cost.add(f_.delivered(a, t - 1), -cost * scale::kMoney);
    }
    for (std::size_t s = 0; s < p_.sites.size(); ++s) {
      for (int t = 0; t < p_.horizon(); ++t) {
        const auto at = static_cast<std::size_t>(t);
        const auto now = f_.deployed_.at(a, s, at);
        if (!now.is_valid()) continue;
        const auto before = t > 0 ? f_.deployed_.at(a, s, at - 1) : milp::VariableId{};
        if (now == before) continue;
        const auto payments = spread(each, t, 1);
        spend(AssetClass::kAccelerators, p_.sites[s].country, payments, now, 1);
        if (before.is_valid()) {
          spend(AssetClass::kAccelerators, p_.sites[s].country, payments, before, -1);
        }
      }
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::building_costs() {
  Formulation::CostItem item{"buildings", {}};
  for (std::size_t s = 0; s < p_.sites.size(); ++s) {
    const Site& site = p_.sites[s];
    const double phase = (site.shell_capex * (site.block / site.pue)).in(units::usd);
    for (int t = 0; t < p_.horizon(); ++t) {
      const auto now = f_.phases(s, t), before = f_.phases(s, t - 1);
      if (!now.is_valid()) continue;
      const auto payments = spread(phase, t - site.build_quarters, site.build_quarters);
      const double kept = plant_value_left(p_, AssetClass::kBuilding, p_.horizon() - t);
      const double cost = (present_value(payments) - phase * kept * end_discount()) * scale::kMoney;
      item.cost.add(now, cost);
      item.cost.add(before, -cost);
      spend(AssetClass::kBuilding, site.country, payments, now, 1);
      if (before.is_valid()) spend(AssetClass::kBuilding, site.country, payments, before, -1);
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::grid_costs() {
  Formulation::CostItem item{"grid connections", {}};
  for (std::size_t s = 0; s < p_.sites.size(); ++s) {
    const Site& site = p_.sites[s];
    const double each = (site.grid_capex * (1.0 * units::MW)).in(units::usd);
    for (int t = 0; t < p_.horizon(); ++t) {
      const auto now = f_.grid_power(s, t), before = f_.grid_power(s, t - 1);
      if (!now.is_valid()) continue;
      const auto payments = spread(each, t - site.grid_quarters / 2, 1);
      const double kept = plant_value_left(p_, AssetClass::kGrid, p_.horizon() - t);
      const double cost = (present_value(payments) - each * kept * end_discount()) * scale::kMoney;
      item.cost.add(now, cost);
      item.cost.add(before, -cost);
      spend(AssetClass::kGrid, site.country, payments, now, 1);
      if (before.is_valid()) spend(AssetClass::kGrid, site.country, payments, before, -1);
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::module_costs() {
  Formulation::CostItem item{"fab and packaging expansions", {}};
  for (std::size_t l = 0; l < p_.lines.size(); ++l) {
    const ExpansionModule& m = p_.lines[l].module;
    const double each = m.capex.in(units::usd)*p_.fab_capex_charged;
    for (int t = 0; t < p_.horizon(); ++t) {
      const auto now = f_.modules(l, t), before = f_.modules(l, t - 1);
      if (!now.is_valid() || now == before) continue;
      const auto payments = spread(each, t, m.lead_quarters);
      const double kept =
          plant_value_left(p_, AssetClass::kFab, p_.horizon() - t - m.lead_quarters);
      const double cost = (present_value(payments) - each * kept * end_discount()) * scale::kMoney;
      item.cost.add(now, cost);
      item.cost.add(before, -cost);
      spend(AssetClass::kFab, p_.lines[l].country, payments, now, 1);
      if (before.is_valid()) spend(AssetClass::kFab, p_.lines[l].country, payments, before, -1);
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::running_costs() {
  energy_costs();
  contracts_after_horizon();
  operations_costs();
}

void MoneyBuilder::energy_costs() {
  Formulation::CostItem energy{"electricity", {}}, carbon{"carbon allowances", {}};
  const double hours = units::quarter.in(units::hour);
  for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
    const Site& site = p_.sites[f_.zones_[z].sites.front()];
    const double allowance =
        (site.carbon_intensity * site.carbon_price).in(units::usd / units::MWh);
    for (int t = 0; t < p_.horizon(); ++t) {
      const auto season = static_cast<std::size_t>(p_.quarter(t).quarter() - 1);
      Linear power, emitting = f_.zone_energy(z, t);  // USD; MW that pay for allowances
      emitting.add(f_.renewable_use(z, t), -1);
      // A contract pays its price for all it makes; what is used replaces bought electricity.
      power.add(emitting, hours * site.electricity_price[static_cast<std::size_t>(t)].in(
                                      units::usd / units::MWh));
      for (std::size_t e = 0; e < p_.energy.size(); ++e) {
        const EnergySource& source = p_.energy[e];
        power.add(f_.contracts(e, z, t), hours * source.capacity_factor * source.seasonal[season] *
                                             source.price.in(units::usd / units::MWh));
      }
      Linear allowances;
      allowances.add(emitting, hours * allowance);
      energy.cost.add(power, p_.discount_factor(t) * scale::kMoney);
      carbon.cost.add(allowances, p_.discount_factor(t) * scale::kMoney);
      power.add(allowances, 1);
      spend_running(site.country, t, power);
    }
  }
  f_.costs_.push_back(std::move(energy));
  f_.costs_.push_back(std::move(carbon));
}

void MoneyBuilder::contracts_after_horizon() {
  if (p_.contract_years <= 0) return;
  Formulation::CostItem item{"renewable contracts after the horizon", {}};
  // Worth at the start of the year after the horizon of a dollar in each of its years.
  const double years = annuity_factor(p_.discount_rate, p_.contract_years) * (1 + p_.discount_rate);
  const int T = p_.horizon();
  for (std::size_t z = 0; z < f_.zones_.size(); ++z) {
    const Site& site = p_.sites[f_.zones_[z].sites.front()];
    const double grid = (site.electricity_price[static_cast<std::size_t>(T - 1)] +
                         site.carbon_intensity * site.carbon_price)
                            .in(units::usd / units::MWh);
    for (int k = 0; k < kSeasons; ++k) {
      const double each = units::quarter.in(units::hour)*years * p_.discount_factor(T + k);
      const auto season = static_cast<std::size_t>(p_.quarter(T + k).quarter() - 1);
      for (std::size_t e = 0; e < p_.energy.size(); ++e) {
        const auto used = f_.use_after(e, z, k);
        if (!used.is_valid()) continue;
        const EnergySource& source = p_.energy[e];
        const double price = source.price.in(units::usd / units::MWh);
        const double mean = source.capacity_factor * source.seasonal[season];
        item.cost.add(f_.contracts(e, z, T - 1), each * price * mean * scale::kMoney);
        item.cost.add(used, -each * std::max(price, grid) * scale::kMoney);
      }
    }
  }
  if (!item.cost.terms.empty()) f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::operations_costs() {
  Formulation::CostItem operations{"operations", {}};
  for (std::size_t s = 0; s < p_.sites.size(); ++s) {
    for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
      const double price = p_.accelerators[a].price.in(units::usd) / scale::kAccelerators;
      for (int t = 0; t < p_.horizon(); ++t) {
        Linear usd;
        usd.add(f_.in_service(a, s, t), price * p_.operations_cost / 4);
        operations.cost.add(usd, p_.discount_factor(t) * scale::kMoney);
        spend_running(p_.sites[s].country, t, usd);
      }
    }
  }
  f_.costs_.push_back(std::move(operations));
}

void MoneyBuilder::stock_costs() {
  // Stacks and DRAM in stock carry interest; with it nothing is made before it is needed.
  Formulation::CostItem item{"stock of memory", {}};
  const double interest = std::pow(1 + std::max(p_.discount_rate, 0.01), 0.25) - 1;
  for (int t = -f_.history_; t < p_.horizon(); ++t) {
    const double each = interest * p_.discount_factor(std::max(t, 0)) * scale::kMoney;
    for (std::size_t h = 0; h < p_.hbm.size(); ++h) {
      const double price = p_.hbm[h].stack_price.in(units::usd) / scale::kStacks;
      item.cost.add(f_.stacks(h, t), each * price);
      for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
        const AcceleratorType& type = p_.accelerators[a];
        if (!type.hbm.is_valid() || type.hbm.index() != h) continue;
        item.cost.add(f_.delivered(a, t + type.packaging_quarters),
                      -each * price * type.stacks * scale::kStacks / scale::kAccelerators);
      }
    }
    const double wafer = p_.dram_wafer_value.in(units::usd / units::wafer) / scale::kWafers;
    item.cost.add(f_.host_stock_.at(0, 0, f_.supply_index(t)), each * wafer);
    for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
      const AcceleratorType& type = p_.accelerators[a];
      item.cost.add(f_.delivered(a, t + type.packaging_quarters),
                    -each * wafer * type.host_dram_wafers * scale::kWafers / scale::kAccelerators);
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::unserved_costs() {
  Formulation::CostItem item{kUnservedDemand, {}};
  const double days = units::quarter.in(units::day);
  for (std::size_t c = 0; c < p_.classes.size(); ++c) {
    const DemandClass& work = p_.classes[c];
    const double each = work.value_unserved.in(units::usd / units::token) / scale::kTokensPerDay *
                        days * scale::kMoney;
    for (int t = 0; t < p_.horizon(); ++t) {
      item.cost.add(f_.unserved(c, t), each * p_.discount_factor(t));
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::fund_rows() {
  const std::size_t years = year_index(p_.horizon() - 1) + 1;
  std::vector<Linear> by_fund_year(p_.funds.size() * years);
  Formulation::CostItem item{"cost of funds against the discount rate", {}};
  for (int g = 0; g < kAssetClasses; ++g) {
    const auto asset = static_cast<AssetClass>(g);
    if (!is_fund_limited(asset)) continue;
    for (std::size_t k = 0; k < f_.countries_.size(); ++k) {
      for (std::size_t y = 0; y < years; ++y) {
        const Linear& spent =
            spending_[(static_cast<std::size_t>(g) * f_.countries_.size() + k) * years + y];
        if (spent.terms.empty()) continue;
        Linear drawn, due;
        due.add(spent, kSpendingScale);
        const int last = std::min(Quarter(p_.start.year() + static_cast<int>(y), 4) - p_.start,
                                  p_.horizon() - 1);
        for (std::size_t i = 0; i < p_.funds.size(); ++i) {
          const Fund& fund = p_.funds[i];
          const auto& kinds = fund.eligible;
          const bool is_eligible = std::find(kinds.begin(), kinds.end(), asset) != kinds.end() &&
                                   (fund.country.empty() || fund.country == f_.countries_[k]);
          if (!is_eligible || fund.yearly_ceiling[y].base() <= 0) continue;
          const std::string name = "draw[" + fund.name + "," + asset_class_name(asset) + "," +
                                   f_.countries_[k] + "," +
                                   std::to_string(p_.start.year() + static_cast<int>(y)) + "]";
          const auto column = f_.model_.add_variable(name, 0, kInfinity, 0, false);
          f_.draws_.push_back({i, asset, k, p_.start.year() + static_cast<int>(y), column});
          drawn.add(column, kSpendingScale);
          by_fund_year[i * years + y].add(column, 1);
          const double premium =
              annuity_cost_ratio(fund.yearly_cost, p_.discount_rate, repayment_years(p_, asset)) -
              1;
          item.cost.add(column, premium * p_.discount_factor(last));
        }
        rows_.equal(Family::kSpending,
                    std::string(asset_class_name(asset)) + "," + f_.countries_[k], last, due,
                    drawn);
      }
    }
  }
  for (std::size_t i = 0; i < p_.funds.size(); ++i) {
    Linear total;
    for (std::size_t y = 0; y < years; ++y) {
      Linear ceiling;
      ceiling.constant = p_.funds[i].yearly_ceiling[y].in(units::billion_usd);
      const int last =
          std::min(Quarter(p_.start.year() + static_cast<int>(y), 4) - p_.start, p_.horizon() - 1);
      const Linear& drawn = by_fund_year[i * years + y];
      if (drawn.terms.empty()) continue;
      rows_.at_most(Family::kFundYear, p_.funds[i].name, last, drawn, ceiling);
      total.add(drawn, 1);
    }
    Linear size;
    size.constant = p_.funds[i].size.in(units::billion_usd);
    if (!total.terms.empty()) {
      rows_.at_most(Family::kFundSize, p_.funds[i].name, p_.horizon() - 1, total, size);
    }
  }
  f_.costs_.push_back(std::move(item));
}

void MoneyBuilder::objective() {
  // Most served: unserved tokens alone count, a thousandfold; the other costs only break ties.
  // (They are not shrunk instead, so that they stay above the solvers' tolerances.)
  std::vector<double> cost(f_.model_.num_variables(), 0.0);
  double constant = 0;
  for (const Formulation::CostItem& item : f_.costs_) {
    const bool is_unserved = item.name == kUnservedDemand;
    const double weight = is_unserved ? f_.penalty_weight() : 1;
    for (const milp::Term& term : item.cost.terms) {
      cost[term.variable.index()] += weight * term.coefficient;
    }
    constant += weight * item.cost.constant;
  }
  for (std::size_t i = 0; i < cost.size(); ++i) {
    if (cost[i] != 0) f_.model_.set_cost(milp::VariableId(i), cost[i]);
  }
  f_.model_.set_objective_offset(constant);
}

}  // namespace astrolabe::planning
