#include "astrolabe/device/tiled_time.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "astrolabe/device/test/tiled_test_chips.h"
#include "astrolabe/device/tiled_kernels.h"

namespace astrolabe::device {
namespace {

using workload::NumberFormat;

// launch 1 us, efficiencies 1, fill 100 cycles, loads free, splits dear.
TiledParameters plain_gemm() { return {1, 1, 0, 1, 40, 0.5, 1e12, 100, 2, 1e9, 1, 0}; }

TEST(TileCount, CoversWithWholeTiles) {
  EXPECT_EQ(tile_count(128, 256, 128, 128), 2);
  EXPECT_EQ(tile_count(129, 257, 128, 128), 6);  // 2 x 3
  EXPECT_EQ(tile_count(1, 1, 64, 64), 1);
}

// 256 x 256 x 1024 in tiles of 128 x 128: 4 tiles on 4 SMs, one wave of 100 + 1024 x 4 cycles
// (2 x 128 x 128 / 8192 = 4). Tiles of 64 x 64 need 4 waves of 100 + 1024: 4496, 64 x 128 2 waves
// of 100 + 2048: 4296. So 4196 cycles and the launch: 5.196 us.
TEST(GemmTime, TakesTheFastestTiling) {
  const GemmShape shape{{}, 256, 256, 1024, 1};
  EXPECT_NEAR(gemm_time(round_chip(), plain_gemm(), shape, Residency::kCold).base(), 5.196 * kMicro,
              1e-12);
}

// Measured to sustain half of the peak: 2 x 256 x 256 x 1024 at 4 x 8192 / 2 FLOP a cycle is 8192
// cycles, more than the tiles take.
TEST(GemmTime, NoFasterThanTheChipWasMeasuredToBe) {
  TiledChip chip = round_chip();
  chip.product_share = 0.5;
  const GemmShape shape{{}, 256, 256, 1024, 1};
  EXPECT_NEAR(gemm_time(chip, plain_gemm(), shape, Residency::kCold).base(), 9.192 * kMicro, 1e-12);
}

// One row more: 128 x 128 makes 6 tiles, two waves, 8392 cycles; 64 x 64 makes 20 tiles, 5 waves of
// 1124: 5620, the least. So 6.62 us.
TEST(GemmTime, OneRowMoreCostsAWave) {
  const GemmShape shape{{}, 257, 256, 1024, 1};
  EXPECT_NEAR(gemm_time(round_chip(), plain_gemm(), shape, Residency::kCold).base(), 6.62 * kMicro,
              1e-12);
}

// 64 x 64 x 4096 is one tile: 100 + 4096 cycles. In four parts of k: 100 + 1024 and the reduction
// of 500 x 1.4 = 700: 1824; in two 100 + 2048 + 600 = 2748; in 8 two waves of 612 + 900 = 2124.
TEST(GemmTime, SplitsKWhenTilesAreFew) {
  TiledParameters p = plain_gemm();
  p[9] = 500;
  const GemmShape shape{{}, 64, 64, 4096, 1};
  EXPECT_NEAR(gemm_time(round_chip(), p, shape, Residency::kCold).base(), (1 + 1.824) * kMicro,
              1e-12);
}

// 512 tokens, one head of 128: 4 tiles see 1 + 2 + 3 + 4 = 10 blocks. A block takes
// 2 x 128 x 128 x 256 / 8192 = 1024 cycles of products and 128 x 128 / 16 = 1024 of exponentials,
// one after the other (overlap 1). One SM: 10 x 2048 + 4 x 100. Four SMs wait for the tile of 4
// blocks: 4 x 2048 + 100.
TEST(PrefillAttentionTime, CountsCausalBlocksAndTheLongestTile) {
  const TiledParameters p{1, 1, 0, 1, 1, 1, 100, 0, 1, 1, 1, 0.1};
  AttentionShape shape;
  shape.query_tokens = shape.kv_tokens = 512;
  TiledChip chip = round_chip();
  EXPECT_NEAR(prefill_attention_time(chip, p, shape, Residency::kCold).base(), 9.292 * kMicro,
              1e-11);
  chip.sm_count = 1;
  chip.rates[0] = FlopRate::from_base(8192e9);
  EXPECT_NEAR(prefill_attention_time(chip, p, shape, Residency::kCold).base(), 21.88 * kMicro,
              1e-11);
}

// Window of 128: each of 4 tiles sees its own block and the one before, the first only its own:
// 1 + 2 + 2 + 2 = 7 blocks.
TEST(PrefillAttentionTime, WindowBoundsTheBlocks) {
  const TiledParameters p{1, 1, 0, 1, 1, 1, 100, 0, 1, 1, 1, 0.1};
  AttentionShape shape;
  shape.query_tokens = shape.kv_tokens = 512;
  shape.window = 128;
  TiledChip chip = round_chip();
  chip.sm_count = 1;
  chip.rates[0] = FlopRate::from_base(8192e9);
  EXPECT_NEAR(prefill_attention_time(chip, p, shape, Residency::kCold).base(),
              (1 + 7 * 2.048 + 0.4) * kMicro, 1e-11);
}

// A cache of 64 sequences x 8 heads x 4096 tokens x 256 x 2 B = 1.07 GB at 3.35 TB/s x 0.8.
TEST(DecodeAttentionTime, StreamsTheCache) {
  const TiledParameters p{2, 0.8, 32, 0.5, 1e9, 1, 0, 1, 1, 0, 6, 64, 64, 64};
  AttentionShape shape;
  shape.sequences = 64, shape.kv_tokens = 4096, shape.heads = 64, shape.kv_heads = 8;
  const double cache = 64.0 * 8 * 4096 * 256 * 2, queries = 64.0 * 64 * 256 * 2;
  EXPECT_NEAR(decode_attention_time(h100_like(), p, shape, Residency::kCold).base(),
              2e-6 + (cache + queries) / (0.8 * 3.35e12), 3e-7);
  // A window of 1024 reads a quarter.
  shape.window = 1024;
  EXPECT_NEAR(decode_attention_time(h100_like(), p, shape, Residency::kCold).base(),
              2e-6 + (cache / 4 + queries) / (0.8 * 3.35e12), 3e-7);
}

// 100 us of host time, 1.5 times as long on this host, hide a product of microseconds; a product of
// 2 x 8192^3 FLOP at half of 989 TFLOPS takes 2.2 ms, more than the host.
TEST(GemmTime, HostAndDeviceWorkSideBySide) {
  TiledParameters p{100, 0.5, 0, 0.9, 40, 0.5, 1e9, 1, 6, 1, 1, 0};
  TiledChip chip = h100_like();
  chip.host_time = 1.5;
  GemmShape shape;
  EXPECT_NEAR(gemm_time(chip, p, shape, Residency::kCold).base(), 150e-6, 1e-6);
  shape.m = shape.n = shape.k = 8192;
  const double device = 25e-6 + 2 * std::pow(8192.0, 3) / (0.5 * 989e12);
  EXPECT_NEAR(gemm_time(chip, p, shape, Residency::kCold).base(), device, 0.02 * device);
}

// 2 x 256 x 256 x 1024 FLOP of bf16 at 10 pJ each are 1342 uJ, which 100 W pay in 13.42 us; fp8
// takes 2^-0.8 of that. Warp groups are not held back by it.
TEST(GemmTime, ThePowerLimitPaysForProductsOfWarps) {
  TiledParameters p = plain_gemm();
  p[12] = 10;
  TiledChip chip = round_chip();
  chip.rates[static_cast<std::size_t>(NumberFormat::kFp8)] = FlopRate::from_base(8 * 8192e9);
  GemmShape shape{{}, 256, 256, 1024, 1};
  chip.tensor_cores = "warp";
  EXPECT_NEAR(gemm_time(chip, p, shape, Residency::kCold).base(), 14.422 * kMicro, 1e-9);
  shape.format.multiply = NumberFormat::kFp8;
  EXPECT_NEAR(gemm_time(chip, p, shape, Residency::kCold).base(),
              (1 + 13.422 * std::pow(2.0, -0.8)) * kMicro, 1e-9);
  shape.format.multiply = NumberFormat::kBf16;
  chip.tensor_cores = "warp_group";
  EXPECT_NEAR(gemm_time(chip, p, shape, Residency::kCold).base(), 5.196 * kMicro, 1e-12);
}

// 64 x 64 x 4096, as above in parts of k 2.824 us. Whole: 100 + 4096 cycles. Tiles of 128 x 128
// take 4 cycles an element of k, of 128 x 256 8, of 32 x 128 1, of 32 x 64 a half.
TEST(GemmTime, KernelsOfAnEngineKeepTheirTiles) {
  TiledParameters p = plain_gemm();
  p[9] = 500;
  const auto us = [&](ProductKernel kernel, const char* tensor_cores, double year) {
    TiledChip chip = round_chip();
    chip.tensor_cores = tensor_cores, chip.year = year;
    GemmShape shape{{}, 64, 64, 4096, 1};
    shape.kernel = kernel;
    return gemm_time(chip, p, shape, Residency::kCold).base() / kMicro;
  };
  EXPECT_NEAR(us(ProductKernel::kLibrary, "warp", 2025), 2.824, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kCutlass, "warp", 2025), 5.196, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kCutlassSquare, "warp", 2025), 1.1 + 4.096 * 4, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kCutlassSquare, "warp", 2022), 1.1 + 4.096 / 2, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kCutlassFirst, "warp", 2025), 1.1 + 4.096 * 4, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kCutlassFirst, "warp_group", 2024), 1.1 + 4.096 * 8, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kBlockScales, "warp", 2022), 5.196, 1e-6);
  EXPECT_NEAR(us(ProductKernel::kBlockScales, "warp", 2025), 2.824, 1e-6);
}

