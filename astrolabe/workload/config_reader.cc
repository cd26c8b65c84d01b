#include "astrolabe/workload/config_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "astrolabe/workload/config_json.h"

namespace astrolabe::workload {
namespace {

using Json = nlohmann::json;

// Families whose layers are those of model.h. An entry also stands for the model_types that begin
// with it and an underscore ("qwen3": qwen3_moe, qwen3_next, qwen3_5_moe_text, ...).
constexpr std::array<std::string_view, 44> kFamilies = {
    "arcee",       "bloom",      "cohere2",      "deepseek_v2", "deepseek_v3", "deepseek_v32",
    "deepseek_v4", "dots1",      "exaone4",      "gemma",       "gemma2",      "gemma3",
    "gemma4",      "glm4",       "glm_moe_dsa",  "gpt_oss",     "granite",     "internlm3",
    "kimi_k2",     "kimi_k25",   "kimi_linear",  "llama",       "llama4",      "mimo",
    "minimax_m2",  "minimax_m3", "ministral",    "ministral3",  "mistral",     "mistral3",
    "mixtral",     "nemotron",   "nemotron-nas", "nemotron_h",  "olmo2",       "olmo3",
    "olmoe",       "phi3",       "qwen2",        "qwen3",       "seed_oss",    "smollm3",
    "step3p5",     "step3p7",
};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool is_of_family(std::string_view type, std::string_view family) {
  return starts_with(type, family) && (type.size() == family.size() || type[family.size()] == '_');
}

constexpr double kGemma3Vocabulary = 262208;

constexpr Keys kExpertCounts = {"n_routed_experts", "num_local_experts", "num_experts",
                                "moe_num_experts"};

bool begins_with_one_of(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view p) { return starts_with(text, p); });
}

// Every layer, or every layer but some, is a mixture of experts.
bool is_mixture_family(std::string_view type) {
  return type.find("_moe") != std::string_view::npos ||
         begins_with_one_of(type, {"deepseek_", "dots1", "gpt_oss", "kimi_", "llama4", "mimo_v2",
                                   "minimax_m", "mixtral", "olmoe", "qwen3_next", "step3p"});
}

// intermediate_size is the width of the dense parts, not of the experts.
bool has_expert_width(std::string_view type) {
  return begins_with_one_of(type, {"deepseek_", "dots1", "gemma4", "glm", "kimi_", "mimo",
                                   "nemotron_h", "qwen", "step3p"});
}

// The first layers are dense, and no default of how many is one for all.
bool has_dense_start(std::string_view type) {
  return begins_with_one_of(type, {"deepseek_v2", "deepseek_v3", "glm", "kimi_"});
}

class ConfigReader {
 public:
  ConfigReader(const std::string& text, const std::string& file) : json_(text, file) {}
  ModelConfig read();

 private:
  bool is_family(std::string_view prefix) const { return starts_with(json_.model_type(), prefix); }
  void check_family() const;
  void read_widths();
  void read_heads();
  void read_indexer();
  void read_layers();
  void read_layer_types(const Json& types, const char* key);
  void read_linear();
  void read_compressed();
  void read_nemotron_h();
  void read_pruned(const Json& blocks);
  void read_ffn();
  void read_experts();
  int count_dense_layers() const;
  int count_dense_by_step() const;
  const Json& layer_list(const Json& list, const char* key) const;
  void check_kv_heads(int heads, int kv_heads, const char* key) const;
  void check() const;

  ConfigJson json_;
  ModelArchitecture m_;
  int layers_ = 0;
};

void ConfigReader::check_family() const {
  const std::string& type = json_.model_type();
  if (type.empty()) json_.reject_missing({"model_type"}, "the architecture family");
  for (const std::string_view family : kFamilies) {
    if (is_of_family(type, family)) return;
  }
  const std::vector<std::string> names(kFamilies.begin(), kFamilies.end());
  json_.reject("model_type",
               "an architecture whose layers are known: " + join_alternatives(names, names.size()) +
                   ", alone or before an underscore");
}

