// Plans small enough to be worked out by hand, on every solver that is compiled in.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "astrolabe/planning/bottleneck.h"
#include "astrolabe/planning/formulation.h"
#include "astrolabe/planning/solve.h"
#include "astrolabe/planning/test/small_problem.h"

namespace astrolabe::planning {
namespace {

using namespace units;
using testing::kTokensEach;
using testing::small_problem;

class Plan : public ::testing::TestWithParam<milp::SolverKind> {
 protected:
  Solution solve_problem(const Problem& problem, double gap = 1e-6) {
    formulation_ = Formulation::build(problem);
    SolveOptions options;
    options.solver = GetParam();
    options.gap = gap;
    Solution s = solve(formulation_, options);
    for (const SolveStep& step : s.steps) steps_ += step.name + ": " + step.verification + "\n";
    return s;
  }
  double cost(const Solution& s, const std::string& item) {
    for (const auto& c : formulation_.costs()) {
      if (c.name == item) return s.value(c.cost);
    }
    ADD_FAILURE() << "no cost item " << item;
    return 0;
  }
  Formulation formulation_;
  std::string steps_;
};

TEST_P(Plan, OneSiteAndOneChipCostWhatTheyCostByHand) {
  const Problem p = small_problem();
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  // 1,000 chips serve the demand from the first quarter: 1,000 x 50,000 USD.
  EXPECT_NEAR(cost(s, "accelerators"), 0.050, 1e-9);
  // They draw 1,000 x 2 kW x 1.25 = 2.5 MW: one phase of 100 MW facility, 80 MW IT at 10 MUSD/MW.
  EXPECT_NEAR(cost(s, "buildings"), 0.800, 1e-9);
  // 2.5 MW for a year of 8,766 h at 100 USD/MWh.
  EXPECT_NEAR(cost(s, "electricity"), 2.5 * 8766 * 100 / 1e9, 1e-9);
  EXPECT_NEAR(cost(s, kUnservedDemand), 0, 1e-9);
  EXPECT_NEAR(s.objective, 0.850 + 2.5 * 8766 * 100 / 1e9, 1e-8);
  EXPECT_NEAR(s.value(formulation_.delivered(0, 0)), 1.0, 1e-7);
}

TEST_P(Plan, NothingIsBuiltWhenATokenIsWorthLessThanItCosts) {
  Problem p = small_problem();
  // The plan above costs 0.852e9 USD for 1,000 chips x 1e6 tokens/s x 1 year = 3.16e16 tokens,
  // 0.027 USD per million; at 0.02 serving does not pay.
  p.classes[0].value_unserved = 0.02 * usd / million_tokens;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason;
  EXPECT_NEAR(s.value(formulation_.delivered(0, 3)), 0, 1e-9);
  // 1,000 x 1e6 tokens/s x 31,557,600 s = 3.15576e16 tokens unserved.
  EXPECT_NEAR(s.objective, 3.15576e16 * 0.02 / 1e6 / 1e9, 1e-6);
}

TEST_P(Plan, HbmWafersLimitDeliveriesAndTheirDualIsTheFiniteDifference) {
  Problem p = small_problem();
  // 100 wafers a quarter x 20 stacks / 8 = 250 chips a quarter, 1,000 wanted.
  for (Wafers& w : p.lines[0].hbm_capacity) w = 100 * wafer;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  for (int t = 0; t < 4; ++t) {
    EXPECT_NEAR(s.value(formulation_.delivered(0, t)), 0.25 * (t + 1), 1e-7) << t;
  }
  const auto bottlenecks = find_bottlenecks(formulation_, s);
  const auto hbm = std::find_if(bottlenecks.begin(), bottlenecks.end(), [](const Bottleneck& b) {
    return b.family == Family::kHbmWafers && b.t == 0;
  });
  ASSERT_NE(hbm, bottlenecks.end());
  EXPECT_NEAR(hbm->used_percent, 100, 1e-6);
  // One wafer more in quarter 0 (worth is undiscounted; the rate here is 0).
  Problem more = p;
  more.lines[0].hbm_capacity[0] = 100.001 * wafer;
  // Quarters before the start copy quarter 0: keep them by relaxing only what quarter 0 adds.
  const double before = s.objective;
  double worth = 0;
  for (const Bottleneck& b : bottlenecks) {
    if (b.family == Family::kHbmWafers && b.t <= 0) worth += b.worth;
  }
  const Solution relaxed = solve_problem(more);
  EXPECT_NEAR((before - relaxed.objective) * 1e9 / 0.001, worth, 1e-3 * worth);
}

TEST_P(Plan, PowerThatComesLateIsTheBottleneckAndItsSentenceSaysWhy) {
  Problem p = small_problem();
  p.sites[0].block = 0.5 * MW;
  p.sites[0].contracted = {1 * MW, 1 * MW, 1 * MW, 1 * MW};
  p.sites[0].grid_quarters = 2;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  // 1 MW facility / 1.25 / 2 kW = 400 chips in service until the grid comes in quarter 2.
  EXPECT_NEAR(s.value(formulation_.in_service(0, 0, 1)), 0.4, 1e-7);
  EXPECT_NEAR(s.value(formulation_.in_service(0, 0, 2)), 1.0, 1e-7);
  const auto found = find_bottlenecks(formulation_, s);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].family, Family::kSitePower);
  EXPECT_NE(found[0].sentence.find("2026Q1: powered space at site, "), std::string::npos);
  EXPECT_NE(found[0].sentence.find("grid connection beyond the contract not before 2026Q3"),
            std::string::npos)
      << found[0].sentence;
}