TEST(GemmTime, KernelsOfTablesAreKnown) {
  const auto kernel = [](const char* framework, const char* name, const char* dtype) {
    const TiledKernel k = tiled_kernel(Family::kGemm, framework, name, {dtype}, {1024, 1024, 16});
    return std::get<GemmShape>(k.shape).kernel;
  };
  EXPECT_EQ(kernel("sglang", "sglang_torch_linear", "bfloat16"), ProductKernel::kLibrary);
  EXPECT_EQ(kernel("trtllm", "torch_flow", "fp8"), ProductKernel::kLibrary);
  EXPECT_EQ(kernel("trtllm", "torch_flow", "nvfp4"), ProductKernel::kCutlassFirst);
  EXPECT_EQ(kernel("trtllm", "torch_flow", "fp8_block"), ProductKernel::kBlockScales);
  EXPECT_EQ(kernel("sglang", "sglang_sgl_kernel_fp8_scaled_mm", "fp8"),
            ProductKernel::kCutlassSquare);
  EXPECT_EQ(kernel("vllm", "FlashInferCutlassNvFp4LinearKernel", "nvfp4"),
            ProductKernel::kCutlassSquare);
  EXPECT_EQ(kernel("vllm", "FlashInferCuteDslNvFp4LinearKernel", "nvfp4"), ProductKernel::kCutlass);
  EXPECT_EQ(kernel("vllm", "CutlassFP8ScaledMMLinearKernel", "fp8"), ProductKernel::kCutlass);
}

