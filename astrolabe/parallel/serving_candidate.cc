#include "astrolabe/parallel/serving_candidate.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

constexpr int kBisections = 30;
constexpr double kFullest = 0.95;  // of a prefill pool's time, whatever TTFT is allowed

// Whole sequences on a rank, or less than one where ranks outnumber requests.
double whole(double sequences) { return sequences > 1 ? std::floor(sequences + 1e-6) : sequences; }

workload::ShardDegrees draft_shard(const workload::ShardDegrees& shard) {
  return {.tensor = shard.tensor};
}

}  // namespace

DraftMemory draft_memory(const ServingRequest& request, const workload::ShardDegrees& shard,
                         double tokens) {
  if (request.work.speculation.draft_tokens <= 0) return {};
  if (request.draft) {
    const auto& [model, precision] = *request.draft;
    const workload::ShardDegrees own = draft_shard(shard);
    return {workload::weight_bytes_per_accelerator(model, precision, own),
            workload::kv_bytes_per_accelerator(model, precision, own, tokens) / tokens};
  }
  const workload::ModelArchitecture& model = request.model;
  const Bytes sequence =
      workload::kv_bytes_per_accelerator(model, request.precision, shard, tokens);
  return {workload::mtp_bytes_per_accelerator(model, request.precision, shard),
          static_cast<double>(model.mtp_layers) / model.n_layers() / tokens * sequence};
}

PrefillPoint PrefillPoint::at_rate(double workers, Frequency each) const {
  PrefillPoint p = *this;
  p.load = each / capacity;
  p.requests = each;
  const double crowd = std::pow(p.load, std::sqrt(2 * (workers + 1)) - 1);
  p.ttft = step * (1 + variation * crowd / (workers * (1 - p.load))) + outside;
  return p;
}

PrefillPoint PrefillPoint::among(double workers, Duration limit) const {
  double low = 0, high = kFullest;
  PrefillPoint best = at_rate(workers, high * capacity);
  for (int i = 0; i < kBisections && best.ttft > limit; ++i) {
    const double middle = (low + high) / 2;
    (at_rate(workers, middle * capacity).ttft > limit ? high : low) = middle;
    if (i + 1 == kBisections) best = at_rate(workers, low * capacity);
  }
  return best;
}

const char* batch_limit_name(BatchLimit limit) {
  switch (limit) {
    case BatchLimit::kHbmCapacity:
      return "HBM capacity";
    case BatchLimit::kEngine:
      return "sequences of the engine";
    case BatchLimit::kPrompts:
      return "prompts";
    case BatchLimit::kTpot:
      return "TPOT";
    case BatchLimit::kTtft:
      return "TTFT";
    case BatchLimit::kNone:
      break;
  }
  return "none";
}

SteadyLoad steady_load(const workload::DemandClass& work) {
  SteadyLoad load;
  load.prompt = std::max(1.0, work.computed_input());
  load.cached = work.cached_tokens();
  load.square_ratio = work.input.second_moment_ratio();
  load.answer = std::max(2.0, work.output.mean());
  load.context = std::max(2.0, work.decode_context());
  load.speculation = work.speculation;
  return load;
}

ServingCandidate::ServingCandidate(const ServingChip& chip, const ServingRequest& request,
                                   const Layout& layout)
    : chip_(chip),
      request_(request),
      layout_(layout),
      conflict_(layout_conflict(request.model, chip.accelerator, layout)) {
  if (!conflict_.empty()) return;
  if (request.draft) {
    conflict_ = layout.shard.pipeline > 1 ? "a draft model runs beside one pipeline stage"
                                          : layout_conflict(request.draft->model, chip.accelerator,
                                                            {draft_shard(layout.shard)});
    if (!conflict_.empty()) conflict_ = "draft model: " + conflict_;
    if (!conflict_.empty()) return;
  }
  const double held = steady_load(request.work).held();
  const workload::ShardDegrees shard =
      spread_uncuttable_experts(request.model, request.precision, layout.shard);
  memory_ = memory_fit(request.model, request.precision, shard, chip.engine,
                       chip.accelerator.hbm_capacity, held, request.block_count,
                       draft_memory(request, shard, held));
  if (memory_.fits()) build();
}

void ServingCandidate::build() {
  const SteadyLoad load = steady_load(request_.work);
  const auto iteration = [&](const workload::ModelArchitecture& model,
                             const workload::Precision& precision,
                             const workload::ShardDegrees& shard, double drafts) {
    return std::make_unique<EngineIteration>(model, precision, shard, chip_.engine, *chip_.clock,
                                             drafts);
  };
  workload::ModelArchitecture model = request_.model;
  if (request_.draft) {
    model.mtp_layers = 0;  // its own layers for that stay idle
    draft_iteration_ =
        iteration(request_.draft->model, request_.draft->precision, draft_shard(layout_.shard), 0);
  }
  iteration_ = iteration(model, request_.precision, layout_.shard, load.speculation.draft_tokens);
  curves_ = std::make_unique<EngineCurves>(*iteration_, load, draft_iteration_.get());
}

