#pragma once

// From a model and one iteration of serving it to the operators of one accelerator.
//
// A model is spread over g = tensor * data * context accelerators a pipeline stage: attention heads
// over `tensor`, sequences over `data` (attention-DP), the tokens of a prompt over `context` (keys
// and values are gathered), experts over `expert` ranks (moe_ep), each expert's width over
// g / expert (moe_tp). Layers are spread over `pipeline` stages; the fullest stage, ceil(L/p)
// layers and the LM head, is returned, with fractional counts of each layer kind.
//
// T tokens enter each attention-DP rank; a decoding sequence brings 1 + drafts of them. Kernels are
// counted as engines launch them: residual addition with the norm behind it, gate with activation,
// rotary embedding with the cache write, and one quantise kernel before each product (two where
// an input feeds two) whose format asks for it. MLA prefill rebuilds keys and values of all tokens;
// with sparse attention it is absorbed where cheaper. With context parallelism a rank's queries see
// the mean context of a balanced (zigzag) split; decoding sequences are dealt over the context
// ranks. Multi-token prediction adds its layer once for all verified tokens and once for one token
// a sequence and further draft; a separate draft model is a graph of its own. Assumes layers of a
// kind are alike. min(c, w) at the mean context overstates windowed attention of mixed lengths a
// little (Jensen). Fails for encoders. Sources: arXiv:2407.21783 (sharding), arXiv:2412.19437 (MLA,
// experts, MTP), arXiv:2512.02556 (DSA), arXiv:2411.01783 (context parallelism).

#include "astrolabe/workload/model.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::workload {

struct ShardDegrees {
  int tensor = 1, data = 1, expert = 1, pipeline = 1, context = 1;
  int redundant_experts = 0;  // copies of hot experts, over the whole layer

  int group() const { return tensor * data * context; }  // accelerators of one pipeline stage
  int moe_tp() const { return group() / expert; }
  int moe_ep() const { return expert; }
};

// What one attention-DP rank does in one iteration; any part may be empty.
struct Batch {
  double decode_sequences = 0;
  double decode_context = 0;  // tokens already in the cache, mean
  double draft_tokens = 0;    // verified with the last token of each decoding sequence
  double prefill_sequences = 0;
  double prefill_tokens = 0;        // new tokens of each
  double prefill_context = 0;       // tokens before them
  double prefill_square_ratio = 1;  // E[n^2]/E[n]^2 of the new tokens
  // Prompts that end in this iteration and need logits; a chunk in the middle has none.
  double prefill_finished = 0;

  double decode_tokens() const { return decode_sequences * (1 + draft_tokens); }
  double tokens() const { return decode_tokens() + prefill_sequences * prefill_tokens; }
  double logits() const { return decode_tokens() + prefill_finished; }
};

OperatorList build_operator_graph(const ModelArchitecture& model, const Precision& precision,
                                  const ShardDegrees& shard, const Batch& batch,
                                  const Routing& routing);

// Weights that one accelerator of the fullest stage holds.
Bytes weight_bytes_per_accelerator(const ModelArchitecture& model, const Precision& precision,
                                   const ShardDegrees& shard);

// What multi-token prediction adds to that when an engine loads it, on the stage that runs it.
Bytes mtp_bytes_per_accelerator(const ModelArchitecture& model, const Precision& precision,
                                const ShardDegrees& shard);

// KV cache and recurrent state of one sequence on one accelerator of its attention-DP rank.
Bytes kv_bytes_per_accelerator(const ModelArchitecture& model, const Precision& precision,
                               const ShardDegrees& shard, double context);

// Layers of the fullest stage over L / pipeline.
double stage_imbalance(const ModelArchitecture& model, const ShardDegrees& shard);

}  // namespace astrolabe::workload
