#pragma once

// One operator as one accelerator executes it: how much arithmetic, how many bytes of what, and the
// shape, so that a time can come from a formula or from a table of measured kernels. No hardware.
//
// FLOP counts a multiply-add as 2. Bytes are the least that must cross the memory: every weight,
// input and output once. Sizes (tokens, heads, widths) are plain numbers: dimensions of matrices.

#include <vector>

#include "astrolabe/base/quantity.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::workload {

enum class OperatorKind {
  kGemm,         // m x k times k x n
  kGroupedGemm,  // experts: `groups` matrices k x n, m rows together
  kAttentionPrefill,
  kAttentionDecode,
  kLinearAttention,  // recurrence of gated delta net or Mamba-2
  kElementwise,      // norms, rotary embedding, activation, embedding lookup
  kAllReduce,        // payload: the whole buffer
  kAllGather,        // payload: the gathered buffer
  kReduceScatter,    // payload: the buffer before the scatter
  kAllToAll,         // payload: what one rank sends to all ranks, itself included
  kSendReceive,      // payload: the message
};

constexpr bool is_collective(OperatorKind kind) { return kind >= OperatorKind::kAllReduce; }

struct Operator {
  OperatorKind kind = OperatorKind::kGemm;
  const char* name = "";
  double count = 1;  // executions in one iteration on the accelerator of the fullest stage
  NumberFormat format = NumberFormat::kBf16;  // of the arithmetic

  // Of one execution.
  Flop flops;
  Bytes weights, activations, kv;

  // Shape. GEMM: m tokens, n outputs, k inputs. Attention: m query tokens a sequence.
  double m = 0, n = 0, k = 0;
  double groups = 0;                                         // distinct experts touched
  double sequences = 0, context = 0;                         // attention
  double heads = 0, kv_heads = 0, head_dim = 0, window = 0;  // attention, on this accelerator
  int ranks = 1;                                             // collectives
  Bytes payload;
  double copies = 1;  // all-to-all: how often each token is in the payload (top-k)

  Bytes bytes() const { return weights + activations + kv; }
};

using OperatorList = std::vector<Operator>;

// Sum over operators and executions, collectives left out.
Flop total_flops(const OperatorList& operators);
Bytes total_bytes(const OperatorList& operators);
Bytes total_weight_bytes(const OperatorList& operators);

}  // namespace astrolabe::workload
