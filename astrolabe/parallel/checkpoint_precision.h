#pragma once

// The formats of a published checkpoint's parts and of the cache an engine keeps for it, by the one
// word that people call it:
//   bf16   all                     int4   experts int4 weight-only, the rest bf16; dense models all
//   fp8    dense models per tensor, MoE models in blocks of 128; without block scales (Llama 4,
//          Mixtral, Nemotron) per tensor under TensorRT-LLM. vLLM and SGLang run Meta's with a
//          scale for each channel in Triton, as they do blocks
//   fp4    dense models nvfp4; MoE models experts and feed-forward nvfp4, projections bf16; of
//          DeepSeek-V3 and R1 the projection after attention too (NVIDIA's second checkpoints)
//   gpt-oss, whatever the word: experts mxfp4, activations bf16 where the chip has no fp4, else
//   mxfp8; the rest bf16
// KV cache: fp8 for fp8 and fp4 checkpoints under TensorRT-LLM, on chips with fp4, and for dense
// models; else bf16. Source: published checkpoints and the engines' defaults.

#include <string_view>

#include "astrolabe/device/accelerator.h"
#include "astrolabe/parallel/engine.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::parallel {

bool is_checkpoint_word(std::string_view word);  // one of those

// InputError at `where` for another word.
workload::Precision checkpoint_precision(std::string_view word,
                                         const workload::ModelArchitecture& model,
                                         Framework framework, bool has_fp4,
                                         const SourcePosition& where);

// Whether its published fp8 checkpoints scale blocks of weights: not those of Llama 4 (Meta's scale
// channels, NVIDIA's tensors), Mixtral and Nemotron (NVIDIA's), nor of dense models.
bool has_block_scales(const workload::ModelArchitecture& model);

// The KV cache that the rule above gives a checkpoint in fp8 or fp4.
workload::NumberFormat cache_format(const workload::ModelArchitecture& model, Framework framework,
                                    bool has_fp4);

// Throws InputError when the chip cannot multiply in a format of the checkpoint.
void require_formats(const workload::Precision& precision, const device::Accelerator& accelerator,
                     std::string_view word);

}  // namespace astrolabe::parallel
