#pragma once

// One iteration of an engine, taken apart into what depends on the tokens of a rank (m), on the
// tokens of all ranks together (T = sum of m), on the decoding sequences and their context, on the
// prompts, and on nothing:
//   t = dense(m) + experts(T) + exchange(T) + decode(B, L) + sum prefill(n, c) + head(sequences)
//       + fixed
// exchange: dispatch and combine of tokens between the ranks of the experts; engines may hide it
// (iteration_curves.h). The parts add up because kernels run one after the other. Two exceptions:
//   shared experts run on a second stream: they cost what exceeds the routed experts, up to
//     kOverlapTokens tokens; above, the chip is full and they are added
//   experts whose width cannot be cut into whole scale blocks (fp8 in blocks of 128) are spread
//   over
//     the ranks instead (spread_uncuttable_experts)
// Experts in DeepGEMM's contiguous layout (expert_rows of the constants, for block fp8 wider than
// kWidestFallback and cut fewer than kFallbackCut ways): each of the E experts of a rank is filled
// up to whole blocks, whose sizes the host does not know, so E (expert_rows - 1) rows more are
// multiplied whatever the batch; they cost what dense products of so many rows do, and one pass of
// the activation over them.
// Speculative decoding: a decoding sequence brings 1 + drafts tokens, and multi-token prediction
// its layers (operator_graph.h). Tokens of prompts are taken to pass those layers as often as
// others, which overstates a step with prompts by (drafts - 1) / (1 + drafts) of a layer. Small
// kernels: the graph names them; an engine launches `launches()` of them an iteration, each at
// EngineConstants::kernel. TensorRT-LLM fuses norms into the all-reduce before them, rotary
// embedding and cache write into attention, and fp8 quantisation into the kernel before. Assumes
// kernels of one stream do not overlap and all ranks wait for the slowest.

#include <string_view>

#include "astrolabe/parallel/engine.h"
#include "astrolabe/parallel/kernel_clock.h"
#include "astrolabe/workload/operator_graph.h"

namespace astrolabe::parallel {

inline constexpr double kOverlapTokens = 1024;

// The benchmark distribution of tokens over experts that serving follows most closely.
inline constexpr workload::Routing kServingRouting{.model = workload::RoutingModel::kPowerLaw,
                                                   .alpha = 1.2};

// Of one model on one layout under one engine. The clock must outlive it; the rest is copied.
class EngineIteration {
 public:
  EngineIteration(const workload::ModelArchitecture& model, const workload::Precision& precision,
                  const workload::ShardDegrees& shard, const Engine& engine,
                  const KernelClock& clock, double draft_tokens = 0);

  Duration dense(double tokens) const;     // m of a rank, drafts among them
  Duration experts(double tokens) const;   // T of all attention-DP ranks
  Duration exchange(double tokens) const;  // T
  Duration decode(double sequences, double context) const;
  Duration prefill(double tokens, double context) const;  // one prompt or a chunk of it
  Duration head(double sequences) const;
  Duration fixed() const;  // small kernels
  double launches() const { return launches_; }
  Duration prompt_host() const;  // of a step with prompts, while the GPU waits
  double host_bound_layers() const { return host_bound_layers_; }  // recurrent and sparse ones

  const workload::ModelArchitecture& model() const { return model_; }
  const workload::Precision& precision() const { return precision_; }
  const workload::ShardDegrees& shard() const { return shard_; }
  const Engine& engine() const { return engine_; }

 private:
  enum class Part { kDense, kShared, kExperts, kExchange, kCore, kHead };

  Duration routed(double tokens, Part part) const;
  Part part_of(const workload::Operator& op) const;
  Duration padding(const workload::ExpertsShape& s) const;  // of one layer, in such a layout
  workload::OperatorList graph(workload::Batch batch) const;
  workload::OperatorList graph_of_tokens(double tokens) const;  // on a rank, all decoding
  Duration sum(const workload::OperatorList& operators, Part part) const;
  Duration norm_statistics(double tokens) const;
  double count_launches() const;
  double count_host_bound_layers() const;

  workload::ModelArchitecture model_;
  workload::Precision precision_;
  workload::ShardDegrees shard_;
  Engine engine_;
  const KernelClock& clock_;
  double draft_tokens_ = 0, launches_ = 0, host_bound_layers_ = 0;
};

// The layout with experts spread over the ranks where their width cannot be cut.
workload::ShardDegrees spread_uncuttable_experts(const workload::ModelArchitecture& model,
                                                 const workload::Precision& precision,
                                                 workload::ShardDegrees shard);

// Tokens of KV cache that an attention-DP rank can hold: kv_share (memory_share * HBM - weights -
// reserve) / bytes of a token. Zero when the weights do not fit.
double kv_capacity_tokens(const workload::ModelArchitecture& model,
                          const workload::Precision& precision, const workload::ShardDegrees& shard,
                          const EngineConstants& constants, Bytes hbm, double context);

}  // namespace astrolabe::parallel
