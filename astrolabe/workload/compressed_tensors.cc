#include "astrolabe/workload/compressed_tensors.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <vector>

namespace astrolabe::workload {
namespace {

using Json = nlohmann::json;

constexpr const char* kGroups = "quantization_config.config_groups";
constexpr std::size_t kLongestExpression = 500;
constexpr int kMostLayers = 2000, kMostTries = 6000;  // expressions times layers: seconds
// What stands before the number of a layer; the first where no list names another.
constexpr const char* kPrefixes[] = {"model.layers.", "language_model.model.layers.",
                                     "model.language_model.layers.", "backbone.layers."};

// A list of names and expressions, as `targets` and `ignore` are.
class NameList {
 public:
  // `where`: of the list, for errors. `most`: expressions that all lists may still have.
  void read(const ConfigJson& config, const Json& owner, const char* key, const std::string& where,
            std::size_t* most) {
    const auto list = owner.find(key);
    if (list == owner.end() || list->is_null()) return;
    const auto refuse = [&](const std::string& given, const std::string& allowed) {
      throw InputError(config.position(key), where + "." + key, given, allowed);
    };
    if (!list->is_array()) refuse(list->dump().substr(0, 40), "a list of names");
    for (const Json& entry : *list) {
      if (!entry.is_string()) refuse(entry.dump().substr(0, 40), "names");
      const std::string text = entry.get<std::string>();
      if (!text.starts_with("re:")) {
        names_.insert(text);
        continue;
      }
      if (*most == 0 || text.size() > kLongestExpression) {
        refuse("more or longer expressions", "fewer for so many layers, of at most 500 characters");
      }
      try {
        --*most;
        expressions_.push_back({text, std::regex(text.substr(3), kSyntax)});
      } catch (const std::regex_error&) {
        refuse(text, "a regular expression");
      }
    }
  }

  bool matches(const std::string& name) {
    if (names_.contains(name)) {
      matched_.insert(name);
      return true;
    }
    for (const Expression& e : expressions_) {
      if (!std::regex_search(name, e.regex, std::regex_constants::match_continuous)) continue;
      matched_.insert(e.text);
      return true;
    }
    return false;
  }

  bool has(const char* name) const { return names_.contains(name); }
  // Whether any entry has the text, dots escaped or not.
  bool mentions(const std::string& part) const {
    const auto holds = [&](std::string text) {
      std::erase(text, '\\');
      return text.find(part) != std::string::npos;
    };
    return std::any_of(names_.begin(), names_.end(), holds) ||
           std::any_of(expressions_.begin(), expressions_.end(),
                       [&](const Expression& e) { return holds(e.text); });
  }
  bool empty() const { return names_.empty() && expressions_.empty(); }

  // The first entry that matched nothing so far; empty when all did.
  std::string unmatched() const {
    std::vector<std::string> all(names_.begin(), names_.end());
    for (const Expression& e : expressions_) all.push_back(e.text);
    for (const std::string& text : all) {
      const bool is_elsewhere = text == "Linear" || text.find("vis") != std::string::npos ||
                                text.find("mtp") != std::string::npos;
      if (!is_elsewhere && !matched_.contains(text)) return text;
    }
    return "";
  }

 private:
  // Without backtracking: no expression takes more than its length times that of the name.
  static constexpr auto kSyntax =
      std::regex_constants::ECMAScript | std::regex_constants::__polynomial;

  struct Expression {
    std::string text;
    std::regex regex;
  };

  std::set<std::string, std::less<>> names_;
  std::vector<Expression> expressions_;
  std::set<std::string, std::less<>> matched_;
};

// "4-bit float in groups of 32, activations 8-bit float", and the format it is, if any.
struct Scheme {
  int bits = 0, activation_bits = 0;  // activations 0: not quantised
  int group_size = 0;
  std::string type, strategy, activation_type;

