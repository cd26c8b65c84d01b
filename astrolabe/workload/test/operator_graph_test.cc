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

TEST(OperatorGraphTest, HeldWeightsAreReadWeightsWithAnotherFormatAfterAttention) {
  Precision p;
  p.attention_out = GemmFormat::kNvfp4;
  for (const ModelArchitecture& m : {tiny_dense(), tiny_latent()}) {
    const Batch one{.decode_sequences = 1, .decode_context = 1};
    const auto read = [&](const Precision& precision) {
      return total_weight_bytes(build_operator_graph(m, precision, {}, one, {})).in(units::byte);
    };
    const auto held = [&](const Precision& precision) {
      return weight_bytes_per_accelerator(m, precision, {}).in(units::byte);
    };
    EXPECT_DOUBLE_EQ(held({}) - held(p), read({}) - read(p));
    EXPECT_GT(held({}), held(p));
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

double sum_of_counts(const OperatorList& list, const char* name) {
  double count = 0;
  for (const Operator& op : list) {
    if (std::strcmp(op.name, name) == 0) count += op.count;
  }
  return count;
}

TEST(OperatorGraphTest, KernelsAreCountedAsEnginesLaunchThem) {
  // A layer: norm with residual, QKV, rotary with cache write, attention, output; norm, up,
  // activation, down. Outside: embedding, norm, head, sampling.
  EXPECT_EQ(decode(tiny_dense(), {}, 3, 9).size(), 9u + 4);
  ModelArchitecture m = tiny_dense();
  m.has_qk_norm = true;
  EXPECT_EQ(decode(m, {}, 3, 9).size(), 9u + 2 + 4);
  // A quantise kernel before each of the four products of a layer.
  const OperatorList fp8 = build_operator_graph(tiny_dense(), parse_precision("fp8", {}), {},
                                                {.decode_sequences = 3, .decode_context = 9}, {});
  EXPECT_EQ(sum_of_counts(fp8, "quantize"), 2 * 4);
  // Weights alone: none.
  const OperatorList wide = build_operator_graph(tiny_dense(), parse_precision("int8_wo", {}), {},
                                                 {.decode_sequences = 3, .decode_context = 9}, {});
  EXPECT_EQ(sum_of_counts(wide, "quantize"), 0);
}

TEST(OperatorGraphTest, WithoutRotaryPositionsOnlyTheCacheIsWritten) {
  // 3 tokens: 1 KV head of width 4 for keys and values; with positions 2 query heads as well.
  const Operator rotary = find(decode(tiny_dense(), {}, 3, 9), "rotary");
  EXPECT_EQ(rotary.get<ElementwiseShape>().written, 2 * 4 + 2 * 4);
  ModelArchitecture m = tiny_dense();
  m.has_rotary = false;
  const OperatorList list = decode(m, {}, 3, 9);
  EXPECT_FALSE(has(list, "rotary"));
  EXPECT_EQ(find(list, "cache_write").get<ElementwiseShape>().written, 2 * 4);
}

TEST(OperatorGraphTest, PartsOfAModelMayHaveDifferentFormats) {
  Precision p;
  p.experts = GemmFormat::kMxfp4Weights;
  p.projections = GemmFormat::kFp8;
  ModelArchitecture m = tiny_mixture();
  m.shared_ffn = 4;
  const OperatorList list =
      build_operator_graph(m, p, {}, {.decode_sequences = 1, .decode_context = 9}, {});
  EXPECT_EQ(find(list, "experts").get<ExpertsShape>().format, GemmFormat::kMxfp4Weights);
  EXPECT_EQ(find(list, "qkv").get<GemmShape>().format, GemmFormat::kFp8);
  EXPECT_EQ(find(list, "shared_up").get<GemmShape>().format, GemmFormat::kBf16);
}

TEST(OperatorGraphTest, DraftsAreVerifiedTogetherAndMadeOneByOne) {
  ModelArchitecture m = tiny_mixture();
  m.mtp_layers = 1;
  const Batch b{.decode_sequences = 2, .decode_context = 9, .draft_tokens = 3};
  const OperatorList list = build_operator_graph(m, {}, {}, b, {});
  EXPECT_EQ(find(list, "qkv").get<GemmShape>().m, 2 * 4);
  EXPECT_EQ(find(list, "attention_decode").get<AttentionShape>().query_tokens, 4);
  EXPECT_EQ(find(list, "lm_head").get<GemmShape>().m, 2 * 4);
  // The prediction layer: once over the verified tokens, twice over one token a sequence.
  double once = 0, twice = 0;
  for (const Operator& op : list) {
    if (std::strcmp(op.name, "mtp_projection") != 0) continue;
    const auto& shape = op.get<GemmShape>();
    EXPECT_EQ(shape.k, 2 * shape.n);
    (shape.m == 8 ? once : twice) += op.count;
  }
  EXPECT_EQ(once, 1);
  EXPECT_EQ(twice, 2);
  EXPECT_EQ(sum_of_counts(list, "lm_head"), 1 + 3);
  EXPECT_EQ(sum_of_counts(list, "experts"), 2 + 3);
  EXPECT_FALSE(has(decode(m, {}, 2, 9), "mtp_projection"));  // no drafts, no prediction
}

TEST(OperatorGraphTest, ContextRanksShareThePromptEvenly) {
  Batch b;
  b.prefill_sequences = 1;
  b.prefill_tokens = 8;
  b.prefill_context = 4;
  b.prefill_finished = 1;
  const OperatorList whole = build_operator_graph(tiny_dense(), {}, {}, b, {});
  const OperatorList half = build_operator_graph(tiny_dense(), {}, {.context = 2}, b, {});
  EXPECT_EQ(find(half, "qkv").get<GemmShape>().m, 4);
  // 8 x 4 + 36 = 68 pairs; 4 x 6 + 10 = 34 on each of two ranks.
  EXPECT_DOUBLE_EQ(2 * find(half, "attention_prefill").flops.base(),
                   find(whole, "attention_prefill").flops.base());
  // Keys and values (4 + 4 elements in bf16) of all 8 tokens are gathered.
  EXPECT_DOUBLE_EQ(find(half, "context_all_gather").get<CollectiveShape>().payload.in(units::byte),
                   8 * 8 * 2);
  EXPECT_FALSE(has(whole, "context_all_gather"));
}

TEST(OperatorGraphTest, ExpertsOfAContextParallelPromptSeeAllItsTokens) {
  Batch b;
  b.prefill_sequences = 1;
  b.prefill_tokens = 8;
  const OperatorList list =
      build_operator_graph(tiny_mixture(), {}, {.expert = 4, .context = 4}, b, {});
  EXPECT_EQ(find(list, "experts").get<ExpertsShape>().tokens, 8);
  EXPECT_EQ(find(list, "dispatch").get<CollectiveShape>().tokens, 2);
}

TEST(OperatorGraphTest, WindowedLayersHaveTheirOwnHeads) {
  ModelArchitecture m = tiny_dense();
  m.n_full_attention = m.n_window_attention = 1;
  m.window = 5;
  m.window_kv_heads = 2;
  const OperatorList list = decode(m, {}, 1, 99);
  EXPECT_EQ(find(list, "attention_decode").get<AttentionShape>().kv_heads, 1);
  EXPECT_EQ(find(list, "window_attention_decode").get<AttentionShape>().kv_heads, 2);
  EXPECT_DOUBLE_EQ(find(list, "window_attention_decode").kv.in(units::byte), 5 * 2 * 2 * 4 * 2);
}

TEST(OperatorGraphTest, SparseGroupedAttentionIndexesSomeLayers) {
  ModelArchitecture m = tiny_dense();
  m.index_topk = 16;
  m.index_heads = 2;
  m.index_dim = 3;
  m.n_index = 1;
  const OperatorList list = decode(m, {}, 1, 99);
  EXPECT_EQ(find(list, "attention_decode").count, 1);
  EXPECT_DOUBLE_EQ(find(list, "sparse_attention_decode").kv.in(units::byte), 16 * 2 * 4 * 2);
  EXPECT_EQ(find(list, "index_scores_decode").count, 1);
  EXPECT_EQ(find(list, "index_query").get<GemmShape>().k, 8);  // from the residual stream
  // Read weights are held weights, embeddings aside.
  EXPECT_DOUBLE_EQ(weight_bytes_per_accelerator(m, {}, {}).in(units::byte),
                   total_weight_bytes(list).in(units::byte) + 10 * 8 * 2);
}

TEST(OperatorGraphTest, CompressedAttentionReadsEntriesAndAWindow) {
  ModelArchitecture m = tiny_dense();
  m.attention = AttentionKind::kCompressed;
  m.n_full_attention = 2;
  m.n_window_attention = 1;
  m.n_compressed_sparse = 1;
  m.sparse_ratio = 4;
  m.dense_ratio = 8;
  m.window = 6;
  m.q_rank = 5;
  m.output_rank = 3;
  m.output_groups = 2;
  m.index_topk = 7;
  m.index_heads = 2;
  m.index_dim = 3;
  const OperatorList list = decode(m, {}, 1, 79);
  EXPECT_EQ(sum_of_counts(list, "window_attention_decode"), 3);
  EXPECT_DOUBLE_EQ(find(list, "window_attention_decode").kv.in(units::byte), 6 * 4 * 2);
  double entries = 0;  // 7 of 20 on one layer, all 10 on the other
  for (const Operator& op : list) {
    if (std::strcmp(op.name, "compressed_attention_decode") == 0) entries += op.kv.in(units::byte);
  }
  EXPECT_DOUBLE_EQ(entries, (7 + 10) * 4 * 2);
  EXPECT_DOUBLE_EQ(weight_bytes_per_accelerator(m, {}, {}).in(units::byte),
                   total_weight_bytes(list).in(units::byte) + 10 * 8 * 2);
}

TEST(OperatorGraphTest, OutputGateOfLatentAttentionIsAProductOfItsOwn) {
  ModelArchitecture m = tiny_latent();
  m.has_output_gate = true;
  const OperatorList list = decode(m, {}, 2, 9);
  EXPECT_EQ(find(list, "gate").get<GemmShape>().n, 2 * 4);
  EXPECT_DOUBLE_EQ(m.attention_parameters() - tiny_latent().attention_parameters(), 8 * 2 * 4);
}

TEST(OperatorGraphTest, LatentDecodeReadsTheWeightsThatAreHeld) {
  // Absorbed products are the halves of the key-value up projection.
  EXPECT_DOUBLE_EQ(weight_bytes_per_accelerator(tiny_latent(), {}, {}).in(units::byte),
                   total_weight_bytes(decode(tiny_latent(), {}, 2, 9)).in(units::byte) + 160);
}

TEST(OperatorGraphTest, StateSpacePieces) {
  ModelArchitecture m = tiny_dense();
  m.n_full_attention = 0;
  m.n_linear = 2;
  m.mamba_heads = 4;
  m.mamba_head_dim = 3;
  m.mamba_state = 5;
  m.mamba_groups = 2;
  const OperatorList list = decode(m, {.tensor = 2}, 3, 10);
  const auto& scan = find(list, "mamba2_decode").get<LinearShape>();
  EXPECT_TRUE(scan.is_decode);
  EXPECT_EQ(scan.v_heads, 2);
  EXPECT_EQ(scan.k_heads, 1);
  // Channels of one rank: x 2 x 3, B and C 5 each.
  EXPECT_DOUBLE_EQ(find(list, "convolution_decode").activations.in(units::byte), 2 * 3 * 16 * 2);
  // Gate 12, x 12, B and C 10 each, 4 steps: 48 inputs' width over two ranks.
  EXPECT_EQ(find(list, "linear_in").get<GemmShape>().n, 24);
}

TEST(OperatorGraphTest, MixedBatchRunsBothAttentionsAndOneOfEverythingElse) {
  Batch b{.decode_sequences = 3, .decode_context = 9};
  b.prefill_sequences = 1;
  b.prefill_tokens = 5;
  const OperatorList list = build_operator_graph(tiny_dense(), {}, {}, b, {});
  EXPECT_EQ(find(list, "qkv").get<GemmShape>().m, 8);
  EXPECT_TRUE(has(list, "attention_decode"));
  EXPECT_TRUE(has(list, "attention_prefill"));
  EXPECT_EQ(find(list, "lm_head").get<GemmShape>().m, 3);  // the chunk ends no prompt
}

TEST(OperatorGraphTest, PredictionLayerWeighsWhatItsPartsWeigh) {
  ModelArchitecture m = tiny_mixture();
  m.mtp_layers = 1;
  // 2 h^2, attention 192, 8 experts of 96 and a router of 64; experts over 4 ranks.
  EXPECT_EQ(m.mtp_parameters(), 2 * 64 + 192 + 8 * 96 + 64);
  EXPECT_DOUBLE_EQ(mtp_bytes_per_accelerator(m, {}, {.data = 4, .expert = 4}).in(units::byte),
                   2 * (2 * 64 + 192 + 2 * 96 + 64));
}

}  // namespace
}  // namespace astrolabe::workload