TEST_P(Plan, ModulesAreWholeAndMatchBruteForce) {
  Problem p = small_problem(8);
  for (Wafers& w : p.lines[0].hbm_capacity) w = 10 * wafer;
  p.lines[0].module = {30, 0.4e9 * usd, 2, 2, 3, 0, 1.0};
  p.classes[0].value_unserved = 0.05 * usd / million_tokens;
  p.sites[0].block = 1 * MW;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  // Every order of at most three modules over the quarters in which one is useful.
  double best = 1e99;
  for (int a = 0; a <= 8; ++a) {
    for (int b = a; b <= 8; ++b) {
      for (int c = b; c <= 8; ++c) {
        Problem fixed = p;
        fixed.lines[0].module.limit = 0;
        fixed.lines[0].capacity.assign(8, 1e6 * wafer);
        double capex = 0;
        for (int order : {a, b, c}) {
          if (order == 8) continue;
          capex += 0.4;
          for (int t = 0; t < 8; ++t) {
            const double online = std::clamp((t - order - 2 + 1) / 2.0, 0.0, 1.0);
            fixed.lines[0].hbm_capacity[static_cast<std::size_t>(t)] += 30 * online * wafer;
          }
        }
        best = std::min(best, solve_problem(fixed).objective + capex);
      }
    }
  }
  EXPECT_NEAR(s.objective, best, 1e-6);
}

TEST_P(Plan, SitesInAnotherOrderGiveTheSamePlan) {
  Problem p = small_problem();
  Site far = p.sites[0];
  far.name = "far";
  far.electricity_price.assign(4, 300 * usd / MWh);
  far.contracted.assign(4, 1.5 * MW);
  far.expandable = 1.5 * MW;
  far.block = 0.5 * MW;
  p.sites[0].contracted.assign(4, 1.5 * MW);
  p.sites[0].expandable = 1.5 * MW;
  p.sites[0].block = 0.5 * MW;
  p.sites.push_back(far);
  const Solution one = solve_problem(p);
  const double near_fleet = one.value(formulation_.in_service(0, 0, 3));
  std::swap(p.sites[0], p.sites[1]);
  const Solution two = solve_problem(p);
  EXPECT_NEAR(one.objective, two.objective, 1e-7);
  EXPECT_NEAR(near_fleet, two.value(formulation_.in_service(0, 1, 3)), 1e-6);
}

TEST_P(Plan, PricesInAnotherCurrencyGiveTheSamePlan) {
  Problem p = small_problem();
  for (Wafers& w : p.lines[0].hbm_capacity) w = 100 * wafer;
  const Solution one = solve_problem(p);
  const double fleet = one.value(formulation_.in_service(0, 0, 2));
  p.accelerators[0].price = p.accelerators[0].price * 10;
  p.sites[0].shell_capex = p.sites[0].shell_capex * 10;
  for (EnergyPrice& e : p.sites[0].electricity_price) e = e * 10;
  p.hbm[0].stack_price = p.hbm[0].stack_price * 10;
  p.classes[0].value_unserved = p.classes[0].value_unserved * 10;
  const Solution two = solve_problem(p);
  EXPECT_NEAR(two.objective, 10 * one.objective, 1e-6 * two.objective);
  EXPECT_NEAR(fleet, two.value(formulation_.in_service(0, 0, 2)), 1e-7);
}

