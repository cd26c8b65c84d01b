#pragma once

// What `astrolabe estimate` answers: how a model is served by an accelerator under a framework, for
// prompts and answers of given mean lengths, on one layout or on the best of all
// (parallel/layout_search.h). Each figure has a 10-90 % band: of rates and TPOT the engine's own
// (fitted on measured runs), wider where the chip's kernels were not measured; of J per token the
// same, power being far better known.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "astrolabe/parallel/arrival_search.h"
#include "astrolabe/parallel/closed_loop.h"
#include "astrolabe/parallel/layout_search.h"
#include "astrolabe/workload/config_reader.h"

namespace astrolabe::study {

struct EstimateRequest {
  workload::ModelConfig model;
  std::string accelerator;
  std::string framework, version;  // none: the first that runs there (framework_choice.h)
  double software_gain_percent = 0, software_years = 0;  // a year; from the software of the tables
  std::string precision;              // empty: the checkpoint's, where it says so, else fp8 or bf16
  std::optional<std::string> layout;  // none: search
  std::string mode = "both";          // agg, disagg
  double input_tokens = 1024, output_tokens = 1024, cached_percent = 0;
  double draft_tokens = 0, acceptance_length = 1;  // of speculative decoding
  std::optional<workload::ModelConfig> draft_model;
  std::optional<double> input_tokens_p90, output_tokens_p90;  // none: all are as long
  std::optional<double> ttft_ms, tpot_ms, block_count, concurrency;
  std::optional<double> percentile;  // of requests at random times, that keeps both limits
  int most_accelerators = 0;
  // "5 x TP8 EP8": pools that are simulated with `concurrency` requests in flight.
  std::optional<std::string> prefill_pool, decode_pool;
  std::optional<double> decode_sequences;  // at most, of a rank of a decode worker
  std::string memory;  // simulated in place of measured kernels (KernelLibrary::chip)
};

// Of one layout.
struct LayoutEstimate {
  parallel::MemoryFit memory;
  bool can_serve = false;
  Duration prefill_step, ttft_floor, tpot_floor;  // of one prompt, one sequence
  std::vector<parallel::DeploymentPoint> points;  // by batch
  std::vector<Duration> decode_steps;             // static batch of each point: no prompts
  std::optional<parallel::DeploymentPoint> best;  // most tokens within the limits, or as asked for
  std::optional<parallel::ClosedLoopResult> simulated;  // at the same requests in flight
};

// A benchmark of pools of workers (parallel/pool_loop.h).
struct PoolsEstimate {
  int prefill_workers = 1, decode_workers = 1;
  parallel::Layout prefill, decode;  // of a worker
  parallel::MemoryFit prefill_memory, decode_memory;
  std::optional<parallel::ClosedLoopResult> simulated;  // none: a worker cannot hold a request
  double tpot_band = 0, ttft_band = 0;                  // half widths in log
  TokenRate output_tokens;                              // of one accelerator
  bool keeps_limits = false;                            // of TTFT and TPOT

  int accelerators() const {
    return prefill_workers * prefill.accelerators() + decode_workers * decode.accelerators();
  }
};

struct Estimate {
  EstimateRequest request;
  std::string model, accelerator, precision;
  parallel::KernelSource source = parallel::KernelSource::kDerated;
  bool is_version_known = true;          // some constant is of the version asked for, if any
  parallel::Layout layout;               // of `single`
  std::optional<LayoutEstimate> single;  // where a layout was given and the mode is agg or both
  std::optional<PoolsEstimate> pools;    // where pools were given
  std::optional<parallel::SearchResult> search;
  std::optional<parallel::ArrivalPoint> arrivals;  // with a percentile: the best that keeps it

  bool is_served() const;  // anything at all, within the limits
};

// InputError for a model, accelerator, framework, precision or layout that cannot be.
Estimate estimate(const catalog::Catalog& catalog, const parallel::KernelLibrary& library,
                  const EstimateRequest& request);

std::string to_text(const Estimate& estimate);
nlohmann::ordered_json to_json(const Estimate& estimate);

}  // namespace astrolabe::study
