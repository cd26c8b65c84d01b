#include "astrolabe/parallel/checkpoint_precision.h"

#include <string>
#include <vector>

namespace astrolabe::parallel {

using workload::GemmFormat;
using workload::ModelArchitecture;
using workload::NumberFormat;
using workload::Precision;

NumberFormat cache_format(const ModelArchitecture& model, Framework framework, bool has_fp4) {
  const bool is_narrow = framework == Framework::kTrtllm || has_fp4 || !model.is_moe();
  return is_narrow ? NumberFormat::kFp8 : NumberFormat::kBf16;
}

bool has_block_scales(const ModelArchitecture& model) {
  if (!model.is_moe()) return false;
  for (const char* family : {"llama4", "mixtral", "nemotron"}) {
    if (model.model_type.starts_with(family)) return false;
  }
  return true;
}

bool is_checkpoint_word(std::string_view word) {
  return word == "bf16" || word == "fp8" || word == "fp4" || word == "int4";
}

Precision checkpoint_precision(std::string_view word, const ModelArchitecture& model,
                               Framework framework, bool has_fp4, const SourcePosition& where) {
  Precision p;
  if (!is_checkpoint_word(word)) {
    throw InputError(where, "precision", std::string(word), "bf16, fp8, fp4 or int4");
  }
  if (model.model_type == "gpt_oss") {
    p.experts = has_fp4 ? GemmFormat::kMxfp4Mxfp8 : GemmFormat::kMxfp4Weights;
  } else if (word == "fp8") {
    const bool is_block =
        model.is_moe() && (has_block_scales(model) || framework != Framework::kTrtllm);
    p = Precision::of(is_block ? GemmFormat::kFp8Block : GemmFormat::kFp8);
  } else if (word == "fp4") {
    p = Precision::of(GemmFormat::kNvfp4);
    if (model.is_moe()) p.projections = GemmFormat::kBf16;
    if (model.model_type == "deepseek_v3") p.attention_out = GemmFormat::kNvfp4;
  } else if (word == "int4") {
    if (!model.is_moe()) p = Precision::of(GemmFormat::kInt4Weights);
    if (model.is_moe()) p.experts = GemmFormat::kInt4Weights;
  }
  p.head = GemmFormat::kBf16;
  p.attention = NumberFormat::kBf16;
  const bool is_narrow = word == "fp8" || word == "fp4";
  p.kv_cache = is_narrow ? cache_format(model, framework, has_fp4) : NumberFormat::kBf16;
  return p;
}

void require_formats(const Precision& p, const device::Accelerator& accelerator,
                     std::string_view word) {
  for (const GemmFormat format : {p.projections, p.ffn, p.experts}) {
    const NumberFormat multiplied = workload::traits(format).multiplied;
    if (accelerator.executed_format(multiplied) == multiplied) continue;
    std::vector<std::string> allowed;
    for (const NumberFormat f : {NumberFormat::kBf16, NumberFormat::kFp8, NumberFormat::kFp4}) {
      if (accelerator.executed_format(f) == f) allowed.emplace_back(number_format_name(f));
    }
    allowed.emplace_back("int4");
    throw InputError({}, "precision",
                     std::string(word) + ", which " + accelerator.name + " cannot multiply",
                     join_alternatives(allowed));
  }
}

}  // namespace astrolabe::parallel