TEST_P(Plan, ARelaxedBoundIsNeverWorse) {
  Problem p = small_problem();
  for (Wafers& w : p.lines[0].hbm_capacity) w = 100 * wafer;
  p.sites[0].block = 0.5 * MW;
  p.sites[0].contracted.assign(4, 1 * MW);
  p.sites[0].grid_quarters = 2;
  const double base = solve_problem(p).objective;
  Problem wafers = p, grid = p, packaging = p;
  for (Wafers& w : wafers.lines[0].hbm_capacity) w = 150 * wafer;
  grid.sites[0].grid_quarters = 1;
  packaging.lines[2].capacity.assign(4, 2e6 * wafer);
  EXPECT_LE(solve_problem(wafers).objective, base + 1e-9);
  EXPECT_LE(solve_problem(grid).objective, base + 1e-9);
  EXPECT_LE(solve_problem(packaging).objective, base + 1e-9);
}

TEST_P(Plan, FundsLimitSpendingAndTheDearerFundIsUsedLast) {
  Problem p = small_problem();
  p.sites[0].block = 0.5 * MW;
  p.sites[0].shell_capex = 10 * million_usd / MW;
  Fund cheap{"cheap", "", {AssetClass::kAccelerators}, 20e6 * usd, {20e6 * usd}, 0.0, {}};
  Fund dear{"dear", "", {AssetClass::kAccelerators}, 15e6 * usd, {15e6 * usd}, 0.10, {}};
  p.funds = {cheap, dear};
  p.objective = Objective::kMostServed;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  // 35 MUSD buy 700 chips of 50,000 USD.
  EXPECT_NEAR(s.value(formulation_.in_service(0, 0, 3)), 0.7, 1e-6);
}

TEST_P(Plan, ATrainingRunSpreadsOverItsWindowAsItsPaceAllows) {
  Problem p = small_problem();
  p.discount_rate = 0.1;
  p.ceilings = {{"vendor", std::vector<Power>(4, 2 * MW), {}}};  // 1,000 chips, all the fleet
  DemandClass run;
  run.name = "run";
  run.is_training = true;
  run.total = 2000 * kTokensEach * quarter.in(second)*token;  // half of what the fleet can do
  run.last = 3;
  run.value_unserved = 10 * p.classes[0].value_unserved;
  p.classes.push_back(run);
  p.needs.push_back(
      {ClassId(1), AcceleratorId(0), {{"training", kTokensEach * token / second, 2 * kW}}, ""});
  const double all = 1000 * kTokensEach * 86400 / 1e12;  // 1e12 tokens a day
  // What is not served later is worth less: without a pace the run takes the last two quarters
  // whole.
  p.classes[1].peak_pace = 1000;
  Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  EXPECT_NEAR(s.value(formulation_.unserved(0, 1)), 0, 1e-6);
  EXPECT_NEAR(s.value(formulation_.unserved(0, 3)), all, 1e-6);
  p.classes[1].peak_pace = 1.5;
  s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  EXPECT_NEAR(s.value(formulation_.unserved(0, 3)), 0.75 * all, 1e-6);
  EXPECT_NEAR(s.value(formulation_.unserved(0, 1)), 0.5 * all, 1e-6);
  EXPECT_NEAR(s.value(formulation_.unserved(0, 0)), 0, 1e-6);
}

TEST_P(Plan, AFleetEndsWithItsLife) {
  Problem p = small_problem(6);
  p.accelerators[0].life_quarters = 3;
  p.accelerators[0].last_delivery = 0;
  p.sites[0].block = 0.5 * MW;
  p.classes[0].value_unserved = 1 * usd / million_tokens;
  const Solution s = solve_problem(p);
  ASSERT_EQ(s.status, PlanStatus::kSolved) << s.reason << steps_;
  // All is delivered in quarter 0. Half serves quarters 0 to 2; the other half waits in stock, as
  // long as it may (two quarters), and serves 2 to 4. Nothing is left in quarter 5.
  EXPECT_NEAR(s.value(formulation_.delivered(0, 5)), 2.0, 1e-6);
  for (int t = 0; t < 5; ++t) {
    EXPECT_NEAR(s.value(formulation_.unserved(0, t)), 0, 1e-6) << t;
  }
  EXPECT_NEAR(s.value(formulation_.in_service(0, 0, 5)), 0, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Solvers, Plan, ::testing::ValuesIn(milp::available_solvers()),
                         [](const auto& kind) { return std::string(milp::text(kind.param)); });

}  // namespace
}  // namespace astrolabe::planning
