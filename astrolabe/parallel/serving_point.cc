#include "astrolabe/parallel/serving_point.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {

using workload::Batch;
using workload::DemandClass;

const char* point_status_name(PointStatus status) {
  switch (status) {
    case PointStatus::kOk:
      return "ok";
    case PointStatus::kDoesNotFit:
      return "does not fit in HBM";
    case PointStatus::kTtftMissed:
      return "TTFT missed";
    case PointStatus::kTpotMissed:
      return "TPOT missed";
  }
  return "";
}

const char* batch_limit_name(BatchLimit limit) {
  switch (limit) {
    case BatchLimit::kNone:
      return "none";
    case BatchLimit::kHbmCapacity:
      return "HBM capacity";
    case BatchLimit::kTpot:
      return "TPOT";
    case BatchLimit::kTtft:
      return "TTFT";
    case BatchLimit::kSearchBound:
      return "engine batch limit";
  }
  return "";
}

namespace {

double computed_tokens(const DemandClass& w) { return std::max(1.0, w.computed_input()); }

IterationCost decode_step(const IterationModel& engine, const Layout& layout, const DemandClass& w,
                          double batch) {
  Batch b;
  b.decode_sequences = batch / layout.shard.pipeline;
  b.decode_context = w.decode_context();
  return engine.cost(layout, b);
}

// One prompt on every DP rank.
IterationCost prompt_cost(const IterationModel& engine, const Layout& layout, const DemandClass& w,
                          double prompts, double token_budget) {
  return engine.prefill(layout, prompts, computed_tokens(w), w.cached_tokens(),
                        w.input.second_moment_ratio(), token_budget);
}

// Mean wait over service time at utilisation rho, and the highest rho for a given wait.
double queue_factor(const DemandClass& w) { return (1 + w.input.squared_variation()) / 2; }
double wait_ratio(double rho, const DemandClass& w) {
  return rho < 1 ? rho / (1 - rho) * queue_factor(w) : HUGE_VAL;
}
double highest_utilisation(double ratio, const DemandClass& w) {
  const double y = ratio / queue_factor(w);
  return y / (1 + y);
}

// Largest integer in [1, high] that passes; passes() holds for 1 and is monotone.
template <class Passes>
double largest_passing(double high, Passes passes) {
  double low = 1;
  high = std::floor(high);
  if (high <= 1 || passes(high)) return std::max(1.0, high);
  while (high - low > std::max(1.0, low / 64)) {
    const double middle = std::floor((low + high) / 2);
    (passes(middle) ? low : high) = middle;
  }
  return low;
}

ServingPoint does_not_fit(ServingPoint point, const Footprint& f) {
  point.status = PointStatus::kDoesNotFit;
  point.missing = f.missing();
  return point;
}

// Fills the amounts per request from what one engine accelerator spends for `requests` of them.
void set_per_request(ServingPoint& p, const IterationCost& spent, double requests) {
  const double accelerators = p.layout.accelerators();
  p.energy_per_request = spent.energy * (accelerators / requests);
  p.flops_per_request = spent.flops * (accelerators / requests);
  p.traffic_per_request = spent.hbm_traffic * (accelerators / requests);
}

double iteration_tokens(const DemandClass& w, const ServingLimits& limits) {
  return std::min(limits.token_budget, computed_tokens(w));
}

}  // namespace

ServingPoint prefill_point(const IterationModel& engine, const Layout& layout, const DemandClass& w,
                           const ServingLimits& limits) {
  ServingPoint best;
  best.layout = layout;
  const Footprint f =
      compute_footprint(engine.model(), engine.precision(), engine.accelerator(), engine.derating(),
                        layout, w.input.mean(), limits.token_budget);
  if (!f.fits()) return does_not_fit(best, f);
  const Bytes kv = workload::kv_bytes_per_accelerator(engine.model(), engine.precision(),
                                                      layout.shard, w.input.mean());
  const Duration transfer = network::send_time(engine.fabric(), true, kv);
  const double stages = layout.shard.pipeline;
  best.status = PointStatus::kTtftMissed;
  best.ttft = Duration::from_base(HUGE_VAL);
  for (double s = 1; s == 1 || s * computed_tokens(w) <= limits.token_budget; s *= 2) {
    if (s > f.sequences) break;
    const IterationCost c = prompt_cost(engine, layout, w, s, limits.token_budget);
    const Duration first = stages * c.time + transfer;
    const Duration left = w.ttft - first;
    if (!(left > Duration())) {
      if (!best.is_ok()) best.ttft = std::min(best.ttft, first);
      break;
    }
    const double rho = highest_utilisation(left / c.time, w);
    const double prompts = s * layout.shard.data;
    const Frequency requests =
        rho * prompts / (c.time * static_cast<double>(layout.accelerators()));
    if (best.is_ok() && requests <= best.requests) continue;
    best.status = PointStatus::kOk;
    best.batch = s;
    best.limit = BatchLimit::kTtft;
    best.requests = requests;
    best.ttft = first + wait_ratio(rho, w) * c.time;
    best.hbm_used =
        f.used(std::min(f.sequences, 2 * s * stages)) + engine.derating().runtime_reserve;
    best.iteration = c;
    IterationCost spent = c.scaled(stages);  // every stage, one accelerator of each: the mean
    spent.energy += engine.power().idle() * (c.time * (stages * (1 / rho - 1)));
    set_per_request(best, spent.scaled(1 / stages), prompts);
  }
  return best;
}

