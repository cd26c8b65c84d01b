#include <fmt/format.h>

#include <string>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/unit.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/deepseek_day.h"
#include "astrolabe/study/validation_comparison.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::study {

namespace {

constexpr const char* kDay = "deepseek_day";  // entity of data/demand.csv, folder of validation/
constexpr double kTolerance = 0.3;

// The deployment of the day: columns as in data/, of one entity.
class DeploymentChecks {
 public:
  explicit DeploymentChecks(const std::string& cases_dir)
      : table_(CsvTable::read(cases_dir + "/" + kDay + "/deployment.csv")) {}

  double base(const std::string& attribute, const Dim& dim) const {
    const CsvTable::Row& row = find(attribute);
    const SourcePosition where = table_.position(row);
    const std::string& unit_text = table_.cell(row, "unit");
    const auto unit = parse_unit(unit_text);
    if (!unit || !(unit->dim == dim)) {
      throw InputError(where, attribute, "unit " + unit_text, dim_text(dim));
    }
    return parse_number(table_.cell(row, "value"), where, attribute) * unit->factor;
  }
  int count(const std::string& attribute) const { return static_cast<int>(base(attribute, {})); }
  double tokens(const std::string& attribute) const { return base(attribute, Tokens::kDim); }
  TokenRate rate(const std::string& attribute) const {
    return TokenRate::from_base(base(attribute, TokenRate::kDim));
  }
  const std::string& text(const std::string& attribute, const char* column) const {
    return table_.cell(find(attribute), column);
  }

 private:
  const CsvTable::Row& find(const std::string& attribute) const {
    for (const CsvTable::Row& row : table_.rows()) {
      if (table_.cell(row, "attribute") == attribute) return row;
    }
    throw InputError({table_.file(), 0}, attribute, "no row", "one row for each attribute");
  }

  CsvTable table_;
};

parallel::ProductionDay production_day(const catalog::Catalog& catalog, const DeploymentChecks& d) {
  parallel::ProductionDay day;
  const TokenRate input = catalog.get<TokenRate::kDim>(kDay, "input_tokens");
  day.span = 24.0 * units::hour;
  day.input = input * day.span;
  day.output = catalog.get<TokenRate::kDim>(kDay, "output_tokens") * day.span;
  day.cached_input = catalog.get<TokenRate::kDim>(kDay, "cached_input_tokens") / input;
  day.prompt_tokens = d.tokens("prompt");
  day.decode_context = d.tokens("decode_context");
  day.tpot = units::token / catalog.get<TokenRate::kDim>(kDay, "output_speed");
  const int prefill = d.count("prefill_expert_parallelism");
  const int decode = d.count("decode_expert_parallelism");
  const int copies = d.count("redundant_experts");
  day.prefill.shard = {.data = prefill, .expert = prefill, .redundant_experts = copies};
  day.decode.shard = {.data = decode, .expert = decode, .redundant_experts = copies};
  day.accelerators_per_node = static_cast<int>(catalog.get_number(kDay, "accelerators_per_node"));
  day.prefill_tokens_per_rank = d.tokens("prefill_iteration");
  return day;
}

parallel::ProductionDayResult modelled(const catalog::Catalog& catalog,
                                       const parallel::ProductionDay& day) {
  const parallel::KernelLibrary library(catalog, catalog.data_dir());
  // The engine of the day is its operator's own; SGLang runs the same exchange kernels (DeepEP).
  const parallel::ServingChip chip = library.chip("h800_sxm", parallel::Framework::kSglang);
  const workload::ModelArchitecture model = workload::read_model(catalog, "deepseek_r1");
  workload::Precision precision = parallel::checkpoint_precision(
      "fp8", model, chip.engine.framework, chip.has_fp4(), {kDay, 0});
  precision.kv_cache = workload::NumberFormat::kBf16;  // as the engine of the report
  return parallel::production_day_nodes(chip, model, precision, day);
}

ValidationRow published(double nodes, const std::string& fact, const std::string& source,
                        const std::string& locator) {
  ValidationRow row;
  row.unit = "nodes";
  row.theirs = nodes;
  row.fact = fact;
  row.source = source;
  row.locator = locator;
  return row;
}

std::string parts_text(const parallel::StepParts& p, Duration step) {
  const auto ms = [](Duration d) { return d.in(units::millisecond); };
  return fmt::format(
      "{:.1f} ms: attention {:.1f}, products {:.1f}, experts {:.1f}, exchange {:.1f}, small "
      "kernels "
      "{:.1f}, head {:.1f}, in sum {:.1f} before one half of the batch hides behind the other",
      ms(step), ms(p.attention), ms(p.products), ms(p.experts), ms(p.exchange), ms(p.launches),
      ms(p.head), ms(p.sum()));
}

}  // namespace

ValidationCase validate_deepseek_day(const catalog::Catalog& catalog,
                                     const std::string& cases_dir) {
  Comparison c(catalog, kDay,
               "Nodes that the serving model needs for DeepSeek's published day of traffic: "
               "DeepSeek-R1 on H800, in the published layouts at the published output speed",
               kTolerance);
  const DeploymentChecks deployment(cases_dir);
  const parallel::ProductionDay day = production_day(catalog, deployment);
  const parallel::ProductionDayResult r = modelled(catalog, day);
  if (!r.is_ok) {
    c.not_computed(r.reason);
    return c.finish();
  }
  c.of(
      "nodes", Evidence::kIndependent,
      fmt::format("ours is a fleet without idle time, theirs follows the load of a day by the hour "
                  "(278 nodes at the peak); prompt length and tokens in flight are assumptions. "
                  "Nothing was fitted. An iteration of {:.0f} prompts a rank takes {}. A step of "
                  "{:.0f} sequences a rank takes {}",
                  r.prefill_prompts, parts_text(r.prefill_parts, r.prefill_iteration),
                  r.decode_batch, parts_text(r.decode_parts, r.decode_step)));
  const auto implied = [&](Tokens tokens, const char* rate) {
    return published(tokens / day.span / deployment.rate(rate), std::string(kDay) + "." + rate,
                     deployment.text(rate, "source"),
                     "tokens of the day over the published rate of a node");
  };
  c.add("prefill", r.prefill_nodes, implied(day.input, "prefill_rate"));
  c.add("decode", r.decode_nodes, implied(day.output, "decode_rate"));
  const catalog::Fact* total = catalog.find_fact(kDay, "average_nodes");
  ASTROLABE_DEMAND(total != nullptr && total->value, "deepseek_day.average_nodes");
  c.add("prefill and decode", r.nodes(),
        published(*total->value, total->key(), total->source, total->locator));
  return c.finish();
}

}  // namespace astrolabe::study
