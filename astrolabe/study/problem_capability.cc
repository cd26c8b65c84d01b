#include <fmt/format.h>

#include <algorithm>

#include "astrolabe/parallel/capability.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/training_capability.h"
#include "astrolabe/study/problem_parts.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::study {

namespace {

// Published training MFUs, which training_capability rests on, were measured near this length
// (Llama 3: 8,192 tokens).
constexpr double kTrainingSequence = 8192;

// Software of measured chips; the rest run what is written for any.
constexpr parallel::Framework kMeasuredFramework = parallel::Framework::kTrtllm,
                              kAnyFramework = parallel::Framework::kVllm;

using Chips = std::vector<parallel::ServingChip>;

workload::DemandClass demand_class(const DemandInput& input) {
  workload::DemandClass work;
  work.name = input.name;
  work.input = workload::LengthDistribution::from_mean_and_p90(
      input.input_tokens, input.input_tokens_p90, input.position, "input_tokens");
  work.output = workload::LengthDistribution::from_mean_and_p90(
      input.output_tokens, input.output_tokens_p90, input.position, "output_tokens");
  work.cached_input = input.cached_input;
  work.ttft = input.ttft;
  work.tpot = input.tpot;
  return work;
}

Table capability_table() {
  return {"capability",
          "What one accelerator delivers",
          {{"class", "Class of work", {}},
           {"model", "Model", {}},
           {"accelerator", "Accelerator", {}},
           {"point", "Operating point", {}},
           {"layout", "Layout", {}},
           {"batch", "Decode batch on a rank", {}},
           {"tokens_per_s", "Processed tokens per accelerator", {}},
           {"output_tokens_per_s", "Output tokens per accelerator", {}},
           {"ttft_ms", "TTFT", {}},
           {"tpot_ms", "TPOT", {}},
           {"it_power_w", "IT power while serving", {}},
           {"hbm_used_gb", "HBM in use", {}},
           {"hbm_bandwidth_gb_per_s", "HBM bandwidth in use", {}},
           {"mfu_percent", "Model FLOP utilisation", {}},
           {"binds", "What binds", {}}},
          {}};
}

std::string layout_text(const parallel::DeploymentPoint& point) {
  if (!point.is_pools) return "one pool: " + point.layout.text();
  return fmt::format("prefill {} ({:.0f} %), decode {}", point.prefill_layout.text(),
                     100 * point.prefill_share, point.layout.text());
}

// A row of the table and an operating point of the plan.
void add_point(const parallel::Capability& c, const char* name, const parallel::OperatingPoint& o,
               double delivered, planning::CapacityNeed* need, Table* table) {
  const TokenRate per_second = units::token / units::second;
  const parallel::DeploymentPoint& point = o.point;
  table->add_row({c.work, c.model, c.accelerator, std::string(name), layout_text(point),
                  point.state.sequences, o.processed_tokens().in(per_second),
                  point.output_tokens.in(per_second), point.ttft.in(units::millisecond),
                  point.tpot.in(units::millisecond), point.work.it_power.in(units::watt),
                  o.hbm_used.in(units::GB), point.work.hbm_bandwidth.in(units::GB / units::second),
                  100 * o.mfu,
                  std::string("batch: ") + parallel::batch_limit_name(point.limit) + "; " +
                      parallel::kernel_source_name(c.source)});
  need->points.push_back({name, delivered * o.processed_tokens(), point.work.it_power});
}

// The formats of a published checkpoint in this precision, in what the chip can multiply.
workload::Precision precision_on(const DemandInput& input, const workload::ModelArchitecture& model,
                                 const parallel::ServingChip& chip) {
  const bool is_word = input.precision == "bf16" || input.precision == "fp8" ||
                       input.precision == "fp4" || input.precision == "int4";
  const workload::Precision wanted =
      is_word ? parallel::checkpoint_precision(input.precision, model, chip.engine.framework,
                                               chip.has_fp4(), input.position)
              : workload::parse_precision(input.precision, input.position);
  return chip.accelerator.executed_precision(wanted);
}

void add_inference(const DemandInput& input, std::size_t work_index,
                   const catalog::Catalog& catalog, const Chips& chips, double delivered,
                   BuiltProblem* built) {
  const workload::ModelArchitecture model = workload::read_model(catalog, input.model);
  for (std::size_t a = 0; a < chips.size(); ++a) {
    const parallel::ServingChip& chip = chips[a];
    const parallel::ServingRequest request{
        model, precision_on(input, model, chip), demand_class(input), {}};
    const parallel::Capability c = parallel::find_capability(chip, request);
    planning::CapacityNeed need{
        planning::ClassId(work_index), planning::AcceleratorId(a), {}, c.reason};
    if (c.is_ok()) {
      add_point(c, "throughput", c.fastest, delivered, &need, &built->capability);
      if (c.thriftiest) {
        add_point(c, "energy", *c.thriftiest, delivered, &need, &built->capability);
      }
    } else {
      built->capability.add_row({input.name, input.model, chip.accelerator.name,
                                 std::string("none"), c.reason, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                                 0.0, 0.0, std::string()});
    }
    built->problem.needs.push_back(std::move(need));
  }
}

void add_training(const TrainingInput& input, std::size_t work_index,
                  const catalog::Catalog& catalog, const Chips& chips, BuiltProblem* built) {
  const workload::ModelArchitecture model = workload::read_model(catalog, input.model);
  const workload::Precision precision = workload::parse_precision(input.precision, input.position);
  for (std::size_t a = 0; a < chips.size(); ++a) {
    const parallel::TrainingCapability c = parallel::training_capability(
        model, precision, chips[a].accelerator, chips[a].derating, kTrainingSequence);
    planning::CapacityNeed need{
        planning::ClassId(work_index), planning::AcceleratorId(a), {}, c.reason};
    if (c.is_ok) need.points.push_back({"training", c.tokens, c.it_power});
    built->capability.add_row({input.name, input.model, chips[a].accelerator.name,
                               std::string(c.is_ok ? "training" : "none"), c.reason, 0.0,
                               c.tokens.in(units::token / units::second), 0.0, 0.0, 0.0,
                               c.it_power.in(units::watt), 0.0, 0.0, 100 * c.mfu,
                               std::string("published MFU")});
    built->problem.needs.push_back(std::move(need));
  }
}

// What the scenario has simulated for the accelerator.
std::string memory_of(const Scenario& scenario, const std::string& accelerator) {
  const auto input = std::find_if(scenario.accelerators.begin(), scenario.accelerators.end(),
                                  [&](const AcceleratorInput& a) { return a.name == accelerator; });
  return input == scenario.accelerators.end() ? "" : input->memory;
}

}  // namespace

void add_capability(const Scenario& scenario, const catalog::Catalog& catalog,
                    BuiltProblem* built) {
  built->capability = capability_table();
  const parallel::KernelLibrary library(catalog, catalog.data_dir());
  Chips chips;
  for (const planning::AcceleratorType& type : built->problem.accelerators) {
    const bool is_measured = library.is_measured(type.name);
    chips.push_back(library.chip(type.name, is_measured ? kMeasuredFramework : kAnyFramework, "",
                                 memory_of(scenario, type.name)));
    for (const char* attribute : {"hbm_bandwidth", "hbm_capacity", "dense_bf16", "dense_fp8",
                                  "dense_fp4", "scale_up_domain", "it_power"}) {
      if (catalog.has_value(type.name, attribute)) {
        built->capability.columns[6].facts.push_back(type.name + "." + attribute);
      }
    }
  }
  std::size_t work = 0;
  for (const DemandInput& input : scenario.demand) {
    add_inference(input, work++, catalog, chips, scenario.delivered_throughput, built);
  }
  for (const TrainingInput& input : scenario.training) {
    add_training(input, work++, catalog, chips, built);
  }
}

}  // namespace astrolabe::study
