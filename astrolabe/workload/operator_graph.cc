#include "astrolabe/workload/operator_graph.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/workload/graph_builder.h"

namespace astrolabe::workload {

double stage_imbalance(const ModelArchitecture& model, const ShardDegrees& shard) {
  const double per_stage = static_cast<double>(model.n_layers()) / shard.pipeline;
  return std::ceil(per_stage) / per_stage;
}

namespace {

// Of the parameters of one attention layer, what every tensor rank holds whole.
double copied_parameters(const ModelArchitecture& m, const HeadShape& s, double tp, bool is_full) {
  switch (m.attention) {
    case AttentionKind::kLatent:
      return m.hidden * (m.q_rank + m.kv_rank + m.rope_dim);
    case AttentionKind::kCompressed: {
      const double compressor =
          is_full ? m.attention_parameters() - m.window_attention_parameters() : 0;
      return m.hidden * (m.q_rank + m.head_dim) + compressor;
    }
    case AttentionKind::kGrouped:
      break;
  }
  // Fewer KV heads than ranks: each head is on tp / K of them.
  const double copies = std::max(1.0, tp / s.kv_heads);
  const double kv = m.hidden * s.kv_heads * (s.head_dim + (s.values_are_keys ? 0 : s.value_dim));
  return kv * (copies - 1) / (tp - 1);
}

double attention_share(const ModelArchitecture& m, const HeadShape& s, double parameters, double tp,
                       bool is_full) {
  if (tp <= 1) return parameters;
  const double copied = copied_parameters(m, s, tp, is_full);
  return copied + (parameters - copied) / tp;
}

}  // namespace

Bytes weight_bytes_per_accelerator(const ModelArchitecture& m, const Precision& p,
                                   const ShardDegrees& s) {
  const double tp = s.tensor;
  const double mixers =
      m.n_full_attention *
          attention_share(m, m.full_head_shape(), m.attention_parameters(), tp, true) +
      m.n_window_attention *
          attention_share(m, m.window_head_shape(), m.window_attention_parameters(), tp, false) +
      m.n_indexed() * m.index_parameters() + m.n_linear * m.linear_parameters() / tp;
  const double slots = m.experts + s.redundant_experts;
  const double experts = m.n_moe * slots * m.expert_parameters() / s.group();
  const double ffn =
      (m.n_dense_ffn * m.dense_ffn_parameters() + m.n_moe * m.shared_expert_parameters()) / tp;
  const double stages = s.pipeline;
  const double layers = stage_imbalance(m, s) / stages;
  // Embeddings and LM head are on different stages when there are two or more.
  const double embedding = m.embedding_parameters() / tp / (stages > 1 ? 2 : 1);
  const Bytes outputs = m.output_parameters() / tp *
                        (traits(p.output_projection()).weight - traits(p.projections).weight);
  return layers * (mixers * traits(p.projections).weight + outputs + ffn * traits(p.ffn).weight +
                   experts * traits(p.experts).weight) +
         (layers * m.n_moe * m.router_parameters() + embedding) * traits(p.head).weight;
}

Bytes mtp_bytes_per_accelerator(const ModelArchitecture& m, const Precision& p,
                                const ShardDegrees& s) {
  const double tp = s.tensor;
  const double experts = m.is_moe() ? m.mtp_layers * m.experts * m.expert_parameters() : 0;
  return experts / s.group() * traits(p.experts).weight +
         (m.mtp_parameters() - experts) / tp * traits(p.projections).weight;
}

Bytes kv_bytes_per_accelerator(const ModelArchitecture& m, const Precision& p,
                               const ShardDegrees& s, double context) {
  const double layers = stage_imbalance(m, s) / s.pipeline;
  const auto share = [&](double kv_heads) {
    return m.attention == AttentionKind::kGrouped ? std::max(1.0 / s.tensor, 1.0 / kv_heads) : 1.0;
  };
  const double windowed = m.window > 0 ? std::min(context, m.window) : context;
  const double elements =
      share(m.full_head_shape().kv_heads) * m.kv_elements_per_token() * context +
      share(m.window_head_shape().kv_heads) * m.window_kv_elements_per_token() * windowed;
  const Bytes state = m.n_linear * m.state_elements() / s.tensor * kStateElement;
  return layers * (elements * bytes_per_element(p.kv_cache) +
                   m.index_elements_per_token() * context * units::byte + state);
}

OperatorList build_operator_graph(const ModelArchitecture& model, const Precision& precision,
                                  const ShardDegrees& shard, const Batch& batch,
                                  const Routing& routing) {
  GraphBuilder builder(model, precision, shard, batch, routing);
  builder.add_model();
  builder.add_drafts();
  return builder.take();
}

}  // namespace astrolabe::workload
