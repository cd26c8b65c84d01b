#pragma once

// Measured serving runs: one row a run of a benchmark against a deployment, in the columns of
// docs/theory/parallel.md (validation of serving). A row that cannot be used keeps its place with
// the reason.

#include <optional>
#include <string>
#include <vector>

#include "astrolabe/parallel/engine.h"
#include "astrolabe/study/serving_recipes.h"
#include "astrolabe/workload/operator_graph.h"

namespace astrolabe::study {

struct ServingLayout {
  double workers = 1;
  workload::ShardDegrees shard;

  int accelerators() const { return shard.group(); }  // of one worker
};

// What a recipe says of the server; nothing: as its framework does by default.
struct ServerSettings {
  std::optional<double> max_sequences;   // on a rank; of pools: of a decode worker
  std::optional<double> prefill_tokens;  // of pools: in one step of a rank
  double batch_wait = 0, batch_wait_share = 0, poll_interval = 1;
};

struct ServingMeasurement {
  int line = 0;
  std::string group;   // of one configuration, for splits
  std::string source;  // "inferencex", "nvidia_gap", ...
  std::string day;     // YYYY-MM-DD; empty: not known
  std::string model, system, version, precision, gemm_format;
  parallel::Framework framework = parallel::Framework::kTrtllm;
  bool is_disaggregated = false, is_primary = true, is_speculative = false;
  double prompt = 0, answer = 0;  // tokens, nominal
  double concurrency = 0;
  ServingLayout engine;           // aggregated; `workers` share the concurrency
  ServingLayout prefill, decode;  // disaggregated
  ServerSettings server;
  std::optional<double> ttft_ms, tpot_ms;
  std::string reason;  // why the row cannot be used; empty when it can

  // Lengths are drawn from [0.8, 1] x nominal and answers are greedy (InferenceX), or fixed and
  // sampled as the model's own configuration says.
  bool has_drawn_lengths() const { return source != "nvidia_gap"; }
  double mean_length_share() const { return has_drawn_lengths() ? 0.9 : 1; }
  double accelerators() const {
    const auto all = [](const ServingLayout& l) { return l.workers * l.accelerators(); };
    return is_disaggregated ? all(prefill) + all(decode) : all(engine);
  }
};

// InputError for an unreadable file or a missing column. Runs are as `recipes` complete them.
std::vector<ServingMeasurement> read_serving_measurements(const std::string& path,
                                                          const ServingRecipes& recipes = {});

}  // namespace astrolabe::study