// Four of eight SMs serve a sequence of three, so two rounds of 100 + 10 x 1152 cycles: a block of
// 128 keys is 64 for each of two SMs, 2 x 128 x 64 x 576 / 8192. Elsewhere an SM multiplies all of
// it.
TEST(DecodeAttentionTime, ClustersOfSm120ServeASequence) {
  const TiledParameters p{1, 1, 40, 0.5, 1e9, 100, 0, 1, 1e9, 0, 6, 128, 128, 1};
  TiledChip chip = round_chip();
  chip.sm_count = 8, chip.tensor_cores = "warp", chip.year = 2025;
  chip.rates[0] = FlopRate::from_base(8 * 8192e9);
  const TiledKernel kernel =
      tiled_kernel(Family::kLatentDecode, "trtllm", "default", {"bfloat16", "fp8"}, {128, 3, 1280});
  AttentionShape shape = std::get<AttentionShape>(kernel.shape);
  EXPECT_NEAR(decode_attention_time(chip, p, shape, Residency::kCold).base(), 24.24 * kMicro, 1e-9);
  chip.year = 2022;
  EXPECT_GT(decode_attention_time(chip, p, shape, Residency::kCold).base(), 100 * kMicro);
  const auto has_clusters = [](const char* framework, const char* cache, float heads) {
    const TiledKernel k = tiled_kernel(Family::kLatentDecode, framework, "default",
                                       {"bfloat16", cache}, {heads, 3, 1280});
    return std::get<AttentionShape>(k.shape).has_clusters;
  };
  EXPECT_TRUE(has_clusters("trtllm", "fp8", 128));
  EXPECT_FALSE(has_clusters("trtllm", "bfloat16", 128));
  EXPECT_FALSE(has_clusters("trtllm", "fp8", 64));
  EXPECT_FALSE(has_clusters("sglang", "fp8", 128));
}

