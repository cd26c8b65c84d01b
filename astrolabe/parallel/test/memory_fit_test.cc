#include "astrolabe/parallel/memory_fit.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

// Layer: 1024 x 1024 x 2 + 1024 x 256 x 2 + 3 x 1024 x 4096; two embeddings of 32000 x 1024.
constexpr double kWeights = 2 * (16 * (2097152.0 + 524288 + 12582912) + 2 * 32768000.0);
constexpr double kTokenBytes = 16 * 2 * 4 * 64 * 2;  // layers, K and V, heads, width, bf16
// Input of 1024 and 3 x 4096 of the feed-forward part, 8192 tokens, bf16.
constexpr double kActivations = 8192.0 * (1024 + 3 * 4096) * 2;

Engine engine() {
  Engine e = plain_engine(Framework::kVllm);
  e.constants.memory_share = 0.9;
  e.constants.kv_share = 0.8;
  e.constants.runtime_reserve = 1.0 * units::GB;
  e.constants.graph_capture = 0.25 * units::GB;
  e.schedule.block_tokens = 16;
  return e;
}

MemoryFit fit(Bytes hbm, std::optional<double> blocks = {}) {
  return memory_fit(small_dense(), {}, {}, engine(), hbm, 1000, blocks);
}

TEST(MemoryFitTest, WeightsReservesAndBlocksByHand) {
  const MemoryFit m = fit(8.0 * units::GB);
  EXPECT_DOUBLE_EQ(m.usable.in(units::GB), 7.2);
  EXPECT_DOUBLE_EQ(m.weights.in(units::byte), kWeights);
  EXPECT_DOUBLE_EQ(m.activations.in(units::byte), kActivations);
  EXPECT_NEAR(m.other_reserve.in(units::byte), 1e9 - 0.25e9 - kActivations, 1e-3);
  const double blocks = std::floor(0.8 * (7.2e9 - kWeights - 1e9) / kTokenBytes / 16);
  EXPECT_DOUBLE_EQ(m.kv_blocks, blocks);
  EXPECT_DOUBLE_EQ(m.kv_tokens, 16 * blocks);
  EXPECT_DOUBLE_EQ(m.sequences(1000), 16 * blocks / 1000);
  EXPECT_TRUE(m.fits());
  EXPECT_EQ(m.reason(), "");
}

TEST(MemoryFitTest, ActivationsBeyondTheReserveCount) {
  Engine e = engine();
  e.schedule.token_budget = 65536;  // 1.74 GB
  const MemoryFit m = memory_fit(small_dense(), {}, {}, e, 8.0 * units::GB, 1000);
  EXPECT_EQ(m.other_reserve, Bytes());
  EXPECT_NEAR(m.kv_tokens * kTokenBytes, 0.8 * (7.2e9 - kWeights - 8 * kActivations - 0.25e9),
              16 * kTokenBytes);
}

TEST(MemoryFitTest, NumberOfBlocksOverridesTheComputed) {
  const MemoryFit m = fit(8.0 * units::GB, 100);
  EXPECT_DOUBLE_EQ(m.kv_tokens, 1600);
  EXPECT_FALSE(fit(8.0 * units::GB, 10).holds_a_sequence());
}

TEST(MemoryFitTest, WhatDoesNotFitSaysHowMuchIsMissing) {
  // Usable 0.9 GB; weights of 0.62 GB and 1 GB of reserves.
  const MemoryFit weights = fit(1.0 * units::GB);
  EXPECT_FALSE(weights.holds_weights());
  EXPECT_NEAR(weights.missing().in(units::byte), kWeights + 1e9 - 0.9e9 + 1000 * kTokenBytes, 1);
  EXPECT_NE(weights.reason().find("by 0.7 GB"), std::string::npos) << weights.reason();
  const MemoryFit cache = fit((kWeights + 1.010e9) / 0.9 * units::byte);
  EXPECT_TRUE(cache.holds_weights());
  EXPECT_FALSE(cache.holds_a_sequence());
  EXPECT_NE(cache.reason().find("no sequence"), std::string::npos) << cache.reason();
}

}  // namespace
}  // namespace astrolabe::parallel
