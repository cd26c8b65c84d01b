#pragma once

// Architecture of a decoder-only language model as its published dimensions, and what follows from
// them without any hardware: parameters, and elements of KV cache and recurrent state.
//
// Parameters (H query heads of width d, K KV heads, hidden width h, ffn width f):
//   GQA attention  h H d (twice when the output is gated) + h K (d + d_v) + H d_v h; without the
//                  d_v where values are the keys (Gemma 4's full layers)
//   MLA attention  h r_q + r_q H (d_n + d_r) + h (r_kv + d_r) + r_kv H (d_n + d_v) + H d_v h
//   indexer        r H_i d_i + h d_i, and h H_i in DSA;  r = r_q, or h in a GQA model
//   compressed     h r_q + r_q H d + h d + H d r_o + G r_o h  (DeepSeek V4: one KV head that is key
//                  and value, output in G groups of rank r_o), a compressor 2 h d (twice that
//                  where compressed blocks overlap, ratio 4) and there an indexer with its own
//   feed-forward   3 h f (gated), 2 h f (nemotron_h, bloom); an expert has the latent width for h
//   gated delta    h (2 K_k d_k + 2 K_v d_v) + 2 h K_v + K_v d_v h;  with decay and gate per
//   channel
//                  of rank d_v (Kimi): h 3 K_v d_v + 2 (h d_v + d_v K_v d_v) + h K_v + K_v d_v h
//   Mamba-2        h (2 I + 2 G s + H_m) + I h,  I = H_m d_m, G = groups, s = state width
//   embeddings     V h, twice unless tied
//   prediction     2 h^2 and one more layer, each (multi-token prediction; not in the totals)
// KV elements per token: 2 K d a layer (GQA), r_kv + d_r a layer (MLA), + d_i a layer (index),
// d / ratio a compressed layer. Norms, biases, sinks, short convolutions are left out (< 0.1 %).
// Sources: arXiv:2305.13245 (GQA), arXiv:2412.19437 (MLA, MTP), arXiv:2512.02556 (DSA),
// arXiv:2412.06464 (gated delta), arXiv:2510.26692 (Kimi), arXiv:2405.21060 (Mamba-2).

#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/base/quantity.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::workload {

enum class AttentionKind : unsigned char {
  kGrouped,     // MHA, GQA and MQA
  kLatent,      // MLA
  kCompressed,  // MQA over compressed tokens and a window (DeepSeek V4)
};

// Attention heads of one kind of layer.
struct HeadShape {
  double heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
  bool values_are_keys = false;
};

struct ModelArchitecture {
  std::string name, model_type;
  AttentionKind attention = AttentionKind::kGrouped;
  bool has_tied_embeddings = false, has_output_gate = false, has_gated_ffn = true;
  bool has_qk_norm = false, has_rotary = true;
  bool is_formula_confirmed = true;

  // Layers by token mixer and by feed-forward part.
  int n_full_attention = 0, n_window_attention = 0, n_linear = 0;
  int n_dense_ffn = 0, n_moe = 0;
  int mtp_layers = 0;  // multi-token prediction, none of the above
  double window = 0;   // tokens

  // Widths.
  double hidden = 0, vocab = 0, dense_ffn = 0;
  int heads = 0, kv_heads = 0;
  double head_dim = 0, value_dim = 0;                          // value_dim 0 = head_dim
  double q_rank = 0, kv_rank = 0, rope_dim = 0, nope_dim = 0;  // MLA
  double index_topk = 0, index_heads = 0, index_dim = 0;       // sparse attention
  int n_index = 0;                            // full layers with an indexer; 0 = all of them
  bool has_values_as_keys = false;            // full layers of a grouped model
  int window_heads = 0, window_kv_heads = 0;  // of windowed layers, 0 = as full ones
  double window_head_dim = 0, window_value_dim = 0;