// A multiply-add for each output and 128 elements of k, where tensor cores do not scale blocks.
TEST(GemmTime, BlockScalesCostMultiplyAddsBeforeTcgen05) {
  const TiledParameters p{3, 1, 0, 0.9, 40, 0.5, 1e9, 1, 6, 1, 1, 0};
  TiledChip chip = h100_like();
  chip.tensor_cores = "warp_group", chip.year = 2022;
  GemmShape shape;
  shape.m = shape.n = shape.k = 8192;
  shape.format.has_block_scales = true;
  const double scaled = gemm_time(chip, p, shape, Residency::kCold).base();
  shape.format.has_block_scales = false;
  const double plain = gemm_time(chip, p, shape, Residency::kCold).base();
  EXPECT_GT(scaled, 1.05 * plain);
  shape.format.has_block_scales = true, chip.year = 2024;
  EXPECT_DOUBLE_EQ(gemm_time(chip, p, shape, Residency::kCold).base(), plain);
}

// A cache of 128 blocks of 8 heads on 16 SMs whose products and HBM take no time.
AttentionShape long_cache() {
  AttentionShape shape;
  shape.kv_tokens = 128 * 128, shape.heads = 8;
  return shape;
}

Duration long_cache_time(const AttentionShape& shape) {
  const TiledParameters p{1, 1, 32, 0.5, 65.536, 1, 0, 1, 500, 0, 6, 64, 64, 4};
  TiledChip chip = round_chip();
  chip.sm_count = 16;
  chip.rates[0] = FlopRate::from_base(1e18);
  chip.hbm_bandwidth = Bandwidth::from_base(1e18);
  return decode_attention_time(chip, p, shape, Residency::kCold);
}

// One cache of 128 blocks, a cycle of 1e-9 s and 1000 cycles of loading each (128 x 256 x 2 B at
// 65.536 B a cycle), on an idle chip: in 4 parts 32 blocks and the reduction of 500 cycles.
// Eight heads that do not read it together are eight times as many pieces, 2 waves on 16 SMs.
TEST(DecodeAttentionTime, SplitsTheCacheAsFarAsTheEngineDoes) {
  AttentionShape shape = long_cache();
  EXPECT_NEAR(long_cache_time(shape).base(), 33.501 * kMicro, 0.02 * kMicro);
  shape.shares_cache = false;
  EXPECT_NEAR(long_cache_time(shape).base(), 65.502 * kMicro, 0.02 * kMicro);
  // A window of 64 blocks begins within a 65th: 16.25 blocks each. Narrow queries: a kernel more.
  shape.shares_cache = true, shape.window = 64 * 128;
  EXPECT_NEAR(long_cache_time(shape).base(), 17.751 * kMicro, 0.02 * kMicro);
  shape.quantises_queries = true;
  EXPECT_NEAR(long_cache_time(shape).base(), 19.751 * kMicro, 0.02 * kMicro);
}

// The cache of SplitsTheCacheAsFarAsTheEngineDoes in 32 splits on 16 SMs, in two waves of 4 blocks
// each, and 8 heads of 128 results of 10 B combined: a kernel of 2 us and 5 % of a microsecond.
TEST(DecodeAttentionTime, CombinesSplitsHoweverFew) {
  AttentionShape shape = long_cache();
  const Duration alone = long_cache_time(shape);
  shape.combines = true;
  const Duration combined = long_cache_time(shape);
  const double pass = 8 * 128 * 10 / (12 * 16 * 1e9);
  EXPECT_NEAR((combined - alone).base(), 2 * kMicro + pass, 1e-12);
  shape.combines = false, shape.least_splits = 32;
  EXPECT_NEAR(long_cache_time(shape).base(), (1 + 2 * (1e-3 + 4) + 0.5) * kMicro, 0.02 * kMicro);
}

