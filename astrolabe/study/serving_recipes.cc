#include "astrolabe/study/serving_recipes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "astrolabe/base/csv.h"
#include "astrolabe/parallel/expert_kernels.h"
#include "astrolabe/study/serving_measurements.h"

namespace astrolabe::study {
namespace {

constexpr double kMost = 1e6, kMostRanks = 1e4;

struct SettingRule {
  const char* name;
  double low, high;
  bool is_of_pools = false;
};

// In the order of RecipeSetting.
constexpr std::array<SettingRule, 16> kRules = {{{"expert_parallel", 1, 1},
                                                 {"attention_parallel", 1, 1},
                                                 {"tensor", 1, kMostRanks},
                                                 {"data", 1, kMostRanks},
                                                 {"max_sequences", 1, kMost},
                                                 {"decode_max_sequences", 1, kMost, true},
                                                 {"prefill_tokens", 1, kMost, true},
                                                 {"prefill_expert_parallel", 1, 1, true},
                                                 {"accelerators", 1, kMost},
                                                 {"batch_wait", 0, kMost},
                                                 {"batch_wait_share", 0, 1},
                                                 {"poll_interval", 1, kMost},
                                                 {"token_budget", 1, kMost},
                                                 {"kv_share", 0, 1},
                                                 {"requests", 1, kMost},
                                                 {"triton_experts", 1, 1}}};

bool is_any_or(const std::string& pattern, const std::string& value) {
  return pattern.empty() || pattern == value;
}

}  // namespace

bool ServingRecipes::Range::has(double value) const {
  return (!low || value >= *low) && (!high || value <= *high);
}

ServingRecipes ServingRecipes::read(const std::string& path) {
  const CsvTable csv = CsvTable::read(path);
  ServingRecipes recipes;
  for (const CsvTable::Row& cells : csv.rows()) {
    const SourcePosition where = csv.position(cells);
    const auto text = [&](const char* column) { return csv.cell(cells, column); };
    const auto number = [&](const char* column) -> std::optional<double> {
      if (text(column).empty()) return std::nullopt;
      return parse_number(text(column), where, column);
    };
    const auto exactly = [&](const char* column) { return Range{number(column), number(column)}; };
    Row row{.family = text("family"),
            .model = text("model"),
            .system = text("system"),
            .framework = text("framework"),
            .precision = text("precision"),
            .until = text("until"),
            .prompt = exactly("prompt"),
            .answer = exactly("answer"),
            .tensor = {number("tensor_from"), number("tensor_to")},
            .concurrency = {number("concurrency_from"), number("concurrency_to")},
            .decode_workers = exactly("decode_workers"),
            .decode_accelerators = exactly("decode_accelerators")};
    const auto rule = std::find_if(kRules.begin(), kRules.end(),
                                   [&](const SettingRule& r) { return text("setting") == r.name; });
    if (rule == kRules.end()) {
      std::vector<std::string> names;
      for (const SettingRule& r : kRules) names.emplace_back(r.name);
      throw InputError(where, "setting", text("setting"), join_alternatives(names, names.size()));
    }
    row.setting = static_cast<RecipeSetting>(rule - kRules.begin());
    row.value = parse_number(text("value"), where, "value");
    if (row.value < rule->low || row.value > rule->high) {
      throw InputError(where, rule->name, text("value"),
                       std::to_string(rule->low) + " to " + std::to_string(rule->high));
    }
    recipes.rows_.push_back(std::move(row));
  }
  return recipes;
}

bool ServingRecipes::matches(const Row& row, const ServingMeasurement& run) {
  return kRules[static_cast<std::size_t>(row.setting)].is_of_pools == run.is_disaggregated &&
         is_any_or(row.family, run.source) && is_any_or(row.model, run.model) &&
         is_any_or(row.system, run.system) &&
         is_any_or(row.framework, parallel::framework_name(run.framework)) &&
         is_any_or(row.precision, run.precision) &&
         // Days as YYYY-MM-DD compare as text; a run without a day matches rows without one.
         (row.until.empty() || (!run.day.empty() && run.day <= row.until)) &&
         row.prompt.has(run.prompt) && row.answer.has(run.answer) &&
         row.concurrency.has(run.concurrency) && row.tensor.has(run.engine.shard.tensor) &&
         row.decode_workers.has(run.decode.workers) &&
         row.decode_accelerators.has(run.decode.accelerators());
}

void ServingRecipes::apply(ServingMeasurement* run) const {
  if (!run->reason.empty()) return;
  const ServingMeasurement as_reported = *run;
  workload::ShardDegrees& shard = run->engine.shard;
  for (const Row& row : rows_) {
    if (!matches(row, as_reported)) continue;
    switch (row.setting) {
      case RecipeSetting::kExpertParallel:
        shard.expert = shard.group();
        break;
      case RecipeSetting::kAttentionParallel:
        shard.data = shard.group();
        shard.tensor = 1;
        break;
      case RecipeSetting::kTensor:
        shard.tensor = static_cast<int>(row.value);
        break;
      case RecipeSetting::kData:
        shard.data = static_cast<int>(row.value);
        break;
      case RecipeSetting::kMaxSequences:
      case RecipeSetting::kDecodeMaxSequences:
        run->server.max_sequences = row.value;
        break;
      case RecipeSetting::kPrefillTokens:
        run->server.prefill_tokens = row.value;
        break;
      case RecipeSetting::kPrefillExpertParallel:
        run->prefill.shard.expert = run->prefill.shard.group();
        break;
      case RecipeSetting::kAccelerators:
        run->engine.workers = std::max(1.0, std::floor(row.value / shard.group()));
        break;
      case RecipeSetting::kBatchWait:
        run->server.batch_wait = row.value;
        break;
      case RecipeSetting::kBatchWaitShare:
        run->server.batch_wait_share = row.value;
        break;
      case RecipeSetting::kPollInterval:
        run->server.poll_interval = row.value;
        break;
      case RecipeSetting::kTokenBudget:
        run->server.token_budget = row.value;
        break;
      case RecipeSetting::kKvShare:
        run->server.kv_share = row.value;
        break;
      case RecipeSetting::kRequests:
        run->server.requests = row.value;
        break;
      case RecipeSetting::kTritonExperts:
        run->server.experts = parallel::kTritonExperts;
        break;
    }
  }
}

}  // namespace astrolabe::study