ServingPoint decode_point(const IterationModel& engine, const Layout& layout, const DemandClass& w,
                          const ServingLimits& limits) {
  ServingPoint p;
  p.layout = layout;
  const Footprint f = compute_footprint(engine.model(), engine.precision(), engine.accelerator(),
                                        engine.derating(), layout, w.decode_context(), 1);
  if (!f.fits()) return does_not_fit(p, f);
  const double stages = layout.shard.pipeline;
  const auto tpot = [&](double b) { return stages * decode_step(engine, layout, w, b).time; };
  p.tpot = tpot(1);
  if (p.tpot > w.tpot) {
    p.status = PointStatus::kTpotMissed;
    return p;
  }
  const double most = std::min(f.sequences, limits.max_batch);
  p.batch = largest_passing(most, [&](double b) { return tpot(b) <= w.tpot; });
  p.limit = p.batch < std::floor(most)       ? BatchLimit::kTpot
            : f.sequences < limits.max_batch ? BatchLimit::kHbmCapacity
                                             : BatchLimit::kSearchBound;
  p.iteration = decode_step(engine, layout, w, p.batch);
  p.tpot = stages * p.iteration.time;
  const double in_flight = p.batch * layout.shard.data;
  const double steps = w.output.mean();
  p.requests = in_flight / (steps * p.tpot * static_cast<double>(layout.accelerators()));
  p.hbm_used = f.used(p.batch) + engine.derating().runtime_reserve;
  // In one TPOT every stage does `stages` iterations and the engine emits in_flight tokens.
  set_per_request(p, p.iteration.scaled(stages), in_flight / steps);
  return p;
}

ServingPoint aggregated_point(const IterationModel& engine, const Layout& layout,
                              const DemandClass& w, const ServingLimits& limits) {
  ServingPoint p;
  p.layout = layout;
  const Footprint f =
      compute_footprint(engine.model(), engine.precision(), engine.accelerator(), engine.derating(),
                        layout, w.decode_context(), iteration_tokens(w, limits));
  if (!f.fits()) return does_not_fit(p, f);
  const double stages = layout.shard.pipeline;
  const double steps = w.output.mean();
  const IterationCost prompt = prompt_cost(engine, layout, w, 1, limits.token_budget);
  struct Cycle {
    Duration ttft, tpot, length;
  };
  const auto cycle = [&](double b) {
    const Duration decode = stages * decode_step(engine, layout, w, b).time;
    const Duration length = decode + (b / steps) * prompt.time;
    const double rho = (b / steps) * prompt.time / length;
    const Duration first = stages * prompt.time + decode + wait_ratio(rho, w) * prompt.time;
    return Cycle{first, decode + ((b - 1) / steps) * prompt.time, length};
  };
  const Cycle alone = cycle(1);
  p.ttft = alone.ttft;
  p.tpot = alone.tpot;
  if (alone.ttft > w.ttft || alone.tpot > w.tpot) {
    p.status = alone.tpot > w.tpot ? PointStatus::kTpotMissed : PointStatus::kTtftMissed;
    return p;
  }
  const double most = std::min(f.sequences, limits.max_batch);
  p.batch = largest_passing(most, [&](double b) {
    const Cycle c = cycle(b);
    return c.ttft <= w.ttft && c.tpot <= w.tpot;
  });
  const bool is_most = p.batch >= std::floor(most);
  p.limit = !is_most ? (cycle(p.batch + 1 + p.batch / 32).tpot > w.tpot ? BatchLimit::kTpot
                                                                        : BatchLimit::kTtft)
            : f.sequences < limits.max_batch ? BatchLimit::kHbmCapacity
                                             : BatchLimit::kSearchBound;
  const Cycle best = cycle(p.batch);
  p.ttft = best.ttft;
  p.tpot = best.tpot;
  p.iteration = decode_step(engine, layout, w, p.batch);
  const double per_engine = p.batch * layout.shard.data;
  p.requests = per_engine / (steps * best.length * static_cast<double>(layout.accelerators()));
  p.hbm_used = f.used(p.batch) + engine.derating().runtime_reserve;
  IterationCost spent = p.iteration.scaled(stages);
  spent += prompt.scaled(p.batch / steps);
  set_per_request(p, spent, per_engine / steps);
  return p;
}

}  // namespace astrolabe::parallel
