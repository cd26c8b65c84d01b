#include "astrolabe/study/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/deployment.h"
#include "astrolabe/parallel/framework_choice.h"
#include "astrolabe/parallel/pool_loop.h"

namespace astrolabe::study {

using parallel::Framework;
using parallel::ServingCandidate;
using parallel::ServingChip;
using parallel::ServingRequest;
using workload::Precision;

namespace {

constexpr double kLengthSpread = 0.1;  // of lengths around their means, in the simulation
constexpr int kMostWorkers = 1000, kMostInFlight = 1000000, kMostBlocks = 1000000000;

struct NamedPrecision {
  std::string name;
  Precision precision;
};

NamedPrecision precision_of(const workload::ModelConfig& config, const std::string& wanted,
                            const ServingChip& chip) {
  const workload::ModelArchitecture& model = config.model;
  const Framework framework = chip.engine.framework;
  if (wanted.empty() && config.precision) {
    Precision p = *config.precision;
    p.head = workload::GemmFormat::kBf16;
    p.attention = workload::NumberFormat::kBf16;
    const bool is_quantised = workload::traits(p.experts).is_activation_quantised ||
                              workload::traits(p.ffn).is_activation_quantised;
    p.kv_cache = is_quantised ? parallel::cache_format(model, framework, chip.has_fp4())
                              : workload::NumberFormat::kBf16;
    parallel::require_formats(p, chip.accelerator, "the checkpoint's");
    return {"the checkpoint's", p};
  }
  const bool has_fp8 = chip.accelerator.executed_format(workload::NumberFormat::kFp8) ==
                       workload::NumberFormat::kFp8;
  const std::string word = !wanted.empty() ? wanted : has_fp8 ? "fp8" : "bf16";
  const Precision p =
      parallel::checkpoint_precision(word, model, framework, chip.has_fp4(), {"--precision", 0});
  parallel::require_formats(p, chip.accelerator, word);
  return {word, p};
}

workload::DemandClass work_of(const EstimateRequest& request) {
  workload::DemandClass work;
  work.name = "estimate";
  work.input = workload::LengthDistribution::from_mean_and_p90(
      request.input_tokens, request.input_tokens_p90, {}, "--isl", "--isl-p90");
  work.output = workload::LengthDistribution::from_mean_and_p90(
      request.output_tokens, request.output_tokens_p90, {}, "--osl", "--osl-p90");
  work.cached_input = request.cached_percent / 100;
  work.speculation = {request.draft_tokens, request.acceptance_length};
  workload::require_speculation(work.speculation, request.model.model,
                                request.draft_model.has_value(), {});
  const auto limit = [](const std::optional<double>& ms) {
    return ms ? *ms * units::millisecond : parallel::kNoLimit;
  };
  work.ttft = limit(request.ttft_ms);
  work.tpot = limit(request.tpot_ms);
  return work;
}

parallel::Layout layout_of(const EstimateRequest& request, const ServingChip& chip,
                           const std::string& text, const std::string& option) {
  const parallel::Layout layout =
      parallel::parse_layout(request.model.model, chip.accelerator, text, option);
  const std::string conflict =
      parallel::layout_conflict(request.model.model, chip.accelerator, layout);
  if (!conflict.empty()) {
    throw InputError({}, option, layout.text() + ": " + conflict,
                     "degrees that divide the model and fit the chip's domain");
  }
  return layout;
}

// Pipelines, cached prompts and draft models are not simulated.
bool can_simulate(const ServingRequest& request, const parallel::Layout& layout) {
  return layout.shard.pipeline == 1 && request.work.cached_input == 0 && !request.draft;
}

parallel::ClosedLoopLoad benchmark_load(const ServingRequest& request, double in_flight) {
  const double input = request.work.input.mean(), output = request.work.output.mean();
  parallel::ClosedLoopLoad load;
  load.concurrency = std::max(1, static_cast<int>(std::lround(in_flight)));
  load.prompt_low = (1 - kLengthSpread) * input;
  load.prompt_high = (1 + kLengthSpread) * input;
  load.answer_low = std::max(2.0, (1 - kLengthSpread) * output);
  load.answer_high = std::max(2.0, (1 + kLengthSpread) * output);
  load.speculation = request.work.speculation;
  return load;
}

parallel::IterationTable iteration_table(const ServingChip& chip, const ServingCandidate& candidate,
                                         const parallel::ClosedLoopLoad& load) {
  const parallel::EngineIteration& it = candidate.iteration();
  return parallel::IterationTable(
      it, {.tokens = std::max(chip.engine.schedule.token_budget, load.prompt_high) +
                     1024 * load.speculation.verified(),
           .sequences = std::max(16.0, 2.0 * load.concurrency / it.shard().data),
           .context = load.prompt_high + load.answer_high});
}

// Blocks that were asked for and that no accelerator has room for.
void require_room(const parallel::MemoryFit& m) {
  if (m.weights + m.kv_tokens * m.kv_per_token <= m.capacity) return;
  throw InputError(
      {}, "--num-blocks", fmt::format("{:g}", m.kv_blocks),
      fmt::format("{:.0f} beside the weights, in {:.0f} GB",
                  std::max(0.0, (m.capacity - m.weights) / m.kv_per_token) / m.block_tokens,
                  m.capacity.in(units::GB)));
}

LayoutEstimate estimate_layout(const ServingChip& chip, const ServingRequest& request,
                               const parallel::Layout& layout, double concurrency) {
  const ServingCandidate candidate(chip, request, layout);
  LayoutEstimate e;
  e.memory = candidate.memory();
  if (request.block_count) require_room(e.memory);
  e.can_serve = candidate.can_serve();
  if (!e.can_serve) return e;
  const double shard = layout.shard.data;
  const parallel::PrefillState one = prefill_state(candidate.curves(), 1);
  e.prefill_step = one.step;
  e.ttft_floor = candidate.ttft_floor();
  e.tpot_floor = candidate.tpot_floor();
  const auto add = [&](const parallel::DeploymentPoint& p) {
    e.points.push_back(p);
    const parallel::SteadyState decode = decode_state(candidate.curves(), p.state.sequences);
    e.decode_steps.push_back(request.work.speculation.acceptance_length * decode.tpot);
  };
  // Every second point: batches double.
  const std::vector<parallel::EnginePoint> points = candidate.points(false);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool is_doubled = points[i].state.sequences * shard >=
                            (e.points.empty() ? 0 : 1.9 * e.points.back().state.sequences * shard);
    if (is_doubled || i + 1 == points.size()) add(deployment_point(chip, candidate, points[i]));
  }
  e.best = aggregated_point(chip, candidate, concurrency);
  if (e.best && can_simulate(request, layout)) {
    const double in_flight = concurrency > 0 ? concurrency : e.best->state.in_flight;
    const parallel::ClosedLoopLoad load =
        benchmark_load(request, std::min<double>(in_flight, kMostInFlight));
    e.simulated = run_closed_loop(iteration_table(chip, candidate, load), chip.engine,
                                  candidate.memory().kv_tokens, request.model.vocab, load);
  }
  return e;
}

struct PoolOption {
  int workers = 1;
  parallel::Layout layout;
};

// "5 x TP8 EP8"
PoolOption pool_of(const EstimateRequest& request, const ServingChip& chip,
                   const std::string& option, const std::string& text) {
  const std::size_t cross = text.find('x');
  int workers = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), workers);
  const auto read = static_cast<std::size_t>(stop - text.data());
  if (cross == std::string::npos || error != std::errc() || workers < 1 || workers > kMostWorkers ||
      text.find_first_not_of(' ', read) != cross) {
    throw InputError({}, option, text,
                     "workers and the layout of one, such as \"5 x TP8 EP8\"; at most " +
                         std::to_string(kMostWorkers) + " workers");
  }
  return {workers, layout_of(request, chip, text.substr(cross + 1), option)};
}

