#include "astrolabe/device/operator_family.h"

#include <gtest/gtest.h>

#include <cmath>

namespace astrolabe::device {
namespace {

Chip chip() {
  Chip c;
  c.name = "test";
  c.tflops = {100, 200, 0, 0};
  c.hbm_gbps = 1000;
  return c;
}

TEST(OperatorFamily, GemmWork) {
  // 2 m n k FLOP; fp8 weights and activations of 1 byte, outputs of 2.
  const Work w = work_of(Family::kGemm, {"fp8"}, {64, 32, 16});
  EXPECT_EQ(w.flops, 2.0 * 64 * 32 * 16);
  EXPECT_EQ(w.bytes, 64 * 32 + 16 * 32 + 16 * 64 * 2);
  EXPECT_EQ(w.format, MathFormat::kFp8);
}

TEST(OperatorFamily, DecodeAttentionReadsTheWindowOnly) {
  // head 128, 8 heads, 2 KV heads, batch 4: K and V of bf16, queries and outputs.
  const Work full =
      work_of(Family::kAttentionDecode, {"bfloat16", "bfloat16"}, {128, 8, 2, 0, 4, 1000});
  EXPECT_EQ(full.bytes, 4.0 * 128 * (2 * 2 * 1000 * 2 + 4 * 8));
  EXPECT_EQ(full.flops, 4.0 * 4 * 8 * 128 * 1000);
  const Work window =
      work_of(Family::kAttentionDecode, {"bfloat16", "fp8"}, {128, 8, 2, 100, 4, 1000});
  EXPECT_EQ(window.bytes, 4.0 * 128 * (2 * 2 * 100 * 1 + 4 * 8));
}

TEST(OperatorFamily, CausalPromptsSeeATriangleAndABand) {
  const auto pairs = [](float n, float prefix, float window) {
    const Work w = work_of(Family::kAttentionPrefill, {"bfloat16", "bfloat16"},
                           {1, 1, 1, window, 1, n, prefix});
    return w.flops / 4;
  };
  EXPECT_EQ(pairs(4, 0, 0), 10);   // 1 + 2 + 3 + 4
  EXPECT_EQ(pairs(4, 10, 0), 50);  // and 4 x 10
  EXPECT_EQ(pairs(4, 0, 2), 7);    // 1 + 2 + 2 + 2
  EXPECT_EQ(pairs(4, 10, 2), 8);   // 2 each
  EXPECT_EQ(pairs(4, 1, 3), 11);   // 2 + 3 + 3 + 3
}

TEST(OperatorFamily, ExpertsTouched) {
  // One token of top-2 among 8 experts on one rank: 2 experts of 3 matrices 16 x 4.
  const Work w = work_of(Family::kExperts, {"bfloat16", "balanced"}, {16, 4, 2, 8, 1, 1, 1});
  EXPECT_NEAR(w.flops, 6.0 * 2 * 16 * 4, 1e-3);
  EXPECT_NEAR(w.bytes, 3 * 2.0 * 16 * 4 * 2 + 2 * (16 * 4 + 4 * 4), 1e-3);
}

TEST(OperatorFamily, ExpertsTouchedByManyTokens) {
  // 4 tokens of top-2 on one of 2 ranks of 4 experts each: 4 rows. Dealt evenly each expert gets
  // one; by the power law 4 (1 - (1 + 1 / 0.7)^-0.7) get any.
  const auto matrices = [](const char* law, const char* kernel) {
    const Work w = work_of(Family::kExperts, {"fp8", law}, {16, 4, 2, 8, 1, 2, 4}, kernel);
    return (w.bytes - 4 * (16 * 4 + 4 * 4)) / (16 * 4);
  };
  EXPECT_NEAR(matrices("balanced", "any"), 3 * 4, 1e-6);
  EXPECT_NEAR(matrices("power_law_1.2", "any"), 3 * 4 * (1 - std::pow(1 + 1 / 0.7, -0.7)), 1e-6);
  EXPECT_NEAR(matrices("balanced", "moe_torch_flow_nongated"), 2 * 4, 1e-6);
}

TEST(OperatorFamily, WeightsOf4BitsAreWidenedByTheSmsOrWhenTheyAreLoaded) {
  const auto work = [](const char* dtype, const char* kernel) {
    return work_of(Family::kExperts, {dtype, "balanced"}, {16, 4, 2, 8, 1, 1, 1}, kernel);
  };
  EXPECT_TRUE(work("int4_wo", "marlin").widens);
  EXPECT_TRUE(work("w4a16_mxfp4", "marlin").widens);
  EXPECT_FALSE(work("nvfp4", "marlin").widens);
  EXPECT_FALSE(work("w4a16_mxfp4", "sglang_fused_moe_triton").widens);
  EXPECT_EQ(work("w4a16_mxfp4", "sglang_fused_moe_triton").bytes, work("bfloat16", "any").bytes);
}

TEST(OperatorFamily, ReferenceIsAboveTheRooflineAndGrowsWithWork) {
  const Chip c = chip();
  double before = 0;
  for (float m = 1; m < 1e5f; m *= 2) {
    const Work w = work_of(Family::kGemm, {"bfloat16"}, {4096, 4096, m});
    const double t = reference_time_us(Family::kGemm, w, c);
    EXPECT_GT(t, roofline_us(w, c));
    EXPECT_GT(t, before);
    before = t;
  }
}

TEST(OperatorFamily, AFormatTheChipLacksRunsAsBf16) {
  Work w{1e9, 0, MathFormat::kFp4};
  EXPECT_DOUBLE_EQ(roofline_us(w, chip()), 1e9 / 100e6);
}

TEST(OperatorFamily, EveryFamilyHasItsName) {
  for (int f = 0; f < kFamilies; ++f) {
    const auto family = static_cast<Family>(f);
    EXPECT_EQ(find_family(columns_of(family).name), family);
    EXPECT_LE(coordinate_count(family), kMaxCoordinates);
  }
  EXPECT_FALSE(find_family("gem"));
}

}  // namespace
}  // namespace astrolabe::device
