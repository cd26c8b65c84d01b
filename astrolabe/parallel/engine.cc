#include "astrolabe/parallel/engine.h"

#include <array>

#include "astrolabe/base/csv.h"

namespace astrolabe::parallel {
namespace {

constexpr std::array<const char*, kFrameworks> kNames = {"trtllm", "vllm", "sglang"};
constexpr const char* kAny = "any";

struct ConstantRule {
  const char* name;
  const char* unit;
  double low, high;
};

constexpr std::array<ConstantRule, 31> kRules = {{{"kernel", "us", 0, 50},
                                                  {"prefill_slow_dense", "1", 0, 5},
                                                  {"prefill_slow_moe", "1", 0, 5},
                                                  {"sequence", "us", 0, 1000},
                                                  {"eager_layer", "ms", 0, 100},
                                                  {"prompt_layer", "ms", 0, 100},
                                                  {"host", "ms", 0, 100},
                                                  {"expert_rows", "rows", 1, 1024},
                                                  {"sampling", "us", 0, 1000},
                                                  {"first_token", "ms", 0, 10000},
                                                  {"first_token_per_request", "ms", 0, 1000},
                                                  {"pool_first_token", "ms", 0, 10000},
                                                  {"pool_first_token_per_request", "ms", 0, 1000},
                                                  {"runtime_reserve", "GiB", 0, 1000},
                                                  {"memory_share", "1", 0.1, 1},
                                                  {"kv_share", "1", 0.1, 1},
                                                  {"tpot_band", "1", 0, 5},
                                                  {"pool_tpot_band", "1", 0, 5},
                                                  {"ttft_band", "1", 0, 5},
                                                  {"pool_ttft_band", "1", 0, 5},
                                                  {"power_band", "1", 0, 5},
                                                  {"search_band", "1", 0, 5},
                                                  {"token_budget", "tokens", 1, 1e6},
                                                  {"answer_reserve", "1", 0, 1},
                                                  {"preempts", "1", 0, 1},
                                                  {"max_sequences", "sequences", 1, 1e6},
                                                  {"balance_wait", "iterations", 0, 1e6},
                                                  {"graph_capture", "GiB", 0, 100},
                                                  {"block_tokens", "tokens", 1, 4096},
                                                  {"two_batch_overlap", "1", 0, 1},
                                                  {"exchange_share", "1", 0, 0.9}}};

const ConstantRule* find_rule(std::string_view name) {
  for (const ConstantRule& rule : kRules) {
    if (name == rule.name) return &rule;
  }
  return nullptr;
}

std::string allowed_constants() {
  std::vector<std::string> names;
  for (const ConstantRule& rule : kRules) names.emplace_back(rule.name);
  return join_alternatives(names, names.size());
}

}  // namespace

const char* framework_name(Framework framework) {
  return kNames[static_cast<std::size_t>(framework)];
}

std::optional<Framework> find_framework(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<Framework>(i);
  }
  return std::nullopt;
}

Framework parse_framework(const std::string& name, const SourcePosition& where) {
  if (const auto found = find_framework(name)) return *found;
  const std::vector<std::string> known = {"trtllm", "vllm", "sglang"};
  const std::string nearest = nearest_word(name, known);
  throw InputError(where, where.file.empty() ? "--framework" : "frameworks",
                   name + (nearest.empty() ? "" : " (nearest known: " + nearest + ")"),
                   join_alternatives(known));
}

