#include "astrolabe/study/serving_prediction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "astrolabe/parallel/arrival_search.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/framework_choice.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/parallel/layout.h"
#include "astrolabe/parallel/pool_loop.h"
#include "astrolabe/parallel/serving_energy.h"

namespace astrolabe::study {

using parallel::Deployment;
using parallel::Framework;
using workload::GemmFormat;
using workload::ModelArchitecture;
using workload::Precision;

namespace {

// Factors of the bands: on a chip without tables, with sparse attention (whose prompts no table
// has). From the public runs: errors there are this much wider.
constexpr double kCarriedOver = 1.3, kSparse = 2;
// Half width (log) of what formulas add where no chip of the architecture was measured.
const double kFormulas = parallel::kernel_source_band(parallel::KernelSource::kTiled);

// Why the model cannot be cut so; empty when it can. Copies of experts fill the last ranks.
std::string cut_conflict(const ModelArchitecture& model, const ServingLayout& layout) {
  device::Accelerator any;
  any.scale_up_domain = std::numeric_limits<int>::max();
  parallel::Layout cut{layout.shard};
  const int ranks = cut.shard.expert;
  cut.shard.redundant_experts = (ranks - model.experts % ranks) % ranks;
  const std::string conflict = parallel::layout_conflict(model, any, cut);
  return conflict.empty() ? "" : "layout " + cut.text() + ": " + conflict;
}

constexpr const char* kDoesNotFit = "a request does not fit the memory of the layout";
constexpr double kShortestShare = 0.8;  // of the nominal length, where lengths are drawn

// Sequences of a rank where the submitter sets the limit too: more than any memory holds of them.
constexpr double kMostSubmitted = 8192;
constexpr double kQueuedRequests = 3000;  // of a benchmark that queues all, where nothing says

// Of one of the engines of a deployment.
parallel::ClosedLoopLoad load_of(const ServingMeasurement& run) {
  const double low = run.varies_lengths ? 0 : run.draws_lengths ? kShortestShare : 1;
  const double high = run.varies_lengths ? 2 : 1;
  parallel::ClosedLoopLoad load;
  load.concurrency = std::max(1, static_cast<int>(run.concurrency / run.engine.workers));
  // A benchmark counts its requests by what the server takes at once: ten for each.
  load.requests = 10 * static_cast<int>(std::min<double>(
                           load.concurrency, run.server.max_sequences.value_or(load.concurrency)));
  if (run.server.requests) load.requests = static_cast<int>(*run.server.requests);
  if (run.load == ServingLoad::kBatch) load.requests = load.concurrency;
  if (run.load == ServingLoad::kQueued) {
    load.requests = static_cast<int>(run.server.requests.value_or(kQueuedRequests));
    load.concurrency = load.requests;
  }
  load.prompt_low = low * run.prompt;
  load.prompt_high = high * run.prompt;
  load.answer_low = std::max(2.0, low * run.answer);
  load.answer_high = std::max(2.0, high * run.answer);
  load.is_sampled = run.is_sampled;
  load.is_host_exposed = run.is_host_exposed;
  return load;
}

}  // namespace

Precision serving_precision(const ServingMeasurement& run, const ModelArchitecture& model,
                            bool has_fp4) {
  Precision p = parallel::checkpoint_precision(run.precision, model, run.framework, has_fp4, {});
  if (run.precision == "fp8" && run.gemm_format == "fp8_block" && model.model_type != "gpt_oss") {
    p.projections = p.ffn = p.experts = GemmFormat::kFp8Block;
  }
  // What was measured there ran: the weights were widened.
  if (run.precision == "fp4" && !has_fp4) {
    for (GemmFormat* format : {&p.projections, &p.ffn, &p.experts}) {
      *format = workload::widened(*format);
    }
    if (p.attention_out) p.attention_out = workload::widened(*p.attention_out);
  }
  return p;
}

ServingPredictor::ServingPredictor(const catalog::Catalog& catalog,
                                   const parallel::MeasuredSources& sources,
                                   const parallel::EngineTable& engines)
    : catalog_(catalog), sources_(sources), engines_(&engines) {
  for (const std::string& entity : catalog.entities("models")) {
    const auto name = catalog.find_text(entity, "name");
    if (name) models_.emplace(*name, workload::read_model(catalog, entity));
  }
}

const ModelArchitecture* ServingPredictor::find_model(const std::string& name) const {
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : &found->second;
}

std::string ServingPredictor::accelerator_of(const std::string& chip) const {
  return catalog_.find_text(chip, "accelerator").value_or(chip);
}

std::string ServingPredictor::obstacle(const ServingMeasurement& run) const {
  if (!run.reason.empty()) return run.reason;
  if (find_model(run.model) == nullptr) return "model " + run.model + " is not in the catalogue";
  const std::string chip = device::chip_entity(catalog_, run.system);
  if (chip.empty()) return "system " + run.system + " is not in the catalogue";
  const auto vendor = parallel::find_vendor(catalog_, chip);
  if (!vendor) return "vendor of " + run.system + " is not in the catalogue";
  if (!catalog_.find<Bytes::kDim>(accelerator_of(chip), "hbm_capacity")) {
    return "HBM capacity of " + run.system + " is not in the catalogue";
  }
  if (run.is_framework_chosen) {
    if (parallel::frameworks_on(catalog_, *vendor).empty()) {
      return "no framework is known to run on accelerators of " + *vendor;
    }
  } else {
    std::string conflict = parallel::framework_conflict(catalog_, run.framework, *vendor);
    if (!conflict.empty()) return conflict;
  }
  if (run.load == ServingLoad::kSearched) return "";
  const ModelArchitecture& model = *find_model(run.model);
  if (!run.is_disaggregated) return cut_conflict(model, run.engine);
  const std::string of_prefill = cut_conflict(model, run.prefill);
  return of_prefill.empty() ? cut_conflict(model, run.decode) : of_prefill;
}

const parallel::MeasuredClock& ServingPredictor::clock(const ServingMeasurement& run) {
  auto& slot = clocks_[run.system + "|" + parallel::framework_name(run.framework) + "|" +
                       run.version + "|" + run.server.experts];
  if (!slot) {
    slot = std::make_unique<parallel::MeasuredClock>(sources_, run.system, run.framework,
                                                     run.version, run.server.experts);
  }
  return *slot;
}

parallel::Engine ServingPredictor::engine(const ServingMeasurement& run) const {
  parallel::Engine engine = engines_->engine(run.framework, run.version);
  parallel::EngineSchedule& schedule = engine.schedule;
  schedule.max_sequences = run.server.max_sequences.value_or(schedule.max_sequences);
  if (run.is_disaggregated) {
    schedule.token_budget = run.server.prefill_tokens.value_or(schedule.token_budget);
  }
  schedule.batch_wait = run.server.batch_wait;
  schedule.batch_wait_share = run.server.batch_wait_share;
  schedule.poll_interval = run.server.poll_interval;
  schedule.token_budget = run.server.token_budget.value_or(schedule.token_budget);
  engine.constants.kv_share = run.server.kv_share.value_or(engine.constants.kv_share);
  if (run.load == ServingLoad::kSearched) schedule.max_sequences = kMostSubmitted;
  if (run.load == ServingLoad::kBatch) {  // no client and no server
    engine.constants.first_token = engine.constants.first_token_per_request = {};
  }
  return engine;
}

const Deployment& ServingPredictor::deployment(const ServingMeasurement& run,
                                               const ModelArchitecture& model,
                                               const ServingLayout& layout) {
  const parallel::Engine engine = this->engine(run);
  const workload::ShardDegrees& s = layout.shard;
  auto& slot =
      deployments_[run.system + "|" + parallel::framework_name(run.framework) + "|" + run.model +
                   "|" + run.precision + "|" + run.gemm_format + "|" + std::to_string(s.tensor) +
                   "|" + std::to_string(s.data) + "|" + std::to_string(s.expert) + "|" +
                   run.version + "|" + run.server.experts];
  if (!slot) {
    const parallel::ServingChip chip = serving_chip(run);
    slot = std::make_unique<Deployment>(model, serving_precision(run, model, chip.has_fp4()), s,
                                        engine, *chip.clock, chip.accelerator.hbm_capacity);
  }
  slot->set_engine(engine);
  return *slot;
}

void ServingPredictor::serve_engine(const ServingMeasurement& run, ServingPrediction* out) {
  const Deployment& d = deployment(run, *find_model(run.model), run.engine);
  const parallel::ClosedLoopLoad load = load_of(run);
  const parallel::ClosedLoopResult r = d.serve(load);
  if (r.status != parallel::ClosedLoopStatus::kOk) {
    out->reason = kDoesNotFit;
    return;
  }
  out->output_rate = d.tokens_per_accelerator(r, load);
  // Users never cease to ask: neither an empty start nor the end of the last counts.
  if (run.varies_lengths && r.steady_tokens > Frequency{}) {
    out->output_rate = r.steady_tokens.in(1.0 / units::second) / d.shard().group();
  }
  out->tpot_ms = (run.is_median_interval ? r.median_interval : r.tpot).in(units::millisecond);
  // Of a static batch: when the last of its prompts is through.
  out->ttft_ms = (run.load == ServingLoad::kBatch ? r.longest_ttft : r.ttft).in(units::millisecond);
  out->tpot_band = d.engine().constants.tpot_band;
  out->launches = d.launches();
  out->in_flight = r.in_flight / d.shard().data;
  out->prefill_share = r.prefill_share;
  out->prompt_layers = d.host_bound_layers() * r.prompt_steps;
  if (run.power_w || run.energy_j) add_power(run, d, r, out);
}

parallel::ServingChip ServingPredictor::serving_chip(const ServingMeasurement& run) {
  const std::string entity = accelerator_of(device::chip_entity(catalog_, run.system));
  parallel::ServingChip chip;
  chip.accelerator = device::read_accelerator(catalog_, entity);
  chip.derating = device::read_derating(catalog_, chip.accelerator.name);
  chip.clock = &clock(run);
  chip.engine = engine(run);
  return chip;
}

// The best layout of all that the accelerators can be cut into.
void ServingPredictor::search(const ServingMeasurement& run, ServingPrediction* out) {
  parallel::ServingChip chip = serving_chip(run);
  auto& kept = kept_clocks_[chip.clock];
  if (!kept) kept = std::make_unique<parallel::KeptClock>(*chip.clock);
  chip.clock = kept.get();
  ServingMeasurement named = run;
  if (run.precision == kNarrowest) {
    const bool has_fp8 = chip.accelerator.executed_format(workload::NumberFormat::kFp8) ==
                         workload::NumberFormat::kFp8;
    named.precision = chip.has_fp4() ? "fp4" : has_fp8 ? "fp8" : "bf16";
  }
  const ModelArchitecture& model = *find_model(run.model);
  const parallel::ServingRequest request{
      model, serving_precision(named, model, chip.has_fp4()), run.searched.work, {}, {}};
  parallel::ArrivalOptions options;
  options.longest = run.searched.longest;
  options.search.allows_pools = run.searched.is_online;
  options.search.most_accelerators = std::min(
      run.searched.accelerators, most_accelerators(chip.accelerator, parallel::SearchOptions()));
  std::optional<parallel::DeploymentPoint> best;
  if (!run.searched.is_online) {
    best = search_layouts(chip, request, options.search).best;
  } else if (const auto found = search_under_arrivals(chip, request, options)) {
    best = found->deployment;
  }
  if (!best) {
    out->reason = "no layout keeps the limits of the benchmark";
    return;
  }
  out->output_rate = best->output_tokens / (units::token / units::second);
  const parallel::EngineConstants& c = chip.engine.constants;
  out->tpot_band = std::hypot(best->is_pools ? c.pool_tpot_band : c.tpot_band, c.search_band);
}

// Decode steps and prompts of the mean request, at the rates that were served.
void ServingPredictor::add_power(const ServingMeasurement& run, const Deployment& d,
                                 const parallel::ClosedLoopResult& served, ServingPrediction* out) {
  const parallel::ServingChip chip = serving_chip(run);
  const double share = run.mean_length_share();
  parallel::SteadyLoad load;
  load.prompt = share * run.prompt;
  load.answer = share * run.answer;
  // Long answers are seen more often than short ones.
  load.context = load.prompt + load.answer / (run.varies_lengths ? 1.5 : 2);
  const double pieces = std::max(1.0, std::ceil(load.prompt / d.engine().schedule.token_budget));
  const double ranks = d.shard().data;
  const parallel::ServingWork work =
      parallel::serving_work(d.iteration(), chip, load, std::max(1.0, out->in_flight),
                             1 / served.tpot, pieces, pieces / ranks * served.requests);
  out->power_w = work.power.in(units::watt);
  out->energy_j = out->power_w / out->output_rate;
  out->power_band = parallel::power_band(chip, work.power);
}

void ServingPredictor::replay(const ServingMeasurement& run, ServingPrediction* out) {
  const Deployment& d = deployment(run, *find_model(run.model), run.engine);
  parallel::ReplayLoad load;
  for (const MeasuredRequest& r : run.requests) {
    if (r.reason.empty()) load.requests.push_back(r.request);
  }
  parallel::ReplayResult r = d.replay(load);
  if (r.status != parallel::ClosedLoopStatus::kOk) out->reason = kDoesNotFit;
  out->requests = std::move(r.requests);
  out->tpot_band = d.engine().constants.tpot_band;
}

void ServingPredictor::serve_pools(const ServingMeasurement& run, ServingPrediction* out) {
  const ModelArchitecture& model = *find_model(run.model);
  const Deployment& prefill = deployment(run, model, run.prefill);
  const Deployment& decode = deployment(run, model, run.decode);
  parallel::ClosedLoopLoad load = load_of(run);
  load.concurrency = std::max(1, static_cast<int>(run.concurrency));
  load.requests = 0;  // ten for each in flight
  const double kv = decode.kv_tokens(run.mean_length_share() * (run.prompt + run.answer));
  const parallel::ClosedLoopResult point = parallel::run_pool_loop(
      {prefill.table(), prefill.engine(), static_cast<int>(run.prefill.workers)},
      {decode.table(), decode.engine(), static_cast<int>(run.decode.workers), kv}, model.vocab,
      load);
  if (point.status != parallel::ClosedLoopStatus::kOk) {
    out->reason = kDoesNotFit;
    return;
  }
  out->tpot_ms = point.tpot.in(units::millisecond);
  out->ttft_ms = point.ttft.in(units::millisecond);
  out->tpot_band = decode.engine().constants.pool_tpot_band;
  out->launches = decode.launches();
  out->in_flight = point.in_flight / run.decode.workers / decode.shard().data;
}

ServingPrediction ServingPredictor::predict(const ServingMeasurement& published) {
  ServingPrediction out;
  out.reason = obstacle(published);
  if (!out.reason.empty()) return out;
  ServingMeasurement run = published;
  if (run.is_framework_chosen) {
    run.framework =
        parallel::choose_framework(catalog_, device::chip_entity(catalog_, run.system), "");
  }
  const ModelArchitecture& model = *find_model(run.model);
  out.vocab = model.vocab;
  out.is_moe = model.is_moe();
  const parallel::EngineConstants c = engines_->engine(run.framework, run.version).constants;
  out.ttft_band = run.is_disaggregated ? c.pool_ttft_band : c.ttft_band;
  if (run.is_disaggregated) {
    serve_pools(run, &out);
  } else if (run.load == ServingLoad::kSearched) {
    search(run, &out);
  } else if (run.load == ServingLoad::kReplay) {
    replay(run, &out);
  } else {
    serve_engine(run, &out);
  }
  double wider = model.is_sparse_attention() ? kSparse : 1;
  const parallel::MeasuredClock& kernels = clock(run);
  if (!kernels.has_sister_tables()) {
    out.tpot_band = std::hypot(out.tpot_band, kFormulas);
  } else if (!kernels.has_own_tables()) {
    wider *= kCarriedOver;
  }
  out.tpot_band *= wider;
  out.ttft_band *= wider;
  return out;
}

}  // namespace astrolabe::study
