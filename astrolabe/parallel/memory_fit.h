#pragma once

// What one accelerator of a layout holds in HBM, and how many tokens of KV cache fit beside it.
//
//   usable = memory_share HBM
//   KV cache = kv_share (usable - weights - max(runtime_reserve, activations + graph_capture)),
//              or block_count blocks, where an operator sets that number (num_gpu_blocks and kin)
// Activations: input and output of the widest operator of a layer, in bf16, of an iteration that
// fills the token budget. The reserve (data/fitted/engines.csv) holds activations, captured CUDA
// graphs and communication buffers of usual sizes; it grows when they alone exceed it. A rank holds
// floor(tokens / need) sequences, need = prompt + the reserved share of an answer. Fails where few
// long sequences share a rank (fluctuations) or prefixes are shared (fewer bytes).

#include <optional>
#include <string>

#include "astrolabe/parallel/engine_iteration.h"

namespace astrolabe::parallel {

struct MemoryFit {
  Bytes capacity, usable;
  Bytes weights, activations, graph_capture;
  Bytes other_reserve;   // what the runtime holds beside activations and graphs
  Bytes kv_cache;        // negative: what is missing to hold the rest
  Bytes kv_per_token;    // of a sequence of `tokens_of_sequence`
  double kv_tokens = 0;  // of one attention-DP rank
  double kv_blocks = 0, block_tokens = 1;
  double tokens_of_sequence = 0;

  bool holds_weights() const { return kv_cache > Bytes(); }
  bool holds_a_sequence() const { return kv_tokens >= tokens_of_sequence; }
  bool fits() const { return holds_weights() && holds_a_sequence(); }
  Bytes missing() const;       // to hold one sequence; zero when it fits
  std::string reason() const;  // why it does not fit, in GB; empty when it fits
  double sequences(double need) const { return need > 0 ? kv_tokens / need : 0; }
};

// What predicts tokens, on one accelerator: layers of the model itself or another model.
struct DraftMemory {
  Bytes weights, kv_per_token;
};

// tokens_of_sequence: a sequence at its end. `shard` as the engine runs it.
MemoryFit memory_fit(const workload::ModelArchitecture& model, const workload::Precision& precision,
                     const workload::ShardDegrees& shard, const Engine& engine, Bytes hbm,
                     double tokens_of_sequence, std::optional<double> block_count = {},
                     const DraftMemory& drafts = {});

}  // namespace astrolabe::parallel
