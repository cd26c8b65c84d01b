#include "astrolabe/workload/expert_routing.h"

#include <gtest/gtest.h>

#include <cmath>

namespace astrolabe::workload {
namespace {

TEST(ExpertRoutingTest, DistinctExpertsInClosedForm) {
  EXPECT_DOUBLE_EQ(expected_distinct_experts(256, 8, 1), 8);
  // Two tokens with top-1 of two experts: 1 with probability 1/2, else 2.
  EXPECT_DOUBLE_EQ(expected_distinct_experts(2, 1, 2), 1.5);
  EXPECT_NEAR(expected_distinct_experts(256, 8, 1e5), 256, 1e-9);
}

TEST(ExpertRoutingTest, BalancedTouchesAsManyExpertsAsThereAreRows) {
  const Routing balanced{.model = RoutingModel::kBalanced};
  EXPECT_DOUBLE_EQ(hottest_rank_load(balanced, 256, 8, 4, 1).experts, 32);
  EXPECT_DOUBLE_EQ(hottest_rank_load(balanced, 256, 8, 64, 8).experts, 32);
  EXPECT_DOUBLE_EQ(hottest_rank_load(balanced, 256, 8, 64, 8).rows, 64);
}

// alpha 2 on [1, 0.8 t]: mean ln(b) / (1 - 1/b), quantile 1 / (1 - u (1 - 1/b)).
TEST(ExpertRoutingTest, PowerLawWithOneExpertARankIsItsLargestExpert) {
  const Routing power{.model = RoutingModel::kPowerLaw, .alpha = 2};
  const double b = 0.8 * 1000, cut = 1 - 1 / b;
  const double mean = std::log(b) / cut;
  const double largest = 1 / (1 - (1 - 0.5 / 64) * cut);
  EXPECT_NEAR(hottest_rank_ratio(power, 64, 2, 1000, 64), largest / mean, 1e-9);
  EXPECT_DOUBLE_EQ(hottest_rank_ratio(power, 64, 4, 1000, 1), 1);
}

TEST(ExpertRoutingTest, NoRankGetsMoreThanAllTokensForEachExpert) {
  const Routing power{.model = RoutingModel::kPowerLaw, .alpha = 1.2};
  for (const int ranks : {2, 8, 64, 256}) {
    for (const double tokens : {1.0, 16.0, 512.0, 65536.0}) {
      const RankLoad load = hottest_rank_load(power, 256, 8, tokens, ranks);
      EXPECT_LE(load.rows, tokens * std::min(8.0, 256.0 / ranks) * (1 + 1e-12));
      EXPECT_GE(load.rows, tokens * 8 / ranks * (1 - 1e-12));
      EXPECT_LE(load.experts, 256.0 / ranks);
      EXPECT_LE(load.experts, load.rows);
    }
  }
}

}  // namespace
}  // namespace astrolabe::workload