// 64 caches of 4096 vectors of 576 fp8 elements, as bf16: 3 bytes an element read and written, 3
// elements a cycle of each SM, and a launch of 4 us.
TEST(DecodeAttentionTime, WidensACacheInAPassOfItsOwn) {
  const TiledParameters p{2, 0.8, 32, 0.5, 1e9, 1, 0, 1, 1, 0, 6, 64, 64, 64};
  AttentionShape shape;
  shape.sequences = 64, shape.kv_tokens = 4096, shape.heads = 1;
  shape.qk_dim = 576, shape.v_dim = 512, shape.is_latent = true, shape.kv_bytes = 2;
  const Duration narrow = decode_attention_time(h100_like(), p, shape, Residency::kCold);
  shape.widens_cache = true;
  const Duration widened = decode_attention_time(h100_like(), p, shape, Residency::kCold);
  const double seconds = 64.0 * 4096 * 576 * (3 / 3.35e12 + 1 / (3 * 132 * 1.83e9));
  EXPECT_NEAR((widened - narrow).base(), 4e-6 + seconds, 1e-12);
}

// One SM, heads of one tile of 64, 32 blocks of 128 vectors: fp8 products take half of bf16's time,
// and by wgmma 2 x 128 x 512 bytes at 128 a cycle, 1024 cycles a block.
TEST(DecodeAttentionTime, WgmmaTransposesFp8Values) {
  const TiledParameters p{1, 1, 128, 1, 1e9, 1, 0, 1, 1e9, 0, 6, 64, 64, 1};
  TiledChip chip = round_chip();
  chip.sm_count = 1, chip.tensor_cores = "warp_group", chip.year = 2024;
  chip.rates[0] = FlopRate::from_base(4096e9);
  chip.rates[static_cast<std::size_t>(NumberFormat::kFp8)] = FlopRate::from_base(8192e9);
  AttentionShape shape;
  shape.kv_tokens = 4096, shape.heads = 64, shape.is_latent = true;
  shape.qk_dim = 576, shape.v_dim = 512, shape.kv_bytes = 1;
  const auto cycles = [&] {
    return decode_attention_time(chip, p, shape, Residency::kCold).base() * 1e9;
  };
  const double block = 2.0 * 128 * 1088 * 64 / 4096;
  EXPECT_NEAR(cycles(), 32 * block, 2000);
  shape.multiply = NumberFormat::kFp8;
  EXPECT_NEAR(cycles(), 32 * block / 2, 2000);
  chip.year = 2022;
  EXPECT_NEAR(cycles(), 32 * (block / 2 + 1024), 2000);
}

TEST(LatentKernels, SglangAbsorbsPromptsAndWidensCachesOfFlashAttention) {
  const auto shape = [](Family family, const char* framework, const char* kernel) {
    return std::get<AttentionShape>(
        tiled_kernel(family, framework, kernel, {"bfloat16", "fp8"}, {16, 4, 1024, 0}).shape);
  };
  const AttentionShape flash = shape(Family::kLatentPrefill, "sglang", "flash_attention");
  EXPECT_EQ(flash.kv_heads, 1);
  EXPECT_EQ(flash.qk_dim, 576);
  EXPECT_TRUE(flash.is_latent && flash.splits_values && flash.widens_cache);
  const AttentionShape triton = shape(Family::kLatentPrefill, "sglang", "triton");
  EXPECT_TRUE(triton.is_latent && !triton.splits_values && !triton.widens_cache);
  for (const char* framework : {"sglang", "trtllm", "vllm"}) {
    const AttentionShape other = shape(Family::kLatentPrefill, framework, "trtllm_mla");
    EXPECT_EQ(other.kv_heads, 16);
    EXPECT_EQ(other.qk_dim, 192);
  }
  EXPECT_EQ(shape(Family::kLatentDecode, "sglang", "flash_attention").kv_bytes, 2);
  EXPECT_FALSE(shape(Family::kLatentDecode, "vllm", "vllm_flash_attn_mla").widens_cache);
}

