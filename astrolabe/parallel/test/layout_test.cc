#include "astrolabe/parallel/layout.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/footprint.h"
#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {
namespace {

std::string conflict(const workload::ModelArchitecture& m, workload::ShardDegrees s) {
  return layout_conflict(m, small_accelerator(), {s});
}

TEST(LayoutTest, DegreesMustDivide) {
  EXPECT_EQ(conflict(small_dense(), {.tensor = 8}), "");  // 4 KV heads, each on two ranks
  EXPECT_NE(conflict(small_dense(), {.tensor = 3}).find("heads 16"), std::string::npos);
  EXPECT_NE(conflict(small_mixture(), {.data = 5, .expert = 5}).find("expert slots 32"),
            std::string::npos);
  EXPECT_EQ(conflict(small_mixture(), {.data = 5, .expert = 5, .redundant_experts = 3}), "");
}

TEST(LayoutTest, TensorGroupsStayInsideTheDomain) {
  EXPECT_NE(conflict(small_dense(), {.tensor = 16}).find("scale-up domain of 8"),
            std::string::npos);
}

TEST(LayoutTest, DenseModelsAreCopiedNotSpread) {
  EXPECT_NE(conflict(small_dense(), {.data = 2}), "");
  EXPECT_NE(conflict(small_dense(), {.tensor = 2, .expert = 2}), "");
}

TEST(LayoutTest, EnumeratedLayoutsHaveNoConflictAndFillTheLimit) {
  int largest = 0;
  for (const Layout& l : enumerate_layouts(small_mixture(), small_accelerator(), 32)) {
    EXPECT_EQ(layout_conflict(small_mixture(), small_accelerator(), l), "") << l.text();
    EXPECT_LE(l.shard.group(), 32);
    largest = std::max(largest, l.shard.group());
  }
  EXPECT_EQ(largest, 32);
}

TEST(LayoutTest, TextNamesWhatIsSplit) {
  const Layout l{{.tensor = 2, .data = 4, .expert = 8}};
  EXPECT_EQ(l.text(), "TP2 DP4 EP8");
  EXPECT_EQ(l.accelerators(), 8);
  EXPECT_EQ((Layout{{.tensor = 2, .pipeline = 3}}.accelerators()), 6);
}

TEST(FootprintTest, WeightsCacheAndReserveByHand) {
  device::Derating d = plain_derating();
  d.hbm_usable = 0.9;
  d.runtime_reserve = 1.0 * units::GB;
  const Footprint f = compute_footprint(small_dense(), {}, small_accelerator(), d, {}, 1000, 0);
  EXPECT_DOUBLE_EQ(f.usable.in(units::GB), 0.9 * 8 - 1);
  // Layer: 1024 x 1024 x 2 + 1024 x 256 x 2 + 3 x 1024 x 4096; two embeddings of 32000 x 1024.
  const double parameters = 16 * (2097152.0 + 524288 + 12582912) + 2 * 32768000.0;
  EXPECT_DOUBLE_EQ(f.weights.in(units::byte), 2 * parameters);
  // 16 layers x 2 x 4 heads x 64 x 2 bytes a token.
  EXPECT_DOUBLE_EQ(f.kv_per_sequence.in(units::byte), 1000 * 16 * 2 * 4 * 64 * 2.0);
  EXPECT_NEAR(f.sequences, (6.2e9 - 2 * parameters) / 16384000, 1e-9);
  EXPECT_TRUE(f.fits());
  EXPECT_EQ(f.reason(), "");
}

TEST(FootprintTest, WhatDoesNotFitSaysHowMuchIsMissing) {
  device::Accelerator a = small_accelerator();
  a.hbm_capacity = 0.5 * units::GB;
  const Footprint f = compute_footprint(small_dense(), {}, a, plain_derating(), {}, 1000, 0);
  EXPECT_FALSE(f.fits());
  EXPECT_NEAR(f.missing().in(units::byte), f.weights.in(units::byte) + 16384000 - 0.5e9, 1e-3);
  EXPECT_NE(f.reason().find("0.1 GB"), std::string::npos) << f.reason();
}

}  // namespace
}  // namespace astrolabe::parallel
