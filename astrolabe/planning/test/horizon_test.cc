// What the plan must not do because the world seems to end with the horizon, and what funds cover.

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/base/finance.h"
#include "astrolabe/planning/asset_life.h"
#include "astrolabe/planning/formulation.h"
#include "astrolabe/planning/solve.h"
#include "astrolabe/planning/test/small_problem.h"

namespace astrolabe::planning {
namespace {

using namespace units;
using testing::kTokensEach;
using testing::small_problem;

// 30 % of the price after three years, as in the catalogue.
const double kYearlyLoss = 1 - std::cbrt(0.3);

class Horizon : public ::testing::TestWithParam<milp::SolverKind> {
 protected:
  Solution solve_problem(const Problem& problem) {
    formulation_ = Formulation::build(problem);
    SolveOptions options;
    options.solver = GetParam();
    options.gap = 1e-6;
    return solve(formulation_, options);
  }
  double drawn(const Solution& s, AssetClass asset) const {
    double sum = 0;
    for (const Draw& draw : formulation_.draws()) {
      if (draw.asset == asset) sum += s.value(draw.column);
    }
    return sum;
  }
  Formulation formulation_;
};

TEST(AssetLife, AcceleratorsFollowTheResaleCurveUntilTheLifeIsTheLess) {
  Problem p = small_problem();
  p.accelerator_residual_rate = kYearlyLoss;
  const AcceleratorType& chip = p.accelerators[0];  // a life of 20 quarters
  EXPECT_DOUBLE_EQ(accelerator_value_left(p, chip, 0), 1);
  EXPECT_NEAR(accelerator_value_left(p, chip, 12), 0.30, 1e-12);
  // The resale curve alone would leave 0.3^(18/12) = 16.4 % with a tenth of the life to go.
  EXPECT_NEAR(accelerator_value_left(p, chip, 18), 0.10, 1e-12);
  EXPECT_EQ(accelerator_value_left(p, chip, 20), 0);
  EXPECT_EQ(accelerator_value_left(p, chip, 25), 0);
}

TEST(AssetLife, NothingKeepsMoreThanTheRestOfItsLifeWouldEarn) {
  Problem p = small_problem();
  for (double loss : {0.0, 0.1, kYearlyLoss, 0.6}) {
    for (double rate : {0.0, 0.066, 0.2}) {
      p.accelerator_residual_rate = loss;
      const double quarterly = quarterly_rate(rate);
      for (int n = 0; n <= 20; ++n) {
        const double earned = annuity_factor(quarterly, 20 - n) / annuity_factor(quarterly, 20);
        EXPECT_LE(accelerator_value_left(p, p.accelerators[0], n), earned + 1e-12)
            << loss << " " << rate << " " << n;
      }
    }
  }
}

TEST(AssetLife, MoneyIsRepaidOverTheLifeOfWhatItBuys) {
  Problem p = small_problem();
  p.accelerators.push_back(p.accelerators[0]);
  p.accelerators[0].life_quarters = 24;
  p.accelerators[1].life_quarters = 16;
  p.building_life_years = 20;
  p.fab_life_years = 10;
  EXPECT_DOUBLE_EQ(repayment_years(p, AssetClass::kAccelerators), 4);
  EXPECT_DOUBLE_EQ(repayment_years(p, AssetClass::kBuilding), 20);
  EXPECT_DOUBLE_EQ(repayment_years(p, AssetClass::kGrid), 20);
  EXPECT_DOUBLE_EQ(repayment_years(p, AssetClass::kFab), 10);
  EXPECT_DOUBLE_EQ(repayment_years(p, AssetClass::kOperations), 1);
}

TEST_P(Horizon, NothingIsBoughtAtTheEndThatAWholeLifeDoesNotRepay) {
  // Demand begins 20 quarters before the end, a life of the chip; nothing costs but the chip.
  Problem p = small_problem(40);
  p.discount_rate = 0.066;
  p.accelerator_residual_rate = kYearlyLoss;
  p.sites[0].shell_capex = PowerCost{};
  p.sites[0].grid_capex = PowerCost{};
  p.sites[0].electricity_price.assign(40, EnergyPrice{});
  for (int t = 0; t < 20; ++t) p.classes[0].demand[static_cast<std::size_t>(t)] = Tokens{};
  auto discounted = [&](int from) {
    double sum = 0;
    for (int t = from; t < 40; ++t) sum += p.discount_factor(t);
    return sum;
  };
  // A quarter of service that repays 50,000 USD over 20 quarters, less 1.5 %.
  const double earned = 0.985 * 50e3 * p.discount_factor(20) / discounted(20);
  const double mtokens = kTokensEach * units::quarter.in(second) / 1e6;
  p.classes[0].value_unserved = earned / mtokens * usd / million_tokens;
  // With the resale curve alone, bought 19 quarters before the end it would have paid.
  const double kept = std::pow(0.3, 19.0 / 12) * p.discount_factor(40);
  ASSERT_GT(earned * discounted(21), 50e3 * (p.discount_factor(21) - kept));
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason;
  EXPECT_NEAR(s.value(formulation_.delivered(0, 39)), 0, 1e-7);

  // What a whole life repays is bought, and the last year only replaces: the fleet stays.
  p.classes[0].value_unserved = 2 * p.classes[0].value_unserved;
  const Solution bought = solve_problem(p);
  ASSERT_EQ(bought.status, PlanStatus::kSolved) << bought.reason;
  EXPECT_NEAR(bought.value(formulation_.delivered(0, 20)), 1, 1e-7);
  EXPECT_NEAR(bought.value(formulation_.delivered(0, 39)), 1, 1e-7);
}

// Solar at 80 USD/MWh against 100 from the grid, weak in the fourth quarter of each year.
Problem solar_problem() {
  Problem p = small_problem(8);
  p.sites[0].renewable_share.assign(8, 0.01);
  EnergySource solar;
  solar.name = "solar";
  solar.grid = "grid";
  solar.capacity_factor = 0.25;
  solar.seasonal = {1.2, 1.2, 1.2, 0.4};
  solar.price = 80 * usd / MWh;
  solar.potential.assign(8, 1000 * MW);
  p.energy = {solar};
  return p;
}

TEST_P(Horizon, ContractsDoNotGrowInTheLastQuarterBecauseNothingIsPaidAfterIt) {
  // 1,000 chips draw 2.5 MW. A contract of 2.5 / (0.25 x 1.2) = 8.33 MW is used up in the sunny
  // quarters; one more MW saves 20 USD x 0.4 in the fourth and wastes 80 USD x 1.2 in each of the
  // others.
  Problem p = solar_problem();
  const Solution myopic = solve_problem(p);
  ASSERT_EQ(myopic.status, PlanStatus::kSolved) << myopic.reason;
  EXPECT_NEAR(myopic.value(formulation_.contracts(0, 0, 6)), 2.5 / 0.3, 1e-6);
  // 2.5 / (0.25 x 0.4): the fourth quarter alone, when nothing after it is paid.
  EXPECT_NEAR(myopic.value(formulation_.contracts(0, 0, 7)), 25, 1e-6);

  p.contract_years = 10;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason;
  EXPECT_NEAR(s.value(formulation_.contracts(0, 0, 6)), 2.5 / 0.3, 1e-6);
  EXPECT_NEAR(s.value(formulation_.contracts(0, 0, 7)), 2.5 / 0.3, 1e-6);
  // Ten years at no interest: 8.33 MW x 0.25 = 2.083 MW mean, all of it used, save 20 USD/MWh.
  for (const auto& item : formulation_.costs()) {
    if (item.name != "renewable contracts after the horizon") continue;
    EXPECT_NEAR(s.value(item.cost), -2.5 / 0.3 * 0.25 * 8766 * 10 * 20 / 1e9, 1e-8);
  }
}

TEST_P(Horizon, ADearContractIsNotAGainAfterTheHorizon) {
  Problem p = solar_problem();
  p.energy[0].price = 150 * usd / MWh;
  p.sites[0].renewable_share.assign(8, 0.5);
  p.contract_years = 10;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason;
  // Half of 2.5 MW in the fourth quarter: 12.5 MW. In the others 12.5 x 0.3 = 3.75 MW, of which 2.5
  // are used; what is used pays for itself, 1.25 MW in three quarters of ten years do not.
  EXPECT_NEAR(s.value(formulation_.contracts(0, 0, 7)), 12.5, 1e-6);
  bool is_there = false;
  for (const auto& item : formulation_.costs()) {
    if (item.name != "renewable contracts after the horizon") continue;
    is_there = true;
    EXPECT_NEAR(s.value(item.cost), 1.25 * 0.75 * 8766 * 10 * 150 / 1e9, 1e-8);
  }
  EXPECT_TRUE(is_there);
}

TEST_P(Horizon, FundsPayRunningCostsOnlyWhereTheyCoverThem) {
  Problem p = small_problem();
  p.operations_cost = 0.04;
  Fund fund;
  fund.name = "fund";
  fund.eligible = {AssetClass::kAccelerators, AssetClass::kBuilding, AssetClass::kGrid,
                   AssetClass::kEnergy, AssetClass::kOperations};
  fund.size = 100 * billion_usd;
  fund.yearly_ceiling = {100 * billion_usd};
  p.funds = {fund};
  const Solution capex = solve_problem(p);
  ASSERT_EQ(capex.status, PlanStatus::kSolved) << capex.reason;
  EXPECT_NEAR(drawn(capex, AssetClass::kAccelerators), 0.05, 1e-9);
  EXPECT_EQ(drawn(capex, AssetClass::kOperations), 0);

  p.funds_cover_running_costs = true;
  const Solution both = solve_problem(p);
  ASSERT_EQ(both.status, PlanStatus::kSolved) << both.reason;
  EXPECT_NEAR(drawn(both, AssetClass::kAccelerators), 0.05, 1e-9);
  // 2.5 MW for 8,766 h at 100 USD/MWh; 4 % of 50 million USD.
  EXPECT_NEAR(drawn(both, AssetClass::kOperations), 2.5 * 8766 * 100 / 1e9 + 0.002, 1e-9);
  EXPECT_EQ(drawn(both, AssetClass::kEnergy), 0);

  // A million short of all three: with running costs covered, fewer chips can be kept.
  p.funds[0].size = p.funds[0].yearly_ceiling[0] =
      0.05 * billion_usd + 0.8 * billion_usd + (2.5 * 8766 * 100 / 1e9 + 0.001) * billion_usd;
  const Solution short_of_money = solve_problem(p);
  ASSERT_EQ(short_of_money.status, PlanStatus::kSolved) << short_of_money.reason;
  EXPECT_LT(short_of_money.value(formulation_.delivered(0, 3)), 1 - 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Solvers, Horizon, ::testing::ValuesIn(milp::available_solvers()),
                         [](const auto& kind) { return std::string(milp::text(kind.param)); });

TEST(OperatingPointTest, SoftwareGainsFromTheFirstDeliveryToItsLastYear) {
  const TokenRate rate = 10.0 * units::token / units::second;
  Problem p = small_problem(24);
  p.accelerators[0].first_delivery = 4;
  CapacityNeed& need = p.needs[0];
  need.points[0].tokens = rate;
  need.points[0].software_gain = {1.2, 1.5};
  const auto gain = [&](int t) { return p.token_rate(need, need.points[0], t) / rate; };
  EXPECT_NEAR(gain(0), 1, 1e-12);
  EXPECT_NEAR(gain(4), 1, 1e-12);
  EXPECT_NEAR(gain(6), 1.1, 1e-12);
  EXPECT_NEAR(gain(8), 1.2, 1e-12);
  EXPECT_NEAR(gain(10), 1.35, 1e-12);
  EXPECT_NEAR(gain(23), 1.5, 1e-12);
}

TEST_P(Horizon, SoftwareThatImprovesSparesAccelerators) {
  Problem p = small_problem(8);
  for (std::size_t t = 4; t < 8; ++t) p.classes[0].demand[t] = 2 * p.classes[0].demand[t];
  const Solution without = solve_problem(p);
  EXPECT_NEAR(without.value(formulation_.delivered(0, 7)), 2, 1e-6);
  p.needs[0].points[0].software_gain = {2};
  const Solution with = solve_problem(p);
  EXPECT_NEAR(with.value(formulation_.delivered(0, 7)), 1, 1e-6);
}

}  // namespace
}  // namespace astrolabe::planning