  // Compressed attention: layers that keep one entry for `ratio` tokens. Of the full layers,
  // n_compressed_sparse choose index_topk entries, the others read all.
  int n_compressed_sparse = 0;
  double sparse_ratio = 0, dense_ratio = 0, output_rank = 0, output_groups = 0;

  int experts = 0, topk = 0;
  double expert_ffn = 0, shared_ffn = 0, moe_latent = 0;

  double linear_k_heads = 0, linear_k_dim = 0, linear_v_heads = 0, linear_v_dim = 0;
  bool has_channel_gates = false, has_full_rank_gate = false;  // Kimi's delta attention
  double mamba_heads = 0, mamba_head_dim = 0, mamba_state = 0, mamba_groups = 0;
  double conv_width = 4;  // short convolution before linear attention

  int n_attention() const { return n_full_attention + n_window_attention; }
  int n_layers() const;  // pipeline stages split these
  double value_width() const { return value_dim > 0 ? value_dim : head_dim; }
  HeadShape full_head_shape() const;
  HeadShape window_head_shape() const;
  double ffn_matrices() const { return has_gated_ffn ? 3 : 2; }
  double expert_width() const { return moe_latent > 0 ? moe_latent : hidden; }
  bool is_moe() const { return n_moe > 0; }
  bool is_sparse_attention() const { return index_topk > 0; }
  int n_indexed() const;  // layers with an indexer

  // Parameters of one layer's part, or of the model.
  double attention_parameters() const;  // full layer, without indexer
  double window_attention_parameters() const;
  double output_parameters() const;  // of all layers, after attention
  double index_parameters() const;   // of one layer that has an indexer
  double linear_parameters() const;
  double dense_ffn_parameters() const;
  double expert_parameters() const;         // one routed expert
  double shared_expert_parameters() const;  // all shared experts and the latent projections
  double router_parameters() const;
  double embedding_parameters() const;  // embeddings and LM head
  double mixer_parameters() const;      // attention and linear layers together
  double total_parameters() const;
  double active_parameters() const;  // that one token touches, embeddings included
  double mtp_parameters() const;     // all multi-token-prediction layers

  // KV-cache elements of one token in one layer, and over the layers of a kind.
  double kv_elements_per_layer() const;  // full attention; compressed: mean over the layers
  double window_kv_elements_per_layer() const;
  double kv_elements_per_token() const { return kv_elements_per_layer() * n_full_attention; }
  double window_kv_elements_per_token() const;  // compressed layers keep a window too
  double index_elements_per_token() const;  // keys of the sparse-attention indexer, one byte each
  double state_elements() const;            // recurrent state of one sequence in one linear layer
};

Bytes weight_bytes(const ModelArchitecture& model, const Precision& precision);

// Cache of one sequence with `context` tokens, all layers, on all accelerators together once.
Bytes kv_bytes(const ModelArchitecture& model, const Precision& precision, double context);

// A dimension that is missing or contradicts another, by its name in the catalogue.
struct DimensionConflict {
  const char* attribute;
  const char* allowed;
};
std::optional<DimensionConflict> find_dimension_conflict(const ModelArchitecture& model);

// Whether the family normalises each head's query and key before attention (a kernel each).
bool has_query_key_norm(std::string_view model_type);

// Whether queries and keys are rotated. Nemotron-H has no positions, BLOOM's (ALiBi) are added to
// the scores inside the attention kernel.
bool has_rotary_positions(std::string_view model_type);

// Whether the feed-forward part has a gate, as far as the family alone tells.
bool has_gated_family(std::string_view model_type);

// InputError when the entity is not a model, lacks a dimension, or its dimensions contradict.
ModelArchitecture read_model(const catalog::Catalog& catalog, std::string_view entity);

// Recurrent states are kept in fp32 by the engines that publish their defaults.
inline constexpr Bytes kStateElement = 4.0 * units::byte;

}  // namespace astrolabe::workload