void require_count(const char* option, double value, int most) {
  if (value == std::floor(value) && value <= most) return;
  throw InputError({}, option, fmt::format("{:g}", value),
                   fmt::format("a whole number of at most {}", most));
}

// What replays of requests at random times cannot do.
void require_replay(const EstimateRequest& r) {
  if (!r.percentile) return;
  const auto refuse = [](const char* option) {
    throw InputError({}, "--percentile", option, "neither cached prompts nor speculative decoding");
  };
  if (r.cached_percent > 0) refuse("--cached-percent");
  if (r.draft_tokens > 0) refuse("--draft-tokens");
  if (!r.ttft_ms && !r.tpot_ms) {
    throw InputError({}, "--percentile", "no limit to keep", "--ttft, --tpot or both");
  }
}

void require_counts(const EstimateRequest& r) {
  if (r.concurrency) require_count("--concurrency", *r.concurrency, kMostInFlight);
  if (r.decode_sequences) require_count("--decode-sequences", *r.decode_sequences, kMostInFlight);
  if (r.block_count) require_count("--num-blocks", *r.block_count, kMostBlocks);
}

PoolsEstimate estimate_pools(const ServingChip& chip, const ServingRequest& serving,
                             const EstimateRequest& request) {
  if (!request.prefill_pool || !request.decode_pool || !request.concurrency) {
    throw InputError({}, "--prefill-pool, --decode-pool", "one of them, or no --concurrency",
                     "both pools and the requests in flight");
  }
  const PoolOption prompts = pool_of(request, chip, "--prefill-pool", *request.prefill_pool);
  const PoolOption answers = pool_of(request, chip, "--decode-pool", *request.decode_pool);
  if (!can_simulate(serving, prompts.layout) || !can_simulate(serving, answers.layout)) {
    throw InputError({}, "--prefill-pool, --decode-pool",
                     "a pipeline, cached prompts or a draft model", "none of them");
  }
  const ServingCandidate prefill(chip, serving, prompts.layout);
  const ServingCandidate decode(chip, serving, answers.layout);
  PoolsEstimate e;
  e.prefill_workers = prompts.workers;
  e.decode_workers = answers.workers;
  e.prefill = prompts.layout;
  e.decode = answers.layout;
  e.prefill_memory = prefill.memory();
  e.decode_memory = decode.memory();
  if (serving.block_count) require_room(e.decode_memory);
  if (!prefill.can_serve() || !decode.can_serve()) return e;
  parallel::Engine engine = chip.engine;
  if (request.decode_sequences) engine.schedule.max_sequences = *request.decode_sequences;
  const parallel::ClosedLoopLoad load = benchmark_load(serving, *request.concurrency);
  const parallel::ClosedLoopResult r = run_pool_loop(
      {iteration_table(chip, prefill, load), chip.engine, prompts.workers},
      {iteration_table(chip, decode, load), engine, answers.workers, decode.memory().kv_tokens},
      serving.model.vocab, load);
  if (r.status != parallel::ClosedLoopStatus::kOk) return e;
  e.simulated = r;
  const parallel::EngineConstants& c = chip.engine.constants;
  const double kernels = parallel::kernel_source_band(chip.source);
  e.tpot_band = std::hypot(c.pool_tpot_band, kernels);
  e.ttft_band = std::hypot(c.pool_ttft_band, kernels);
  e.output_tokens = request.output_tokens * units::token * r.requests / e.accelerators();
  e.keeps_limits = r.ttft <= serving.work.ttft && r.tpot <= serving.work.tpot;
  return e;
}

}  // namespace