SteadyState ServingCandidate::state(double sequences, bool is_decode_pool) const {
  return is_decode_pool ? decode_state(*curves_, sequences) : steady_state(*curves_, sequences);
}

Duration ServingCandidate::tpot_floor() const { return decode_state(*curves_, fewest()).tpot; }

EnginePoint ServingCandidate::largest(bool is_decode_pool) const {
  const EngineSchedule& s = chip_.engine.schedule;
  const double memory = memory_.sequences(curves_->load().need(s.answer_reserve));
  double most = memory;
  BatchLimit limit = BatchLimit::kHbmCapacity;
  if (s.max_sequences < most) {
    most = s.max_sequences;
    limit = BatchLimit::kEngine;
  }
  if (!is_decode_pool) {
    const double fed = prefill_bound_sequences(*curves_);
    if (fed < most) {
      most = fed;
      limit = BatchLimit::kPrompts;
    }
  }
  return {state(whole(std::max(most, fewest())), is_decode_pool), limit};
}

std::vector<EnginePoint> ServingCandidate::points(bool is_decode_pool) const {
  const EnginePoint last = largest(is_decode_pool);
  std::vector<EnginePoint> points;
  double previous = 0;
  for (double b = fewest(); whole(b) < last.state.sequences; b *= std::sqrt(2.0)) {
    if (whole(b) <= previous) continue;
    previous = whole(b);
    points.push_back({state(previous, is_decode_pool), BatchLimit::kNone});
  }
  points.push_back(last);
  return points;
}

BatchLimit ServingCandidate::missed(const SteadyState& s, bool is_decode_pool) const {
  if (s.tpot > request_.work.tpot) return BatchLimit::kTpot;
  if (!is_decode_pool && s.ttft > request_.work.ttft) return BatchLimit::kTtft;
  return BatchLimit::kNone;
}

std::optional<EnginePoint> ServingCandidate::within_limits(bool is_decode_pool) const {
  const EnginePoint most = largest(is_decode_pool);
  BatchLimit limit = missed(most.state, is_decode_pool);
  if (limit == BatchLimit::kNone) return most;
  double low = fewest(), high = most.state.sequences;
  SteadyState best = state(low, is_decode_pool);
  if (missed(best, is_decode_pool) != BatchLimit::kNone) return std::nullopt;
  for (int i = 0; i < kBisections && whole(low) + 1 < high; ++i) {
    const double middle = whole((low + high) / 2);
    const SteadyState s = state(middle, is_decode_pool);
    const BatchLimit m = missed(s, is_decode_pool);
    if (m == BatchLimit::kNone) {
      low = middle;
      best = s;
    } else {
      high = middle;
      limit = m;
    }
  }
  return EnginePoint{best, limit};
}

Duration ServingCandidate::transfer() const {
  const device::Accelerator& a = chip_.accelerator;
  const Bytes shard = workload::kv_bytes_per_accelerator(
      request_.model, request_.precision, iteration_->shard(), request_.work.input.mean());
  // Pools of one rack exchange inside it.
  const bool is_inside = 2 * layout_.accelerators() <= a.scale_up_domain;
  return shard / (is_inside ? chip_.derating.all_to_all_bandwidth * a.scale_up_bandwidth
                            : chip_.derating.scale_out_bandwidth * a.scale_out_bandwidth);
}

std::vector<PrefillPoint> ServingCandidate::prefill_points() const {
  std::vector<PrefillPoint> points;
  const SteadyLoad& load = curves_->load();
  const double room = std::max(1.0, std::floor(chip_.engine.schedule.token_budget / load.prompt));
  const double held = std::max(1.0, std::floor(memory_.sequences(load.prompt + load.cached)));
  const double variation = (1 + request_.work.input.squared_variation()) / 2;
  const Duration outside = chip_.engine.constants.pool_first_token + transfer();
  for (double prompts = 1; prompts <= std::min(room, held); prompts *= 2) {
    const PrefillState s = prefill_state(*curves_, prompts);
    if (s.step + outside >= request_.work.ttft) continue;
    PrefillPoint p;
    p.prompts = prompts;
    p.capacity = s.requests;
    p.step = s.step;
    p.outside = outside;
    p.variation = variation;
    points.push_back(p.among(1, request_.work.ttft));
  }
  return points;
}

}  // namespace astrolabe::parallel