void ConfigReader::read_widths() {
  m_.model_type = json_.model_type();
  m_.is_formula_confirmed = false;
  m_.hidden =
      json_.get_number({"hidden_size", "n_embd", "n_embed"}, "the width of the residual stream");
  // Multimodal Gemma 3 leaves it out; its class has 64 rows beside the tokenizer's.
  m_.vocab = is_family("gemma3") && !json_.has({"vocab_size"})
                 ? kGemma3Vocabulary
                 : json_.get_number({"vocab_size"}, "the vocabulary");
  json_.get_number({"num_hidden_layers", "n_layer"}, "the number of layers");
  layers_ = json_.count_or({"num_hidden_layers", "n_layer"}, 0);
  if (layers_ < 1) json_.reject("num_hidden_layers", "at least one layer");
  m_.has_tied_embeddings =
      json_.flag_or({"tie_word_embeddings"}, is_family("gemma") || is_family("bloom"));
  m_.mtp_layers =
      json_.count_or({"num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"}, 0);
  m_.has_qk_norm = json_.flag_or({"use_qk_norm"}, has_query_key_norm(m_.model_type));
  m_.has_rotary = has_rotary_positions(m_.model_type);
}

void ConfigReader::read_heads() {
  json_.get_number({"num_attention_heads", "n_head"}, "the number of query heads");
  m_.heads = json_.count_or({"num_attention_heads", "n_head"}, 0);
  m_.has_output_gate = json_.flag_or({"attn_output_gate", "mla_use_output_gate"},
                                     is_family("qwen3_next") || is_family("qwen3_5"));
  if (json_.has({"kv_lora_rank"})) {
    m_.attention = AttentionKind::kLatent;
    m_.kv_heads = m_.heads;
    m_.kv_rank = json_.get_number({"kv_lora_rank"}, "the rank of the key-value compression");
    m_.q_rank = json_.number_or({"q_lora_rank"}, 0);
    m_.rope_dim = json_.get_number({"qk_rope_head_dim"}, "the rotary part of a head");
    m_.nope_dim = json_.get_number({"qk_nope_head_dim"}, "the other part of a query or key head");
    m_.value_dim = json_.get_number({"v_head_dim"}, "the width of a value head");
    m_.head_dim = m_.nope_dim + m_.rope_dim;
    return;
  }
  if (begins_with_one_of(m_.model_type,
                         {"deepseek_v2", "deepseek_v3", "glm4_moe_lite", "glm_moe_dsa", "kimi_"}) &&
      json_.flag_or({"use_mla"}, true)) {
    json_.reject_missing({"kv_lora_rank"}, "the rank of the key-value compression");
  }
  m_.kv_heads = json_.count_or({"num_key_value_heads"}, m_.heads);
  check_kv_heads(m_.heads, m_.kv_heads, "num_key_value_heads");
  // Gemma's heads are not hidden / heads wide; elsewhere that is what absence means.
  m_.head_dim = is_family("gemma") ? json_.get_number({"head_dim"}, "the width of a head")
                                   : json_.number_or({"head_dim", "attention_head_dim"},
                                                     std::floor(m_.hidden / m_.heads));
  m_.value_dim = json_.number_or({"v_head_dim"}, 0);
  m_.window_heads = json_.count_or({"swa_num_attention_heads"}, 0);
  m_.window_kv_heads = json_.count_or({"swa_num_key_value_heads"}, 0);
  if (json_.has({"swa_num_key_value_heads"})) {
    check_kv_heads(m_.window_heads > 0 ? m_.window_heads : m_.heads, m_.window_kv_heads,
                   "swa_num_key_value_heads");
  }
  m_.window_head_dim = json_.number_or({"swa_head_dim"}, 0);
  m_.window_value_dim = json_.number_or({"swa_v_head_dim"}, 0);
  if (json_.has({"global_head_dim"})) {  // Gemma 4: head_dim is that of the windowed layers
    m_.window_kv_heads = m_.kv_heads;
    m_.window_head_dim = m_.head_dim;
    m_.head_dim = json_.number_or({"global_head_dim"}, 0);
    m_.kv_heads = json_.count_or({"num_global_key_value_heads"}, m_.kv_heads);
    check_kv_heads(m_.heads, m_.kv_heads, "num_global_key_value_heads");
    m_.has_values_as_keys = json_.flag_or({"attention_k_eq_v"}, false);
  }
}

void ConfigReader::check_kv_heads(int heads, int kv_heads, const char* key) const {
  if (kv_heads < 1 || heads % kv_heads != 0) {
    json_.reject(key, "a divisor of the " + std::to_string(heads) + " query heads");
  }
}

