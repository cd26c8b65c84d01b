#pragma once

// From a model and one iteration of serving it to the operators of one accelerator.
//
// A model is spread over g = tensor * data accelerators a pipeline stage: attention heads over
// `tensor`, sequences over `data` (attention-DP), experts over `expert` ranks, each expert's width
// over g / expert. Layers are spread over `pipeline` stages; the fullest stage, ceil(L/p) layers
// and the LM head, is returned, with fractional counts of each layer kind.
//
// T tokens enter each attention-DP rank. Attention of a decoding sequence with context c:
//   GQA 4 H d c FLOP, 2 K d c KV elements; window: c -> min(c, w);
//   MLA absorbed 2 H c (2 r_kv + d_r) FLOP, (r_kv + d_r) c elements, not sharded over tensor;
//   DSA: the index scores 2 H_i d_i c FLOP over d_i c bytes, then MLA with c -> min(c, top-k).
// Prefill of n tokens after c cached ones: n c + rho n^2 / 2 query-key pairs, rho = E[n^2]/E[n]^2;
// MLA is not absorbed there (keys and values of all c + n tokens are rebuilt); DSA is absorbed
// where cheaper. Experts: with t tokens, top-k of E drawn uniformly, a rank touches
//   (E/ep) (1 - (1 - k/E)^t)  distinct experts and computes  t k / ep * imbalance  rows.
// Assumes uniform routing for the weights read (an upper bound: skew touches fewer) and one hot
// rank `imbalance` times the mean for rows and traffic. min(c, w) at the mean context overstates
// windowed attention of mixed lengths a little (Jensen). Fails for encoders and speculation.
// Sources: arXiv:2407.21783 (sharding), arXiv:2412.19437 (MLA, experts), arXiv:2512.02556 (DSA).

#include "astrolabe/workload/model.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::workload {

struct ShardDegrees {
  int tensor = 1, data = 1, expert = 1, pipeline = 1;
  int redundant_experts = 0;  // copies of hot experts, over the whole layer

  int group() const { return tensor * data; }  // accelerators of one pipeline stage
};

// What one attention-DP rank does in one iteration; any part may be empty.
struct Batch {
  double decode_sequences = 0;
  double decode_context = 0;  // tokens already in the cache, mean
  double prefill_sequences = 0;
  double prefill_tokens = 0;        // new tokens of each
  double prefill_context = 0;       // tokens before them
  double prefill_square_ratio = 1;  // E[n^2]/E[n]^2 of the new tokens
  // Prompts that end in this iteration and need logits; a chunk in the middle has none.
  double prefill_finished = 0;

  double tokens() const { return decode_sequences + prefill_sequences * prefill_tokens; }
  double logits() const { return decode_sequences + prefill_finished; }
};

struct Routing {
  double imbalance = 1;  // rows and traffic of the hottest rank over the mean, at least 1
};

OperatorList build_operator_graph(const ModelArchitecture& model, const Precision& precision,
                                  const ShardDegrees& shard, const Batch& batch,
                                  const Routing& routing);

// E (1 - (1 - k/E)^t): experts that t tokens touch, uniform routing.
double expected_distinct_experts(double experts, double topk, double tokens);

// Weights that one accelerator of the fullest stage holds.
Bytes weight_bytes_per_accelerator(const ModelArchitecture& model, const Precision& precision,
                                   const ShardDegrees& shard);

// KV cache and recurrent state of one sequence on one accelerator of its attention-DP rank.
Bytes kv_bytes_per_accelerator(const ModelArchitecture& model, const Precision& precision,
                               const ShardDegrees& shard, double context);

// Layers of the fullest stage over L / pipeline.
double stage_imbalance(const ModelArchitecture& model, const ShardDegrees& shard);

}  // namespace astrolabe::workload
