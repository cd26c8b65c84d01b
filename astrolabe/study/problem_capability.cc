#include <fmt/format.h>

#include "astrolabe/device/accelerator.h"
#include "astrolabe/device/derating.h"
#include "astrolabe/parallel/capability.h"
#include "astrolabe/parallel/training_capability.h"
#include "astrolabe/study/problem_parts.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::study {

namespace {

// Published training MFUs, which training_capability rests on, were measured near this length
// (Llama 3: 8,192 tokens).
constexpr double kTrainingSequence = 8192;

struct Chip {
  device::Accelerator accelerator;
  device::Derating derating;
};

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
          "What one accelerator delivers (derated roofline)",
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

std::string layout_text(const parallel::OperatingPoint& point) {
  if (!point.is_disaggregated) return "one pool: " + point.decode_layout.text();
  return fmt::format("prefill {} ({:.0f} %), decode {}", point.prefill_layout.text(),
                     100 * point.prefill_share, point.decode_layout.text());
}

// A second operating point costs the plan columns; one that saves less than this does not pay.
constexpr double kLeastSaving = 0.15;

bool saves_enough(const parallel::OperatingPoint& point, const parallel::OperatingPoint& best) {
  return point.energy_per_token < (1 - kLeastSaving) * best.energy_per_token;
}

void add_row(const parallel::Capability& c, const parallel::OperatingPoint& point, Table* table) {
  const TokenRate per_second = units::token / units::second;
  table->add_row({c.work, c.model, c.accelerator, point.name, layout_text(point),
                  point.decode_batch, point.processed_tokens().in(per_second),
                  point.output_tokens.in(per_second), point.ttft.in(units::millisecond),
                  point.tpot.in(units::millisecond), point.it_power.in(units::watt),
                  point.hbm_used.in(units::GB), point.hbm_bandwidth.in(units::GB / units::second),
                  100 * point.mfu,
                  std::string(device::resource_name(point.bound)) +
                      "; batch: " + parallel::batch_limit_name(point.limit)});
}

void add_inference(const DemandInput& input, std::size_t work_index,
                   const catalog::Catalog& catalog, const std::vector<Chip>& chips,
                   double delivered, BuiltProblem* built) {
  const workload::ModelArchitecture model = workload::read_model(catalog, input.model);
  const workload::Precision precision = workload::parse_precision(input.precision, input.position);
  const workload::DemandClass work = demand_class(input);
  for (std::size_t a = 0; a < chips.size(); ++a) {
    const parallel::Capability c =
        parallel::find_capability(model, precision, chips[a].accelerator, chips[a].derating, work);
    planning::CapacityNeed need{
        planning::ClassId(work_index), planning::AcceleratorId(a), {}, c.reason};
    for (const parallel::OperatingPoint& point : c.points) {
      add_row(c, point, &built->capability);
      if (&point != &c.best() && !saves_enough(point, c.best())) continue;
      need.points.push_back({point.name, delivered * point.processed_tokens(), point.it_power});
    }
    if (!c.is_ok()) {
      built->capability.add_row({input.name, input.model, chips[a].accelerator.name,
                                 std::string("none"), c.reason, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                                 0.0, 0.0, std::string()});
    }
    built->problem.needs.push_back(std::move(need));
  }
}

void add_training(const TrainingInput& input, std::size_t work_index,
                  const catalog::Catalog& catalog, const std::vector<Chip>& chips,
                  BuiltProblem* built) {
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

}  // namespace

void add_capability(const Scenario& scenario, const catalog::Catalog& catalog,
                    BuiltProblem* built) {
  built->capability = capability_table();
  std::vector<Chip> chips;
  for (const planning::AcceleratorType& type : built->problem.accelerators) {
    chips.push_back(
        {device::read_accelerator(catalog, type.name), device::read_derating(catalog, type.name)});
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