void ConfigReader::read_indexer() {
  if (json_.has({"index_topk"})) {
    m_.index_topk = json_.number_or({"index_topk"}, 0);
    m_.index_heads = json_.get_number({"index_n_heads"}, "the heads of the indexer");
    m_.index_dim = json_.get_number({"index_head_dim"}, "the head width of the indexer");
  }
  const Json* sparse = json_.find({"sparse_attention_config"});
  if (sparse == nullptr || !sparse->is_object()) return;
  const auto number = [&](const char* key) {
    return json_.get_inner("sparse_attention_config", key);
  };
  m_.index_topk = number("sparse_topk_blocks") * number("sparse_block_size");
  m_.index_heads = number("sparse_num_index_heads");
  m_.index_dim = number("sparse_index_dim");
  const auto layers = sparse->find("sparse_attention_freq");
  if (layers != sparse->end() && layers->is_array()) {
    m_.n_index = static_cast<int>(std::count(layers->begin(), layers->end(), Json(1)));
  } else {
    m_.n_index = layers_ - count_dense_layers();  // the dense ones attend fully
  }
}

void ConfigReader::read_layer_types(const Json& types, const char* key) {
  if (!types.is_array() || types.size() < static_cast<std::size_t>(layers_)) {
    json_.reject(key,
                 "a list with one entry for each of the " + std::to_string(layers_) + " layers");
  }
  for (int i = 0; i < layers_; ++i) {
    const Json& type = types[static_cast<std::size_t>(i)];
    const std::string name = type.is_string() ? type.get<std::string>() : type.dump();
    if (name == "full_attention" || name == "minimax_m3_sparse" || name == "attention" ||
        name == "deepseek_sparse_attention" || name == "0") {
      ++m_.n_full_attention;
    } else if (name == "sliding_attention" || name == "chunked_attention" || name == "1") {
      ++m_.n_window_attention;
    } else if (name == "linear_attention") {
      ++m_.n_linear;
    } else {
      throw InputError(json_.position(key), std::string(key) + "[" + std::to_string(i) + "]", name,
                       "full_attention, sliding_attention, chunked_attention, "
                       "linear_attention, minimax_m3_sparse or deepseek_sparse_attention");
    }
  }
}

void ConfigReader::read_layers() {
  const bool is_llama4 = is_family("llama4");
  m_.window = json_.number_or(
      {is_llama4 ? "attention_chunk_size" : "sliding_window", "sliding_window_size"}, 0);
  const Json* linear = json_.find({"linear_attn_config"});
  const int interval = json_.count_or({"full_attention_interval"}, is_family("qwen3_next") ? 4 : 0);
  const int global_every =
      is_llama4 ? 4
                : json_.count_or({"sliding_window_pattern"}, is_family("gemma3")    ? 6
                                                             : is_family("gemma2")  ? 2
                                                             : is_family("gpt_oss") ? 2
                                                             : is_family("cohere2") ? 4
                                                                                    : 0);
  if (const Json* types = json_.find({"layer_types"})) {
    read_layer_types(*types, "layer_types");
  } else if (const Json* pattern = json_.find({"hybrid_layer_pattern"})) {
    read_layer_types(*pattern, "hybrid_layer_pattern");
  } else if (linear != nullptr && linear->is_object() && linear->contains("kda_layers") &&
             (*linear)["kda_layers"].is_array()) {
    m_.n_linear = static_cast<int>((*linear)["kda_layers"].size());
    m_.n_full_attention = layers_ - m_.n_linear;
  } else if (interval > 0 && json_.has({"linear_num_value_heads"})) {
    m_.n_full_attention = layers_ / interval;
    m_.n_linear = layers_ - m_.n_full_attention;
  } else if (global_every > 0 && m_.window > 0) {
    m_.n_full_attention = layers_ / global_every;
    m_.n_window_attention = layers_ - m_.n_full_attention;
  } else if (m_.window > 0 && json_.flag_or({"use_sliding_window"}, !is_family("qwen"))) {
    m_.n_window_attention = layers_;
  } else {
    m_.n_full_attention = layers_;
  }
  if (m_.n_window_attention == 0) m_.window = 0;
  if (m_.n_window_attention > 0 && m_.window <= 0) {
    json_.reject_missing({"sliding_window", "sliding_window_size", "attention_chunk_size"},
                         "the window of the windowed layers");
  }
  if (m_.n_linear > 0) read_linear();
}

