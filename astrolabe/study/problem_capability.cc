#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <functional>
#include <memory>
#include <thread>

#include "astrolabe/parallel/capability.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/framework_choice.h"
#include "astrolabe/parallel/training_capability.h"
#include "astrolabe/study/problem_parts.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::study {

namespace {

// Published training MFUs, which training_capability rests on, were measured near this length
// (Llama 3: 8,192 tokens).
constexpr double kTrainingSequence = 8192;

constexpr unsigned kMostThreads = 4;  // each holds tables of some 140 MB and keeps 80 MB of answers

// One class on one accelerator, with the best of its frameworks.
struct Answer {
  parallel::Capability capability;
  parallel::Framework framework = parallel::Framework::kVllm;
  std::vector<double> software_gain;  // planning::OperatingPoint
};

workload::DemandClass demand_class(const DemandInput& input) {
  workload::DemandClass work;
  work.name = input.name;
  work.input = workload::LengthDistribution::from_mean_and_p90(
      input.input_tokens, input.input_tokens_p90, input.position, "input_tokens",
      "input_tokens_p90");
  work.output = workload::LengthDistribution::from_mean_and_p90(
      input.output_tokens, input.output_tokens_p90, input.position, "output_tokens",
      "output_tokens_p90");
  work.cached_input = input.cached_input;
  work.speculation = input.speculation;
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
           {"framework", "Framework", {}},
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

std::string layout_of(const parallel::DeploymentPoint& point) {
  if (!point.is_pools) return "one pool: " + point.layout.text();
  return fmt::format("prefill {} ({:.0f} %), decode {}", point.prefill_layout.text(),
                     100 * point.prefill_share, point.layout.text());
}

// A row of the table and an operating point of the plan.
void add_point(const Answer& answer, const char* name, const parallel::OperatingPoint& o,
               double delivered, planning::CapacityNeed* need, Table* table) {
  const parallel::Capability& c = answer.capability;
  const TokenRate per_second = units::token / units::second;
  const parallel::DeploymentPoint& point = o.point;
  table->add_row({c.work, c.model, c.accelerator,
                  std::string(parallel::framework_name(answer.framework)), std::string(name),
                  layout_of(point), point.state.sequences, o.processed_tokens().in(per_second),
                  point.output_tokens.in(per_second), point.ttft.in(units::millisecond),
                  point.tpot.in(units::millisecond), point.work.it_power->in(units::watt),
                  o.hbm_used.in(units::GB), point.work.hbm_bandwidth.in(units::GB / units::second),
                  100 * o.mfu,
                  std::string("batch: ") + parallel::batch_limit_name(point.limit) + "; " +
                      parallel::kernel_source_name(c.source)});
  need->points.push_back(
      {name, delivered * o.processed_tokens(), *point.work.it_power, answer.software_gain});
}

// The formats of a published checkpoint in this precision, in what the chip can multiply.
workload::Precision precision_on(const DemandInput& input, const workload::ModelArchitecture& model,
                                 const parallel::ServingChip& chip) {
  const workload::Precision wanted =
      parallel::is_checkpoint_word(input.precision)
          ? parallel::checkpoint_precision(input.precision, model, chip.engine.framework,
                                           chip.has_fp4(), input.position)
          : workload::parse_precision(input.precision, input.position);
  return chip.accelerator.executed_precision(wanted);
}

// Of those of the scenario, else vLLM, which has a plug-in for every vendor.
std::vector<parallel::Framework> frameworks_of(const Scenario& scenario,
                                               const catalog::Catalog& catalog,
                                               const std::string& accelerator) {
  const std::string vendor = parallel::find_vendor(catalog, accelerator).value_or("");
  std::vector<parallel::Framework> all = scenario.frameworks;
  std::erase_if(all, [&](parallel::Framework f) {
    return !parallel::framework_conflict(catalog, f, vendor).empty();
  });
  if (all.empty()) all = {parallel::Framework::kVllm};
  return all;
}

// What the scenario has simulated for the accelerator.
std::string memory_of(const Scenario& scenario, const std::string& accelerator) {
  const auto input = std::find_if(scenario.accelerators.begin(), scenario.accelerators.end(),
                                  [&](const AcceleratorInput& a) { return a.name == accelerator; });
  return input == scenario.accelerators.end() ? "" : input->memory;
}

// All classes on one accelerator.
class CapabilitySearch {
 public:
  CapabilitySearch(const Scenario& scenario, const catalog::Catalog& catalog,
                   const parallel::KernelLibrary& library, std::string accelerator)
      : scenario_(scenario),
        library_(library),
        accelerator_(std::move(accelerator)),
        memory_(memory_of(scenario, accelerator_)),
        frameworks_(frameworks_of(scenario, catalog, accelerator_)) {}

  Answer answer(const DemandInput& input, const workload::ModelArchitecture& model) const {
    Answer best = best_of(frameworks_, input, model, 1);
    if (scenario_.software_gain <= 0 || !best.capability.is_ok()) return best;
    const TokenRate today = best.capability.fastest.processed_tokens();
    for (int year = 1; year <= scenario_.software_gain_years; ++year) {
      const Answer later =
          best_of({best.framework}, input, model, std::pow(1 + scenario_.software_gain, year));
      best.software_gain.push_back(later.capability.fastest.processed_tokens() / today);
    }
    return best;
  }

 private:
  Answer best_of(const std::vector<parallel::Framework>& frameworks, const DemandInput& input,
                 const workload::ModelArchitecture& model, double speedup) const {
    std::optional<Answer> best;
    for (const parallel::Framework framework : frameworks) {
      const parallel::ServingChip chip =
          library_.chip(accelerator_, framework, {.memory = memory_, .speedup = speedup});
      const parallel::ServingRequest request{
          model, precision_on(input, model, chip), demand_class(input), {}};
      Answer a{parallel::find_capability(chip, request), framework, {}};
      const bool is_better =
          !best || (a.capability.is_ok() &&
                    (!best->capability.is_ok() || a.capability.fastest.processed_tokens() >
                                                      best->capability.fastest.processed_tokens()));
      if (is_better) best = std::move(a);
    }
    return *best;
  }

  const Scenario& scenario_;
  const parallel::KernelLibrary& library_;
  std::string accelerator_, memory_;
  std::vector<parallel::Framework> frameworks_;
};

using Answers = std::vector<std::vector<Answer>>;  // [accelerator][class]

// Accelerators are shared out among threads; each has a library of its own, since clocks keep what
// they were asked.
Answers find_answers(const Scenario& scenario, const catalog::Catalog& catalog,
                     const std::vector<planning::AcceleratorType>& types) {
  std::vector<workload::ModelArchitecture> models;
  for (const DemandInput& input : scenario.demand) {
    models.push_back(workload::read_model(catalog, input.model));
    workload::require_speculation(input.speculation, models.back(), false, input.position);
  }
  Answers answers(types.size());
  std::vector<std::unique_ptr<const parallel::KernelLibrary>> libraries;
  const std::size_t threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  while (libraries.size() < std::min(threads, types.size())) {
    libraries.push_back(
        std::make_unique<const parallel::KernelLibrary>(catalog, catalog.data_dir()));
  }
  std::vector<std::exception_ptr> errors(types.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&](const parallel::KernelLibrary& library) {
    for (std::size_t a = next++; a < types.size(); a = next++) {
      try {
        const CapabilitySearch search(scenario, catalog, library, types[a].name);
        for (std::size_t c = 0; c < models.size(); ++c) {
          answers[a].push_back(search.answer(scenario.demand[c], models[c]));
        }
      } catch (...) {
        errors[a] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t k = 1; k < libraries.size(); ++k) {
      others.emplace_back(work, std::cref(*libraries[k]));
    }
    if (!libraries.empty()) work(*libraries[0]);
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return answers;
}

void add_inference(const DemandInput& input, std::size_t work_index, const Answers& answers,
                   double delivered, BuiltProblem* built) {
  for (std::size_t a = 0; a < answers.size(); ++a) {
    const Answer& answer = answers[a][work_index];
    const parallel::Capability& c = answer.capability;
    planning::CapacityNeed need{
        planning::ClassId(work_index), planning::AcceleratorId(a), {}, c.reason};
    if (c.is_ok()) {
      add_point(answer, "throughput", c.fastest, delivered, &need, &built->capability);
      if (c.thriftiest) {
        add_point(answer, "energy", *c.thriftiest, delivered, &need, &built->capability);
      }
    } else {
      built->capability.add_row({input.name, input.model, c.accelerator, std::string(),
                                 std::string("none"), c.reason, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                                 0.0, 0.0, std::string()});
    }
    built->problem.needs.push_back(std::move(need));
  }
}

void add_training(const TrainingInput& input, std::size_t work_index,
                  const catalog::Catalog& catalog, BuiltProblem* built) {
  const workload::ModelArchitecture model = workload::read_model(catalog, input.model);
  const workload::Precision precision = workload::parse_precision(input.precision, input.position);
  const auto& types = built->problem.accelerators;
  for (std::size_t a = 0; a < types.size(); ++a) {
    const parallel::TrainingCapability c = parallel::training_capability(
        model, precision, device::read_accelerator(catalog, types[a].name),
        device::read_derating(catalog, types[a].name), kTrainingSequence);
    planning::CapacityNeed need{
        planning::ClassId(work_index), planning::AcceleratorId(a), {}, c.reason};
    if (c.is_ok) need.points.push_back({"training", c.tokens, c.it_power, {}});
    built->capability.add_row({input.name, input.model, types[a].name, std::string(),
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
  const auto rate = std::find_if(built->capability.columns.begin(), built->capability.columns.end(),
                                 [](const auto& column) { return column.name == "tokens_per_s"; });
  for (const planning::AcceleratorType& type : built->problem.accelerators) {
    for (const char* attribute : {"hbm_bandwidth", "hbm_capacity", "dense_bf16", "dense_fp8",
                                  "dense_fp4", "scale_up_domain", "it_power"}) {
      if (catalog.has_value(type.name, attribute)) {
        rate->facts.push_back(type.name + "." + attribute);
      }
    }
  }
  const Answers answers = find_answers(scenario, catalog, built->problem.accelerators);
  std::size_t work = 0;
  for (const DemandInput& input : scenario.demand) {
    add_inference(input, work++, answers, scenario.delivered_throughput, built);
  }
  for (const TrainingInput& input : scenario.training) {
    add_training(input, work++, catalog, built);
  }
}

}  // namespace astrolabe::study