TEST(DecodeKernels, FlashAttentionPacksHeadsAndNarrowsQueriesByItsVersion) {
  const auto shape = [](const char* kernel, const char* cache, float window) {
    const Dims dims{128, 8, 1, window, 4, 1024};
    const Categories formats{"bfloat16", cache};
    const TiledTable table = tiled_table(Family::kAttentionDecode, "vllm", kernel, formats);
    EXPECT_EQ(table.table, "any flash");
    return std::get<AttentionShape>(
        tiled_kernel(Family::kAttentionDecode, "vllm", kernel, formats, dims).shape);
  };
  EXPECT_FALSE(shape("vllm_flash_attn_fa2", "bfloat16", 128).shares_cache);
  EXPECT_TRUE(shape("vllm_flash_attn_fa2", "bfloat16", 0).shares_cache);
  EXPECT_TRUE(shape("vllm_flash_attn_fa3", "bfloat16", 128).shares_cache);
  EXPECT_FALSE(shape("vllm_flash_attn_fa3", "bfloat16", 0).quantises_queries);
  EXPECT_TRUE(shape("vllm_flash_attn_fa3", "fp8", 0).quantises_queries);
}

// flash_attn_max_num_splits_for_cuda_graph: 32, for the 512 sequences of the largest graph.
TEST(DecodeKernels, VllmSplitsCachesOfItsGraphs) {
  const auto shape = [](const char* framework, const char* kernel, float sequences) {
    const Dims dims{128, 8, 1, 0, sequences, 1024};
    return std::get<AttentionShape>(
        tiled_kernel(Family::kAttentionDecode, framework, kernel, {"bfloat16", "bfloat16"}, dims)
            .shape);
  };
  EXPECT_TRUE(shape("vllm", "vllm_flash_attn_fa3", 512).combines);
  EXPECT_EQ(shape("vllm", "vllm_flash_attn_fa3", 512).least_splits, 1);
  EXPECT_FALSE(shape("vllm", "vllm_flash_attn_fa3", 513).combines);
  EXPECT_TRUE(shape("vllm", "vllm_flash_attn_fa4", 512).combines);
  EXPECT_EQ(shape("vllm", "vllm_flash_attn_fa4", 512).least_splits, 32);
  EXPECT_EQ(shape("vllm", "vllm_flash_attn_fa4", 513).least_splits, 1);
  EXPECT_FALSE(shape("vllm", "vllm_flash_attn_fa2", 4).combines);
  EXPECT_FALSE(shape("sglang", "fa3", 4).combines);
}

// 4 tokens x 2 experts = 8 pairs on 8 of 8 experts: all weights of three matrices 1024 x 512 are
// read, 8 x 3 x 1024 x 512 x 2 B, at 3.35 TB/s x 0.5; on 4 ranks each reads two experts.
// 4-bit weights are widened 22 a cycle and SM, which no memory makes faster.
// Rows of 512 columns of 64 x 8 pairs, five passes of 2 B, wherever the experts are.
// 64 tokens x 8 experts of all ranks x 512 columns, 1.45 elements a cycle of 132 SMs, wherever the
// experts are.
// One expert of 256 rows, two products of 1024 x 128, at 1 B a cycle into the one SM: a step of k
// loads (rows + 128) x 2 B. One tile of 256 rows takes 768 cycles a step, four of 64 rows 4 x 384.
// 64 tokens x 8 experts of 128 on 16 ranks, x^-1.2 between 1 and 200: moments (1 - 200^-0.2) / 0.2
// = 3.267, (200^0.8 - 1) / 0.8 = 85.39, (200^1.8 - 1) / 1.8 = 7702; variance 2.451 of the squared
// mean. Hottest of 16 ranks of 8: 1 + sqrt(2.451 / 8 x 2 ln 16) = 2.304 times 32 pairs.
// The expert of TilesGrowWithTheRowsOfAnExpert without a tactic on Hopper: two tiles of 128 rows by
// 16 columns, each step of k loads (128 + 16) x 2 B; 8 and 64 columns of tiles.
// 256 rows, three matrices of 1024 x 512 at 8192 FLOP a cycle on one SM: twice as long in Triton
// where tcgen05 multiplies.
TEST(PrefillKernels, PadHeadsAsTheyMultiplyThem) {
  const auto padding = [](const char* framework, const char* kernel, float dim) {
    const Dims dims{dim, 8, 8, 0, 1, 512, 0};
    const Categories c{"bfloat16", "bfloat16"};
    return std::get<AttentionShape>(
               tiled_kernel(Family::kAttentionPrefill, framework, kernel, c, dims).shape)
        .padding;
  };
  EXPECT_EQ(padding("vllm", "vllm_flash_attn_fa2", 80), 96.0 / 80);
  EXPECT_EQ(padding("vllm", "vllm_flash_attn_fa2", 128), 1);
  EXPECT_EQ(padding("sglang", "triton", 72), 128.0 / 72);
  EXPECT_EQ(padding("sglang", "triton", 192), 1);
  EXPECT_EQ(padding("vllm", "vllm_triton_attn", 192), 256.0 / 192);
}

