#include "astrolabe/study/serving_benchmarks.h"

#include <algorithm>
#include <array>

#include "astrolabe/base/csv.h"
#include "astrolabe/parallel/serving_candidate.h"

namespace astrolabe::study {
namespace {

struct FactRule {
  const char* name;
  const char* unit;
  bool is_of_scenario = false;
};

constexpr std::array<FactRule, 9> kRules = {{{"prompt_tokens", "tokens"},
                                             {"prompt_tokens_p90", "tokens"},
                                             {"prompt_tokens_most", "tokens"},
                                             {"answer_tokens", "tokens"},
                                             {"answer_tokens_p90", "tokens"},
                                             {"answer_tokens_most", "tokens"},
                                             {"ttft", "ms", true},
                                             {"tpot", "ms", true},
                                             {"draft_tokens", "tokens", true}}};

void require_known(const std::string& fact, const std::string& unit, const SourcePosition& where) {
  const std::size_t at = fact.find('@');
  const auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const FactRule& r) {
    return fact.substr(0, at) == r.name && r.is_of_scenario == (at != std::string::npos);
  });
  if (rule == kRules.end()) {
    throw InputError(where, "fact", fact,
                     "prompt_tokens, answer_tokens, the same with _p90 or _most, ttft@SCENARIO, "
                     "tpot@SCENARIO or draft_tokens@SCENARIO");
  }
  if (unit != rule->unit) throw InputError(where, "unit", unit, rule->unit);
}

}  // namespace

ServingBenchmarks ServingBenchmarks::read(const std::string& path) {
  const CsvTable csv = CsvTable::read(path);
  ServingBenchmarks benchmarks;
  for (const CsvTable::Row& row : csv.rows()) {
    const SourcePosition where = csv.position(row);
    const std::string &benchmark = csv.cell(row, "benchmark"), &fact = csv.cell(row, "fact");
    require_known(fact, csv.cell(row, "unit"), where);
    const double value = parse_number(csv.cell(row, "value"), where, "value");
    if (value <= 0) throw InputError(where, "value", csv.cell(row, "value"), "above 0");
    if (!benchmarks.facts_.emplace(benchmark + " " + fact, Fact{value, where}).second) {
      throw InputError(where, "fact", fact, "each fact of a benchmark once");
    }
  }
  for (const CsvTable::Row& row : csv.rows()) {  // so that a bad length is found here
    const std::string& benchmark = csv.cell(row, "benchmark");
    if (!benchmarks.work(benchmark, "")) {
      throw InputError(csv.position(row), "benchmark", benchmark,
                       "one with prompt_tokens and answer_tokens");
    }
  }
  return benchmarks;
}

const ServingBenchmarks::Fact* ServingBenchmarks::find(const std::string& benchmark,
                                                       const std::string& fact) const {
  const auto found = facts_.find(benchmark + " " + fact);
  return found == facts_.end() ? nullptr : &found->second;
}

std::optional<workload::DemandClass> ServingBenchmarks::work(const std::string& benchmark,
                                                             const std::string& scenario) const {
  const Fact* prompt = find(benchmark, "prompt_tokens");
  const Fact* answer = find(benchmark, "answer_tokens");
  if (prompt == nullptr || answer == nullptr) return std::nullopt;
  const auto lengths = [&](const Fact& mean, const std::string& name) {
    const Fact* p90 = find(benchmark, name + "_p90");
    return workload::LengthDistribution::from_mean_and_p90(
        mean.value, p90 == nullptr ? std::nullopt : std::optional(p90->value),
        p90 == nullptr ? mean.where : p90->where, name, name + "_p90");
  };
  const auto limit = [&](const char* fact) {
    const Fact* ms = find(benchmark, fact + ("@" + scenario));
    return ms != nullptr ? ms->value * units::millisecond : parallel::kNoLimit;
  };
  workload::DemandClass work;
  work.name = benchmark;
  work.input = lengths(*prompt, "prompt_tokens");
  work.output = lengths(*answer, "answer_tokens");
  work.ttft = limit("ttft");
  work.tpot = limit("tpot");
  const Fact* drafts = find(benchmark, "draft_tokens@" + scenario);
  work.speculation.draft_tokens = drafts != nullptr ? drafts->value : 0;
  return work;
}

parallel::LongestRequest ServingBenchmarks::longest(const std::string& benchmark) const {
  parallel::LongestRequest out;
  const auto set = [&](const char* fact, int* tokens) {
    if (const Fact* most = find(benchmark, fact)) *tokens = static_cast<int>(most->value);
  };
  set("prompt_tokens_most", &out.prompt);
  set("answer_tokens_most", &out.answer);
  return out;
}

}  // namespace astrolabe::study
