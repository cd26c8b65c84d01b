// Token mixers of operator_graph.h: grouped, latent and linear attention.

#include <algorithm>

#include "astrolabe/workload/graph_builder.h"

namespace astrolabe::workload {

void GraphBuilder::add_attention(const LayerCounts& counts) {
  const double count = counts.attention(), h = model_.hidden;
  if (count <= 0) return;
  elementwise(OperatorKind::kNorm, "attention_norm", count, 2 * h, 2 * h);
  if (model_.attention == AttentionKind::kLatent) {
    add_latent_attention(count);
  } else {
    add_grouped_attention(counts);
  }
  collective(OperatorKind::kAllReduce, "attention_all_reduce", count, shard_.tensor,
             hidden_bytes(tokens_));
}

// Keys and values of a prompt are gathered from the ranks that computed them.
void GraphBuilder::add_context_gather(double count, double elements) {
  const double tokens = rank_.prefill_sequences * rank_.prefill_tokens * shard_.context;
  if (tokens <= 0) return;
  collective(OperatorKind::kAllGather, "context_all_gather", count, shard_.context,
             tokens * elements * bytes_per_element(NumberFormat::kBf16));
}

void GraphBuilder::add_grouped_attention(const LayerCounts& counts) {
  const double count = counts.attention();
  const double kv_heads = std::max(1.0, model_.kv_heads / static_cast<double>(shard_.tensor));
  const double queries = heads() * model_.head_dim;
  const double keys = kv_heads * model_.head_dim, values = kv_heads * model_.value_width();
  const double outputs = heads() * model_.value_width();
  const double gate = model_.has_output_gate ? queries : 0;
  gemm("qkv", count, tokens_, queries + gate + keys + values, model_.hidden,
       precision_.projections);
  if (model_.has_qk_norm) {
    elementwise(OperatorKind::kNorm, "query_norm", count, queries, queries);
    elementwise(OperatorKind::kNorm, "key_norm", count, keys, keys);
  }
  elementwise(OperatorKind::kRotary, "rotary", count, queries + keys + values,
              queries + keys + values);
  add_context_gather(count, keys + values);
  add_grouped_core(counts.full_attention, 0);
  add_grouped_core(counts.window_attention, model_.window);
  if (model_.has_output_gate) {
    elementwise(OperatorKind::kElementwise, "output_gate", count, outputs + gate, outputs);
  }
  gemm("attention_out", count, tokens_, model_.hidden, outputs, precision_.projections);
}

void GraphBuilder::add_grouped_core(double count, double window) {
  if (count <= 0) return;
  AttentionShape s;
  s.heads = heads();
  s.kv_heads = std::max(1.0, static_cast<double>(model_.kv_heads) / shard_.tensor);
  s.head_dim = model_.head_dim;
  s.value_dim = model_.value_width();
  s.window = window;
  s.compute = precision_.attention;
  s.kv_cache = precision_.kv_cache;
  if (rank_.decode_sequences > 0) {
    s.sequences = rank_.decode_sequences;
    s.query_tokens = rank_.decode_queries;
    s.context = rank_.decode_context;
    add(make_attention_decode(s), window > 0 ? "window_attention_decode" : "attention_decode",
        count);
  }
  if (rank_.prefill_sequences > 0) {
    s.sequences = rank_.prefill_sequences;
    s.query_tokens = rank_.prefill_tokens;
    s.context = rank_.prefill_context;
    s.square_ratio = rank_.square_ratio;
    add(make_attention_prefill(s), window > 0 ? "window_attention_prefill" : "attention_prefill",
        count);
  }
}

void GraphBuilder::add_latent_attention(double count) {
  const double query = heads() * (model_.nope_dim + model_.rope_dim);
  const double latent = model_.kv_rank + model_.rope_dim;
  gemm("latent_in", count, tokens_, model_.q_rank + latent, model_.hidden, precision_.projections);
  if (model_.q_rank > 0) {
    elementwise(OperatorKind::kNorm, "query_norm", count, model_.q_rank, model_.q_rank);
  }
  elementwise(OperatorKind::kNorm, "key_norm", count, model_.kv_rank, model_.kv_rank);
  gemm("query_up", count, tokens_, query, model_.q_rank > 0 ? model_.q_rank : model_.hidden,
       precision_.projections);
  const double rotated = heads() * model_.rope_dim + latent;
  elementwise(OperatorKind::kRotary, "rotary", count, rotated, rotated);
  add_context_gather(count, latent);
  if (model_.is_sparse_attention()) add_indexer(count);
  if (rank_.decode_sequences > 0) add_latent_decode(count);
  if (rank_.prefill_sequences > 0) add_latent_prefill(count);
  gemm("attention_out", count, tokens_, model_.hidden, heads() * model_.value_dim,
       precision_.projections);
}

void GraphBuilder::add_indexer(double count) {
  const double queries = model_.index_heads * model_.index_dim;
  gemm("index_query", count, tokens_, queries, model_.q_rank, precision_.projections, false);
  gemm("index_key", count, tokens_, model_.index_dim + model_.index_heads, model_.hidden,
       precision_.projections, false);
  elementwise(OperatorKind::kNorm, "index_norm", count, model_.index_dim, model_.index_dim);
  elementwise(OperatorKind::kRotary, "index_rotary", count, queries + model_.index_dim,
              queries + model_.index_dim);
  IndexerShape s;
  s.heads = model_.index_heads;
  s.dim = model_.index_dim;
  s.topk = model_.index_topk;
  if (rank_.decode_sequences > 0) {
    s.sequences = rank_.decode_sequences;
    s.query_tokens = rank_.decode_queries;
    s.context = rank_.decode_context;
    add(make_indexer(s), "index_scores_decode", count);
  }
  if (rank_.prefill_sequences > 0) {
    s.sequences = rank_.prefill_sequences;
    s.query_tokens = rank_.prefill_tokens;
    s.context = rank_.prefill_context;
    s.square_ratio = rank_.square_ratio;
    add(make_indexer(s), "index_scores_prefill", count);
  }
}

// Absorbed: scores and values in the latent space, so the cache is read once for all heads.
void GraphBuilder::add_latent_decode(double count) {
  LatentShape s;
  s.sequences = rank_.decode_sequences;
  s.query_tokens = rank_.decode_queries;
  s.context = rank_.decode_context;
  s.heads = heads();
  s.kv_rank = model_.kv_rank;
  s.rope_dim = model_.rope_dim;
  s.nope_dim = model_.nope_dim;
  s.value_dim = model_.value_dim;
  s.topk = model_.index_topk;
  s.compute = precision_.attention;
  s.kv_cache = precision_.kv_cache;
  AbsorbShape b{
      .tokens = rank_.decode_tokens(), .heads = heads(), .n = model_.kv_rank, .k = model_.nope_dim};
  add(make_absorb(OperatorKind::kAbsorbQuery, b), "absorb_query", count);
  add(model_.is_sparse_attention() ? make_sparse_latent(s) : make_latent_decode(s),
      "latent_attention_decode", count);
  b.n = model_.value_dim;
  b.k = model_.kv_rank;
  add(make_absorb(OperatorKind::kAbsorbValue, b), "absorb_value", count);
}

void GraphBuilder::add_latent_prefill(double count) {
  LatentShape s;
  s.sequences = rank_.prefill_sequences;
  s.query_tokens = rank_.prefill_tokens;
  s.context = rank_.prefill_context;
  s.square_ratio = rank_.square_ratio;
  s.heads = heads();
  s.kv_rank = model_.kv_rank;
  s.rope_dim = model_.rope_dim;
  s.nope_dim = model_.nope_dim;
  s.value_dim = model_.value_dim;
  s.compute = precision_.attention;
  s.kv_cache = precision_.kv_cache;
  const Operator dense = make_latent_prefill(s);
  // Sparse attention runs absorbed over the kept tokens; engines take the dense form while the
  // prompt is short enough for it to be cheaper.
  if (model_.is_sparse_attention()) {
    s.topk = model_.index_topk;
    const Operator sparse = make_sparse_latent(s);
    if (sparse.flops < dense.flops) {
      AbsorbShape b{.tokens = s.sequences * s.query_tokens,
                    .heads = heads(),
                    .n = model_.kv_rank,
                    .k = model_.nope_dim};
      add(make_absorb(OperatorKind::kAbsorbQuery, b), "absorb_query", count);
      add(sparse, "latent_attention_prefill", count);
      b.n = model_.value_dim;
      b.k = model_.kv_rank;
      add(make_absorb(OperatorKind::kAbsorbValue, b), "absorb_value", count);
      return;
    }
  }
  gemm("key_value_up", count, s.sequences * rank_.prefill_all,
       heads() * (model_.nope_dim + model_.value_dim), model_.kv_rank, precision_.projections);
  add(dense, "latent_attention_prefill", count);
}

void GraphBuilder::add_linear(double count) {
  if (count <= 0) return;
  const double tp = shard_.tensor, h = model_.hidden;
  const bool is_mamba = model_.mamba_heads > 0;
  const double out = (is_mamba ? model_.mamba_heads * model_.mamba_head_dim
                               : model_.linear_v_heads * model_.linear_v_dim) /
                     tp;
  const double in = model_.linear_parameters() / h / tp - out;
  elementwise(OperatorKind::kNorm, "linear_norm", count, 2 * h, 2 * h);
  gemm("linear_in", count, tokens_, in, h, precision_.projections);
  add_linear_core(count);
  elementwise(OperatorKind::kNorm, "gated_norm", count, 2 * out, out);
  gemm("linear_out", count, tokens_, h, out, precision_.projections);
  collective(OperatorKind::kAllReduce, "linear_all_reduce", count, shard_.tensor,
             hidden_bytes(tokens_));
}

void GraphBuilder::add_linear_core(double count) {
  const double tp = shard_.tensor;
  LinearShape s;
  s.is_mamba = model_.mamba_heads > 0;
  s.hidden = model_.hidden;
  s.conv_width = model_.conv_width;
  s.k_heads = (s.is_mamba ? model_.mamba_groups : model_.linear_k_heads) / tp;
  s.k_dim = s.is_mamba ? model_.mamba_state : model_.linear_k_dim;
  s.v_heads = (s.is_mamba ? model_.mamba_heads : model_.linear_v_heads) / tp;
  s.v_dim = s.is_mamba ? model_.mamba_head_dim : model_.linear_v_dim;
  const auto pieces = [&](const char* convolution, const char* rule) {
    add(make_convolution(s), convolution, count);
    add(make_linear_attention(s), rule, count);
  };
  if (rank_.decode_sequences > 0) {
    s.is_decode = true;
    s.sequences = rank_.decode_sequences;
    s.query_tokens = rank_.decode_queries;
    pieces("convolution_decode", s.is_mamba ? "mamba2_decode" : "gated_delta_decode");
  }
  if (rank_.prefill_sequences > 0) {
    s.is_decode = false;
    s.sequences = rank_.prefill_sequences;
    s.query_tokens = rank_.prefill_tokens;
    pieces("convolution_prefill", s.is_mamba ? "mamba2_prefill" : "gated_delta_prefill");
  }
}

}  // namespace astrolabe::workload