TEST(Residency, WarmOperandsAreNeverSlower) {
  const TiledParameters p = prior_parameters(TiledFormula::kGemm);
  for (double n : {256.0, 2048.0, 16384.0}) {
    const GemmShape shape{{}, 16, n, 4096, 1};
    EXPECT_LE(gemm_time(h100_like(), p, shape, Residency::kWarm).base(),
              gemm_time(h100_like(), p, shape, Residency::kCold).base());
  }
}

// 2 x 512 tokens x 8 heads x 256 columns x 2 B x 3 (queries and results, keys and values read and
// written) = 12.6 MB: 20 MB of L2 keep them, two partitions of 10 MB do not.
TEST(Residency, PromptsComeFromALargeL2) {
  const TiledParameters p = prior_parameters(TiledFormula::kPrefill);
  AttentionShape shape;
  shape.sequences = 2, shape.heads = shape.kv_heads = 8;
  shape.query_tokens = shape.kv_tokens = 512;
  TiledChip chip = h100_like();
  chip.l2_cache = 20.0 * units::MB;
  chip.hbm_bandwidth = Bandwidth::from_base(1e11);
  const Duration cold = prefill_attention_time(chip, p, shape, Residency::kCold);
  EXPECT_LT(prefill_attention_time(chip, p, shape, Residency::kWarm).base(), 0.4 * cold.base());
  chip.l2_partitions = 2;
  EXPECT_GT(prefill_attention_time(chip, p, shape, Residency::kWarm).base(), 0.8 * cold.base());
}

// 8.4 MB of weights stay in 50 MB; six layers of them, one after another, do not.
TEST(Residency, WeightsOfManyLayersComeFromMemory) {
  const TiledParameters p = prior_parameters(TiledFormula::kGemm);
  TiledChip chip = h100_like();
  chip.l2_partitions = 2;
  GemmShape shape{{}, 16, 2048, 2048, 1};
  const Duration cold = gemm_time(chip, p, shape, Residency::kCold);
  EXPECT_LT(gemm_time(chip, p, shape, Residency::kWarm).base(), 0.95 * cold.base());
  shape.copies = 6;
  EXPECT_GT(gemm_time(chip, p, shape, Residency::kWarm).base(), 0.98 * cold.base());
}

// Draws parameters anywhere within their bounds.
class Draw {
 public:
  TiledParameters parameters(TiledFormula formula) {
    TiledParameters p{};
    const auto specs = parameters_of(formula);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      p[i] = std::exp(number(std::log(specs[i].low), std::log(specs[i].high)));
    }
    return p;
  }
  double count(double most) { return std::floor(std::exp(number(0, std::log(most)))); }
  double number(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }

 private:
  std::mt19937 engine_{20261128};
};

GemmShape draw_gemm(Draw& draw) {
  return {*find_kernel_format(draw.number(0, 1) < 0.5 ? "bfloat16" : "fp8"), draw.count(4e4),
          draw.count(6e4), draw.count(6e4), 1};
}

AttentionShape draw_attention(Draw& draw, double query_tokens) {
  AttentionShape s;
  s.sequences = draw.count(256), s.kv_heads = draw.count(16);
  s.heads = s.kv_heads * draw.count(16);
  s.query_tokens = query_tokens;
  s.kv_tokens = query_tokens + std::floor(draw.number(0, 1) * draw.count(1e5));
  s.kv_bytes = draw.number(0, 1) < 0.5 ? 1 : 2;
  return s;
}

ExpertShape draw_experts(Draw& draw) {
  ExpertShape s;
  s.tokens = draw.count(3e4), s.hidden = 128 * draw.count(64), s.inter = 128 * draw.count(32);
  s.experts = 256, s.top_k = draw.count(8),
  s.expert_ranks = std::exp2(std::floor(draw.number(0, 6)));
  s.is_power_law = draw.number(0, 1) < 0.5;
  return s;
}

