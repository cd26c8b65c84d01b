#pragma once

// Reads a model from a Hugging Face config.json, also where the language model is nested in the
// configuration of a multimodal one.
//
// The keys decide what can be decided by them: kv_lora_rank means MLA, num_experts and its other
// spellings a mixture of experts, layer_types (or the family's own pattern) which layers see a
// window or are linear, index_topk sparse attention, block_configs a pruned model. The family
// (model_type) decides what a configuration leaves out: which layers are windowed where there is
// no pattern, whether the feed-forward part is gated. A family that is not known is an error, since
// its layers may have parts that no key tells of.
//
// Dimensions of layers that differ (pruned models) are averaged: sums of parameters and FLOPs are
// exact, single shapes are not. A vision or audio tower is left out.
// Sources: configuration classes of Hugging Face transformers and of the models' own repositories.

#include <optional>
#include <string>

#include "astrolabe/workload/model.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::workload {

struct ModelConfig {
  ModelArchitecture model;
  std::optional<Precision> precision;  // of the checkpoint, where quantization_config tells
};

// `path` "-" reads standard input. InputError (file:line) for a file that cannot be read or is no
// JSON object, an unknown architecture, a key that is missing, and a value that makes no sense.
ModelConfig read_model_config(const std::string& path);
ModelConfig parse_model_config(const std::string& text, const std::string& file);

}  // namespace astrolabe::workload
