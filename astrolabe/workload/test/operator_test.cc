#include "astrolabe/workload/operator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/workload/operator_table.h"

namespace astrolabe::workload {
namespace {

double flop(const Operator& op) { return op.flops.in(units::flop); }
double weights(const Operator& op) { return op.weights.in(units::byte); }
double activations(const Operator& op) { return op.activations.in(units::byte); }
double kv(const Operator& op) { return op.kv.in(units::byte); }

TEST(OperatorTest, GemmHoldsWeightsInItsFormatAndWritesBf16) {
  const auto gemm = [](GemmFormat f) {
    return make_gemm({.m = 3, .n = 256, .k = 128, .format = f});
  };
  const Operator bf16 = gemm(GemmFormat::kBf16);
  EXPECT_EQ(flop(bf16), 2 * 3 * 256 * 128.0);
  EXPECT_EQ(weights(bf16), 2 * 256 * 128.0);
  EXPECT_EQ(activations(bf16), 2 * 3 * (128.0 + 256));
  // Two 128 x 128 blocks with an fp32 scale each; a scale for each row and 128 inputs.
  const Operator block = gemm(GemmFormat::kFp8Block);
  EXPECT_EQ(block.format, NumberFormat::kFp8);
  EXPECT_EQ(weights(block), 256 * 128 + 2 * 4.0);
  EXPECT_EQ(activations(block), 3 * (128 + 4.0) + 3 * 256 * 2);
  // 4-bit elements with an 8-bit scale for 16, on both sides.
  const Operator nvfp4 = gemm(GemmFormat::kNvfp4);
  EXPECT_EQ(nvfp4.format, NumberFormat::kFp4);
  EXPECT_EQ(weights(nvfp4), 256 * 128 / 2 + 256 * 128 / 16.0);
  EXPECT_EQ(activations(nvfp4), 3 * (128 / 2 + 128 / 16) + 3 * 256 * 2.0);
  // Weights alone: multiplied in bf16.
  const Operator int4 = gemm(GemmFormat::kInt4Weights);
  EXPECT_EQ(int4.format, NumberFormat::kBf16);
  EXPECT_EQ(weights(int4), 256 * 128 / 2 + 256 * 2.0);  // a bf16 scale for each 128
  EXPECT_EQ(activations(int4), activations(bf16));
}

TEST(OperatorTest, EveryFormatHasAWidenedOneWithTheSameWeights) {
  for (int i = 0; i < kGemmFormats; ++i) {
    const auto f = static_cast<GemmFormat>(i);
    const GemmFormatTraits& wide = traits(widened(f));
    EXPECT_EQ(wide.multiplied, NumberFormat::kBf16) << traits(f).name;
    EXPECT_FALSE(wide.is_activation_quantised) << traits(f).name;
    EXPECT_NEAR(wide.weight.base(), traits(f).weight.base(), 3e-4) << traits(f).name;
    EXPECT_EQ(parse_gemm_format(traits(f).name, {}), f);
  }
}

TEST(OperatorTest, QuantiseReadsBf16AndWritesTheFormat) {
  const Operator op = make_quantize({.m = 5, .k = 128, .format = GemmFormat::kFp8Block});
  EXPECT_EQ(activations(op), 5 * (2 * 128 + 128 + 4.0));
  EXPECT_EQ(flop(op), 0);
}

TEST(OperatorTest, ExpertsOfTheHottestRank) {
  ExpertsShape s{.tokens = 8, .hidden = 16, .expert_ffn = 12, .topk = 2, .experts = 8};
  s.moe_tp = 2;
  s.moe_ep = 4;
  s.routing = {.model = RoutingModel::kUniform, .imbalance = 1.5};
  // 8 x 2 / 4 rows x 1.5; an expert has 3 matrices of 16 x 6.
  const Operator op = make_experts(s);
  EXPECT_DOUBLE_EQ(flop(op), 2 * 6 * (3 * 16 * 6.0));
  EXPECT_DOUBLE_EQ(weights(op), 8 * (1 - std::pow(0.75, 8)) / 4 * (3 * 16 * 6) * 2);
  EXPECT_DOUBLE_EQ(activations(op), 2 * 6 * 16 * 2.0);  // six tokens in and out
  s.is_gated = false;
  s.format = GemmFormat::kMxfp4Weights;
  s.routing = {.model = RoutingModel::kBalanced};
  const Operator narrow = make_experts(s);
  EXPECT_DOUBLE_EQ(flop(narrow), 2 * 4 * (2 * 16 * 6.0));
  EXPECT_DOUBLE_EQ(weights(narrow), 2 * (2 * 16 * 6) * (0.5 + 1.0 / 32));  // both experts
}

TEST(OperatorTest, DecodeThatVerifiesDraftsIsCausalAmongThem) {
  // 3 new tokens after 10: they see 11, 12 and 13.
  const AttentionShape s{.sequences = 2,
                         .query_tokens = 3,
                         .context = 10,
                         .heads = 4,
                         .kv_heads = 2,
                         .head_dim = 8,
                         .value_dim = 6};
  const Operator op = make_attention_decode(s);
  EXPECT_EQ(flop(op), 2 * 2 * 4 * (8 + 6) * (11 + 12 + 13.0));
  EXPECT_EQ(kv(op), 2 * 13 * 2 * 2 * 8 * 2.0);  // K, and V padded to its width
  EXPECT_EQ(activations(op), 2 * 3 * 4 * (8 + 6) * 2.0);
}

TEST(OperatorTest, WindowedPrefillByCountingPairs) {
  for (const double window : {1.0, 3.0, 5.0, 8.0, 40.0}) {
    for (const double context : {0.0, 2.0, 7.0}) {
      double pairs = 0;
      for (int i = 1; i <= 6; ++i) pairs += std::min(context + i, window);
      const AttentionShape s{.sequences = 1,
                             .query_tokens = 6,
                             .context = context,
                             .heads = 1,
                             .kv_heads = 1,
                             .head_dim = 1,
                             .value_dim = 1,
                             .window = window};
      EXPECT_EQ(flop(make_attention_prefill(s)), 2 * 2 * pairs) << window << " " << context;
    }
  }
}

TEST(OperatorTest, SpreadLengthsWeighWithTheirSquares) {
  // Lengths 2 and 6: mean 4, E[n^2]/E[n]^2 = 20 / 16. Pairs 3 and 21.
  const AttentionShape s{.sequences = 2,
                         .query_tokens = 4,
                         .heads = 1,
                         .kv_heads = 1,
                         .head_dim = 1,
                         .value_dim = 1,
                         .square_ratio = 20.0 / 16};
  EXPECT_DOUBLE_EQ(flop(make_attention_prefill(s)), 2 * 2 * (3 + 21.0));
}

TEST(OperatorTest, CompressedCacheHasOneEntryForSeveralTokens) {
  const AttentionShape s{.sequences = 1,
                         .query_tokens = 1,
                         .context = 399,
                         .heads = 2,
                         .kv_heads = 1,
                         .head_dim = 8,
                         .value_dim = 8,
                         .window = 50,
                         .entry_tokens = 4,
                         .values_are_keys = true};
  const Operator op = make_attention_decode(s);  // 50 of 100 entries
  EXPECT_EQ(flop(op), 2 * 2 * 16 * 50.0);
  EXPECT_EQ(kv(op), 50 * 8 * 2.0);
}

const LatentShape kLatent{.sequences = 2,
                          .query_tokens = 1,
                          .context = 9,
                          .heads = 3,
                          .kv_rank = 5,
                          .rope_dim = 2,
                          .nope_dim = 3,
                          .value_dim = 4};

TEST(OperatorTest, LatentDecodeMeetsTheLatentOnceForAllHeads) {
  const Operator op = make_latent_decode(kLatent);
  EXPECT_EQ(flop(op), 2 * 2 * 3 * (7 + 5) * 10.0);
  EXPECT_EQ(kv(op), 2 * 10 * 7 * 2.0);
  EXPECT_EQ(activations(op), 2 * 3 * (7 + 5) * 2.0);
}

TEST(OperatorTest, LatentPrefillHasKeysAndValuesOfAllHeads) {
  LatentShape s = kLatent;
  s.query_tokens = 4;
  s.context = 0;
  const Operator op = make_latent_prefill(s);
  EXPECT_EQ(flop(op), 2 * 2 * 3 * (3 + 2 + 4) * 10.0);  // 1 + 2 + 3 + 4 pairs
  // Queries and outputs of 3 x 9, keys and values of 3 x 7 and one rotary part of 2.
  EXPECT_EQ(activations(op), 2 * 4 * (27 + 21 + 2) * 2.0);
}

TEST(OperatorTest, SparseLatentReadsWhatTheIndexerKept) {
  LatentShape s = kLatent;
  s.topk = 4;
  EXPECT_EQ(kv(make_sparse_latent(s)), 2 * 4 * 7 * 2.0);
  EXPECT_EQ(flop(make_sparse_latent(s)), 2 * 2 * 3 * 12 * 4.0);
  s.query_tokens = 2;  // two queries may keep different ones
  EXPECT_EQ(kv(make_sparse_latent(s)), 2 * 8 * 7 * 2.0);
}

TEST(OperatorTest, AbsorbedProductIsOneMatrixAHead) {
  const Operator op =
      make_absorb(OperatorKind::kAbsorbQuery, {.tokens = 6, .heads = 3, .n = 5, .k = 4});
  EXPECT_EQ(flop(op), 2 * 6 * 3 * 5 * 4.0);
  EXPECT_EQ(weights(op), 3 * 5 * 4 * 2.0);
  EXPECT_EQ(activations(op), 6 * 3 * (5 + 4) * 2.0);
}

TEST(OperatorTest, IndexerScoresEveryTokenInFp8) {
  const Operator op = make_indexer(
      {.sequences = 2, .query_tokens = 1, .context = 99, .heads = 4, .dim = 8, .topk = 16});
  EXPECT_EQ(op.format, NumberFormat::kFp8);
  EXPECT_EQ(flop(op), 2 * 2 * 4 * 8 * 100.0);
  EXPECT_EQ(kv(op), 2 * 100 * 8.0);
}

TEST(OperatorTest, DeltaRuleAndStateSpaceCarryTheirState) {
  LinearShape s{.is_decode = true,
                .sequences = 3,
                .query_tokens = 1,
                .hidden = 32,
                .k_heads = 2,
                .k_dim = 4,
                .v_heads = 6,
                .v_dim = 5,
                .conv_width = 4};
  const Operator rule = make_linear_attention(s);
  EXPECT_EQ(flop(rule), 7 * 3 * (6 * 4 * 5.0));
  EXPECT_EQ(kv(rule), 2 * 3 * (6 * 4 * 5) * 4.0);
  EXPECT_EQ(activations(rule), 3 * ((2 * 8 + 30) + 30) * 2.0);
  s.is_mamba = true;
  EXPECT_EQ(flop(make_linear_attention(s)), 5 * 3 * (6 * 4 * 5.0));
  // Convolution over queries, keys and values (B, C and x): 46 channels, the last 3 inputs kept.
  const Operator convolution = make_convolution(s);
  EXPECT_EQ(flop(convolution), 2 * 3 * 46 * 4.0);
  EXPECT_EQ(activations(convolution), 2 * 3 * 46 * 2.0);
  EXPECT_EQ(kv(convolution), 2 * 3 * 46 * 3 * 2.0);
}

TEST(OperatorTest, ElementwiseMovesWhatItReadsAndWrites) {
  const Operator op =
      make_elementwise(OperatorKind::kActivation, {.tokens = 3, .read = 20, .written = 10});
  EXPECT_EQ(activations(op), 3 * 30 * 2.0);
  EXPECT_TRUE(is_elementwise(op.kind));
  EXPECT_FALSE(is_elementwise(OperatorKind::kQuantize));
}

TEST(OperatorTest, KindsAreNamedInTheirOrder) {
  EXPECT_STREQ(operator_kind_name(OperatorKind::kGemm), "gemm");
  EXPECT_STREQ(operator_kind_name(OperatorKind::kIndexer), "indexer");
  EXPECT_STREQ(operator_kind_name(OperatorKind::kQuantize), "quantize");
  EXPECT_STREQ(operator_kind_name(OperatorKind::kSampling), "sampling");
  EXPECT_STREQ(operator_kind_name(OperatorKind::kAllReduce), "all_reduce");
  EXPECT_STREQ(operator_kind_name(OperatorKind::kSendReceive), "send_receive");
}

TEST(OperatorTest, ShapeIsPrintedByName) {
  EXPECT_EQ(shape_text(make_gemm({.m = 1, .n = 2, .k = 3, .format = GemmFormat::kNvfp4})),
            "m=1 n=2 k=3 format=nvfp4");
}

}  // namespace
}  // namespace astrolabe::workload