// The contract: max(F / F_peak, B / B_peak) of the same FLOP and bytes is not undercut.
TEST(TiledContract, NotBelowTheRoofline) {
  Draw draw;
  const TiledChip chip = h100_like();
  const double bandwidth = chip.hbm_bandwidth.base();
  for (int i = 0; i < 2000; ++i) {
    const GemmShape g = draw_gemm(draw);
    const double flops = 2 * g.m * g.n * g.k, peak = chip.peak(g.format.multiply).base();
    const double bytes =
        g.m * g.k * g.format.activation_bytes + g.n * g.k * g.format.weight_bytes + 2 * g.m * g.n;
    EXPECT_GE(gemm_time(chip, draw.parameters(TiledFormula::kGemm), g, Residency::kCold).base(),
              std::max(flops / peak, bytes / bandwidth));

    const AttentionShape a = draw_attention(draw, draw.count(8192));
    const double prefix = a.kv_tokens - a.query_tokens;
    const double pairs = a.query_tokens * prefix + a.query_tokens * (a.query_tokens + 1) / 2;
    EXPECT_GE(
        prefill_attention_time(chip, draw.parameters(TiledFormula::kPrefill), a, Residency::kCold)
            .base(),
        4 * a.sequences * a.heads * 128 * pairs / chip.peak(a.multiply).base());

    const AttentionShape d = draw_attention(draw, 1);
    const double cache = d.sequences * d.kv_heads * d.kv_tokens * 256 * d.kv_bytes;
    EXPECT_GE(
        decode_attention_time(chip, draw.parameters(TiledFormula::kDecode), d, Residency::kCold)
            .base(),
        cache / bandwidth);

    const ExpertShape e = draw_experts(draw);
    const double rank_flops = 6 * e.tokens * e.top_k / e.expert_ranks * e.hidden * e.inter;
    EXPECT_GE(
        expert_time(chip, draw.parameters(TiledFormula::kExperts), e, Residency::kCold).base(),
        rank_flops / chip.peak(e.format.multiply).base());
  }
}

TEST(TiledContract, MoreWorkTakesNoLessTime) {
  Draw draw;
  const TiledChip chip = h100_like();
  constexpr double kSlack = 1 - 1e-9;
  for (int i = 0; i < 2000; ++i) {
    const Residency residency = i % 2 == 0 ? Residency::kCold : Residency::kWarm;
    const TiledParameters pg = draw.parameters(TiledFormula::kGemm);
    const GemmShape g = draw_gemm(draw);
    const double t = gemm_time(chip, pg, g, residency).base();
    for (double GemmShape::*size :
         {&GemmShape::m, &GemmShape::n, &GemmShape::k, &GemmShape::batch}) {
      GemmShape more = g;
      more.*size = std::ceil(more.*size * 1.3);
      EXPECT_GE(gemm_time(chip, pg, more, residency).base(), t * kSlack);
    }
    const TiledParameters pp = draw.parameters(TiledFormula::kPrefill);
    const TiledParameters pd = draw.parameters(TiledFormula::kDecode);
    const AttentionShape a = draw_attention(draw, draw.count(8192));
    for (double AttentionShape::*size :
         {&AttentionShape::sequences, &AttentionShape::heads, &AttentionShape::kv_tokens}) {
      AttentionShape more = a;
      more.*size = std::ceil(more.*size * 1.3);
      EXPECT_GE(prefill_attention_time(chip, pp, more, residency).base(),
                prefill_attention_time(chip, pp, a, residency).base() * kSlack);
      EXPECT_GE(decode_attention_time(chip, pd, more, residency).base(),
                decode_attention_time(chip, pd, a, residency).base() * kSlack);
    }
    const TiledParameters pe = draw.parameters(TiledFormula::kExperts);
    const ExpertShape e = draw_experts(draw);
    ExpertShape more = e;
    more.tokens = std::ceil(e.tokens * 1.3);
    EXPECT_GE(expert_time(chip, pe, more, residency).base(),
              expert_time(chip, pe, e, residency).base() * kSlack);
  }
}

}  // namespace
}  // namespace astrolabe::device
