#pragma once

// A serving engine as far as its kernels do not tell: how it schedules, and the handful of
// constants that no table of kernels holds.
//
// Scheduling, as the engines document it:
//   TensorRT-LLM  whole prompts beside the decoding sequences while they fit the token budget; with
//                 attention-DP it waits until every rank has a prompt (at most `balance_wait`
//                 steps)
//   vLLM          decoding sequences first, prompts cut into chunks up to the token budget
//   SGLang        prompts alone, up to the token budget; decoding sequences pause
// Constants (data/fitted/engines.csv, fitted by fit/fit_engines.cc on half of the public serving
// groups):
//   kernel        launch and drain of one small kernel in a CUDA graph: norm, rotary embedding,
//                 cache write, quantisation, top-k choice (engine_iteration.h counts them)
//   prefill_slow  share by which the part of an iteration that is due to prompt tokens takes longer
//                 than its kernels measured alone (no CUDA graph, cold caches, other tenants)
//   sequence      host work of a step for each of its sequences (scheduling, detokenising), as far
//                 as it is not hidden behind the GPU
//   eager_layer   launches of a layer's kernels, one by one; 0: the engine has CUDA graphs
//   prompt_layer  host time of a recurrent or a sparse layer in a step with prompts, which no CUDA
//                 graph holds, while the GPU waits: their many small kernels are launched one by
//                 one, behind lengths that the host reads back
//   host          scheduler time that is not hidden behind the GPU, for engines without overlap
//   expert_rows   rows to which every expert's are filled up where products in block fp8 run in
//                 DeepGEMM's contiguous layout (engine_iteration.h); 1: nowhere
//   sampling      of one sequence and 1e5 logits, where top-k and top-p are sorted for; greedy:
//   none

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"

namespace astrolabe::parallel {

enum class Framework : unsigned char { kTrtllm, kVllm, kSglang };
inline constexpr int kFrameworks = 3;

const char* framework_name(Framework framework);  // "trtllm", "vllm", "sglang": as tables have it
std::optional<Framework> find_framework(std::string_view name);
// InputError at a place in a file, or for --framework.
Framework parse_framework(const std::string& name, const SourcePosition& where = {});

struct EngineConstants {
  Duration kernel;
  double prefill_slow_dense = 0, prefill_slow_moe = 0;
  Duration sequence, eager_layer, prompt_layer, host;
  double expert_rows = 1;
  Duration sampling;
  // Of one sequence of a model of `vocabulary` tokens, in seconds.
  double sampling_seconds(double vocabulary) const {
    return sampling.in(units::second)*vocabulary / 1e5;
  }
  // Outside the engine: client, server, tokeniser; of pools: two engines and their router.
  Duration first_token, first_token_per_request;
  Duration pool_first_token, pool_first_token_per_request;
  Bytes runtime_reserve, graph_capture;  // the second is part of the first
  double memory_share = 1;               // of HBM that a process can have
  double kv_share = 1;                   // of what weights and reserve leave, that becomes KV cache
  // Half widths of the 10-90 % bands, in log, of aggregated engines and of pools.
  double tpot_band = 0, pool_tpot_band = 0, ttft_band = 0, pool_ttft_band = 0;
  double power_band = 0;   // of what an engine adds to that of its kernels' power
  double search_band = 0;  // of a layout and software that somebody else chose

  // Of TTFT, beside the engine. Requests beyond those of the runs that were fitted add nothing.
  Duration outside(double in_flight) const {
    return first_token + std::min(in_flight, 1024.0) * first_token_per_request;
  }
  Duration pool_outside(double in_flight) const {
    return pool_first_token + std::min(in_flight, 8192.0) * pool_first_token_per_request;
  }

  double prefill_slow(bool is_moe) const { return is_moe ? prefill_slow_moe : prefill_slow_dense; }
};

struct EngineSchedule {
  double token_budget = 0;    // of one iteration on a rank
  double answer_reserve = 0;  // of an answer's tokens that are reserved when a request is admitted
  double preempts = 0;  // 1: of an aggregated engine nothing is, and a full cache takes back the
                        // youngest sequence, which is computed again
  double max_sequences = 0;      // in flight on a rank
  double balance_wait = 0;       // iterations
  double block_tokens = 1;       // of a block of KV cache
  double two_batch_overlap = 0;  // 1: exchanges of experts hide behind the other half of a step
  double exchange_share = 0;     // of the SMs, that exchange meanwhile in steps with prompts
  // What some operators set and no default is. TensorRT-LLM holds prompts beside decoding
  // sequences for `batch_wait` iterations, or until the tokens of a step reach `batch_wait_share`
  // of the budget (batch_wait_timeout_iters, batch_wait_max_tokens_ratio). SGLang looks for new
  // requests after a step with prompts or `poll_interval` decode steps (scheduler_recv_interval).
  double batch_wait = 0, batch_wait_share = 0, poll_interval = 1;
};

struct Engine {
  Framework framework = Framework::kTrtllm;
  std::string version;
  EngineConstants constants;
  EngineSchedule schedule;
};

// The constants of a table with columns framework, version, constant, value, unit: a row of a
// version beats one of the framework, which beats one of "any". InputError for a constant that is
// unknown, missing, in another unit or out of its range.
class EngineTable {
 public:
  static EngineTable read(const std::string& path);

  Engine engine(Framework framework, std::string_view version) const;
  // Whether any constant is of this version; none: all are those of every version.
  bool has_version(Framework framework, std::string_view version) const;
  // Replaces a constant of a framework ("any" for all), all versions. In the unit of the table.
  void set(std::string_view framework, std::string_view constant, double value);

 private:
  struct Value {
    double value = 0;
    SourcePosition where;
  };
  using Key = std::pair<std::string, std::string>;  // framework, version

  double get(std::string_view constant, Framework framework, std::string_view version) const;

  std::string path_;
  std::map<std::string, std::map<Key, Value>, std::less<>> constants_;
};

}  // namespace astrolabe::parallel
