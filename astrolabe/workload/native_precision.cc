// The precision of a published checkpoint, from its quantization_config.

#include "astrolabe/workload/config_json.h"

namespace astrolabe::workload {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Weights of the first group of a compressed-tensors configuration.
std::optional<GemmFormat> compressed_format(const Json& quantization) {
  const std::string format = text_of(quantization, "format");
  if (format.find("mxfp4") != std::string::npos) return GemmFormat::kMxfp4Weights;
  if (format.find("nvfp4") != std::string::npos) return GemmFormat::kNvfp4;
  if (format == "float-quantized") return GemmFormat::kFp8;
  if (format == "int-quantized") return GemmFormat::kInt8;
  if (format == "pack-quantized") return GemmFormat::kInt4Weights;
  return std::nullopt;
}

std::optional<GemmFormat> linear_format(const Json& quantization) {
  const std::string method = text_of(quantization, "quant_method");
  const std::string algorithm = text_of(quantization, "quant_algo");
  if (algorithm.find("NVFP4") != std::string::npos || method == "nvfp4") return GemmFormat::kNvfp4;
  if (algorithm == "FP8" || method == "fbgemm_fp8") return GemmFormat::kFp8;
  if (method == "fp8") {
    return quantization.contains("weight_block_size") ? GemmFormat::kFp8Block : GemmFormat::kFp8;
  }
  if (method == "mxfp4") return GemmFormat::kMxfp4Weights;
  if (method == "compressed-tensors") return compressed_format(quantization);
  if (method == "awq" || method == "gptq") return GemmFormat::kInt4Weights;
  return std::nullopt;
}

}  // namespace

std::optional<Precision> find_native_precision(const ConfigJson& config) {
  const Json* quantization = config.find({"quantization_config"});
  if (quantization == nullptr || !quantization->is_object()) return std::nullopt;
  const std::optional<GemmFormat> format = linear_format(*quantization);
  if (!format) return std::nullopt;
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
