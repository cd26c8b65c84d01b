#include "astrolabe/workload/model.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::workload {

int ModelArchitecture::n_layers() const {
  // Nemotron-H counts a feed-forward part as a layer of its own; there mixers and feed-forward
  // parts are not paired, and the mixers alone give the stages.
  return n_attention() + n_linear;
}

double ModelArchitecture::attention_parameters() const {
  const double h = hidden, n = heads;
  if (attention == AttentionKind::kLatent) {
    const double query = q_rank > 0 ? h * q_rank + q_rank * n * (nope_dim + rope_dim)
                                    : h * n * (nope_dim + rope_dim);
    const double index = q_rank * index_heads * index_dim + h * index_dim + h * index_heads;
    return query + h * (kv_rank + rope_dim) + kv_rank * n * (nope_dim + value_dim) +
           n * value_dim * h + (is_sparse_attention() ? index : 0);
  }
  return h * n * head_dim * (has_output_gate ? 2 : 1) + h * kv_heads * (head_dim + value_width()) +
         n * value_width() * h;
}

double ModelArchitecture::linear_parameters() const {
  if (mamba_heads > 0) {
    const double inner = mamba_heads * mamba_head_dim;
    return hidden * (2 * inner + 2 * mamba_groups * mamba_state + mamba_heads) + inner * hidden;
  }
  const double keys = linear_k_heads * linear_k_dim, values = linear_v_heads * linear_v_dim;
  return hidden * (2 * keys + 2 * values + 2 * linear_v_heads) + values * hidden;
}

double ModelArchitecture::dense_ffn_parameters() const {
  return ffn_matrices() * hidden * dense_ffn;
}

double ModelArchitecture::expert_parameters() const {
  return ffn_matrices() * expert_width() * expert_ffn;
}

double ModelArchitecture::shared_expert_parameters() const {
  return ffn_matrices() * hidden * shared_ffn + 2 * hidden * moe_latent;
}

double ModelArchitecture::router_parameters() const { return hidden * experts; }

double ModelArchitecture::embedding_parameters() const {
  return vocab * hidden * (has_tied_embeddings ? 1 : 2);
}

namespace {

double parameters(const ModelArchitecture& m, double experts) {
  return m.embedding_parameters() + m.n_attention() * m.attention_parameters() +
         m.n_linear * m.linear_parameters() + m.n_dense_ffn * m.dense_ffn_parameters() +
         m.n_moe * (experts * m.expert_parameters() + m.shared_expert_parameters() +
                    m.router_parameters());
}

}  // namespace

double ModelArchitecture::total_parameters() const { return parameters(*this, experts); }
double ModelArchitecture::active_parameters() const { return parameters(*this, topk); }

double ModelArchitecture::kv_elements_per_layer() const {
  if (attention == AttentionKind::kLatent) return kv_rank + rope_dim;
  return 2 * kv_heads * head_dim;  // engines pad V to the width of K
}

double ModelArchitecture::index_elements_per_token() const {
  return is_sparse_attention() ? index_dim * n_full_attention : 0;
}

double ModelArchitecture::state_elements() const {
  if (mamba_heads > 0) return mamba_heads * mamba_head_dim * mamba_state;
  return linear_v_heads * linear_k_dim * linear_v_dim;
}

Bytes weight_bytes(const ModelArchitecture& model, const Precision& precision) {
  const double wide = model.embedding_parameters() + model.n_moe * model.router_parameters();
  const double experts = model.n_moe * model.experts * model.expert_parameters();
  const double ffn = model.n_dense_ffn * model.dense_ffn_parameters() +
                     model.n_moe * model.shared_expert_parameters();
  const double mixers = model.total_parameters() - wide - experts - ffn;
  return wide * traits(precision.head).weight + experts * traits(precision.experts).weight +
         ffn * traits(precision.ffn).weight + mixers * traits(precision.projections).weight;
}

Bytes kv_bytes(const ModelArchitecture& model, const Precision& precision, double context) {
  const double windowed = model.window > 0 ? std::min(context, model.window) : context;
  const double elements =
      model.kv_elements_per_token() * context + model.window_kv_elements_per_token() * windowed;
  return elements * bytes_per_element(precision.kv_cache) +
         model.index_elements_per_token() * context * units::byte +
         model.n_linear * model.state_elements() * kStateElement;
}

}  // namespace astrolabe::workload