bool Estimate::is_served() const {
  if (request.percentile) return arrivals.has_value();
  return (single && single->best.has_value()) || (search && search->best.has_value()) ||
         (pools && pools->keeps_limits);
}

Estimate estimate(const catalog::Catalog& catalog, const parallel::KernelLibrary& library,
                  const EstimateRequest& request) {
  require_counts(request);
  require_replay(request);
  Estimate e;
  e.request = request;
  e.model = request.model.model.name;
  const std::string entity = device::accelerator_entity(catalog, request.accelerator);
  const double speedup = std::pow(1 + request.software_gain_percent / 100, request.software_years);
  const Framework framework = parallel::choose_framework(catalog, entity, request.framework);
  e.request.framework = parallel::framework_name(framework);
  const ServingChip chip =
      library.chip(entity, framework,
                   {.version = request.version, .memory = request.memory, .speedup = speedup});
  e.accelerator = chip.accelerator.name;
  e.is_version_known =
      request.version.empty() || library.engines().has_version(framework, request.version);
  e.source = chip.source;
  const NamedPrecision precision = precision_of(request.model, request.precision, chip);
  e.precision = precision.name;
  ServingRequest serving{
      request.model.model, precision.precision, work_of(request), request.block_count, {}};
  if (request.draft_model) {
    const Precision own = precision_of(*request.draft_model, request.precision, chip).precision;
    serving.draft = parallel::DraftModel{request.draft_model->model, own};
  }
  parallel::SearchOptions options;
  options.allows_aggregated = request.mode != "disagg";
  options.allows_pools = request.mode != "agg";
  options.most_accelerators = request.most_accelerators;
  if (request.prefill_pool || request.decode_pool) {
    e.pools = estimate_pools(chip, serving, request);
    return e;
  }
  if (request.layout) {
    e.layout = layout_of(request, chip, *request.layout, "--layout");
    options.layouts = {e.layout};
    if (request.mode != "disagg" && !request.percentile) {
      e.single = estimate_layout(chip, serving, e.layout, request.concurrency.value_or(0));
      return e;
    }
  }
  e.search = search_layouts(chip, serving, options);
  if (request.percentile) {
    e.arrivals = search_under_arrivals(chip, serving, {options, *request.percentile / 100, {}});
  }
  return e;
}

}  // namespace astrolabe::study
