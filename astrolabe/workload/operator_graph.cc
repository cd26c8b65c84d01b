#include "astrolabe/workload/operator_graph.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/workload/graph_builder.h"

namespace astrolabe::workload {

double stage_imbalance(const ModelArchitecture& model, const ShardDegrees& shard) {
  const double per_stage = static_cast<double>(model.n_layers()) / shard.pipeline;
  return std::ceil(per_stage) / per_stage;
}

Bytes weight_bytes_per_accelerator(const ModelArchitecture& m, const Precision& p,
                                   const ShardDegrees& s) {
  const double tp = s.tensor;
  // MLA: the compressions (and the indexer) are on every tensor rank.
  double attention = m.attention_parameters() / tp;
  if (m.attention == AttentionKind::kLatent) {
    const double index = m.is_sparse_attention() ? m.q_rank * m.index_heads * m.index_dim +
                                                       m.hidden * (m.index_dim + m.index_heads)
                                                 : 0;
    const double shared = m.hidden * (m.q_rank + m.kv_rank + m.rope_dim) + index;
    attention = shared + (m.attention_parameters() - shared) / tp;
  } else if (tp > m.kv_heads) {
    attention += m.hidden * (m.head_dim + m.value_width()) * (1 - m.kv_heads / tp);
  }
  const double slots = m.experts + s.redundant_experts;
  const double experts = m.n_moe * slots * m.expert_parameters() / s.group();
  const double mixers = m.n_attention() * attention + m.n_linear * m.linear_parameters() / tp;
  const double ffn =
      m.n_dense_ffn * m.dense_ffn_parameters() / tp + m.n_moe * m.shared_expert_parameters() / tp;
  const double stages = s.pipeline;
  const double layers = stage_imbalance(m, s) / stages;
  // Embeddings and LM head are on different stages when there are two or more.
  const double embedding = m.embedding_parameters() / tp / (stages > 1 ? 2 : 1);
  return layers * (mixers * traits(p.projections).weight + ffn * traits(p.ffn).weight +
                   experts * traits(p.experts).weight) +
         (layers * m.n_moe * m.router_parameters() + embedding) * traits(p.head).weight;
}

Bytes kv_bytes_per_accelerator(const ModelArchitecture& m, const Precision& p,
                               const ShardDegrees& s, double context) {
  const double layers = stage_imbalance(m, s) / s.pipeline;
  const Bytes state = m.n_linear * m.state_elements() * kStateElement;
  const Bytes cache = kv_bytes(m, p, context) - state;
  const double share =
      m.attention == AttentionKind::kLatent ? 1.0 : std::max(1.0 / s.tensor, 1.0 / m.kv_heads);
  return layers * (share * cache + state / static_cast<double>(s.tensor));
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
