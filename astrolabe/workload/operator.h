#pragma once

// One operator as one accelerator executes it: how much arithmetic, how many bytes of what, and the
// shape, so that a time can come from a formula or from a table of measured kernels. No hardware.
//
// An operator is its kind and its shape; make_* computes FLOP and bytes from them, so that a graph,
// a fit and a row of a table of measurements have the same. FLOP counts a multiply-add as 2. Bytes
// are the least that must cross the memory: every weight, input and output once.

#include <variant>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"
#include "astrolabe/workload/number_format.h"
#include "astrolabe/workload/operator_shape.h"

namespace astrolabe::workload {

enum class OperatorKind : unsigned char {
  kGemm,              // GemmShape; also router and LM head
  kExperts,           // ExpertsShape
  kAttentionPrefill,  // AttentionShape
  kAttentionDecode,   // AttentionShape
  kLatentPrefill,     // LatentShape, keys and values of all heads
  kLatentDecode,      // LatentShape, absorbed
  kSparseLatent,      // LatentShape, absorbed, topk > 0; prefill and decode
  kAbsorbQuery,       // AbsorbShape, before the core
  kAbsorbValue,       // AbsorbShape, after it
  kIndexer,           // IndexerShape
  kConvolution,       // LinearShape
  kLinearAttention,   // LinearShape, the recurrence
  kQuantize,          // QuantizeShape, a kernel of its own
  kNorm,              // ElementwiseShape; with the residual addition where there is one
  kRotary,            // ElementwiseShape; with the write into the KV cache
  kActivation,        // ElementwiseShape
  kElementwise,       // ElementwiseShape; gates, top-k choice, additions
  kEmbedding,         // ElementwiseShape
  kSampling,          // ElementwiseShape
  kAllReduce,         // CollectiveShape; payload: the whole buffer
  kAllGather,         // payload: the gathered buffer
  kReduceScatter,     // payload: the buffer before the scatter
  kDispatch,          // all-to-all; payload: what one rank sends to all ranks, itself included
  kCombine,           // the same on the way back
  kSendReceive,       // payload: the message
};
inline constexpr int kOperatorKinds = 25;

const char* operator_kind_name(OperatorKind kind);  // "gemm", "experts", "attention_prefill", ...
constexpr bool is_collective(OperatorKind kind) { return kind >= OperatorKind::kAllReduce; }
constexpr bool is_all_to_all(OperatorKind kind) {
  return kind == OperatorKind::kDispatch || kind == OperatorKind::kCombine;
}
constexpr bool is_elementwise(OperatorKind kind) {
  return kind >= OperatorKind::kNorm && kind <= OperatorKind::kSampling;
}

using OperatorShape =
    std::variant<GemmShape, ExpertsShape, AttentionShape, LatentShape, AbsorbShape, IndexerShape,
                 LinearShape, QuantizeShape, ElementwiseShape, CollectiveShape>;

struct Operator {
  OperatorKind kind = OperatorKind::kGemm;
  NumberFormat format = NumberFormat::kBf16;  // of the arithmetic
  const char* name = "";
  double count = 1;  // executions in one iteration on the accelerator of the fullest stage

  // Of one execution.
  Flop flops;
  Bytes weights, activations, kv;

  OperatorShape shape;

  Bytes bytes() const { return weights + activations + kv; }

  // The shape that belongs to the kind; another one is a bug.
  template <class Shape>
  const Shape& get() const {
    const Shape* s = std::get_if<Shape>(&shape);
    ASTROLABE_ASSERT(s != nullptr, name);
    return *s;
  }
};

using OperatorList = std::vector<Operator>;

Operator make_gemm(const GemmShape& shape);
Operator make_experts(const ExpertsShape& shape);
Operator make_attention_prefill(const AttentionShape& shape);
Operator make_attention_decode(const AttentionShape& shape);
Operator make_latent_prefill(const LatentShape& shape);
Operator make_latent_decode(const LatentShape& shape);
Operator make_sparse_latent(const LatentShape& shape);
Operator make_absorb(OperatorKind kind, const AbsorbShape& shape);
Operator make_indexer(const IndexerShape& shape);
Operator make_convolution(const LinearShape& shape);
Operator make_linear_attention(const LinearShape& shape);
Operator make_quantize(const QuantizeShape& shape);
Operator make_elementwise(OperatorKind kind, const ElementwiseShape& shape);
Operator make_collective(OperatorKind kind, const CollectiveShape& shape);

// Sum over operators and executions, collectives left out.
Flop total_flops(const OperatorList& operators);
Bytes total_bytes(const OperatorList& operators);
Bytes total_weight_bytes(const OperatorList& operators);

}  // namespace astrolabe::workload
