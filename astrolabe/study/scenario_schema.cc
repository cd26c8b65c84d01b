#include "astrolabe/study/scenario_schema.h"

namespace astrolabe::study {

namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
constexpr bool kRequired = true;

KeySpec text(const char* stem, bool is_required, const char* meaning) {
  KeySpec k;
  k.stem = stem;
  k.is_required = is_required;
  k.meaning = meaning;
  return k;
}

KeySpec choice(const char* stem, bool is_required, std::vector<std::string> choices,
               const char* fallback, const char* meaning) {
  KeySpec k = text(stem, is_required, meaning);
  k.choices = std::move(choices);
  k.fallback = fallback;
  return k;
}

KeySpec of_type(KeyType type, const char* stem, bool is_required, const char* fallback,
                const char* meaning) {
  KeySpec k = text(stem, is_required, meaning);
  k.type = type;
  k.fallback = fallback;
  return k;
}

// A number or path in `unit`; `fallback` "" means that the key is required.
KeySpec quantity(KeyType type, const char* stem, const char* unit, const char* fallback, double min,
                 double max, const char* meaning) {
  KeySpec k = of_type(type, stem, false, fallback, meaning);
  k.is_required = k.fallback.empty();
  k.unit = unit;
  k.min = min;
  k.max = max;
  return k;
}

KeySpec positive(KeySpec k) {
  k.min_is_allowed = false;
  return k;
}

KeySpec at_least_one(KeySpec k) {
  k.min = 1;
  return k;
}

KeySpec percent(const char* stem, const char* fallback, const char* meaning) {
  return quantity(KeyType::kNumber, stem, "percent", fallback, 0, 100, meaning);
}

TableSpec letter_of_intent_table() {
  return {
      "letter_of_intent",
      false,
      false,
      "Adds what 900,000 wafers mean: the letter of October 2025 read per month, per year and in "
      "all.",
      {text("line", kRequired, "DRAM supplier of whose expansion modules new fabs are"),
       text("site", kRequired, "Listed site whose PUE turns IT power into facility power"),
       at_least_one(of_type(KeyType::kInteger, "modules_per_fab", kRequired, "",
                            "Expansion modules of one fab")),
       at_least_one(of_type(KeyType::kInteger, "fabs_on_connection", kRequired, "",
                            "Fabs that the line's connection_power stands for")),
       of_type(KeyType::kQuarter, "from", kRequired, "",
               "First quarter over which wafers in all are spread evenly"),
       of_type(KeyType::kQuarter, "until", kRequired, "", "Last quarter of the same"),
       of_type(KeyType::kQuarter, "full_output", kRequired, "",
               "Quarter in which new fabs must run in full")}};
}

std::vector<TableSpec> general_tables() {
  return {
      {"", false, true, "a scenario file", {}},
      {"scenario",
       false,
       true,
       "What is asked, and for which years.",
       {text("name", kRequired, "Short name: letters, digits, underscores"),
        text("description", false, "The question in words"),
        of_type(KeyType::kQuarter, "start", kRequired, "", "First quarter of the horizon"),
        of_type(KeyType::kQuarter, "end", kRequired, "", "Last quarter of the horizon, inclusive"),
        choice("objective", false, {"least_cost", "most_served"}, "least_cost",
               "Least present cost, unserved demand priced; or most tokens served"),
        of_type(KeyType::kInteger, "seed", false, "0", "Seed of every random draw of the study"),
        of_type(KeyType::kTextList, "notes", false, "none",
                "Assumptions in words, shown in the report")}},
      {"finance",
       false,
       false,
       "Who pays for what.",
       {percent(
            "fab_capex_charged", "100",
            "Share of the capital cost of fab and packaging modules that this programme carries"),
        choice("funds_cover", false, {"capex", "capex_and_opex"}, "capex",
               "What the funds pay: investment alone, with running costs paid from revenue outside "
               "the model, or electricity and operations too")}},
      {"fleet",
       false,
       false,
       "How the accelerators are run.",
       {positive(percent("availability", "100", "Share of the time that an accelerator serves")),
        positive(percent("delivered_throughput", "100",
                         "Share of the modelled throughput that a fleet reaches in service")),
        percent("idle_power", "0",
                "Power of an accelerator that serves nothing, over its provisioned IT power"),
        of_type(
            KeyType::kTextList, "frameworks", false, "all three",
            "Serving software, of trtllm, vllm and sglang: the best that runs on an accelerator; "
            "vllm where none of them does"),
        quantity(KeyType::kNumber, "software_gain", "percent_per_year", "0", 0, 1000,
                 "What software gains a year on hardware that is delivered; kernels end at their "
                 "rooflines"),
        quantity(KeyType::kInteger, "years_of_software_gain", "", "3", 1, 10,
                 "Years from the first delivery for which it does")}},
      {"wafers",
       false,
       false,
       "How wafers yield, and a ceiling on DRAM wafer starts, as a letter of intent gives.",
       {choice("yield_model", false, {"poisson", "murphy", "negative_binomial", "seeds"}, "poisson",
               "How defects limit the yield of dies (docs/theory/supply.md)"),
        positive(quantity(KeyType::kNumber, "cluster_alpha", "", "3", 0, 1e3,
                          "Clustering of defects, read by the negative binomial model alone")),
        choice("yields", false, {"learning", "mature"}, "learning",
               "Yields that improve from the catalogue's start values, or the mature ones at once"),
        quantity(KeyType::kPath, "ceiling", "kwafers_per_month", "no ceiling", 0, kUnlimited,
                 "Most DRAM wafer starts of all suppliers together, HBM and host memory")}},
      letter_of_intent_table(),
  };
}

TableSpec growth_table() {
  return {"demand.growth",
          false,
          false,
          "A law in place of demand_*: D0 (1+g)^t, or with a saturation S the logistic curve "
          "S / (1 + (S/D0 - 1) (1+g)^-t), t in years from the start.",
          {positive(quantity(KeyType::kNumber, "start", "ttokens_per_day", "", 0, kUnlimited,
                             "D0: demand in the first quarter")),
           quantity(KeyType::kNumber, "growth", "percent_per_year", "", -99, 10000,
                    "g: growth a year while far below the saturation"),
           positive(quantity(KeyType::kNumber, "saturation", "ttokens_per_day", "none", 0,
                             kUnlimited, "S: level that demand never passes; above start"))}};
}

std::vector<TableSpec> demand_tables() {
  return {
      {"demand",
       true,
       false,
       "A class of inference work: one model at one service level.",
       {text("name", kRequired, "Name of the class"),
        text("model", kRequired, "Entity of data/models.csv"),
        choice("precision", kRequired, {"bf16", "fp8", "fp4"}, "", "Number format of the weights"),
        positive(quantity(KeyType::kNumber, "input_tokens", "", "", 0, 1e8,
                          "Mean input tokens of a request")),
        positive(quantity(KeyType::kNumber, "output_tokens", "", "", 0, 1e8,
                          "Mean output tokens of a request, reasoning included")),
        positive(quantity(
            KeyType::kNumber, "input_tokens_p90", "", "not given", 0, 1e8,
            "90th percentile of the input tokens: between the mean and 2.27 times it (lognormal)")),
        positive(quantity(KeyType::kNumber, "output_tokens_p90", "", "not given", 0, 1e8,
                          "90th percentile of the output tokens, likewise")),
        percent("cached_input", "0", "Input tokens found in a prefix cache"),
        quantity(KeyType::kNumber, "draft_tokens", "", "0", 0, 64,
                 "Drafts that a step verifies for each sequence, by multi-token prediction"),
        quantity(KeyType::kNumber, "acceptance_length", "", "1", 1, 65,
                 "Tokens that such a step gives, mean: at most drafts + 1"),
        positive(quantity(KeyType::kNumber, "ttft", "ms", "", 0, kUnlimited,
                          "TTFT that the service level allows")),
        positive(quantity(KeyType::kNumber, "tpot", "ms", "", 0, kUnlimited,
                          "TPOT that the service level allows")),
        quantity(KeyType::kNumber, "peak_to_average", "", "1", 1, 1000,
                 "Peak over mean demand; capacity is built for the peak"),
        quantity(KeyType::kPath, "demand", "ttokens_per_day", "[demand.growth]", 0, kUnlimited,
                 "Processed tokens (input and output) a day"),
        quantity(KeyType::kShares, "in_country", "percent", "none", 0, 100,
                 "Least share of the served tokens that a country must hold: { KR = 2 }"),
        quantity(KeyType::kNumber, "value_unserved", "usd_per_mtokens",
                 "0; required unless must_serve", 0, kUnlimited, "Lost per token not served"),
        of_type(KeyType::kBool, "must_serve", false, "false", "Unserved demand is not allowed")}},
      growth_table(),
      {"training",
       true,
       false,
       "A training run with a deadline.",
       {text("name", kRequired, "Name of the run"),
        text("model", kRequired, "Entity of data/models.csv"),
        choice("precision", kRequired, {"bf16", "fp8", "fp4"}, "",
               "Number format of the arithmetic"),
        positive(quantity(KeyType::kNumber, "training", "ttokens", "", 0, kUnlimited,
                          "Tokens of the whole run")),
        of_type(KeyType::kQuarter, "start", kRequired, "", "First quarter it may run in"),
        of_type(KeyType::kQuarter, "deadline", kRequired, "", "Last quarter it may run in"),
        quantity(KeyType::kNumber, "peak_to_average", "", "1.5", 1, 1000,
                 "Tokens of its fastest quarter over the mean from start to deadline"),
        quantity(KeyType::kNumber, "value_unserved", "usd_per_mtokens",
                 "0; required unless must_serve", 0, kUnlimited, "Lost per token not trained"),
        of_type(KeyType::kBool, "must_serve", false, "false", "The run must be finished in time")}},
  };
}

std::vector<TableSpec> supply_tables() {
  return {
      {"accelerator",
       true,
       true,
       "A type that may be bought or that stands already.",
       {text("name", kRequired, "Entity of data/accelerators.csv"),
        of_type(KeyType::kQuarter, "first_delivery", false, "launch of the catalogue",
                "First quarter of deliveries"),
        of_type(KeyType::kQuarter, "last_order", false, "last_order of the catalogue",
                "Last quarter of orders"),
        text("memory", false,
             "Memory of data/memory/products.csv, or own, that is simulated for its capability, in "
             "place of measured kernels; capacity, stacks and price stay the catalogue's")}},
      {"supplier",
       true,
       true,
       "A line of wafers: DRAM, logic or packaging.",
       {text("line", kRequired, "Entity of data/dram_lines, process_nodes or packaging.csv"),
        quantity(KeyType::kPath, "share", "percent", "", 0, 100,
                 "Share of the line's capacity that this programme can have"),
        of_type(KeyType::kBool, "may_expand", false, "true", "Expansion modules may be ordered"),
        percent("hbm_share_of_modules", "100", "Wafers of a DRAM module that can become HBM"),
        of_type(KeyType::kInteger, "module_limit", false, "module_limit of the catalogue",
                "Most modules over the horizon"),
        of_type(KeyType::kTextList, "needs", false, "none",
                "Lines it depends on; recorded, and refused when they form a cycle; not a "
                "constraint of the plan")}},
  };
}

std::vector<TableSpec> place_tables() {
  return {
      {"site",
       true,
       true,
       "A place with power where accelerators may stand.",
       {text("name", kRequired, "Entity of data/sites.csv"),
        of_type(KeyType::kTextList, "accelerators", false, "all", "Types that may stand there"),
        quantity(KeyType::kPath, "renewable_share", "percent", "none", 0, 100,
                 "Least share of its energy under renewable contracts"),
        quantity(KeyType::kPath, "fixed_load", "mw", "none", 0, kUnlimited,
                 "Facility power of other users behind the same connection")}},
      {"site.requirement",
       true,
       false,
       "IT power that must stand there.",
       {quantity(KeyType::kNumber, "it_power", "mw", "", 0, kUnlimited, "At least this IT power"),
        of_type(KeyType::kQuarter, "from", kRequired, "", "From this quarter on")}},
  };
}

std::vector<TableSpec> holding_tables() {
  return {
      {"vendor",
       true,
       false,
       "The most that a vendor delivers to this programme. A vendor without one is not limited.",
       {text("name", kRequired, "Vendor of a listed accelerator"),
        quantity(KeyType::kPath, "it_power", "mw", "", 0, kUnlimited,
                 "IT power of its accelerators delivered since the start, by quarter")}},
      {"existing",
       true,
       false,
       "Accelerators that stand when the horizon starts: a count, or their IT power.",
       {text("site", kRequired, "A listed site"),
        text("accelerator", kRequired, "A listed accelerator"),
        positive(
            quantity(KeyType::kNumber, "accelerators", "", "from it_power", 0, 1e9, "How many")),
        positive(quantity(KeyType::kNumber, "it_power", "mw", "from accelerators", 0, kUnlimited,
                          "Their IT power; the count is this over the catalogue's it_power")),
        of_type(KeyType::kQuarter, "installed", kRequired, "", "When, for their age")}},
      {"fund",
       true,
       false,
       "A source of money. Without any, money is not limited.",
       {text("name", kRequired, "Entity of data/funds.csv")}},
      {"energy",
       true,
       false,
       "A renewable source whose energy can be contracted.",
       {text("name", kRequired, "Entity of data/energy.csv")}},
      {"commitment",
       true,
       false,
       "Accelerators promised to a vendor.",
       {text("vendor", kRequired, "Vendor of a listed accelerator"),
        positive(quantity(KeyType::kNumber, "it_power", "mw", "", 0, kUnlimited,
                          "IT power delivered at least")),
        of_type(KeyType::kQuarter, "by", kRequired, "", "By the end of this quarter"),
        of_type(KeyType::kBool, "firm", false, "true",
                "true: a constraint; false: a letter of intent, only reported against")}},
      {"fact",
       true,
       false,
       "What if: the scenario's own value for a fact of the catalogue.",
       {text("key", kRequired, "entity.attribute, or entity.attribute@2028Q1 for dated facts"),
        quantity(KeyType::kNumber, "value", "", "", -kUnlimited, kUnlimited, "The value"),
        text("unit", kRequired, "Its unit, as in data/*.csv; 1 for plain numbers"),
        text("why", kRequired, "Reason, shown in the report")}},
  };
}

}  // namespace

const std::vector<TableSpec>& scenario_tables() {
  static const std::vector<TableSpec> all = [] {
    std::vector<TableSpec> tables = general_tables();
    for (const auto& part : {demand_tables(), supply_tables(), place_tables(), holding_tables()}) {
      tables.insert(tables.end(), part.begin(), part.end());
    }
    return tables;
  }();
  return all;
}

}  // namespace astrolabe::study
