#pragma once

// The one input of a study: a question, as a commented TOML file (scenarios/*.toml). read_scenario
// checks everything that can be checked without computing, each failure one InputError with
// file:line, key, what was given and what is allowed. Names of entities are checked against the
// catalogue. Quantities carry their unit in the key (it_power_mw, demand_ttokens_per_day); a key
// with another unit of the same dimension is accepted (it_power_gw), another dimension is an error.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"
#include "astrolabe/base/quarter.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/engine.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::study {

// A value by quarter: linear between points, constant outside. Unit: base units of its key.
struct Path {
  std::vector<std::pair<Quarter, double>> points;
  bool is_empty() const { return points.empty(); }
  double at(Quarter q) const;  // 0 for an empty path
};

// `position` of an item is that of its table; key_lines are the lines of its keys without unit.
using KeyLines = std::map<std::string, int>;

// Where `key` (without unit) of an item stands, or its table if it does not.
template <class Item>
SourcePosition key_position(const Item& item, const std::string& key) {
  const auto at = item.key_lines.find(key);
  return {item.position.file, at == item.key_lines.end() ? item.position.line : at->second};
}

// [[demand]]: a class of inference work.
struct DemandInput {
  std::string name, model, precision;          // precision: "bf16" | "fp8" | "fp4"
  double input_tokens = 0, output_tokens = 0;  // mean lengths of a request
  std::optional<double> input_tokens_p90, output_tokens_p90;
  double cached_input = 0;  // share of input tokens found in a prefix cache
  workload::Speculation speculation;
  Duration ttft, tpot;  // service level
  double peak_to_average = 1;
  Path tokens_per_day;  // processed tokens (input + output) a day
  TokenPrice value_unserved;
  bool must_serve = false;
  std::map<std::string, double> in_country;  // country -> least share of served tokens
  SourcePosition position;
  KeyLines key_lines;
};

// [[training]]: a training run with a deadline.
struct TrainingInput {
  std::string name, model, precision;
  Tokens tokens;
  Quarter start, deadline;
  double peak_to_average = 1.5;
  TokenPrice value_unserved;
  bool must_serve = false;
  SourcePosition position;
  KeyLines key_lines;
};

// [[accelerator]], [[supplier]], [[site]], [[fund]], [[energy]]: entities of the catalogue that
// take part.
struct AcceleratorInput {
  std::string name;
  std::optional<Quarter> first_delivery, last_order;  // override the catalogue
  std::string memory;  // simulated for its capability (parallel::KernelLibrary); empty: none
  SourcePosition position;
  KeyLines key_lines;
};
struct SupplierInput {
  std::string line;  // a dram_lines, process_nodes or packaging entity
  Path share;        // of its capacity that this programme can have
  bool may_expand = true;
  double hbm_share_of_modules = 1;
  std::optional<double> module_limit;
  std::vector<std::string> needs;  // lines it depends on: free of cycles, not a constraint
  SourcePosition position;
  KeyLines key_lines;
};
struct SiteInput {
  std::string name;
  std::vector<std::string> accelerators;  // allowed types; empty = all
  Path renewable_share;                   // empty = none asked
  Path fixed_load;                        // other load behind the same connection, W
  struct Requirement {
    Power it_power;
    Quarter from;
    SourcePosition position;
  };
  std::vector<Requirement> requirements;  // [[site.requirement]]
  SourcePosition position;
  KeyLines key_lines;
};
struct ExistingInput {  // [[existing]]
  std::string site, accelerator;
  double accelerators = 0;  // read_scenario derives it where it_power was given
  std::optional<Power> it_power;
  Quarter installed;
  SourcePosition position;
  KeyLines key_lines;
};
struct FundInput {
  std::string name;
  SourcePosition position;
  KeyLines key_lines;
};
struct EnergyInput {
  std::string name;
  SourcePosition position;
  KeyLines key_lines;
};
struct CommitmentInput {  // [[commitment]]
  std::string vendor;
  Power it_power;  // delivered at least, summed from the start
  Quarter by;
  SourcePosition position;
  KeyLines key_lines;
};

// [letter_of_intent]: what is needed to read a letter over wafers as fabs and sites.
struct LetterInput {
  std::string line, site;                           // of new modules; of the PUE
  int modules_per_fab = 0, fabs_on_connection = 0;  // of the line's connection_power
  Quarter from, until;                              // over which "in all" is spread evenly
  Quarter full_output;                              // by when new fabs must run in full
};

// [[vendor]]: the most that can be delivered, cumulative.
struct VendorInput {
  std::string name;
  Path it_power;  // W
  SourcePosition position;
  KeyLines key_lines;
};

enum class ObjectiveInput { kLeastCost, kMostServed };

struct Scenario {
  std::string file, hash;  // of its text
  std::string name, description;
  Quarter start, end;  // both inclusive
  ObjectiveInput objective = ObjectiveInput::kLeastCost;
  std::uint64_t seed = 0;
  double fab_capex_charged = 1;  // [finance]
  bool funds_cover_running_costs = false;
  double availability = 1;  // [fleet]
  double delivered_throughput = 1;
  double idle_power_share = 0;
  std::vector<parallel::Framework> frameworks = {  // the best of those that a chip runs is taken
      parallel::Framework::kTrtllm, parallel::Framework::kVllm, parallel::Framework::kSglang};
  double software_gain = 0;  // a year, on fixed hardware
  int software_gain_years = 3;
  std::string yield_model = "poisson";  // [wafers]
  double cluster_alpha = 3;
  bool has_yield_learning = true;
  std::optional<Path> dram_ceiling;  // [wafers] ceiling, wafers per second
  std::optional<LetterInput> letter;
  std::vector<DemandInput> demand;
  std::vector<TrainingInput> training;
  std::vector<AcceleratorInput> accelerators;
  std::vector<SupplierInput> suppliers;
  std::vector<SiteInput> sites;
  std::vector<ExistingInput> existing;
  std::vector<FundInput> funds;
  std::vector<EnergyInput> energy;
  std::vector<VendorInput> vendors;
  std::vector<CommitmentInput> commitments;  // firm: constraints
  std::vector<CommitmentInput> intents;      // firm = false: only reported against
  std::vector<catalog::Override> overrides;  // [[fact]] key, value, unit, why
  std::vector<std::string> notes;            // assumptions, shown in the report
};

inline constexpr std::size_t kMaxScenarioBytes = 4u << 20;
inline constexpr int kMaxQuarters = 80;

// The text of a scenario, checked as far as it can be without the catalogue.
Scenario parse_scenario(const std::string& text, const std::string& file);

// Names against the catalogue and against each other (scenario_check.cc); turns existing IT power
// into counts.
void check_scenario(Scenario* scenario, const catalog::Catalog& catalog);

// Reads the file and the catalogue it asks for. Throws InputError.
// The catalogue is loaded with the scenario's overrides applied.
struct ScenarioAndCatalog {
  Scenario scenario;
  catalog::Catalog catalog;
};
ScenarioAndCatalog read_scenario(const std::string& path, const std::string& data_dir);

}  // namespace astrolabe::study
