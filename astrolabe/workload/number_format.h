#pragma once

// Number formats: what tensor cores multiply in, how matrices are stored, and which part of a model
// has which.
//
// NumberFormat is an element: of the KV cache, of what tensor cores multiply.
// GemmFormat is a way to run a linear layer: how weights and activations are stored (with their
// scales), what is multiplied, and whether activations are quantised at run time:
//   name              weights                     activations        multiplied  B/weight  B/act.
//   bf16              bf16                        bf16               bf16        2         2
//   fp8               e4m3, per tensor or channel e4m3, per token    fp8         1         1
//   fp8_block         e4m3, fp32 per 128 x 128    e4m3, fp32 per 128 fp8         1.00024   1.03125
//   nvfp4             e2m1, e4m3 per 16           the same           fp4         0.5625    0.5625
//   mxfp4             e2m1, e8m0 per 32           the same           fp4         0.53125   0.53125
//   int8              int8 (SmoothQuant)          int8, per token    int8        1         1
//   w4a8_mxfp4_mxfp8  e2m1, e8m0 per 32           e4m3, e8m0 per 32  fp8         0.53125   1.03125
//   fp8_wo, nvfp4_wo, int8_wo, w4a16_mxfp4: the weights above, widened to bf16 on the way
//   int4_wo           int4, bf16 per 128          bf16               bf16        0.515625  2
// Assumes groups of 128 for int4 (AWQ, GPTQ); groups of 32 hold 9 % more. Scales of one per tensor,
// channel or token are left out (below 0.1 %).
// Sources: OCP Microscaling Formats (MX) v1.0; NVIDIA NVFP4 format description; arXiv:2412.19437
// section 3.3 (128-blocks); arXiv:2211.10438 (SmoothQuant); arXiv:2306.00978 (AWQ).

#include <optional>
#include <string_view>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"

namespace astrolabe::workload {

enum class NumberFormat : unsigned char { kBf16, kFp8, kInt8, kFp4 };
inline constexpr int kNumberFormats = 4;

const char* number_format_name(NumberFormat format);  // "bf16", "fp8", "int8", "fp4"
Bytes bytes_per_element(NumberFormat format);         // fp4: as nvfp4, with its scales

enum class GemmFormat : unsigned char {
  kBf16,
  kFp8,
  kFp8Block,
  kNvfp4,
  kMxfp4,
  kInt8,
  kMxfp4Mxfp8,
  kFp8Weights,
  kNvfp4Weights,
  kInt8Weights,
  kInt4Weights,
  kMxfp4Weights,
};
inline constexpr int kGemmFormats = 12;

struct GemmFormatTraits {
  const char* name;
  NumberFormat multiplied;
  Bytes weight, activation;      // of one element, scales included
  bool is_activation_quantised;  // at run time, from bf16
};

const GemmFormatTraits& traits(GemmFormat format);

// The same weights multiplied in bf16: what a chip runs that cannot multiply in the format.
GemmFormat widened(GemmFormat format);

// InputError at `where` for a name that is not in the table above.
GemmFormat parse_gemm_format(std::string_view name, const SourcePosition& where);

struct Precision {
  GemmFormat projections = GemmFormat::kBf16;    // around attention and its linear kin
  std::optional<GemmFormat> attention_out = {};  // where it differs from the other projections
  GemmFormat ffn = GemmFormat::kBf16;            // dense layers and shared experts
  GemmFormat experts = GemmFormat::kBf16;        // routed
  NumberFormat attention = NumberFormat::kBf16;  // scores and their product with V
  NumberFormat kv_cache = NumberFormat::kBf16;
  GemmFormat head = GemmFormat::kBf16;  // embeddings, LM head, router

  GemmFormat output_projection() const { return attention_out.value_or(projections); }
  static Precision of(GemmFormat linear);  // all three kinds of linear layer
};

// A GemmFormat's name: every linear layer has it, the KV cache is fp8 where activations are
// quantised and bf16 elsewhere. "fp4" is nvfp4, "fp4_weights" nvfp4_wo. Embeddings, LM head,
// router and attention scores stay in bf16, as in published checkpoints. InputError otherwise.
Precision parse_precision(std::string_view name, const SourcePosition& where);

}  // namespace astrolabe::workload
