#pragma once

// Number formats of weights, activations and KV cache, and which part of a model has which.
//
// Bytes per element: bf16 2, fp8 and int8 1, fp4 4.5 bits (NVFP4: 4-bit elements with one 8-bit
// scale for each block of 16; MXFP4, one scale per 32, needs 4.25). The scales of block fp8 (one
// fp32 per 128 x 128) are left out: 0.02 %.
// Assumes that every linear layer of a checkpoint has the same format and that embeddings, LM head,
// router and attention scores stay in bf16, as published fp8 and fp4 checkpoints do. Checkpoints
// that keep the attention projections wider weigh a few percent more than computed here.
// Source: OCP Microscaling Formats (MX) v1.0; NVIDIA NVFP4 format description.

#include <string_view>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"

namespace astrolabe::workload {

enum class NumberFormat { kBf16, kFp8, kInt8, kFp4 };
inline constexpr int kNumberFormats = 4;

const char* number_format_name(NumberFormat format);  // "bf16", "fp8", "int8", "fp4"
Bytes bytes_per_element(NumberFormat format);

struct Precision {
  NumberFormat weights = NumberFormat::kBf16;    // linear layers and experts
  NumberFormat compute = NumberFormat::kBf16;    // multiplied in, and the activations read
  NumberFormat attention = NumberFormat::kBf16;  // scores and their product with V
  NumberFormat kv_cache = NumberFormat::kBf16;
  NumberFormat head = NumberFormat::kBf16;  // embeddings, LM head, router
};

// "bf16": everything bf16. "fp8": fp8 linear layers and KV cache. "fp4": fp4 linear layers, fp8 KV
// cache. "fp4_weights": fp4 weights multiplied in bf16. InputError at `where` for another name.
Precision parse_precision(std::string_view name, const SourcePosition& where);

}  // namespace astrolabe::workload