  std::string text() const {
    std::string s = std::to_string(bits) + "-bit " + type;
    if (group_size > 0) s += " in groups of " + std::to_string(group_size);
    if (activation_bits == 0) return s;
    return s + ", activations " + std::to_string(activation_bits) + "-bit " + activation_type;
  }

  std::optional<GemmFormat> format() const {
    const bool is_float = type == "float", is_wide = activation_bits == 0;
    const bool is_same = activation_bits == bits && activation_type == type;
    if (is_float && bits == 8 && group_size != 32) {
      if (is_wide) return GemmFormat::kFp8Weights;
      if (is_same) return strategy == "block" ? GemmFormat::kFp8Block : GemmFormat::kFp8;
    }
    if (is_float && bits == 4 && group_size == 16) {
      if (is_wide) return GemmFormat::kNvfp4Weights;
      if (is_same) return GemmFormat::kNvfp4;
    }
    if (is_float && bits == 4 && group_size == 32) {
      if (is_wide) return GemmFormat::kMxfp4Weights;
      if (is_same) return GemmFormat::kMxfp4;
      if (activation_bits == 8 && activation_type == "float") return GemmFormat::kMxfp4Mxfp8;
    }
    if (type == "int" && bits == 8) {
      if (is_wide) return GemmFormat::kInt8Weights;
      if (is_same) return GemmFormat::kInt8;
    }
    if (type == "int" && bits == 4 && is_wide) return GemmFormat::kInt4Weights;
    return std::nullopt;
  }
};

int count_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  const bool is_count = found != object.end() && found->is_number_integer();
  return is_count ? static_cast<int>(std::clamp<std::int64_t>(found->get<std::int64_t>(), 0, 9999))
                  : 0;
}

Scheme scheme_of(const Json& group) {
  Scheme s;
  const Json& weights = group["weights"];
  s.bits = count_of(weights, "num_bits");
  s.group_size = count_of(weights, "group_size");
  s.strategy = text_of(weights, "strategy");
  s.type = weights.contains("type") ? text_of(weights, "type") : "int";  // the library's default
  const auto activations = group.find("input_activations");
  if (activations != group.end() && activations->is_object()) {
    s.activation_bits = count_of(*activations, "num_bits");
    s.activation_type = activations->contains("type") ? text_of(*activations, "type") : "int";
  }
  return s;
}

struct Group {
  std::string name;
  GemmFormat format = GemmFormat::kBf16;
  NameList targets;

  bool takes_all() const { return targets.empty() || targets.has("Linear"); }
};

// One kind of module of a layer: its spellings, behind the layer's number.
struct Module {
  std::vector<std::string> names;
  int layers = 0;  // that have it
};

using Modules = std::vector<Module>;

struct Parts {
  Modules projections, outputs, ffn, experts;
};

std::vector<std::string> in_each(const std::vector<std::string>& containers,
                                 const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& container : containers) {
    for (const std::string& name : names) all.push_back(container + "." + name);
  }
  return all;
}

// The three products of a feed-forward part.
void add_ffn(const std::vector<std::string>& containers, int layers, Modules* out) {
  if (layers == 0) return;
  out->push_back({in_each(containers, {"gate_proj", "gate_up_proj", "w1", "up_proj"}), layers});
  out->push_back({in_each(containers, {"up_proj", "gate_up_proj", "w3"}), layers});
  out->push_back({in_each(containers, {"down_proj", "w2"}), layers});
}

