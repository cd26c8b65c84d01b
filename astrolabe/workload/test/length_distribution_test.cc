#include "astrolabe/workload/length_distribution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/workload/demand_class.h"

namespace astrolabe::workload {
namespace {

const SourcePosition kHere{"test.toml", 3};

TEST(LengthDistributionTest, FixedLengthHasNoSpread) {
  const auto d = LengthDistribution::from_mean_and_p90(500, std::nullopt, kHere, "input_tokens",
                                                       "input_tokens_p90");
  EXPECT_EQ(d.mean(), 500);
  EXPECT_EQ(d.second_moment(), 250000);
  EXPECT_EQ(d.squared_variation(), 0);
}

TEST(LengthDistributionTest, MeanAndP90AreThoseGiven) {
  const auto d =
      LengthDistribution::from_mean_and_p90(1000, 2000, kHere, "input_tokens", "input_tokens_p90");
  EXPECT_NEAR(d.quantile(kNormalP90), 2000, 1e-9);
  // ln 2 = z s - s^2/2 with z = 1.28155: s = z - sqrt(z^2 - 2 ln 2) = 1.28155 - 0.50602 = 0.77553.
  EXPECT_NEAR(d.log_deviation(), 0.77553, 1e-4);
  EXPECT_NEAR(d.second_moment_ratio(), std::exp(0.77553 * 0.77553), 1e-3);
}

TEST(LengthDistributionTest, WhatNoLognormalHasIsRejected) {
  // exp(z^2/2) = 2.2735 is the largest p90 over mean.
  EXPECT_NO_THROW(LengthDistribution::from_mean_and_p90(1000, 2270, kHere, "x", "x_p90"));
  EXPECT_THROW(LengthDistribution::from_mean_and_p90(1000, 2280, kHere, "x", "x_p90"), InputError);
  EXPECT_THROW(LengthDistribution::from_mean_and_p90(1000, 900, kHere, "x", "x_p90"), InputError);
  EXPECT_THROW(LengthDistribution::from_mean_and_p90(0, std::nullopt, kHere, "x", "x_p90"),
               InputError);
}

TEST(DemandClassTest, ContextInFlightIsLengthBiased) {
  DemandClass w;
  w.input = LengthDistribution::fixed(1000);
  w.output = LengthDistribution::fixed(400);
  EXPECT_EQ(w.decode_context(), 1000 + 200);
  w.output =
      LengthDistribution::from_mean_and_p90(400, 800, kHere, "output_tokens", "output_tokens_p90");
  EXPECT_NEAR(w.decode_context(), 1000 + 200 * std::exp(0.77553 * 0.77553), 0.5);
}

TEST(DemandClassTest, CachedPartIsNotComputed) {
  DemandClass w;
  w.input = LengthDistribution::fixed(1000);
  w.cached_input = 0.25;
  EXPECT_EQ(w.computed_input(), 750);
  EXPECT_EQ(w.cached_tokens(), 250);
}

}  // namespace
}  // namespace astrolabe::workload
