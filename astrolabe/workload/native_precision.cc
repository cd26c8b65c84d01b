// The precision of a published checkpoint, from its quantization_config.

#include "astrolabe/workload/compressed_tensors.h"
#include "astrolabe/workload/config_json.h"

namespace astrolabe::workload {
namespace {

using Json = nlohmann::json;

constexpr const char* kKnownMethods =
    "fp8, fbgemm_fp8, nvfp4, mxfp4, modelopt with a quant_algo of FP8 or NVFP4, awq of 4 bits, "
    "gptq of 4 or 8 bits, compressed-tensors with config_groups or a format of mxfp4, nvfp4, "
    "float-quantized or int-quantized, or no quantization_config";

std::optional<GemmFormat> integer_weights(const Json& bits) {
  if (bits == Json(4)) return GemmFormat::kInt4Weights;
  if (bits == Json(8)) return GemmFormat::kInt8Weights;
  return std::nullopt;
}

// Whether each group says what its weights are; a format alone may stand without.
bool has_groups(const Json& quantization) {
  if (text_of(quantization, "quant_method") != "compressed-tensors") return false;
  const auto groups = quantization.find("config_groups");
  return groups != quantization.end() && groups->is_object() && !groups->empty();
}

std::optional<GemmFormat> compressed_format(const Json& quantization) {
  const std::string format = text_of(quantization, "format");
  if (format.find("mxfp4") != std::string::npos) return GemmFormat::kMxfp4Weights;
  if (format.find("nvfp4") != std::string::npos) return GemmFormat::kNvfp4;
  if (format == "float-quantized") return GemmFormat::kFp8;
  if (format == "int-quantized") return GemmFormat::kInt8;
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
  return text;
}

}  // namespace

std::optional<Precision> find_native_precision(const ConfigJson& config,
                                               const ModelArchitecture& model) {
  const Json* quantization = config.find({"quantization_config"});
  if (quantization == nullptr) return std::nullopt;
  if (!quantization->is_object()) {
    config.reject("quantization_config", "an object with a quant_method");
  }
  if (has_groups(*quantization)) {
    return compressed_tensors_precision(config, *quantization, model);
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
