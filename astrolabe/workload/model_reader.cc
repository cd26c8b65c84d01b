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
  m.has_gated_ffn = m.model_type != "nemotron_h";
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
  } else if (kind != "gqa" && kind != "mha" && kind != "mqa") {
    reject("attention_kind", "mha, gqa, mqa, mla or mla+dsa");
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
  m.mamba_heads = optional("mamba_heads");
  m.mamba_head_dim = optional("mamba_head_dim");
  m.mamba_state = optional("ssm_state");
  if (m.mamba_heads > 0) m.mamba_groups = kNemotronMambaGroups;
}

void ModelReader::check(const ModelArchitecture& m) const {
  if (m.heads <= 0) reject("heads", "at least one head");
  if (m.n_attention() + m.n_linear <= 0) reject("n_full_attn_layers", "at least one mixer layer");
  if (m.attention == AttentionKind::kLatent && (m.kv_rank <= 0 || m.value_dim <= 0)) {
    reject("kv_lora_rank", "kv_lora_rank and v_head_dim of an MLA model");
  }
  if (m.attention == AttentionKind::kGrouped && (m.kv_heads <= 0 || m.head_dim <= 0)) {
    reject("kv_heads", "kv_heads and head_dim of a GQA model");
  }
  if (m.n_window_attention > 0 && m.window <= 0) reject("window", "a window of at least one token");
  if (m.n_dense_ffn > 0 && m.dense_ffn <= 0) reject("dense_ffn", "the width of a dense layer");
  if (m.n_moe > 0 && (m.experts <= 0 || m.topk <= 0 || m.topk > m.experts || m.expert_ffn <= 0)) {
    reject("experts", "experts >= topk >= 1 and expert_ffn of a mixture of experts");
  }
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