EngineTable EngineTable::read(const std::string& path) {
  const CsvTable csv = CsvTable::read(path);
  EngineTable table;
  table.path_ = path;
  for (const CsvTable::Row& row : csv.rows()) {
    const SourcePosition where = csv.position(row);
    const std::string& framework = csv.cell(row, "framework");
    if (framework != kAny && !find_framework(framework)) {
      throw InputError(where, "framework", framework, "any, trtllm, vllm or sglang");
    }
    const std::string& name = csv.cell(row, "constant");
    const ConstantRule* rule = find_rule(name);
    if (rule == nullptr) throw InputError(where, "constant", name, allowed_constants());
    if (csv.cell(row, "unit") != rule->unit) {
      throw InputError(where, "unit", csv.cell(row, "unit"), rule->unit);
    }
    const double value = parse_number(csv.cell(row, "value"), where, name);
    if (value < rule->low || value > rule->high) {
      throw InputError(where, name, csv.cell(row, "value"),
                       std::to_string(rule->low) + " to " + std::to_string(rule->high));
    }
    const Key key{framework, csv.cell(row, "version")};
    if (!table.constants_[name].emplace(key, Value{value, where}).second) {
      throw InputError(where, name, "a second row for the same engine", "one row");
    }
  }
  return table;
}

void EngineTable::set(std::string_view framework, std::string_view constant, double value) {
  ASTROLABE_DEMAND(find_rule(constant) != nullptr, std::string(constant));
  auto& values = constants_[std::string(constant)];
  if (framework == kAny) values.clear();
  values[{std::string(framework), ""}] = {value, {path_, 0}};
}

double EngineTable::get(std::string_view constant, Framework framework,
                        std::string_view version) const {
  const auto found = constants_.find(constant);
  if (found != constants_.end()) {
    const std::string name = framework_name(framework);
    for (const Key& key : {Key{name, std::string(version)}, Key{name, ""}, Key{kAny, ""}}) {
      const auto value = found->second.find(key);
      if (value != found->second.end()) return value->second.value;
    }
  }
  throw InputError({path_, 0}, std::string(constant), "no row",
                   std::string("a row of ") + framework_name(framework) + " or any");
}

bool EngineTable::has_version(Framework framework, std::string_view version) const {
  const Key key{framework_name(framework), std::string(version)};
  return std::any_of(constants_.begin(), constants_.end(),
                     [&](const auto& constant) { return constant.second.contains(key); });
}

Engine EngineTable::engine(Framework framework, std::string_view version) const {
  const auto value = [&](std::string_view name) { return get(name, framework, version); };
  Engine e;
  e.framework = framework;
  e.version = version;
  e.constants = {
      .kernel = value("kernel") * units::microsecond,
      .prefill_slow_dense = value("prefill_slow_dense"),
      .prefill_slow_moe = value("prefill_slow_moe"),
      .sequence = value("sequence") * units::microsecond,
      .eager_layer = value("eager_layer") * units::millisecond,
      .prompt_layer = value("prompt_layer") * units::millisecond,
      .host = value("host") * units::millisecond,
      .expert_rows = value("expert_rows"),
      .sampling = value("sampling") * units::microsecond,
      .first_token = value("first_token") * units::millisecond,
      .first_token_per_request = value("first_token_per_request") * units::millisecond,
      .pool_first_token = value("pool_first_token") * units::millisecond,
      .pool_first_token_per_request = value("pool_first_token_per_request") * units::millisecond,
      .runtime_reserve = value("runtime_reserve") * units::GiB,
      .graph_capture = value("graph_capture") * units::GiB,
      .memory_share = value("memory_share"),
      .kv_share = value("kv_share"),
      .tpot_band = value("tpot_band"),
      .pool_tpot_band = value("pool_tpot_band"),
      .ttft_band = value("ttft_band"),
      .pool_ttft_band = value("pool_ttft_band"),
      .power_band = value("power_band"),
      .search_band = value("search_band")};
  e.schedule = {.token_budget = value("token_budget"),
                .answer_reserve = value("answer_reserve"),
                .preempts = value("preempts"),
                .max_sequences = value("max_sequences"),
                .balance_wait = value("balance_wait"),
                .block_tokens = value("block_tokens"),
                .two_batch_overlap = value("two_batch_overlap"),
                .exchange_share = value("exchange_share")};
  return e;
}

}  // namespace astrolabe::parallel
