// Reads a model's dimensions from the catalogue and checks that they fit together.

#include <cmath>

#include "astrolabe/workload/model.h"

namespace astrolabe::workload {
namespace {

// The models table has no column for the B/C groups of Mamba-2. Every Mamba-2 model it holds is of
// the Nemotron-H family, whose configurations say n_groups 8; the parameter test confirms it.
constexpr double kNemotronMambaGroups = 8;

class ModelReader {
 public:
  ModelReader(const catalog::Catalog& catalog, std::string_view entity)
      : catalog_(catalog), entity_(entity) {}

  ModelArchitecture read();

 private:
  double required(std::string_view a) const { return catalog_.get_number(entity_, a); }
  double optional(std::string_view a) const { return catalog_.find_number(entity_, a).value_or(0); }
  int count(std::string_view a) const { return static_cast<int>(std::lround(optional(a))); }
  void read_attention(ModelArchitecture& m) const;
  void read_mixtures(ModelArchitecture& m) const;
  void check(const ModelArchitecture& m) const;
  [[noreturn]] void reject(std::string_view attribute, const std::string& allowed) const;

  const catalog::Catalog& catalog_;
  std::string entity_;
};

ModelArchitecture ModelReader::read() {
  ModelArchitecture m;
  m.name = entity_;
  m.model_type = catalog_.get_text(entity_, "model_type");
  m.has_gated_ffn = has_gated_family(m.model_type);
  m.is_formula_confirmed = catalog_.has_value(entity_, "params_total");
  m.has_tied_embeddings = required("tied_embeddings") > 0;
  m.hidden = required("hidden");
  m.vocab = required("vocab");
  m.n_full_attention = count("n_full_attn_layers");
  m.n_window_attention = count("n_window_attn_layers");
  m.n_linear = count("n_linear_layers");
  m.n_dense_ffn = count("n_dense_ffn_layers");
  m.dense_ffn = optional("dense_ffn");
  m.window = optional("window");
  read_attention(m);
  read_mixtures(m);
  check(m);
  return m;
}

void ModelReader::read_attention(ModelArchitecture& m) const {
  const std::string& kind = catalog_.get_text(entity_, "attention_kind");
  if (kind == "mla" || kind == "mla+dsa") {
    m.attention = AttentionKind::kLatent;
  } else if (kind == "compressed") {
    m.attention = AttentionKind::kCompressed;
  } else if (kind != "gqa" && kind != "mha" && kind != "mqa") {
    reject("attention_kind", "mha, gqa, mqa, mla, mla+dsa or compressed");
  }
  m.has_output_gate = optional("attn_output_gate") > 0;
  m.heads = count("heads");
  m.kv_heads = count("kv_heads");
  m.head_dim = optional("head_dim");
  m.value_dim = optional("v_head_dim");
  m.q_rank = optional("q_lora_rank");
  m.kv_rank = optional("kv_lora_rank");
  m.rope_dim = optional("qk_rope_dim");
  m.nope_dim = optional("qk_nope_dim");
  m.index_topk = optional("dsa_index_topk");
  m.index_heads = optional("dsa_index_heads");
  m.index_dim = optional("dsa_index_dim");
  m.n_index = count("n_index_layers");
  m.has_qk_norm = has_query_key_norm(m.model_type);
  m.has_rotary = has_rotary_positions(m.model_type);
  m.has_values_as_keys = optional("values_are_keys") > 0;
  m.window_kv_heads = count("window_kv_heads");
  m.window_head_dim = optional("window_head_dim");
  m.window_value_dim = optional("window_v_head_dim");
  m.n_compressed_sparse = count("n_compressed_sparse_layers");
  m.sparse_ratio = optional("compress_ratio_sparse");
  m.dense_ratio = optional("compress_ratio_dense");
  m.output_rank = optional("o_lora_rank");
  m.output_groups = optional("o_groups");
}

void ModelReader::read_mixtures(ModelArchitecture& m) const {
  m.n_moe = count("n_moe_layers");
  m.experts = count("experts");
  m.topk = count("topk");
  m.expert_ffn = optional("expert_ffn");
  m.shared_ffn = optional("shared_ffn");
  m.moe_latent = optional("moe_latent");
  m.mtp_layers = count("mtp_layers");
  m.linear_k_heads = optional("lin_k_heads");
  m.linear_k_dim = optional("lin_k_dim");
  m.linear_v_heads = optional("lin_v_heads");
  m.linear_v_dim = optional("lin_v_dim");
  m.has_channel_gates = m.n_linear > 0 && m.model_type == "kimi_linear";
  m.has_full_rank_gate = optional("lin_full_rank_gate") > 0;
  m.mamba_heads = optional("mamba_heads");
  m.mamba_head_dim = optional("mamba_head_dim");
  m.mamba_state = optional("ssm_state");
  if (m.mamba_heads > 0) m.mamba_groups = kNemotronMambaGroups;
}

void ModelReader::check(const ModelArchitecture& m) const {
  const std::optional<DimensionConflict> conflict = find_dimension_conflict(m);
  if (conflict) reject(conflict->attribute, conflict->allowed);
}

void ModelReader::reject(std::string_view attribute, const std::string& allowed) const {
  const catalog::Fact* fact = catalog_.find_fact(entity_, attribute);
  throw InputError(fact ? fact->position : SourcePosition{"data/models.csv", 0},
                   entity_ + "." + std::string(attribute), fact ? fact->text : "nothing", allowed);
}

}  // namespace

ModelArchitecture read_model(const catalog::Catalog& catalog, std::string_view entity) {
  if (catalog.kind_of(entity) != "models") {
    throw InputError({"data/models.csv", 0}, "model", std::string(entity), "an entity of models");
  }
  return ModelReader(catalog, entity).read();
}

}  // namespace astrolabe::workload
