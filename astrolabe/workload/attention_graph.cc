// Token mixers of operator_graph.h: grouped, latent and linear attention.

#include <algorithm>

#include "astrolabe/workload/graph_builder.h"

namespace astrolabe::workload {
namespace {

// FLOP per element of recurrent state and token. Gated delta rule: read S k, write the outer
// product, read S q (a multiply-add each) and decay (1). Mamba-2: outer product, read, decay.
constexpr double kDeltaRuleFlops = 7, kMambaFlops = 5;

// Query-key pairs of one sequence: n c + rho n^2 / 2, no more than n w with a window.
double prefill_pairs(const Batch& b, double window) {
  const double n = b.prefill_tokens;
  const double pairs = n * b.prefill_context + b.prefill_square_ratio * n * n / 2;
  return window > 0 ? std::min(pairs, n * window) : pairs;
}

}  // namespace

void GraphBuilder::add_attention_layers() {
  if (model_.n_attention() == 0) return;
  const double count = stage(model_.n_attention());
  elementwise("attention_norm", count, 3 * tokens_ * model_.hidden);
  if (model_.attention == AttentionKind::kLatent) {
    add_latent_attention(count);
  } else {
    add_grouped_attention(count);
  }
  collective(OperatorKind::kAllReduce, "attention_all_reduce", count, shard_.tensor,
             hidden_bytes(tokens_));
}

void GraphBuilder::add_grouped_attention(double count) {
  const double tp = shard_.tensor;
  const double heads = model_.heads / tp;
  const double kv_heads = std::max(1.0, model_.kv_heads / tp);
  const double queries = heads * model_.head_dim * (model_.has_output_gate ? 2 : 1);
  const double n = queries + kv_heads * (model_.head_dim + model_.value_width());
  gemm("qkv", count, tokens_, n, model_.hidden);
  elementwise("rotary", count, 2 * tokens_ * n);
  add_grouped_core(stage(model_.n_full_attention), 0);
  add_grouped_core(stage(model_.n_window_attention), model_.window);
  gemm("attention_out", count, tokens_, model_.hidden, heads * model_.value_width());
}

void GraphBuilder::add_grouped_core(double count, double window) {
  if (count <= 0) return;
  Operator op;
  op.count = count;
  op.format = precision_.attention;
  op.heads = model_.heads / static_cast<double>(shard_.tensor);
  op.kv_heads = std::max(1.0, static_cast<double>(model_.kv_heads) / shard_.tensor);
  op.head_dim = model_.head_dim;
  op.window = window;
  const double d = model_.head_dim + model_.value_width();
  const Bytes per_token =
      2 * op.kv_heads * model_.head_dim * bytes_per_element(precision_.kv_cache);
  const Bytes query_and_output = op.heads * d * bytes_per_element(NumberFormat::kBf16);
  if (batch_.decode_sequences > 0) {
    const double b = batch_.decode_sequences;
    const double seen = batch_.decode_context + 1;
    const double context = window > 0 ? std::min(seen, window) : seen;
    op.kind = OperatorKind::kAttentionDecode;
    op.name = window > 0 ? "window_attention_decode" : "attention_decode";
    op.m = 1;
    op.sequences = b;
    op.context = context;
    op.flops = 2 * b * op.heads * d * context * units::flop;
    op.kv = b * (context + 1) * per_token;  // read all, write one
    op.activations = b * query_and_output;
    operators_.push_back(op);
  }
  if (batch_.prefill_sequences > 0) {
    const double s = batch_.prefill_sequences;
    const double n = batch_.prefill_tokens;
    const double before =
        window > 0 ? std::min(batch_.prefill_context, window) : batch_.prefill_context;
    op.kind = OperatorKind::kAttentionPrefill;
    op.name = window > 0 ? "window_attention_prefill" : "attention_prefill";
    op.m = n;
    op.sequences = s;
    op.context = batch_.prefill_context;
    op.flops = 2 * s * op.heads * d * prefill_pairs(batch_, window) * units::flop;
    op.kv = s * (before + 2 * n) * per_token;
    op.activations = s * n * query_and_output;
    operators_.push_back(op);
  }
}

void GraphBuilder::add_latent_attention(double count) {
  const double heads = model_.heads / static_cast<double>(shard_.tensor);
  const double query = heads * (model_.nope_dim + model_.rope_dim);
  gemm("latent_in", count, tokens_, model_.q_rank + model_.kv_rank + model_.rope_dim,
       model_.hidden);
  gemm("query_up", count, tokens_, query, model_.q_rank > 0 ? model_.q_rank : model_.hidden);
  elementwise("rotary", count, 2 * tokens_ * query);
  if (model_.is_sparse_attention()) add_indexer(count);
  if (batch_.decode_sequences > 0) add_latent_decode(count);
  if (batch_.prefill_sequences > 0) add_latent_prefill(count);
  gemm("attention_out", count, tokens_, model_.hidden, heads * model_.value_dim);
}

void GraphBuilder::add_indexer(double count) {
  gemm("index_query", count, tokens_, model_.index_heads * model_.index_dim, model_.q_rank);
  gemm("index_key", count, tokens_, model_.index_dim + model_.index_heads, model_.hidden);
  Operator op;
  op.kind = OperatorKind::kAttentionDecode;
  op.name = "index_scores";
  op.count = count;
  op.format = NumberFormat::kFp8;
  op.heads = model_.index_heads;
  op.kv_heads = 1;
  op.head_dim = model_.index_dim;
  op.sequences = batch_.decode_sequences + batch_.prefill_sequences;
  op.context = batch_.decode_context + batch_.prefill_context;
  const double pairs = batch_.decode_sequences * (batch_.decode_context + 1) +
                       batch_.prefill_sequences * prefill_pairs(batch_, 0);
  const double keys = batch_.decode_sequences * (batch_.decode_context + 1) +
                      batch_.prefill_sequences * (batch_.prefill_context + batch_.prefill_tokens);
  op.flops = 2 * model_.index_heads * model_.index_dim * pairs * units::flop;
  op.kv = keys * model_.index_dim * units::byte;
  operators_.push_back(op);
}

// Absorbed: scores and values in the latent space, so the cache is read once for all heads.
void GraphBuilder::add_latent_decode(double count) {
  const double b = batch_.decode_sequences;
  const double heads = model_.heads / static_cast<double>(shard_.tensor);
  const double seen = batch_.decode_context + 1;
  const double context = model_.is_sparse_attention() ? std::min(seen, model_.index_topk) : seen;
  gemm("absorb_query", count, b, heads * model_.kv_rank, model_.nope_dim);
  gemm("absorb_value", count, b, heads * model_.value_dim, model_.kv_rank);
  const double latent = model_.kv_rank + model_.rope_dim;
  Operator op;
  op.kind = OperatorKind::kAttentionDecode;
  op.name = "latent_attention_decode";
  op.count = count;
  op.format = precision_.attention;
  op.m = 1;
  op.sequences = b;
  op.context = context;
  op.heads = heads;
  op.kv_heads = 1;
  op.head_dim = latent;
  op.flops = 2 * b * heads * (latent + model_.kv_rank) * context * units::flop;
  op.kv = b * (context + 1) * latent * bytes_per_element(precision_.kv_cache);
  op.activations = b * heads * (latent + model_.kv_rank) * bytes_per_element(NumberFormat::kBf16);
  operators_.push_back(op);
}

void GraphBuilder::add_latent_prefill(double count) {
  const double s = batch_.prefill_sequences, n = batch_.prefill_tokens;
  const double heads = model_.heads / static_cast<double>(shard_.tensor);
  const double latent = model_.kv_rank + model_.rope_dim;
  const double all = batch_.prefill_context + n;
  Operator op;
  op.kind = OperatorKind::kAttentionPrefill;
  op.name = "latent_attention_prefill";
  op.count = count;
  op.format = precision_.attention;
  op.m = n;
  op.sequences = s;
  op.context = batch_.prefill_context;
  op.heads = op.kv_heads = heads;
  op.head_dim = model_.nope_dim + model_.rope_dim;
  op.kv = s * (batch_.prefill_context + 2 * n) * latent * bytes_per_element(precision_.kv_cache);
  double per_pair = op.head_dim + model_.value_dim;
  double pairs = prefill_pairs(batch_, 0);
  // Sparse attention runs absorbed over the kept tokens; engines take the dense form while the
  // prompt is short enough for it to be cheaper.
  const double kept = std::min(pairs, n * model_.index_topk);
  const double absorbed = latent + model_.kv_rank;
  if (model_.is_sparse_attention() && absorbed * kept < per_pair * pairs) {
    gemm("absorb_query", count, s * n, heads * model_.kv_rank, model_.nope_dim);
    gemm("absorb_value", count, s * n, heads * model_.value_dim, model_.kv_rank);
    per_pair = absorbed;
    pairs = kept;
  } else {
    gemm("key_value_up", count, s * all, heads * (model_.nope_dim + model_.value_dim),
         model_.kv_rank);
  }
  op.flops = 2 * s * heads * per_pair * pairs * units::flop;
  op.activations = s * n * heads * per_pair * bytes_per_element(NumberFormat::kBf16);
  operators_.push_back(op);
}

void GraphBuilder::add_linear_layers() {
  if (model_.n_linear == 0) return;
  const double count = stage(model_.n_linear), tp = shard_.tensor;
  const bool is_mamba = model_.mamba_heads > 0;
  const double out = (is_mamba ? model_.mamba_heads * model_.mamba_head_dim
                               : model_.linear_v_heads * model_.linear_v_dim) /
                     tp;
  const double in = model_.linear_parameters() / model_.hidden / tp - out;
  elementwise("linear_norm", count, 3 * tokens_ * model_.hidden);
  gemm("linear_in", count, tokens_, in, model_.hidden);
  elementwise("convolution", count, 2 * tokens_ * in);
  Operator op;
  op.kind = OperatorKind::kLinearAttention;
  op.name = is_mamba ? "mamba2" : "gated_delta";
  op.count = count;
  op.format = precision_.attention;
  op.m = tokens_;
  op.sequences = batch_.decode_sequences + batch_.prefill_sequences;
  const double state = model_.state_elements() / tp;
  op.flops = (is_mamba ? kMambaFlops : kDeltaRuleFlops) * tokens_ * state * units::flop;
  op.kv = 2 * op.sequences * state * kStateElement;  // read and written once a pass
  op.activations = tokens_ * (in + out) * bytes_per_element(NumberFormat::kBf16);
  operators_.push_back(op);
  gemm("linear_out", count, tokens_, model_.hidden, out);
  collective(OperatorKind::kAllReduce, "linear_all_reduce", count, shard_.tensor,
             hidden_bytes(tokens_));
}

}  // namespace astrolabe::workload