void ConfigReader::read_linear() {
  m_.conv_width = json_.number_or({"linear_conv_kernel_dim"}, 4);
  const Json* kimi = json_.find({"linear_attn_config"});
  if (kimi == nullptr) {
    m_.linear_k_heads = json_.get_number({"linear_num_key_heads"}, "key heads of a linear layer");
    m_.linear_k_dim = json_.get_number({"linear_key_head_dim"}, "their width");
    m_.linear_v_heads = json_.get_number({"linear_num_value_heads"}, "value heads of it");
    m_.linear_v_dim = json_.get_number({"linear_value_head_dim"}, "their width");
    return;
  }
  const auto number = [&](const char* key) { return json_.get_inner("linear_attn_config", key); };
  m_.linear_k_heads = m_.linear_v_heads = number("num_heads");
  m_.linear_k_dim = m_.linear_v_dim = number("head_dim");
  m_.conv_width = number("short_conv_kernel_size");
  m_.has_channel_gates = true;
  m_.has_full_rank_gate = kimi->value("use_full_rank_gate", Json(false)) == Json(true);
}

void ConfigReader::read_compressed() {
  const Json* ratios = json_.find({"compress_ratios"});
  if (ratios == nullptr) json_.reject_missing({"compress_ratios"}, "tokens of a cache entry");
  if (!ratios->is_array() || ratios->size() < static_cast<std::size_t>(layers_)) {
    json_.reject("compress_ratios", "a list with one ratio for each layer");
  }
  m_.attention = AttentionKind::kCompressed;
  m_.window = json_.get_number({"sliding_window"}, "the window of every layer");
  m_.q_rank = json_.get_number({"q_lora_rank"}, "the rank of the query compression");
  m_.rope_dim = json_.number_or({"qk_rope_head_dim"}, 0);
  m_.output_rank = json_.get_number({"o_lora_rank"}, "the rank of the output projection");
  m_.output_groups = json_.get_number({"o_groups"}, "the groups of the output projection");
  m_.n_full_attention = m_.n_window_attention = 0;
  for (int i = 0; i < layers_; ++i) {
    const Json& value = (*ratios)[static_cast<std::size_t>(i)];
    const double ratio = value.is_number() ? value.get<double>() : -1;
    if (ratio == 0) {
      ++m_.n_window_attention;
      continue;
    }
    // The layers of the smaller ratio choose their entries.
    if (ratio != 4 && ratio != 128) json_.reject("compress_ratios", "ratios of 0, 4 or 128");
    ++m_.n_full_attention;
    if (ratio == 4) ++m_.n_compressed_sparse;
  }
  m_.sparse_ratio = 4;
  m_.dense_ratio = 128;
}

void ConfigReader::read_nemotron_h() {
  const Json* pattern = json_.find({"hybrid_override_pattern", "layers_block_type"});
  if (pattern == nullptr) {
    json_.reject_missing({"hybrid_override_pattern", "layers_block_type"},
                         "the kind of each layer");
  }
  const std::string kinds = pattern->is_string() ? pattern->get<std::string>() : std::string();
  const auto count = [&](char letter, const char* word) {
    if (pattern->is_array()) {
      return static_cast<int>(std::count(pattern->begin(), pattern->end(), Json(word)));
    }
    return static_cast<int>(std::count(kinds.begin(), kinds.end(), letter));
  };
  m_.n_linear = count('M', "mamba");
  m_.n_full_attention = count('*', "attention");
  m_.n_dense_ffn = count('-', "mlp");
  m_.n_moe = count('E', "moe");
  const int known = m_.n_linear + m_.n_full_attention + m_.n_dense_ffn + m_.n_moe;
  if (known != layers_) {
    json_.reject(
        json_.has({"hybrid_override_pattern"}) ? "hybrid_override_pattern" : "layers_block_type",
        std::to_string(layers_) + " of M, *, - and E (mamba, attention, mlp and moe)");
  }
  m_.has_gated_ffn = false;
  m_.mamba_heads = json_.get_number({"mamba_num_heads"}, "the heads of a Mamba-2 layer");
  m_.mamba_head_dim = json_.get_number({"mamba_head_dim"}, "their width");
  m_.mamba_state = json_.get_number({"ssm_state_size", "mamba_state_dim"}, "the state width");
  m_.mamba_groups = json_.get_number({"n_groups", "mamba_num_groups"}, "the groups of B and C");
  m_.conv_width = json_.number_or({"conv_kernel"}, 4);
  if (m_.n_dense_ffn > 0) {
    m_.dense_ffn = json_.get_number({"intermediate_size"}, "the width of a feed-forward layer");
  }
  if (m_.n_moe > 0) read_experts();
}

