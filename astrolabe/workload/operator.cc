#include "astrolabe/workload/operator.h"

#include <algorithm>
#include <array>

#include "astrolabe/workload/model.h"

namespace astrolabe::workload {
namespace {

constexpr Bytes kBf16 = 2.0 * units::byte;

// FLOP per element of recurrent state and token. Gated delta rule: read S k, write the outer
// product, read S q (a multiply-add each) and decay (1). Mamba-2: outer product, read, decay.
constexpr double kDeltaRuleFlops = 7, kMambaFlops = 5;

// Query-key pairs of one causal sequence: query i of n sees min(c + i, w) tokens.
double exact_pairs(double n, double c, double w) {
  const double all = n * c + n * (n + 1) / 2;
  if (w <= 0 || c + n <= w) return all;
  if (c >= w) return n * w;
  const double growing = w - c;
  return growing * c + growing * (growing + 1) / 2 + (n - growing) * w;
}

// Lengths that vary: a query is found in a sequence of the length-biased mean rho n, so the mean
// of f over sequences is f(rho n) / rho.
double pairs(double n, double c, double w, double rho) { return exact_pairs(rho * n, c, w) / rho; }

// Tokens of one sequence that some query sees.
double tokens_seen(double n, double c, double w) {
  return w > 0 ? std::min(c + n, w + n - 1) : c + n;
}

Operator start(OperatorKind kind, NumberFormat format) {
  Operator op;
  op.kind = kind;
  op.name = operator_kind_name(kind);
  op.format = format;
  return op;
}

Operator make_attention(OperatorKind kind, const AttentionShape& a) {
  Operator op = start(kind, a.compute);
  const double d = a.head_dim + a.value_dim;
  const double window = a.window * a.entry_tokens;
  const double p = pairs(a.query_tokens, a.context, window, a.square_ratio) / a.entry_tokens;
  op.flops = 2 * a.sequences * a.heads * d * p * units::flop;
  // Engines pad V to the width of K.
  const double width = (a.values_are_keys ? 1 : 2) * a.kv_heads * a.head_dim;
  op.kv = a.sequences * tokens_seen(a.query_tokens, a.context, window) / a.entry_tokens * width *
          bytes_per_element(a.kv_cache);
  op.activations = a.sequences * a.query_tokens * a.heads * d * kBf16;
  op.shape = a;
  return op;
}

double conv_channels(const LinearShape& s) { return 2 * s.k_heads * s.k_dim + s.v_heads * s.v_dim; }

}  // namespace

const char* operator_kind_name(OperatorKind kind) {
  constexpr std::array<const char*, kOperatorKinds> kNames = {"gemm",
                                                              "experts",
                                                              "attention_prefill",
                                                              "attention_decode",
                                                              "latent_prefill",
                                                              "latent_decode",
                                                              "sparse_latent",
                                                              "absorb_query",
                                                              "absorb_value",
                                                              "indexer",
                                                              "convolution",
                                                              "linear_attention",
                                                              "quantize",
                                                              "norm",
                                                              "rotary",
                                                              "activation",
                                                              "elementwise",
                                                              "embedding",
                                                              "sampling",
                                                              "all_reduce",
                                                              "all_gather",
                                                              "reduce_scatter",
                                                              "dispatch",
                                                              "combine",
                                                              "send_receive"};
  return kNames[static_cast<std::size_t>(kind)];
}

Operator make_gemm(const GemmShape& s) {
  const GemmFormatTraits& t = traits(s.format);
  Operator op = start(OperatorKind::kGemm, t.multiplied);
  op.flops = 2 * s.m * s.n * s.k * units::flop;
  op.weights = s.n * s.k * t.weight;
  op.activations = s.m * s.k * t.activation + s.m * s.n * kBf16;
  op.shape = s;
  return op;
}

Operator make_experts(const ExpertsShape& s) {
  const GemmFormatTraits& t = traits(s.format);
  Operator op = start(OperatorKind::kExperts, t.multiplied);
  const double slots = std::max(s.slots, s.experts);
  const RankLoad load = hottest_rank_load(s.routing, slots, s.topk, s.tokens, s.moe_ep);
  const double matrices = s.is_gated ? 3 : 2;
  const double expert = matrices * s.hidden * s.expert_ffn / s.moe_tp;
  op.flops = 2 * load.rows * expert * units::flop;
  op.weights = load.experts * expert * t.weight;
  // In and out once a token; what passes between the products may stay in the caches.
  op.activations = 2 * std::min(load.rows, s.tokens) * s.hidden * kBf16;
  op.shape = s;
  return op;
}

Operator make_attention_prefill(const AttentionShape& s) {
  return make_attention(OperatorKind::kAttentionPrefill, s);
}

Operator make_attention_decode(const AttentionShape& s) {
  return make_attention(OperatorKind::kAttentionDecode, s);
}

Operator make_latent_prefill(const LatentShape& s) {
  Operator op = start(OperatorKind::kLatentPrefill, s.compute);
  const double query = s.nope_dim + s.rope_dim;
  const double p = pairs(s.query_tokens, s.context, 0, s.square_ratio);
  op.flops = 2 * s.sequences * s.heads * (query + s.value_dim) * p * units::flop;
  const double query_and_output = s.query_tokens * s.heads * (query + s.value_dim);
  const double keys_and_values =
      s.kv_length() * (s.heads * (s.nope_dim + s.value_dim) + s.rope_dim);
  op.activations = s.sequences * (query_and_output + keys_and_values) * kBf16;
  op.shape = s;
  return op;
}

Operator make_latent_decode(const LatentShape& s) {
  Operator op = start(OperatorKind::kLatentDecode, s.compute);
  const double latent = s.kv_rank + s.rope_dim;
  const double p = pairs(s.query_tokens, s.context, 0, s.square_ratio);
  op.flops = 2 * s.sequences * s.heads * (latent + s.kv_rank) * p * units::flop;
  op.kv = s.sequences * s.kv_length() * latent * bytes_per_element(s.kv_cache);
  op.activations = s.sequences * s.query_tokens * s.heads * (latent + s.kv_rank) * kBf16;
  op.shape = s;
  return op;
}

Operator make_sparse_latent(const LatentShape& s) {
  Operator op = start(OperatorKind::kSparseLatent, s.compute);
  const double latent = s.kv_rank + s.rope_dim;
  const double p = pairs(s.query_tokens, s.context, s.topk, s.square_ratio);
  op.flops = 2 * s.sequences * s.heads * (latent + s.kv_rank) * p * units::flop;
  const double read = std::min(s.kv_length(), s.topk * s.query_tokens);
  op.kv = s.sequences * read * latent * bytes_per_element(s.kv_cache);
  op.activations = s.sequences * s.query_tokens * s.heads * (latent + s.kv_rank) * kBf16;
  op.shape = s;
  return op;
}

Operator make_absorb(OperatorKind kind, const AbsorbShape& s) {
  const GemmFormatTraits& t = traits(s.format);
  Operator op = start(kind, t.multiplied);
  op.flops = 2 * s.tokens * s.heads * s.n * s.k * units::flop;
  op.weights = s.heads * s.n * s.k * t.weight;
  op.activations = s.tokens * s.heads * (s.k * t.activation + s.n * kBf16);
  op.shape = s;
  return op;
}

Operator make_indexer(const IndexerShape& s) {
  Operator op = start(OperatorKind::kIndexer, NumberFormat::kFp8);
  const double p = pairs(s.query_tokens, s.context, 0, s.square_ratio);
  op.flops = 2 * s.sequences * s.heads * s.dim * p / s.entry_tokens * units::flop;
  op.kv = s.sequences * (s.context + s.query_tokens) / s.entry_tokens * s.dim * units::byte;
  op.activations = s.sequences * s.query_tokens * s.heads * s.dim * units::byte;
  op.shape = s;
  return op;
}

Operator make_convolution(const LinearShape& s) {
  Operator op = start(OperatorKind::kConvolution, NumberFormat::kBf16);
  const double tokens = s.sequences * s.query_tokens;
  const double channels = conv_channels(s);
  op.flops = 2 * tokens * channels * s.conv_width * units::flop;
  op.activations = 2 * tokens * channels * kBf16;
  op.kv = 2 * s.sequences * channels * std::max(0.0, s.conv_width - 1) * kBf16;
  op.shape = s;
  return op;
}

Operator make_linear_attention(const LinearShape& s) {
  Operator op = start(OperatorKind::kLinearAttention, NumberFormat::kBf16);
  const double tokens = s.sequences * s.query_tokens;
  const double state = s.v_heads * s.k_dim * s.v_dim;
  op.flops = (s.is_mamba ? kMambaFlops : kDeltaRuleFlops) * tokens * state * units::flop;
  op.kv = 2 * s.sequences * state * kStateElement;  // read and written once a pass
  op.activations = tokens * (conv_channels(s) + s.v_heads * s.v_dim) * kBf16;
  op.shape = s;
  return op;
}

Operator make_quantize(const QuantizeShape& s) {
  Operator op = start(OperatorKind::kQuantize, NumberFormat::kBf16);
  op.activations = s.m * s.k * (kBf16 + traits(s.format).activation);
  op.shape = s;
  return op;
}

Operator make_elementwise(OperatorKind kind, const ElementwiseShape& s) {
  Operator op = start(kind, NumberFormat::kBf16);
  op.activations = s.tokens * (s.read + s.written) * kBf16;
  op.shape = s;
  return op;
}

Operator make_collective(OperatorKind kind, const CollectiveShape& s) {
  Operator op = start(kind, s.format);
  op.shape = s;
  return op;
}

Flop total_flops(const OperatorList& operators) {
  Flop sum;
  for (const Operator& op : operators) sum += op.count * op.flops;
  return sum;
}

Bytes total_bytes(const OperatorList& operators) {
  Bytes sum;
  for (const Operator& op : operators) sum += op.count * op.bytes();
  return sum;
}

Bytes total_weight_bytes(const OperatorList& operators) {
  Bytes sum;
  for (const Operator& op : operators) sum += op.count * op.weights;
  return sum;
}

}  // namespace astrolabe::workload
