// The precision of a published checkpoint, from its quantization_config.

#include "astrolabe/workload/config_json.h"

namespace astrolabe::workload {
namespace {

using Json = nlohmann::json;

constexpr const char* kKnownMethods =
    "fp8, fbgemm_fp8, nvfp4, mxfp4, modelopt with a quant_algo of FP8 or NVFP4, awq of 4 bits, "
    "gptq of 4 or 8 bits, compressed-tensors with a format of mxfp4, nvfp4, float-quantized, "
    "int-quantized or pack-quantized of 4 or 8 bits, or no quantization_config";

// Empty if it is not there, or no text.
std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<GemmFormat> integer_weights(const Json& bits) {
  if (bits == Json(4)) return GemmFormat::kInt4Weights;
  if (bits == Json(8)) return GemmFormat::kInt8Weights;
  return std::nullopt;
}

// Bits of the weights of the first group of a compressed-tensors configuration.
Json packed_bits(const Json& quantization) {
  const auto groups = quantization.find("config_groups");
  if (groups == quantization.end() || !groups->is_object() || groups->empty()) return {};
  const Json& group = *groups->begin();
  const auto weights = group.is_object() ? group.find("weights") : group.end();
  return weights != group.end() && weights->is_object() ? weights->value("num_bits", Json())
                                                        : Json();
}

std::optional<GemmFormat> compressed_format(const Json& quantization) {
  const std::string format = text_of(quantization, "format");
  if (format.find("mxfp4") != std::string::npos) return GemmFormat::kMxfp4Weights;
  if (format.find("nvfp4") != std::string::npos) return GemmFormat::kNvfp4;
  if (format == "float-quantized") return GemmFormat::kFp8;
  if (format == "int-quantized") return GemmFormat::kInt8;
  if (format == "pack-quantized") return integer_weights(packed_bits(quantization));
  return std::nullopt;
}

std::optional<GemmFormat> linear_format(const Json& quantization) {
  const std::string method = text_of(quantization, "quant_method");
  const std::string algorithm = text_of(quantization, "quant_algo");
  if (algorithm.find("NVFP4") != std::string::npos || method == "nvfp4") return GemmFormat::kNvfp4;
  if (algorithm == "FP8" || method == "fbgemm_fp8") return GemmFormat::kFp8;
  if (method == "fp8") {
    const bool is_block = quantization.value("weight_block_size", Json()) != Json();
    return is_block ? GemmFormat::kFp8Block : GemmFormat::kFp8;
  }
  if (method == "mxfp4") return GemmFormat::kMxfp4Weights;
  if (method == "compressed-tensors") return compressed_format(quantization);
  if (method == "gptq") return integer_weights(quantization.value("bits", Json()));
  if (method == "awq" &&
      quantization.value("bits", quantization.value("w_bit", Json(4))) == Json(4)) {
    return GemmFormat::kInt4Weights;
  }
  return std::nullopt;
}

// "awq, bits 3": the keys that tell the format, as they are given.
std::string shown_method(const Json& quantization) {
  std::string text = text_of(quantization, "quant_method");
  if (text.empty()) text = "no quant_method";
  for (const char* key : {"quant_algo", "format"}) {
    const std::string value = text_of(quantization, key);
    if (!value.empty()) text += std::string(", ") + key + " " + value;
  }
  for (const char* key : {"bits", "w_bit"}) {
    const auto bits = quantization.find(key);
    if (bits != quantization.end() && bits->is_number()) text += ", bits " + bits->dump();
  }
  const Json packed = packed_bits(quantization);
  return packed.is_number() ? text + ", num_bits " + packed.dump() : text;
}

}  // namespace

std::optional<Precision> find_native_precision(const ConfigJson& config) {
  const Json* quantization = config.find({"quantization_config"});
  if (quantization == nullptr) return std::nullopt;
  if (!quantization->is_object()) {
    config.reject("quantization_config", "an object with a quant_method");
  }
  const std::optional<GemmFormat> format = linear_format(*quantization);
  if (!format) {
    const SourcePosition method = config.position("quant_method");
    throw InputError(method.line > 0 ? method : config.position("quantization_config"),
                     "quantization_config.quant_method", shown_method(*quantization),
                     kKnownMethods);
  }
  Precision p = Precision::of(*format);
  // Published mxfp4 and packed int4 mixtures of experts keep everything but the routed experts in
  // bf16 (gpt-oss, Kimi K2.5 and K3).
  const bool is_mixture = config.has({"n_routed_experts", "num_local_experts", "num_experts"});
  if (is_mixture && !traits(*format).is_activation_quantised) {
    p.projections = p.ffn = GemmFormat::kBf16;
  }
  return p;
}

}  // namespace astrolabe::workload