// Blocks of a pruned model: some without attention, feed-forward parts of their own widths.
void ConfigReader::read_pruned(const Json& blocks) {
  const auto bad = [&]() {
    json_.reject("block_configs",
                 "blocks with attention.n_heads_in_group or no_op, and ffn.ffn_mult or no_op");
  };
  if (!blocks.is_array() || blocks.size() != static_cast<std::size_t>(layers_)) bad();
  double widths = 0, kv_heads = 0;
  m_.n_full_attention = m_.n_dense_ffn = 0;
  for (const Json& block : blocks) {
    if (!block.is_object()) bad();
    const Json attention = block.value("attention", Json::object());
    const Json ffn = block.value("ffn", Json::object());
    if (!attention.is_object() || !ffn.is_object()) bad();
    if (attention.value("no_op", Json(false)) != Json(true)) {
      const Json group = attention.value("n_heads_in_group", Json());
      if (!group.is_number_integer() || group < Json(1) || group > Json(m_.heads) ||
          m_.heads % group.get<int>() != 0)
        bad();
      ++m_.n_full_attention;
      kv_heads += m_.heads / group.get<double>();
    }
    if (ffn.value("no_op", Json(false)) != Json(true)) {
      const Json mult = ffn.value("ffn_mult", Json());
      if (!mult.is_number() || !(mult.get<double>() > 0)) bad();
      // Two thirds of the multiple, up to the next 256.
      widths += 256 * std::ceil(std::floor(2 * mult.get<double>() * m_.hidden / 3) / 256);
      ++m_.n_dense_ffn;
    }
  }
  if (m_.n_full_attention == 0 || m_.n_dense_ffn == 0) bad();
  m_.kv_heads = static_cast<int>(std::lround(kv_heads / m_.n_full_attention));
  m_.dense_ffn = widths / m_.n_dense_ffn;
}

// With an entry for each layer at least; those of further layers (MTP) do not count.
const Json& ConfigReader::layer_list(const Json& list, const char* key) const {
  if (!list.is_array() || list.size() < static_cast<std::size_t>(layers_)) {
    json_.reject(key,
                 "a list with one entry for each of the " + std::to_string(layers_) + " layers");
  }
  return list;
}

int ConfigReader::count_dense_layers() const {
  const auto count = [&](const Json& list, const Json& value) {
    return static_cast<int>(std::count(list.begin(), list.begin() + layers_, value));
  };
  if (const Json* types = json_.find({"mlp_layer_types"})) {
    return count(layer_list(*types, "mlp_layer_types"), Json("dense"));
  }
  if (const Json* which = json_.find({"moe_layer_freq"}); which != nullptr && *which != Json(1)) {
    if (!which->is_array()) json_.reject("moe_layer_freq", "1, or a list of 0 and 1");
    const int dense = count(layer_list(*which, "moe_layer_freq"), Json(0));
    if (dense + count(*which, Json(1)) != layers_) {
      json_.reject("moe_layer_freq", "1, or a list of 0 and 1");
    }
    return dense;
  }
  if (json_.has({"first_k_dense_replace"})) return json_.count_or({"first_k_dense_replace"}, 0);
  if (has_dense_start(m_.model_type)) {
    json_.reject_missing({"first_k_dense_replace"}, "how many of the first layers are dense");
  }
  return count_dense_by_step();
}

// All layers but each step-th one (steps of 1: none), and those that are listed.
int ConfigReader::count_dense_by_step() const {
  const char* key = is_family("llama4") ? "interleave_moe_layer_step" : "decoder_sparse_step";
  const int step = json_.count_or({key}, 1);
  if (step < 1) json_.reject(key, "a whole number above 0");
  std::vector<bool> is_listed(static_cast<std::size_t>(layers_));
  if (const Json* listed = json_.find({"mlp_only_layers"})) {
    const auto is_layer = [&](const Json& i) {
      return i.is_number_integer() && i >= Json(0) && i < Json(layers_);
    };
    if (!listed->is_array() || !std::all_of(listed->begin(), listed->end(), is_layer)) {
      json_.reject("mlp_only_layers", "a list of layers, from 0 to " + std::to_string(layers_ - 1));
    }
    for (const Json& i : *listed) is_listed[i.get<std::size_t>()] = true;
  }
  int dense = layers_ - layers_ / step;
  for (int i = step - 1; i < layers_; i += step) {
    if (is_listed[static_cast<std::size_t>(i)]) ++dense;
  }
  return dense;
}