Parts parts_of(const ModelArchitecture& m) {
  Parts p;
  const std::vector<std::string> attention = {"self_attn", "mixer"};
  const std::vector<std::string> linear = {"linear_attn", "mixer", "self_attn"};
  const int layers = m.n_attention();
  const auto projection = [&](const std::vector<std::string>& names) {
    if (layers > 0) p.projections.push_back({in_each(attention, names), layers});
  };
  if (m.attention == AttentionKind::kLatent) {
    if (m.q_rank > 0) projection({"q_a_proj", "fused_qkv_a_proj_with_mqa"});
    projection({m.q_rank > 0 ? "q_b_proj" : "q_proj"});
    projection({"kv_a_proj_with_mqa", "fused_qkv_a_proj_with_mqa"});
  } else {
    for (const char* name : {"q_proj", "k_proj", "v_proj"}) projection({name, "qkv_proj"});
  }
  if (layers > 0) p.outputs.push_back({in_each(attention, {"o_proj"}), layers});
  if (m.n_linear > 0) {
    p.projections.push_back(
        {in_each(linear, {"in_proj_qkvz", "in_proj_qkv", "in_proj", "q_proj"}), m.n_linear});
    p.outputs.push_back({in_each(linear, {"out_proj", "o_proj"}), m.n_linear});
  }
  const std::vector<std::string> blocks = {"mlp", "block_sparse_moe", "feed_forward", "mixer"};
  add_ffn({"mlp", "feed_forward", "mixer"}, m.n_dense_ffn, &p.ffn);
  if (m.shared_ffn > 0)
    add_ffn(in_each(blocks, {"shared_experts", "shared_expert"}), m.n_moe, &p.ffn);
  for (const int expert : {0, m.experts - 1}) {
    std::vector<std::string> one =
        in_each(blocks, {"experts." + std::to_string(expert), "experts"});
    add_ffn(one, m.n_moe, &p.experts);
  }
  for (Module& module : p.experts) {
    for (const std::string& fused : in_each(blocks, {"experts"})) module.names.push_back(fused);
  }
  return p;
}

// Modules that are known and not distinguished.
Modules other_modules(int layers) {
  Modules other;
  for (const char* name :
       {"mlp.gate", "mlp.router", "mlp.shared_expert_gate", "block_sparse_moe.gate", "mixer.gate",
        "feed_forward.router", "self_attn.kv_b_proj", "self_attn.indexer.wq_b",
        "self_attn.indexer.wk", "self_attn.indexer.weights_proj", "linear_attn.in_proj_a",
        "linear_attn.in_proj_b", "linear_attn.in_proj_ba", "linear_attn.in_proj_z"}) {
    other.push_back({{name}, layers});
  }
  return other;
}

