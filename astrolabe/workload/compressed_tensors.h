#pragma once

// The precision of a checkpoint whose quantization_config is of the method compressed-tensors:
// groups of modules (`config_groups`, by `targets`), each with the format of its weights and
// activations, and modules that stay in bf16 (`ignore`). A target is a module's name, "re:" and a
// regular expression that matches from its beginning, or a class: "Linear" is every module that no
// name of another group takes. A group without targets is of that class.
//
// The modules of each layer that a graph distinguishes (projections of attention and of its linear
// kin, their outputs, dense and shared feed-forward, routed experts) are looked up by the names
// that checkpoints give them. All modules of such a kind must come out in one format. Not looked
// at: routers, indexers, the up-projection of latent keys and values, gates of linear attention,
// vision and multi-token-prediction parts. Reference: documentation of compressed-tensors and vLLM.
// Not for use outside this folder.

#include "astrolabe/workload/config_json.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::workload {

// InputError for a group, a target or a mixture of formats that no precision stands for.
Precision compressed_tensors_precision(const ConfigJson& config, const nlohmann::json& quantization,
                                       const ModelArchitecture& model);

}  // namespace astrolabe::workload
