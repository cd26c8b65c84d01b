#include "astrolabe/workload/operator_graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace astrolabe::workload {
namespace {

ModelArchitecture tiny_dense() {
  ModelArchitecture m;
  m.hidden = 8;
  m.heads = 2;
  m.kv_heads = 1;
  m.head_dim = 4;
  m.dense_ffn = 16;
  m.vocab = 10;
  m.n_full_attention = m.n_dense_ffn = 2;
  return m;
}

ModelArchitecture tiny_mixture() {
  ModelArchitecture m = tiny_dense();
  m.n_dense_ffn = 0;
  m.n_moe = 2;
  m.experts = 8;
  m.topk = 2;
  m.expert_ffn = 4;
  return m;
}

ModelArchitecture tiny_latent() {
  ModelArchitecture m = tiny_dense();
  m.attention = AttentionKind::kLatent;
  m.q_rank = 6;
  m.kv_rank = 5;
  m.rope_dim = 2;
  m.nope_dim = 3;
  m.value_dim = 4;
  return m;
}

const Operator& find(const OperatorList& list, const char* name) {
  for (const Operator& op : list) {
    if (std::strcmp(op.name, name) == 0) return op;
  }
  ADD_FAILURE() << "no operator " << name;
  return list.front();
}

bool has(const OperatorList& list, const char* name) {
  for (const Operator& op : list) {
    if (std::strcmp(op.name, name) == 0) return true;
  }
  return false;
}

OperatorList decode(const ModelArchitecture& m, const ShardDegrees& s, double b, double context) {
  return build_operator_graph(m, {}, s, {.decode_sequences = b, .decode_context = context}, {});
}

TEST(OperatorGraphTest, DecodeOfATinyModelByHand) {
  const OperatorList list = decode(tiny_dense(), {}, 3, 9);
  // Matrix products: 2 x 3 tokens x parameters that multiply (2 layers x (192 + 384), head 80).
  const double gemm = 2 * 3 * (2 * (192.0 + 384) + 80);
  // Attention over 10 tokens: scores and values, 2 heads of width 4, 2 layers.
  const double attention = 2 * (2 * 2 * 3 * 2 * 4 * 10.0);
  EXPECT_DOUBLE_EQ(total_flops(list).in(units::flop), gemm + attention);
  EXPECT_DOUBLE_EQ(total_weight_bytes(list).in(units::byte), 2 * (2 * (192.0 + 384) + 80));
  // 3 sequences x 10 tokens x K and V of width 4 in bf16.
  EXPECT_DOUBLE_EQ(find(list, "attention_decode").kv.in(units::byte), 3 * 10 * 2 * 4 * 2);
  EXPECT_EQ(find(list, "attention_decode").count, 2);
}

TEST(OperatorGraphTest, CausalPrefillSeesHalfTheSquareAndAllOfTheCache) {
  Batch b;
  b.prefill_sequences = 1;
  b.prefill_tokens = 6;
  b.prefill_context = 10;
  b.prefill_finished = 1;
  const OperatorList list = build_operator_graph(tiny_dense(), {}, {}, b, {});
  // 6 x 10 + (1 + 2 + .. + 6) = 81 pairs; 2 heads, scores and values of width 4.
  EXPECT_DOUBLE_EQ(find(list, "attention_prefill").flops.in(units::flop), 2 * 2 * 2 * 4 * 81.0);
  EXPECT_EQ(find(list, "lm_head").get<GemmShape>().m, 1);  // one token needs logits
  b.prefill_square_ratio = 2;
  const OperatorList spread = build_operator_graph(tiny_dense(), {}, {}, b, {});
  EXPECT_DOUBLE_EQ(find(spread, "attention_prefill").flops.in(units::flop),
                   2 * 2 * 2 * 4 * (60 + (2 * 36 + 6) / 2.0));
}

TEST(OperatorGraphTest, WindowBoundsContext) {
  ModelArchitecture m = tiny_dense();
  m.n_full_attention = 0;
  m.n_window_attention = 2;
  m.window = 16;
  const auto flops = [&](double context) {
    return find(decode(m, {}, 1, context), "window_attention_decode").flops.in(units::flop);
  };
  EXPECT_EQ(flops(15), 2 * 2 * 8 * 16.0);
  EXPECT_EQ(flops(5000), flops(15));
}

TEST(OperatorGraphTest, AbsorbedLatentDecodeReadsTheCacheOnceForAllHeads) {
  const Operator op = find(decode(tiny_latent(), {}, 2, 9), "latent_attention_decode");
  EXPECT_DOUBLE_EQ(op.flops.in(units::flop), 2 * 2 * 2 * (5 + 2 + 5) * 10.0);
  EXPECT_DOUBLE_EQ(op.kv.in(units::byte), 2 * 10 * (5 + 2) * 2.0);
  // The cache does not shrink with tensor parallelism, the heads do.
  const Operator half = find(decode(tiny_latent(), {.tensor = 2}, 2, 9), "latent_attention_decode");
  EXPECT_EQ(half.kv.in(units::byte), op.kv.in(units::byte));
  EXPECT_EQ(half.flops.in(units::flop), op.flops.in(units::flop) / 2);
}

TEST(OperatorGraphTest, UnabsorbedLatentPrefillRebuildsKeysOfTheWholeContext) {
  Batch b;
  b.prefill_sequences = 1;
  b.prefill_tokens = 4;
  b.prefill_context = 6;
  const OperatorList list = build_operator_graph(tiny_latent(), {}, {}, b, {});
  EXPECT_EQ(find(list, "key_value_up").get<GemmShape>().m, 10);
  EXPECT_DOUBLE_EQ(find(list, "latent_attention_prefill").flops.in(units::flop),
                   2 * 2 * (3 + 2 + 4) * (24 + 10.0));
}

TEST(OperatorGraphTest, SparseAttentionKeepsTopkAndScoresEverything) {
  ModelArchitecture m = tiny_latent();
  m.index_topk = 4;
  m.index_heads = 2;
  m.index_dim = 3;
  const OperatorList list = decode(m, {}, 1, 99);
  // 4 tokens of 5 + 2 elements are read and meet 2 heads.
  EXPECT_DOUBLE_EQ(find(list, "latent_attention_decode").kv.in(units::byte), 4 * 7 * 2.0);
  EXPECT_DOUBLE_EQ(find(list, "latent_attention_decode").flops.in(units::flop),
                   2 * 2 * (5 + 2 + 5) * 4.0);
  EXPECT_DOUBLE_EQ(find(list, "index_scores_decode").flops.in(units::flop), 2 * 2 * 3 * 100.0);
  EXPECT_DOUBLE_EQ(find(list, "index_scores_decode").kv.in(units::byte), 100 * 3.0);
}

TEST(OperatorGraphTest, SparsePrefillIsAbsorbedOnlyWhereThatIsCheaper) {
  ModelArchitecture m = tiny_latent();
  m.index_topk = 4;
  m.index_heads = 2;
  m.index_dim = 3;
  Batch b;
  b.prefill_sequences = 1;
  b.prefill_tokens = 4;  // 10 pairs x (3 + 2 + 4) dense against 10 x (5 + 2 + 5) absorbed
  EXPECT_TRUE(has(build_operator_graph(m, {}, {}, b, {}), "key_value_up"));
  b.prefill_tokens = 20;  // 210 x 9 against (1 + 2 + 3 + 17 x 4) x 12
  const OperatorList list = build_operator_graph(m, {}, {}, b, {});
  EXPECT_FALSE(has(list, "key_value_up"));
  EXPECT_DOUBLE_EQ(find(list, "latent_attention_prefill").flops.in(units::flop), 2 * 2 * 12 * 74.0);
}

TEST(OperatorGraphTest, ExpertsReadOnlyWhatIsTouched) {
  const Operator op = find(decode(tiny_mixture(), {}, 1, 9), "experts");
  // One token, 2 of 8 experts of 3 x 8 x 4 parameters.
  EXPECT_DOUBLE_EQ(op.weights.in(units::byte), 2 * (3 * 8 * 4) * 2.0);
  EXPECT_DOUBLE_EQ(op.flops.in(units::flop), 2 * 2 * (3 * 8 * 4.0));
  EXPECT_DOUBLE_EQ(op.activations.in(units::byte), (8 + 8) * 2.0);
}

TEST(OperatorGraphTest, ExpertRanksShareRowsAndTheHottestHasMore) {
  const ShardDegrees s{.tensor = 1, .data = 4, .expert = 4};
  const Batch b{.decode_sequences = 6, .decode_context = 9};
  const auto rows = [&](double imbalance) {
    const OperatorList list =
        build_operator_graph(tiny_mixture(), {}, s, b, {.imbalance = imbalance});
    EXPECT_EQ(find(list, "experts").get<ExpertsShape>().tokens, 24);
    return find(list, "experts").flops.in(units::flop) / (2 * 3 * 8 * 4.0);
  };
  EXPECT_DOUBLE_EQ(rows(1), 6 * 4 * 2 / 4.0);
  EXPECT_DOUBLE_EQ(rows(1.5), 1.5 * 12);
}

TEST(OperatorGraphTest, DispatchSendsEveryTokenOnceForEachChosenExpert) {
  const OperatorList list = decode(tiny_mixture(), {.tensor = 1, .data = 4, .expert = 4}, 6, 9);
  EXPECT_DOUBLE_EQ(find(list, "dispatch").get<CollectiveShape>().payload.in(units::byte),
                   6 * 2 * 8 * 2.0);
  EXPECT_EQ(find(list, "dispatch").get<CollectiveShape>().ranks, 4);
  EXPECT_EQ(find(list, "dispatch").get<CollectiveShape>().copies, 2);
  EXPECT_FALSE(has(list, "attention_all_reduce"));
}

TEST(OperatorGraphTest, TensorShardsAddUpToTheWholeModel) {
  const OperatorList whole = decode(tiny_dense(), {}, 3, 9);
  const OperatorList half = decode(tiny_dense(), {.tensor = 2}, 3, 9);
  // The single KV head is on both ranks: its projections (2 x 8 x 4) and its attention are not
  // halved, everything else is.
  const double copied = 2 * (2 * 8 * 4) * 2.0;  // layers x parameters x bytes
  EXPECT_DOUBLE_EQ(2 * total_weight_bytes(half).in(units::byte),
                   total_weight_bytes(whole).in(units::byte) + copied);
  EXPECT_DOUBLE_EQ(
      find(half, "attention_all_reduce").get<CollectiveShape>().payload.in(units::byte),
      3 * 8 * 2.0);
}

TEST(OperatorGraphTest, HeldWeightsAreReadWeightsOfADenseModel) {
  for (const int tp : {1, 2}) {
    const ShardDegrees s{.tensor = tp};
    const double read = total_weight_bytes(decode(tiny_dense(), s, 1, 1)).in(units::byte);
    const double embeddings = 10 * 8 * 2.0 / tp;  // looked up, not read whole
    EXPECT_DOUBLE_EQ(weight_bytes_per_accelerator(tiny_dense(), {}, s).in(units::byte),
                     read + embeddings)
        << tp;
  }
}

TEST(OperatorGraphTest, ShardsHoldTheWholeMixtureTogether) {
  const ShardDegrees s{.tensor = 1, .data = 4, .expert = 4};
  const ModelArchitecture m = tiny_mixture();
  const double experts = 2 * 8 * m.expert_parameters() / 4;
  const double rest = 2 * (192 + 8 * 8) + 160.0;
  EXPECT_DOUBLE_EQ(weight_bytes_per_accelerator(m, {}, s).in(units::byte), 2 * (experts + rest));
}

TEST(OperatorGraphTest, ThreeLayersOnTwoStagesMakeTheFullStageHoldTwo) {
  ModelArchitecture m = tiny_dense();
  m.n_full_attention = m.n_dense_ffn = 3;
  const ShardDegrees s{.pipeline = 2};
  EXPECT_DOUBLE_EQ(stage_imbalance(m, s), 2 / 1.5);
  EXPECT_DOUBLE_EQ(find(decode(m, s, 1, 1), "qkv").count, 2);
  EXPECT_TRUE(has(decode(m, s, 1, 1), "stage_transfer"));
}

TEST(OperatorGraphTest, CacheOfASequenceIsSplitOverHeadsButLatentsAreCopied) {
  ModelArchitecture m = tiny_dense();
  m.kv_heads = 2;
  const double whole = kv_bytes_per_accelerator(m, {}, {}, 10).in(units::byte);
  EXPECT_DOUBLE_EQ(whole, 10 * 2 * (2 * 2 * 4) * 2.0);
  EXPECT_DOUBLE_EQ(kv_bytes_per_accelerator(m, {}, {.tensor = 2}, 10).in(units::byte), whole / 2);
  EXPECT_EQ(kv_bytes_per_accelerator(tiny_latent(), {}, {.tensor = 2}, 10).in(units::byte),
            kv_bytes_per_accelerator(tiny_latent(), {}, {}, 10).in(units::byte));
}

TEST(OperatorGraphTest, LinearAttentionDoesNotGrowWithContext) {
  ModelArchitecture m = tiny_dense();
  m.n_full_attention = 0;
  m.n_linear = 2;
  m.linear_k_heads = m.linear_v_heads = 2;
  m.linear_k_dim = m.linear_v_dim = 4;
  const Operator op = find(decode(m, {}, 3, 10), "gated_delta_decode");
  EXPECT_DOUBLE_EQ(op.kv.in(units::byte), 2 * 3 * (2 * 4 * 4) * 4.0);  // fp32, read and written
  EXPECT_DOUBLE_EQ(op.flops.in(units::flop), 7 * 3 * 32.0);
  EXPECT_EQ(total_flops(decode(m, {}, 3, 10)).base(), total_flops(decode(m, {}, 3, 9999)).base());
}

}  // namespace
}  // namespace astrolabe::workload
