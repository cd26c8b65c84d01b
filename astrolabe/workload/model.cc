#include "astrolabe/workload/model.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace astrolabe::workload {

int ModelArchitecture::n_layers() const {
  // Nemotron-H counts a feed-forward part as a layer of its own; there mixers and feed-forward
  // parts are not paired, and the mixers give the stages. Pruned models have more feed-forward
  // parts than mixers, Gemma 4 has a dense one beside the experts.
  return std::max({n_attention() + n_linear, n_dense_ffn, n_moe});
}

HeadShape ModelArchitecture::full_head_shape() const {
  return {.heads = static_cast<double>(heads),
          .kv_heads = static_cast<double>(kv_heads),
          .head_dim = head_dim,
          .value_dim = value_width(),
          .values_are_keys = has_values_as_keys};
}

HeadShape ModelArchitecture::window_head_shape() const {
  HeadShape s = full_head_shape();
  s.values_are_keys = false;
  if (window_heads > 0) s.heads = window_heads;
  if (window_kv_heads > 0) s.kv_heads = window_kv_heads;
  if (window_head_dim > 0) s.head_dim = s.value_dim = window_head_dim;
  if (window_value_dim > 0) s.value_dim = window_value_dim;
  return s;
}

int ModelArchitecture::n_indexed() const {
  if (!is_sparse_attention()) return 0;
  if (attention == AttentionKind::kCompressed) return n_compressed_sparse;
  return n_index > 0 ? n_index : n_full_attention;
}

namespace {

double grouped_parameters(const ModelArchitecture& m, const HeadShape& s) {
  const double values = s.values_are_keys ? 0 : s.value_dim;
  return m.hidden * s.heads * s.head_dim * (m.has_output_gate ? 2 : 1) +
         m.hidden * s.kv_heads * (s.head_dim + values) + s.heads * s.value_dim * m.hidden;
}

double latent_parameters(const ModelArchitecture& m) {
  const double h = m.hidden, n = m.heads, d = m.nope_dim + m.rope_dim;
  const double query = m.q_rank > 0 ? h * m.q_rank + m.q_rank * n * d : h * n * d;
  const double gate = m.has_output_gate ? h * n * m.value_dim : 0;
  return query + h * (m.kv_rank + m.rope_dim) + m.kv_rank * n * (m.nope_dim + m.value_dim) +
         n * m.value_dim * h + gate;
}

// Without compressors; those are counted over the layers that have one.
double compressed_parameters(const ModelArchitecture& m) {
  const double h = m.hidden, inner = m.heads * m.head_dim;
  return h * m.q_rank + m.q_rank * inner + h * m.head_dim + inner * m.output_rank +
         m.output_groups * m.output_rank * h;
}

}  // namespace

double ModelArchitecture::attention_parameters() const {
  switch (attention) {
    case AttentionKind::kLatent:
      return latent_parameters(*this);
    case AttentionKind::kCompressed: {
      const double sparse =
          n_full_attention > 0 ? static_cast<double>(n_compressed_sparse) / n_full_attention : 0;
      return compressed_parameters(*this) + 2 * hidden * head_dim * (1 + sparse);
    }
    case AttentionKind::kGrouped:
      break;
  }
  return grouped_parameters(*this, full_head_shape());
}

double ModelArchitecture::window_attention_parameters() const {
  if (attention == AttentionKind::kCompressed) return compressed_parameters(*this);
  return grouped_parameters(*this, window_head_shape());
}

double ModelArchitecture::output_parameters() const {
  const auto grouped = [&](const HeadShape& s) { return hidden * s.heads * s.value_dim; };
  switch (attention) {
    case AttentionKind::kLatent:
      return n_attention() * hidden * heads * value_dim;
    case AttentionKind::kCompressed:
      return n_attention() * hidden * output_groups * output_rank;
    case AttentionKind::kGrouped:
      break;
  }
  return n_full_attention * grouped(full_head_shape()) +
         n_window_attention * grouped(window_head_shape());
}

double ModelArchitecture::index_parameters() const {
  const double queries = index_heads * index_dim;
  switch (attention) {
    case AttentionKind::kLatent:
      return q_rank * queries + hidden * index_dim + hidden * index_heads;
    case AttentionKind::kCompressed:  // its keys come from an overlapping compressor
      return q_rank * queries + 4 * hidden * index_dim + hidden * index_heads;
    case AttentionKind::kGrouped:
      break;
  }
  return hidden * (queries + index_dim);
}