class Assignment {
 public:
  Assignment(const ConfigJson& config, const Json& quantization, const ModelArchitecture& model)
      : config_(config), layers_(model.n_attention() + model.n_linear + model.mtp_layers) {
    layers_ = std::max(layers_, model.n_layers() + model.mtp_layers);
    if (layers_ > kMostLayers) {
      refuse(kGroups, std::to_string(layers_) + " layers",
             "at most " + std::to_string(kMostLayers));
    }
    expressions_left_ = static_cast<std::size_t>(kMostTries / std::max(1, layers_));
    ignored_.read(config, quantization, "ignore", "quantization_config", &expressions_left_);
    for (const auto& [name, group] : quantization["config_groups"].items()) read_group(name, group);
    for (const char* prefix : kPrefixes) {
      const bool is_named = ignored_.mentions(prefix) ||
                            std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) {
                              return group.targets.mentions(prefix);
                            });
      if (is_named) prefix_ = prefix;
    }
  }

  // The one format of a kind of module.
  GemmFormat format_of(const char* part, const Modules& modules) {
    std::map<GemmFormat, int> layers;
    for (const Module& module : modules) count(module, &layers);
    if (layers.empty()) return GemmFormat::kBf16;
    if (layers.size() == 1) return layers.begin()->first;
    std::string given = std::string(part) + " in";
    for (const auto& [format, n] : layers) {
      given += (given.ends_with(" in") ? " " : " and ") + std::string(traits(format).name);
    }
    refuse(kGroups, given,
           "one format for each of attention's projections, its output, the dense and shared "
           "feed-forward parts and the routed experts");
  }

  void look_at_others() {
    std::map<GemmFormat, int> unused;
    for (const Module& module : other_modules(layers_)) count(module, &unused);
    if (!ignored_.matches("lm_head")) {
      for (Group& group : groups_) {
        if (!group.targets.matches("lm_head")) continue;
        refuse(kGroups, "lm_head in " + std::string(traits(group.format).name),
               "lm_head in bf16, as the embeddings");
      }
    }
  }

  void require_all_targets() const {
    for (const Group& group : groups_) {
      const std::string target = group.targets.unmatched();
      if (target.empty()) continue;
      refuse(std::string(kGroups) + "." + group.name + ".targets",
             target + ", which names no linear layer of the model",
             "Linear, or names such as model.layers.0.mlp.down_proj and re:.*self_attn.*");
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& key, const std::string& given,
                           const std::string& allowed) const {
    throw InputError(config_.position("config_groups"), key, given, allowed);
  }

  void read_group(const std::string& name, const Json& group) {
    const std::string key = std::string(kGroups) + "." + name;
    if (!group.is_object()) refuse(key, group.dump().substr(0, 40), "an object");
    const auto weights = group.find("weights");
    if (weights == group.end() || weights->is_null()) return;  // activations or the cache alone
    if (!weights->is_object()) refuse(key + ".weights", weights->dump().substr(0, 40), "an object");
    const Scheme scheme = scheme_of(group);
    const auto format = scheme.format();
    if (!format) {
      refuse(key, scheme.text(),
             "8-bit float or int, alone or with activations of the same; 4-bit float in groups of "
             "16 or 32, 4-bit int alone");
    }
    Group& g = groups_.emplace_back();
    g.name = name;
    g.format = *format;
    g.targets.read(config_, group, "targets", key, &expressions_left_);
  }

  // By name: what a list says of a module; nothing when no list has it.
  std::optional<GemmFormat> named(const Module& module, int layer) {
    for (const std::string& name : module.names) {
      const std::string full = prefix_ + std::to_string(layer) + "." + name;
      if (ignored_.matches(full)) return GemmFormat::kBf16;
      for (Group& group : groups_) {
        if (group.targets.matches(full)) return group.format;
      }
    }
    return std::nullopt;
  }

  // Layers of a kind that the configuration does not number (which layer is dense, which linear)
  // are those that are named; the rest, as many as the model has, are in the group of the class.
  void count(const Module& module, std::map<GemmFormat, int>* layers) {
    int named_layers = 0;
    for (int layer = 0; layer < layers_; ++layer) {
      const auto format = named(module, layer);
      if (!format) continue;
      ++named_layers;
      ++(*layers)[*format];
    }
    if (named_layers >= module.layers) return;
    const auto rest = std::find_if(groups_.begin(), groups_.end(),
                                   [](const Group& group) { return group.takes_all(); });
    (*layers)[rest == groups_.end() ? GemmFormat::kBf16 : rest->format] +=
        module.layers - named_layers;
  }

  const ConfigJson& config_;
  int layers_ = 0;
  std::size_t expressions_left_ = 0;
  std::string prefix_ = kPrefixes[0];
  NameList ignored_;
  std::vector<Group> groups_;
};

}  // namespace

Precision compressed_tensors_precision(const ConfigJson& config, const Json& quantization,
                                       const ModelArchitecture& model) {
  Assignment assignment(config, quantization, model);
  const Parts parts = parts_of(model);
  Precision p;
  p.projections = assignment.format_of("projections of attention", parts.projections);
  const GemmFormat out = assignment.format_of("output of attention", parts.outputs);
  if (out != p.projections) p.attention_out = out;
  p.ffn = assignment.format_of("dense or shared feed-forward parts", parts.ffn);
  p.experts = assignment.format_of("routed experts", parts.experts);
  assignment.look_at_others();
  assignment.require_all_targets();
  return p;
}

}  // namespace astrolabe::workload
