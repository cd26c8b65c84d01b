// Token mixers of operator_graph.h: grouped, latent and linear attention.

#include <algorithm>

#include "astrolabe/workload/graph_builder.h"

namespace astrolabe::workload {

void GraphBuilder::add_attention(const LayerCounts& counts) {
  add_attention_layer(counts.full_attention, false);
  add_attention_layer(counts.window_attention, true);
}

void GraphBuilder::add_attention_layer(double count, bool is_window) {
  if (count <= 0) return;
  const double h = model_.hidden;
  elementwise(OperatorKind::kNorm, "attention_norm", count, 2 * h, 2 * h);
  switch (model_.attention) {
    case AttentionKind::kGrouped:
      add_grouped_attention(count, is_window);
      break;
    case AttentionKind::kLatent:
      add_latent_attention(count);
      break;
    case AttentionKind::kCompressed:
      add_compressed_attention(count, is_window);
      break;
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

void GraphBuilder::add_grouped_attention(double count, bool is_window) {
  const double tp = shard_.tensor;
  const HeadShape h = is_window ? model_.window_head_shape() : model_.full_head_shape();
  const double kv_heads = std::max(1.0, h.kv_heads / tp);
  const double queries = h.heads / tp * h.head_dim;
  const double keys = kv_heads * h.head_dim;
  const double values = h.values_are_keys ? 0 : kv_heads * h.value_dim;
  const double outputs = h.heads / tp * h.value_dim;
  const double gate = model_.has_output_gate ? queries : 0;
  gemm("qkv", count, tokens_, queries + gate + keys + values, model_.hidden,
       precision_.projections);
  if (model_.has_qk_norm) {
    elementwise(OperatorKind::kNorm, "query_norm", count, queries, queries);
    elementwise(OperatorKind::kNorm, "key_norm", count, keys, keys);
  }
  const double rotated = (model_.has_rotary ? queries : 0) + keys + values;  // into the cache
  elementwise(OperatorKind::kRotary, model_.has_rotary ? "rotary" : "cache_write", count, rotated,
              rotated);
  add_context_gather(count, keys + values);
  AttentionShape s;
  s.heads = h.heads / tp;
  s.kv_heads = kv_heads;
  s.head_dim = h.head_dim;
  s.value_dim = h.value_dim;
  if (is_window) {
    s.window = model_.window;
    add_attention_core("window_attention_decode", "window_attention_prefill", count, s);
  } else {
    const double sparse =
        model_.n_full_attention > 0 ? count * model_.n_indexed() / model_.n_full_attention : 0;
    add_attention_core("attention_decode", "attention_prefill", count - sparse, s);
    if (sparse > 0) {
      add_indexer(sparse, model_.index_dim, 1);
      s.window = model_.index_topk;
      add_attention_core("sparse_attention_decode", "sparse_attention_prefill", sparse, s);
    }
  }
  if (model_.has_output_gate) {
    elementwise(OperatorKind::kElementwise, "output_gate", count, 2 * outputs, outputs);
  }
  gemm("attention_out", count, tokens_, model_.hidden, outputs, precision_.output_projection());
}

void GraphBuilder::add_attention_core(const char* decode, const char* prefill, double count,
                                      AttentionShape s) {
  s.compute = precision_.attention;
  s.kv_cache = precision_.kv_cache;
  if (rank_.decode_sequences > 0) {
    s.sequences = rank_.decode_sequences;
    s.query_tokens = rank_.decode_queries;
    s.context = rank_.decode_context;
    add(make_attention_decode(s), decode, count);
  }
  if (rank_.prefill_sequences > 0) {
    s.sequences = rank_.prefill_sequences;
    s.query_tokens = rank_.prefill_tokens;
    s.context = rank_.prefill_context;
    s.square_ratio = rank_.square_ratio;
    add(make_attention_prefill(s), prefill, count);
  }
}

void GraphBuilder::add_latent_attention(double count) {
  const double query = heads() * (model_.nope_dim + model_.rope_dim);
  const double latent = model_.kv_rank + model_.rope_dim;
  const double outputs = heads() * model_.value_dim;
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
  if (model_.is_sparse_attention()) add_indexer(count, model_.index_dim, 1);
  LatentShape s;
  s.heads = heads();
  s.kv_rank = model_.kv_rank;
  s.rope_dim = model_.rope_dim;
  s.nope_dim = model_.nope_dim;
  s.value_dim = model_.value_dim;
  s.compute = precision_.attention;
  s.kv_cache = precision_.kv_cache;
  if (rank_.decode_sequences > 0) add_latent_core(count, s, true);
  if (rank_.prefill_sequences > 0) add_latent_core(count, s, false);
  if (model_.has_output_gate) {
    gemm("gate", count, tokens_, outputs, model_.hidden, precision_.projections);
    elementwise(OperatorKind::kElementwise, "output_gate", count, 2 * outputs, outputs);
  }
  gemm("attention_out", count, tokens_, model_.hidden, outputs, precision_.output_projection());
}

// Decode is absorbed: scores and values in the latent space, so the cache is read once for all
// heads. Prefill is not, but for sparse attention, which runs absorbed over the kept tokens;
// engines take the dense form while the prompt is short enough for it to be cheaper.
void GraphBuilder::add_latent_core(double count, LatentShape s, bool is_decode) {
  s.sequences = is_decode ? rank_.decode_sequences : rank_.prefill_sequences;
  s.query_tokens = is_decode ? rank_.decode_queries : rank_.prefill_tokens;
  s.context = is_decode ? rank_.decode_context : rank_.prefill_context;
  const double tokens = s.sequences * s.query_tokens;
  if (is_decode) {
    s.topk = model_.index_topk;
    add_absorbed(s.topk > 0 ? make_sparse_latent(s) : make_latent_decode(s),
                 "latent_attention_decode", count, tokens);
    return;
  }
  s.square_ratio = rank_.square_ratio;
  const Operator dense = make_latent_prefill(s);
  if (model_.is_sparse_attention()) {
    s.topk = model_.index_topk;
    const Operator sparse = make_sparse_latent(s);
    if (sparse.flops < dense.flops) {
      add_absorbed(sparse, "latent_attention_prefill", count, tokens);
      return;
    }
  }
  gemm("key_value_up", count, s.sequences * rank_.prefill_all,
       heads() * (model_.nope_dim + model_.value_dim), model_.kv_rank, precision_.projections);
  add(dense, "latent_attention_prefill", count);
}

void GraphBuilder::add_absorbed(const Operator& core, const char* name, double count,
                                double tokens) {
  AbsorbShape b{.tokens = tokens, .heads = heads(), .n = model_.kv_rank, .k = model_.nope_dim};
  add(make_absorb(OperatorKind::kAbsorbQuery, b), "absorb_query", count);
  add(core, name, count);
  b.n = model_.value_dim;
  b.k = model_.kv_rank;
  add(make_absorb(OperatorKind::kAbsorbValue, b), "absorb_value", count);
}

void GraphBuilder::add_compressed_attention(double count, bool is_window) {
  const double d = model_.head_dim, inner = heads() * d;
  gemm("latent_in", count, tokens_, model_.q_rank + d, model_.hidden, precision_.projections);
  elementwise(OperatorKind::kNorm, "query_norm", count, model_.q_rank, model_.q_rank);
  elementwise(OperatorKind::kNorm, "key_norm", count, d, d);
  gemm("query_up", count, tokens_, inner, model_.q_rank, precision_.projections);
  elementwise(OperatorKind::kRotary, "rotary", count, inner + d, inner + d);
  add_context_gather(count, d);
  AttentionShape s{.heads = heads(), .kv_heads = 1, .head_dim = d, .value_dim = d};
  s.window = model_.window;
  s.values_are_keys = s.is_shared = true;
  add_attention_core("window_attention_decode", "window_attention_prefill", count, s);
  if (!is_window && model_.n_full_attention > 0) {
    const double sparse = count * model_.n_compressed_sparse / model_.n_full_attention;
    if (sparse > 0) add_compressed_core(sparse, model_.sparse_ratio, true);
    if (count > sparse) add_compressed_core(count - sparse, model_.dense_ratio, false);
  }
  gemm("output_down", count, tokens_, model_.output_rank, inner, precision_.projections);
  gemm("attention_out", count, tokens_, model_.hidden,
       model_.output_groups * model_.output_rank / shard_.tensor, precision_.output_projection());
}

void GraphBuilder::add_compressed_core(double count, double ratio, bool is_sparse) {
  const double d = model_.head_dim;
  const double inputs = is_sparse ? 4 * d : 2 * d;
  gemm("compress", count, tokens_, inputs, model_.hidden, precision_.projections);
  elementwise(OperatorKind::kElementwise, "pool", count, inputs, d / ratio);
  AttentionShape s{.heads = heads(), .kv_heads = 1, .head_dim = d, .value_dim = d};
  s.entry_tokens = ratio;
  s.values_are_keys = s.is_shared = true;
  if (is_sparse) {
    add_indexer(count, 4 * model_.index_dim, ratio);
    s.window = model_.index_topk;
  }
  add_attention_core("compressed_attention_decode", "compressed_attention_prefill", count, s);
}

void GraphBuilder::add_indexer(double count, double key_width, double entry_tokens) {
  const double queries = model_.index_heads * model_.index_dim;
  // The queries are made from the latent of the main ones where there is one; a weight per head
  // scales the scores there.
  const bool has_latent = model_.q_rank > 0;
  gemm("index_query", count, tokens_, queries, has_latent ? model_.q_rank : model_.hidden,
       precision_.projections, false);
  gemm("index_key", count, tokens_, key_width + (has_latent ? model_.index_heads : 0),
       model_.hidden, precision_.projections, false);
  elementwise(OperatorKind::kNorm, "index_norm", count, model_.index_dim, model_.index_dim);
  elementwise(OperatorKind::kRotary, "index_rotary", count, queries + model_.index_dim,
              queries + model_.index_dim);
  IndexerShape s;
  s.heads = model_.index_heads;
  s.dim = model_.index_dim;
  s.topk = model_.index_topk;
  s.entry_tokens = entry_tokens;
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