void ConfigReader::read_experts() {
  m_.experts = json_.count_or(kExpertCounts, 0);
  json_.get_number(
      {"num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_k"},
      "the experts of a token");
  m_.topk = json_.count_or(
      {"num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_k"}, 0);
  const char* const kMeaning = "the width of an expert";
  m_.expert_ffn =
      has_expert_width(m_.model_type)
          ? json_.get_number({"moe_intermediate_size", "expert_intermediate_size"}, kMeaning)
          : json_.get_number(
                {"moe_intermediate_size", "expert_intermediate_size", "intermediate_size"},
                kMeaning);
  m_.moe_latent = json_.number_or({"routed_expert_hidden_size", "moe_latent_size"}, 0);
  const Keys kWhole = {"shared_expert_intermediate_size", "share_expert_dim",
                       "moe_shared_expert_intermediate_size"};
  const double shared =
      json_.number_or({"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"},
                      json_.has(kWhole) || is_family("llama4") ? 1 : 0);
  m_.shared_ffn = shared * json_.number_or(kWhole, m_.expert_ffn);
}

void ConfigReader::read_ffn() {
  const int experts = json_.count_or(kExpertCounts, 0);
  const bool has_experts = experts > 1 && json_.flag_or({"enable_moe_block"}, true);
  if (is_mixture_family(m_.model_type)) {
    if (!json_.has(kExpertCounts)) json_.reject_missing(kExpertCounts, "the routed experts");
    // There a mixture of none is a dense model.
    const bool may_be_none = is_family("qwen") || is_family("llama4");
    if (experts == 1 || (experts == 0 && !may_be_none)) {
      json_.reject(json_.found_key(kExpertCounts), "at least 2 experts");
    }
  }
  if (!has_experts) {
    m_.n_dense_ffn = layers_;
    m_.dense_ffn = is_family("bloom") ? json_.number_or({"n_inner"}, 4 * m_.hidden)
                                      : json_.get_number({"intermediate_size"},
                                                         "the width of the feed-forward part");
    return;
  }
  read_experts();
  const bool is_parallel = is_family("gemma4");  // a dense part beside the experts
  const int dense = is_parallel ? 0 : count_dense_layers();
  if (dense > layers_) json_.reject("first_k_dense_replace", "no more dense layers than layers");
  m_.n_moe = layers_ - dense;
  m_.n_dense_ffn = is_parallel ? layers_ : dense;
  if (m_.n_dense_ffn > 0) {
    m_.dense_ffn =
        json_.get_number({"dense_intermediate_size", "intermediate_size_mlp", "intermediate_size"},
                         "the width of a dense feed-forward part");
  }
}

void ConfigReader::check() const {
  if (m_.experts > 0 && m_.topk > m_.experts) {
    json_.reject(
        json_.has({"num_experts_per_tok"}) ? "num_experts_per_tok" : "num_experts_per_token",
        "at most the " + std::to_string(m_.experts) + " experts");
  }
  if (const auto conflict = find_dimension_conflict(m_)) {
    throw InputError(json_.position("model_type"), conflict->attribute, "a contradiction",
                     conflict->allowed);
  }
}

ModelConfig ConfigReader::read() {
  check_family();
  read_widths();
  if (is_family("nemotron_h")) {
    read_heads();
    read_nemotron_h();
  } else {
    read_heads();
    if (is_family("deepseek_v4")) {
      read_compressed();
    } else {
      read_layers();
    }
    if (const Json* blocks = json_.find({"block_configs"})) {
      read_pruned(*blocks);
    } else {
      read_ffn();
    }
    read_indexer();
    m_.has_gated_ffn = has_gated_family(m_.model_type) &&
                       json_.text_or({"hidden_act", "hidden_activation"}, "silu") != "relu2";
  }
  check();
  return {m_, find_native_precision(json_, m_)};
}

}  // namespace

ModelConfig parse_model_config(const std::string& text, const std::string& file) {
  ModelConfig config = ConfigReader(text, file).read();
  config.model.name = file == "-" ? "standard input" : file;
  return config;
}

ModelConfig read_model_config(const std::string& path) {
  return parse_model_config(read_config_text(path), path);
}

}  // namespace astrolabe::workload
