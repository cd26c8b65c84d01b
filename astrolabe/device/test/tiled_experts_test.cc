#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/device/test/tiled_test_chips.h"
#include "astrolabe/device/tiled_kernels.h"
#include "astrolabe/device/tiled_time.h"

namespace astrolabe::device {
namespace {

TEST(ExpertTime, ReadsTheExpertsThatGotTokens) {
  const TiledParameters p{3, 0.5, 1, 0, 1e9, 0, 4, 6, 0.2, 0, 1, 32, 0.5};
  ExpertShape shape;
  shape.tokens = 4, shape.hidden = 1024, shape.inter = 512, shape.top_k = 2, shape.experts = 8;
  const double weights = 8.0 * 3 * 1024 * 512 * 2;
  EXPECT_NEAR(expert_time(h100_like(), p, shape, Residency::kCold).base(),
              3e-6 + weights / (0.5 * 3.35e12), 2e-7);
  shape.expert_ranks = 4;
  EXPECT_NEAR(expert_time(h100_like(), p, shape, Residency::kCold).base(),
              3e-6 + weights / 4 / (0.5 * 3.35e12), 2e-7);
}

TEST(ExpertTime, CoresWidenWeightsOfFourBits) {
  const TiledParameters p{1, 0.99, 1, 0, 1e9, 0, 4, 6, 0.2, 0, 1, 1e9, 0.5};
  ExpertShape shape;
  shape.format = *find_kernel_format("w4a16_mxfp4");
  shape.tokens = 64, shape.hidden = 2816, shape.inter = 1408, shape.top_k = 8, shape.experts = 64;
  const auto time = [&](const TiledChip& chip) {
    return expert_time(chip, p, shape, Residency::kCold).base();
  };
  TiledChip chip = h100_like();
  chip.hbm_bandwidth = Bandwidth::from_base(1e15);
  const double weights = 64.0 * 3 * 2816 * 1408;
  const double widening = weights / 22 / chip.sm_count / chip.clock.base();
  EXPECT_NEAR(time(chip), kMicro + widening, 0.1 * widening);
  chip.tensor_cores = "warp_group", chip.year = 2024;  // tcgen05 takes no such weights either
  EXPECT_NEAR(time(chip), kMicro + widening, 0.1 * widening);
  shape.format = *find_kernel_format("bfloat16");
  EXPECT_LT(time(chip), 0.5 * widening);
}

TEST(ExpertTime, TritonActivatesThePairsOfAllRanks) {
  const TiledParameters p{1, 0.99, 1, 0, 1e9, 0, 4, 6, 0.2, 0, 1, 1e9, 0.5, 1};
  ExpertShape shape;
  shape.tokens = 64, shape.hidden = 1024, shape.inter = 512, shape.top_k = 8, shape.experts = 64;
  shape.expert_ranks = 16;
  const Duration alone = expert_time(h100_like(), p, shape, Residency::kCold);
  shape.all_activation_passes = 5;
  EXPECT_NEAR((expert_time(h100_like(), p, shape, Residency::kCold) - alone).base(),
              5 * 2.0 * 64 * 8 * 512 * (1 / 3.35e12 + 1 / (12 * 132 * 1.83e9)), 1e-12);
}

// 64 x 8 pairs, of which a rank of 16 has 32: passes over the others are not made where tokens were
// sent to their experts.
TEST(ExpertTime, DispatchedTokensAreTheRanksOwn) {
  const TiledParameters p{1, 0.99, 1, 0, 1e9, 0, 4, 6, 0.2, 0, 1, 1e9, 0.5, 1};
  const Dims dims{1024, 512, 8, 64, 1, 16, 64};
  TableRequest request{Family::kExperts,        "", "sglang", "", "sglang_fused_moe_triton",
                       {"bfloat16", "balanced"}};
  const auto time = [&] {
    const TiledKernel kernel = tiled_kernel(request, dims);
    return tiled_time(kernel.formula, h100_like(), p, kernel.shape, Residency::kCold).base();
  };
  const double gathered = time();
  request.is_dispatched = true;
  const double elements = (64.0 * 8 - 32) * (2 * 1024 + 5 * 512);
  EXPECT_NEAR(gathered - time(), 2 * elements * (1 / 3.35e12 + 1 / (12 * 132 * 1.83e9)), 1e-12);
}

// TensorRT-LLM's fallback of scaled blocks gives the pairs of other ranks to experts of its own:
// every tile of 16 rows is multiplied, in bf16, unless the tokens were sent to their experts.
TEST(ExpertTime, FallbackOfTensorRtMultipliesThePairsOfAllRanks) {
  const TiledParameters p{1, 0.99, 1, 0, 1e9, 0, 4, 6, 0, 0, 1, 1e9, 0.5};
  TableRequest request{
      Family::kExperts,         "", "trtllm", "", "moe_torch_flow_triton_fp8_block",
      {"fp8_block", "balanced"}};
  const TiledChip chip = h100_like();
  const auto time = [&](float ranks) {
    const Dims dims{4096, 2048, 8, 64, 1, ranks, 8192};
    const TiledKernel kernel = tiled_kernel(request, dims);
    return tiled_time(kernel.formula, chip, p, kernel.shape, Residency::kCold).base();
  };
  const double flops = 2.0 * 8192 * 8 * 3 * 4096 * 2048;
  const double multiplied = flops / chip.peak(workload::NumberFormat::kBf16).base();
  EXPECT_GT(time(16), multiplied);
  EXPECT_NEAR(time(16), time(1), 0.05 * time(1));
  request.is_dispatched = true;
  EXPECT_LT(time(16), 0.1 * time(1));
}

TEST(ExpertTime, BlockScalesActivateThePairsOfAllRanks) {
  const TiledParameters p{1, 0.99, 1, 0, 1e9, 0, 4, 6, 0.2, 0, 1, 1e9, 0.5};
  for (const double ranks : {1.0, 16.0}) {
    ExpertShape shape;
    shape.tokens = 64, shape.hidden = 1024, shape.inter = 512, shape.top_k = 8, shape.experts = 64;
    shape.expert_ranks = ranks;
    const Duration alone = expert_time(h100_like(), p, shape, Residency::kCold);
    shape.activates_singly = true;
    EXPECT_NEAR((expert_time(h100_like(), p, shape, Residency::kCold) - alone).base(),
                64.0 * 8 * 512 / (1.45 * 132 * 1.83e9), 1e-12);
  }
}

TEST(ExpertTime, TilesGrowWithTheRowsOfAnExpert) {
  TiledParameters p{1, 1, 1, 0, 1, 0, 64, 6, 0.2, 0, 1, 32, 0.5};
  ExpertShape shape;
  shape.tokens = 256, shape.hidden = 1024, shape.inter = 128, shape.matrices = 2;
  TiledChip chip = round_chip();
  chip.sm_count = 1;
  chip.hbm_bandwidth = Bandwidth::from_base(1e18);
  const double up = 1024 * 768.0, down = 8 * 128 * 768.0;  // cycles; 8 columns of tiles of 128
  EXPECT_NEAR(expert_time(chip, p, shape, Residency::kCold).base(), kMicro + (up + down) * 1e-9,
              2e-3 * (up + down) * 1e-9);
}

TEST(ExpertTime, TheHottestRankFollowsTheLawOfTheTables) {
  TiledParameters p{0, 1, 1, 0, 1e9, 0, 1, 6, 1, 1e3, 1, 32, 0.5};  // a thousand passes: all of it
  ExpertShape shape;
  shape.tokens = 64, shape.hidden = 1024, shape.inter = 128, shape.top_k = 8, shape.experts = 128;
  shape.expert_ranks = 16, shape.is_power_law = true, shape.pair_passes = 1;
  const double pairs = 2.304 * 32;
  const double passes = 1e3 * pairs * 1024 * 2 * (1 / 3.35e12 + 1 / (12 * 132 * 1.83e9));
  EXPECT_NEAR(expert_time(h100_like(), p, shape, Residency::kCold).base(), passes, 0.1 * passes);
}

TEST(ExpertTime, WithoutATacticTheFirstTileIsRun) {
  TiledParameters p{1, 1, 1, 0, 1, 0, 64, 6, 0.2, 0, 1, 32, 0.5};
  TiledChip chip = round_chip();
  chip.tensor_cores = "warp_group", chip.year = 2022;
  chip.sm_count = 1;
  ExpertShape shape;
  shape.tokens = 256, shape.hidden = 1024, shape.inter = 128, shape.matrices = 2;
  shape.is_untuned = true;
  const auto expect_cycles = [&](double cycles) {
    EXPECT_NEAR(expert_time(chip, p, shape, Residency::kCold).base(), kMicro + cycles * 1e-9,
                2e-3 * cycles * 1e-9);
  };
  expect_cycles(2 * 288.0 * (8 * 1024 + 64 * 128));
  chip.tensor_cores = "warp";  // 32 tokens by 128 columns
  expect_cycles(8 * 320.0 * (1 * 1024 + 8 * 128));
  shape.format = *find_kernel_format("nvfp4");  // 128 by 128, tuned or not
  const double of_4_bits = 2 * 144.0 * (1 * 1024 + 8 * 128);
  expect_cycles(of_4_bits);
  shape.is_untuned = false, shape.tokens = 64;
  expect_cycles(of_4_bits / 2);
}

TEST(ExpertTime, TritonHasHalfOfTcgen05) {
  TiledParameters p{1, 1, 1, 0, 1e9, 0, 64, 6, 0.2, 0, 1, 32, 0.5};
  TiledChip chip = round_chip();
  chip.tensor_cores = "warp_group", chip.year = 2024;
  chip.sm_count = 1, chip.rates[0] = FlopRate::from_base(8192e9);
  chip.power_limit = Power::from_base(8192e9 / 1.4e12);  // where efficiency is what it says
  ExpertShape shape;
  shape.tokens = 256, shape.hidden = 1024, shape.inter = 512;
  const double seconds = 6.0 * 256 * 1024 * 512 / 8192e9;
  EXPECT_NEAR(expert_time(chip, p, shape, Residency::kCold).base(), seconds, 0.02 * seconds);
  shape.is_portable = true;
  EXPECT_NEAR(expert_time(chip, p, shape, Residency::kCold).base(), 2 * seconds, 0.02 * seconds);
}

TEST(ExpertTime, KernelsAreKnownByTheirNames) {
  const Dims dims{4096, 1536, 8, 128, 1, 1, 64};
  const auto shape = [&](const char* kernel, const char* dtype) {
    const Categories c{dtype, "balanced"};
    return std::get<ExpertShape>(tiled_kernel(Family::kExperts, "vllm", kernel, c, dims).shape);
  };
  EXPECT_TRUE(shape("sglang_flashinfer_cutlass_moe", "bfloat16").is_untuned);
  EXPECT_FALSE(shape("sglang_flashinfer_cutlass_moe", "fp8_block").is_untuned);
  EXPECT_FALSE(shape("moe_torch_flow_cutlass", "bfloat16").is_untuned);
  EXPECT_EQ(shape("moe_torch_flow_cutlass", "bfloat16").pair_passes, 3);
  EXPECT_EQ(shape("sglang_flashinfer_trtllm_moe", "nvfp4").pair_passes, 1);
  EXPECT_EQ(shape("sglang_fused_moe_triton", "bfloat16").all_pair_passes, 2);
  EXPECT_TRUE(shape("sglang_fused_moe_triton", "bfloat16").is_portable);
  EXPECT_TRUE(shape("sglang_marlin_moe", "int4_wo").is_portable);
  EXPECT_TRUE(shape("sglang_flashinfer_trtllm_moe", "fp8_block").activates_singly);
  EXPECT_FALSE(shape("sglang_flashinfer_trtllm_moe", "fp8").activates_singly);
  EXPECT_FALSE(shape("deepgemm", "fp8_block").activates_singly);
  // Routing, two products, finalising, of 8; narrowing; activating under scales of blocks.
  EXPECT_EQ(shape("sglang_flashinfer_trtllm_moe", "bfloat16").launches, 4 / 8.0);
  EXPECT_EQ(shape("sglang_flashinfer_trtllm_moe", "nvfp4").launches, 5 / 8.0);
  EXPECT_EQ(shape("sglang_flashinfer_trtllm_moe", "fp8_block").launches, 6 / 8.0);
  EXPECT_EQ(shape("moe_torch_flow_cutlass", "bfloat16").launches, 1);
  EXPECT_EQ(shape("sglang_flashinfer_trtllm_moe", "nvfp4").activation_passes, 0);
  EXPECT_EQ(shape("moe_torch_flow_cutlass", "bfloat16").activation_passes, 5);
  EXPECT_EQ(shape("moe_torch_flow_cutlass", "bfloat16").all_activation_passes, 0);
  EXPECT_EQ(shape("sglang_fused_moe_triton", "bfloat16").activation_passes, 0);
  EXPECT_EQ(shape("sglang_marlin_moe", "int4_wo").all_activation_passes, 5);
}

}  // namespace
}  // namespace astrolabe::device
