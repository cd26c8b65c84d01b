#pragma once

// Settings of published benchmarks that their results do not carry: which script ran a server and
// its client says more than a row of results. data/serving/recipes.csv has them, each with its
// place; a row there matches runs by what is known of them, and the last match of a setting wins.
//   expert_parallel      experts spread over all ranks
//   attention_parallel   attention data-parallel over all ranks, where it was tensor-parallel
//   tensor, data         tensor and data parallelism of attention, where a file has no layout
//   max_sequences        the server's own limit, below the client's concurrency
//   decode_max_sequences the same of a rank of a decode worker
//   prefill_tokens       of one step of a prefill worker's rank
//   prefill_expert_parallel  experts spread over all ranks of a prefill worker
//   accelerators         of a deployment of equal engines that share the concurrency
//   batch_wait, batch_wait_share, poll_interval   of EngineSchedule
//   token_budget         the same, of an aggregated engine
//   kv_share             of EngineConstants
//   requests             of the benchmark
//   triton_experts       kernels of experts in Triton, where the framework chooses others

#include <optional>
#include <string>
#include <vector>

namespace astrolabe::study {

struct ServingMeasurement;

enum class RecipeSetting : unsigned char {
  kExpertParallel,
  kAttentionParallel,
  kTensor,
  kData,
  kMaxSequences,
  kDecodeMaxSequences,
  kPrefillTokens,
  kPrefillExpertParallel,
  kAccelerators,
  kBatchWait,
  kBatchWaitShare,
  kPollInterval,
  kTokenBudget,
  kKvShare,
  kRequests,
  kTritonExperts
};

class ServingRecipes {
 public:
  ServingRecipes() = default;  // none
  // InputError for a file that cannot be read, an unknown setting or a number out of range.
  static ServingRecipes read(const std::string& path);

  // Changes the layout and the settings of a run to those of its recipe.
  void apply(ServingMeasurement* run) const;

 private:
  struct Range {
    std::optional<double> low, high;
    bool has(double value) const;
  };
  struct Row {
    std::string family, model, system, framework, precision, until;  // empty: any
    Range prompt, answer, tensor, concurrency;
    Range decode_workers, decode_accelerators;  // of pools; accelerators of one worker
    RecipeSetting setting = RecipeSetting::kMaxSequences;
    double value = 0;
  };

  static bool matches(const Row& row, const ServingMeasurement& run);

  std::vector<Row> rows_;
};

}  // namespace astrolabe::study