double ModelArchitecture::linear_parameters() const {
  if (mamba_heads > 0) {
    const double inner = mamba_heads * mamba_head_dim;
    return hidden * (2 * inner + 2 * mamba_groups * mamba_state + mamba_heads) + inner * hidden;
  }
  const double keys = linear_k_heads * linear_k_dim, values = linear_v_heads * linear_v_dim;
  if (has_channel_gates) {
    const double decay = hidden * linear_v_dim + linear_v_dim * values;
    const double gate = has_full_rank_gate ? hidden * values : decay;
    return hidden * (2 * keys + values) + decay + gate + hidden * linear_v_heads + values * hidden;
  }
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

double ModelArchitecture::mixer_parameters() const {
  return n_full_attention * attention_parameters() +
         n_window_attention * window_attention_parameters() + n_indexed() * index_parameters() +
         n_linear * linear_parameters();
}

namespace {

double parameters(const ModelArchitecture& m, double experts) {
  return m.embedding_parameters() + m.mixer_parameters() +
         m.n_dense_ffn * m.dense_ffn_parameters() +
         m.n_moe * (experts * m.expert_parameters() + m.shared_expert_parameters() +
                    m.router_parameters());
}

}  // namespace

double ModelArchitecture::total_parameters() const { return parameters(*this, experts); }
double ModelArchitecture::active_parameters() const { return parameters(*this, topk); }

double ModelArchitecture::mtp_parameters() const {
  const double mixer =
      n_full_attention > 0 ? attention_parameters() : window_attention_parameters();
  const double index = n_indexed() == n_full_attention ? index_parameters() : 0;
  const double ffn =
      is_moe() ? experts * expert_parameters() + shared_expert_parameters() + router_parameters()
               : dense_ffn_parameters();
  return mtp_layers * (2 * hidden * hidden + mixer + index + ffn);
}

double ModelArchitecture::kv_elements_per_layer() const {
  switch (attention) {
    case AttentionKind::kLatent:
      return kv_rank + rope_dim;
    case AttentionKind::kCompressed: {
      if (n_full_attention == 0) return 0;
      const double dense = n_full_attention - n_compressed_sparse;
      return head_dim * (n_compressed_sparse / sparse_ratio + dense / dense_ratio) /
             n_full_attention;
    }
    case AttentionKind::kGrouped:
      break;
  }
  return 2 * kv_heads * head_dim;  // engines pad V to the width of K
}

double ModelArchitecture::window_kv_elements_per_layer() const {
  if (attention == AttentionKind::kCompressed) return head_dim;  // key and value are one
  const HeadShape s = window_head_shape();
  return 2 * s.kv_heads * s.head_dim;
}

double ModelArchitecture::window_kv_elements_per_token() const {
  const bool has_both = attention == AttentionKind::kCompressed;
  return window_kv_elements_per_layer() * (has_both ? n_attention() : n_window_attention);
}

double ModelArchitecture::index_elements_per_token() const {
  const double ratio = attention == AttentionKind::kCompressed ? sparse_ratio : 1;
  return is_sparse_attention() ? index_dim * n_indexed() / ratio : 0;
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
  return wide * traits(precision.head).weight + experts * traits(precision.experts).weight +
         ffn * traits(precision.ffn).weight +
         model.mixer_parameters() * traits(precision.projections).weight +
         model.output_parameters() *
             (traits(precision.output_projection()).weight - traits(precision.projections).weight);
}

Bytes kv_bytes(const ModelArchitecture& model, const Precision& precision, double context) {
  const double windowed = model.window > 0 ? std::min(context, model.window) : context;
  const double elements =
      model.kv_elements_per_token() * context + model.window_kv_elements_per_token() * windowed;
  return elements * bytes_per_element(precision.kv_cache) +
         model.index_elements_per_token() * context * units::byte +
         model.n_linear * model.state_elements() * kStateElement;
}

std::optional<DimensionConflict> find_dimension_conflict(const ModelArchitecture& m) {
  using Conflict = DimensionConflict;
  const bool has_attention = m.n_attention() > 0;
  if (m.hidden <= 0) return Conflict{"hidden", "a width above 0"};
  if (m.n_attention() + m.n_linear <= 0) {
    return Conflict{"n_full_attn_layers", "at least one mixer layer"};
  }
  if (has_attention && m.heads <= 0) return Conflict{"heads", "at least one head"};
  if (m.attention == AttentionKind::kLatent && has_attention &&
      (m.kv_rank <= 0 || m.value_dim <= 0 || m.nope_dim <= 0)) {
    return Conflict{"kv_lora_rank", "kv_lora_rank, qk_nope_dim and v_head_dim of an MLA model"};
  }
  if (m.attention != AttentionKind::kLatent && has_attention &&
      (m.kv_heads <= 0 || m.head_dim <= 0)) {
    return Conflict{"kv_heads", "kv_heads and head_dim of a GQA model"};
  }
  if (m.attention == AttentionKind::kCompressed &&
      (m.sparse_ratio <= 0 || m.dense_ratio <= 0 || m.output_rank <= 0 || m.output_groups <= 0 ||
       m.q_rank <= 0 || m.window <= 0)) {
    return Conflict{"compress_ratio_sparse",
                    "both ratios, window, q_lora_rank, o_lora_rank and o_groups"};
  }
  if (m.n_window_attention > 0 && m.window <= 0) {
    return Conflict{"window", "a window of at least one token"};
  }
  if (m.index_topk > 0 && (m.index_heads <= 0 || m.index_dim <= 0)) {
    return Conflict{"dsa_index_heads", "heads and width of the sparse-attention indexer"};
  }
  if (m.n_linear > 0 && m.state_elements() <= 0) {
    return Conflict{"lin_k_heads", "heads and widths of the linear-attention layers"};
  }
  if (m.n_dense_ffn > 0 && m.dense_ffn <= 0) {
    return Conflict{"dense_ffn", "the width of a dense layer"};
  }
  if (m.n_moe > 0 && (m.experts <= 0 || m.topk <= 0 || m.topk > m.experts || m.expert_ffn <= 0)) {
    return Conflict{"experts", "experts >= topk >= 1 and expert_ffn of a mixture of experts"};
  }
  return std::nullopt;
}

namespace {

bool is_of_one(std::string_view model_type, std::initializer_list<std::string_view> families) {
  return std::any_of(families.begin(), families.end(),
                     [&](std::string_view family) { return model_type.starts_with(family); });
}

}  // namespace

bool has_query_key_norm(std::string_view model_type) {
  // MiniMax, Gemma 3 and 4 and every Qwen3 family; GLM-4.5 and MiMo do not.
  return is_of_one(model_type, {"qwen3", "minimax_m2", "minimax_m3", "gemma3", "gemma4"});
}

bool has_rotary_positions(std::string_view model_type) {
  return !is_of_one(model_type, {"nemotron_h", "bloom"});
}

bool has_gated_family(std::string_view model_type) {
  return !is_of_one(model_type, {"nemotron_h", "bloom"});
}

}  // namespace astrolabe::workload
