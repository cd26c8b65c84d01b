#pragma once

// Architecture of a decoder-only language model as its published dimensions, and what follows from
// them without any hardware: parameters, and elements of KV cache and recurrent state.
//
// Parameters (H query heads of width d, K KV heads, hidden width h, ffn width f):
//   GQA attention  h H d (twice when the output is gated) + h K (d + d_v) + H d_v h
//   MLA attention  h r_q + r_q H (d_n + d_r) + h (r_kv + d_r) + r_kv H (d_n + d_v) + H d_v h
//   DSA indexer    r_q H_i d_i + h d_i + h H_i
//   feed-forward   3 h f (gated), 2 h f (nemotron_h); an expert has the latent width instead of h
//   gated delta    h (2 K_k d_k + 2 K_v d_v) + 2 h K_v + K_v d_v h
//   Mamba-2        h (2 I + 2 G s + H_m) + I h,  I = H_m d_m, G = groups, s = state width
//   embeddings     V h, twice unless tied
// KV elements per token: 2 K d a layer (GQA), r_kv + d_r a layer (MLA), + d_i a layer (DSA index).
// Norms, biases, short convolutions and multi-token-prediction layers are left out (< 0.1 %).
// Fails for architectures with other parts (compressed attention, per-layer head counts, pruned
// layers); `is_formula_confirmed` says whether the catalogue holds a count that agrees.
// Sources: arXiv:2305.13245 (GQA), arXiv:2412.19437 (MLA), arXiv:2512.02556 (DSA),
// arXiv:2412.06464 (gated delta rule), arXiv:2405.21060 (Mamba-2).

#include <string>
#include <string_view>

#include "astrolabe/base/quantity.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::workload {

enum class AttentionKind { kGrouped, kLatent };  // MHA, GQA and MQA; MLA

struct ModelArchitecture {
  std::string name, model_type;
  AttentionKind attention = AttentionKind::kGrouped;
  bool has_tied_embeddings = false, has_output_gate = false, has_gated_ffn = true;
  bool is_formula_confirmed = true;

  // Layers by token mixer and by feed-forward part.
  int n_full_attention = 0, n_window_attention = 0, n_linear = 0;
  int n_dense_ffn = 0, n_moe = 0;
  double window = 0;  // tokens

  // Widths.
  double hidden = 0, vocab = 0, dense_ffn = 0;
  int heads = 0, kv_heads = 0;
  double head_dim = 0, value_dim = 0;                          // value_dim 0 = head_dim
  double q_rank = 0, kv_rank = 0, rope_dim = 0, nope_dim = 0;  // MLA
  double index_topk = 0, index_heads = 0, index_dim = 0;       // sparse attention

  int experts = 0, topk = 0;
  double expert_ffn = 0, shared_ffn = 0, moe_latent = 0;

  int mtp_layers = 0;  // multi-token prediction
  bool has_qk_norm = false;

  double linear_k_heads = 0, linear_k_dim = 0, linear_v_heads = 0, linear_v_dim = 0;
  double mamba_heads = 0, mamba_head_dim = 0, mamba_state = 0, mamba_groups = 0;
  double conv_width = 4;  // short convolution before linear attention

  int n_attention() const { return n_full_attention + n_window_attention; }
  int n_layers() const;  // pipeline stages split these
  double value_width() const { return value_dim > 0 ? value_dim : head_dim; }
  double ffn_matrices() const { return has_gated_ffn ? 3 : 2; }
  double expert_width() const { return moe_latent > 0 ? moe_latent : hidden; }
  bool is_moe() const { return n_moe > 0; }
  bool is_sparse_attention() const { return index_topk > 0 && kv_rank > 0; }

  // Parameters of one layer's part, or of the model.
  double attention_parameters() const;
  double linear_parameters() const;
  double dense_ffn_parameters() const;
  double expert_parameters() const;         // one routed expert
  double shared_expert_parameters() const;  // all shared experts and the latent projections
  double router_parameters() const;
  double embedding_parameters() const;  // embeddings and LM head
  double total_parameters() const;
  double active_parameters() const;  // that one token touches, embeddings included

  // KV-cache elements of one token in one layer, and over the layers of a kind.
  double kv_elements_per_layer() const;
  double kv_elements_per_token() const { return kv_elements_per_layer() * n_full_attention; }
  double window_kv_elements_per_token() const {
    return kv_elements_per_layer() * n_window_attention;
  }
  double index_elements_per_token() const;  // keys of the sparse-attention indexer, one byte each
  double state_elements() const;            // recurrent state of one sequence in one linear layer
};

Bytes weight_bytes(const ModelArchitecture& model, const Precision& precision);

// Cache of one sequence with `context` tokens, all layers, on all accelerators together once.
Bytes kv_bytes(const ModelArchitecture& model, const Precision& precision, double context);

// InputError when the entity is not a model, lacks a dimension, or its dimensions contradict.
ModelArchitecture read_model(const catalog::Catalog& catalog, std::string_view entity);

// Recurrent states are kept in fp32 by the engines that publish their defaults.
inline constexpr Bytes kStateElement = 4.0 * units::byte;

}  // namespace astrolabe::workload
