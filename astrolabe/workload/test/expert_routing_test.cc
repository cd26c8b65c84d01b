#include "astrolabe/workload/expert_routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

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

// The distribution sampled: rows of each expert, scaled to t k, at most t; the largest rank.
double sampled_ratio(double alpha, int experts, int topk, int tokens, int ranks) {
  std::mt19937 engine(7);
  const bool is_full = tokens * topk > experts;
  const double low = std::pow(is_full ? 1 : 0.01, 1 - alpha);
  const double high = std::pow(is_full ? 0.8 * tokens : 2, 1 - alpha);
  constexpr int kSamples = 400;
  double sum = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    std::vector<double> rows;
    for (int e = 0; e < experts; ++e) {
      const double u = static_cast<double>(engine()) / 4294967296.0;
      rows.push_back(std::pow(low + u * (high - low), 1 / (1 - alpha)));
    }
    const double scale = tokens * topk / std::accumulate(rows.begin(), rows.end(), 0.0);
    std::vector<double> ranks_rows(static_cast<std::size_t>(ranks));
    for (int e = 0; e < experts; ++e) {
      ranks_rows[static_cast<std::size_t>(e * ranks / experts)] +=
          std::min(rows[static_cast<std::size_t>(e)] * scale, static_cast<double>(tokens));
    }
    sum += *std::max_element(ranks_rows.begin(), ranks_rows.end());
  }
  return sum / kSamples / (static_cast<double>(tokens) * topk / ranks);
}

TEST(ExpertRoutingTest, PowerLawIsNearWhatSamplingGives) {
  const Routing power{.model = RoutingModel::kPowerLaw, .alpha = 1.2};
  for (const auto& [experts, topk] : {std::pair{128, 8}, {256, 8}, {384, 8}}) {
    for (const int tokens : {512, 4096, 16384}) {
      for (const int ranks : {2, 4, 8, 32, 128}) {
        const double sampled = sampled_ratio(1.2, experts, topk, tokens, ranks);
        EXPECT_NEAR(hottest_rank_ratio(power, experts, topk, tokens, ranks) / sampled, 1, 0.15)
            << experts << " " << tokens << " " << ranks;
      }
    }
  }
}

TEST(ExpertRoutingTest, NoRankGetsMoreThanAllTokensForEachExpert) {
  const Routing power{.model = RoutingModel::kPowerLaw, .alpha = 1.2};
  for (const int ranks : {2, 8, 64, 256}) {
    for (const double tokens : {1.0, 16.0, 512.0, 65536.0}) {
      const RankLoad load = hottest_rank_load(power, 256, 8, tokens, ranks);
      EXPECT_LE(load.rows, tokens * std::min(8.0, 256.0 / ranks) * (1 + 1e-12));
      EXPECT_GE(load.rows, tokens * 8 / ranks * (1 - 1e-12));
      EXPECT_LE(load.experts, 256.0 / ranks * (1 + 1e-12));
      EXPECT_LE(load.experts, load.rows * (1 + 1e-12));
    }
  }
}

}  // namespace
}  // namespace astrolabe::workload
