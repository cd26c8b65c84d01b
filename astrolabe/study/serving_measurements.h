#pragma once

// Measured serving runs, from any of the files of measurements that validation/README.md lists:
//   runs        benchmarks of deployments, ttft_ms and tpot_ms of a closed loop
//   sweeps      the same with medians, one length for all requests, and the duration of the run
//   batches     static batches: prompt_ms of a batch, token_ms of a step
//   requests    single requests of a replayed trace, each with its times
//   figures     published figures, one metric a row (TTFT, TPOT, output tokens a second, power,
//               energy)
// The header of a file tells which. A row that cannot be used keeps its place with the reason.

#include <optional>
#include <string>
#include <vector>

#include "astrolabe/parallel/closed_loop.h"
#include "astrolabe/parallel/engine.h"
#include "astrolabe/parallel/open_loop.h"
#include "astrolabe/study/serving_benchmarks.h"
#include "astrolabe/study/serving_names.h"
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
  std::optional<double> token_budget;  // of an iteration of an aggregated engine
  std::optional<double> kv_share;      // of the memory that is left, for the cache
  std::optional<double> requests;      // of the benchmark
  std::string experts;                 // a part of the names of their kernels
};

enum class ServingLoad : unsigned char {
  kClosedLoop,  // `concurrency` in flight, each replaced when it ends
  kBatch,       // `concurrency` at once, none replaced
  kQueued,      // all requests at once, more than run together
  kSearched,    // as many as the best of all layouts takes within the limits of a benchmark
  kReplay       // each request at its own time
};

// A precision that is not given: the narrowest the accelerator computes in.
inline constexpr const char* kNarrowest = "narrowest";

struct MeasuredRequest {
  int line = 0;
  parallel::TimedRequest request;
  std::optional<double> ttft_ms, tpot_ms;
  std::string reason;
};

// A benchmark whose submitter chose the layout.
struct SearchedDeployment {
  workload::DemandClass work;
  parallel::LongestRequest longest;
  int accelerators = 0;
  std::string scenario;    // as published, in lower case
  bool is_online = false;  // requests come at random; prompts and answers may be in pools
};

struct ServingMeasurement {
  int line = 0;
  std::string group;   // of one configuration, for splits
  std::string source;  // "inferencex", "nvidia_gap", ...
  std::string day;     // YYYY-MM-DD; empty: not known
  std::string model, system, version, precision, gemm_format;
  parallel::Framework framework = parallel::Framework::kTrtllm;
  bool is_framework_chosen = false;  // not named: the first that runs on the accelerator
  bool is_disaggregated = false, is_primary = true, is_speculative = false;
  ServingLoad load = ServingLoad::kClosedLoop;
  double prompt = 0, answer = 0;  // tokens, nominal
  double concurrency = 0;
  // Lengths are drawn from [0.8, 1] x nominal; otherwise all are as long.
  bool draws_lengths = false;
  // Requests of users: lengths vary between nothing and twice the nominal.
  bool varies_lengths = false;
  bool is_sampled = false, is_host_exposed = false;  // see ClosedLoopLoad
  std::vector<MeasuredRequest> requests;             // of a replay, by arrival
  ServingLayout engine;                              // aggregated; `workers` share the concurrency
  ServingLayout prefill, decode;                     // disaggregated
  SearchedDeployment searched;                       // of kSearched, in place of these
  ServerSettings server;
  std::optional<double> ttft_ms, tpot_ms;
  std::optional<double> output_rate;  // tokens a second and accelerator
  std::optional<double> power_w;      // of an accelerator
  std::optional<double> energy_j;     // of all accelerators for an output token
  bool is_median_interval = false;    // tpot_ms: the median of intervals between tokens
  bool has_one_metric = false;        // the others were never to be measured
  std::string reason;                 // why the row cannot be used; empty when it can

  double mean_length_share() const { return draws_lengths ? 0.9 : 1; }
  double accelerators() const {
    const auto all = [](const ServingLayout& l) { return l.workers * l.accelerators(); };
    if (load == ServingLoad::kSearched) return searched.accelerators;
    return is_disaggregated ? all(prefill) + all(decode) : all(engine);
  }
};

// What rows of measurements leave out.
struct ServingContext {
  ServingRecipes recipes;
  ServingNames names;
  ServingBenchmarks benchmarks;

  // From the files of data/serving.
  static ServingContext read(const catalog::Catalog& catalog, const std::string& data_dir);
};

// InputError for an unreadable file or one with the columns of none of the kinds above.
std::vector<ServingMeasurement> read_serving_measurements(const std::string& path,
                                                          const ServingContext& context = {});

}  // namespace astrolabe::study
