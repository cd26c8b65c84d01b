#include "astrolabe/parallel/deepseek_day.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

// Input tokens a second and accelerator, cached ones included.
void set_prefill(const IterationModel& engine, const ProductionDay& day, ProductionDayResult& r) {
  const double uncached = day.prompt_tokens * (1 - day.cached_input);
  const double prompts = std::max(1.0, std::floor(day.prefill_tokens_per_rank / uncached));
  r.prefill_iteration =
      engine.prefill(day.prefill, prompts, uncached, day.prompt_tokens * day.cached_input, 1,
                     std::max(day.prefill_tokens_per_rank, uncached));
  const double ranks = day.prefill.shard.data;
  const TokenRate engine_rate =
      prompts * ranks * day.prompt_tokens * units::token / r.prefill_iteration.time;
  r.prefill_per_node =
      engine_rate * (static_cast<double>(day.accelerators_per_node) / day.prefill.accelerators());
  r.prefill_nodes = day.input / day.span / r.prefill_per_node;
}

}  // namespace

ProductionDayResult production_day_nodes(const IterationModel& engine, const ProductionDay& day) {
  ProductionDayResult r;
  for (const Layout* layout : {&day.prefill, &day.decode}) {
    r.reason = layout_conflict(engine.model(), engine.accelerator(), *layout);
    if (!r.reason.empty()) return r;
  }
  set_prefill(engine, day, r);

  // The serving point of a class whose mean context is the published one.
  const double answer = 1;  // the length cancels: only tokens a second are used
  workload::DemandClass work;
  work.input = workload::LengthDistribution::fixed(day.decode_context - answer / 2);
  work.output = workload::LengthDistribution::fixed(answer);
  work.tpot = day.tpot;
  const ServingPoint decode = decode_point(engine, day.decode, work, {});
  if (!decode.is_ok()) {
    r.reason = point_status_name(decode.status);
    return r;
  }
  r.decode_batch = decode.batch;
  r.limit = decode.limit;
  r.decode_step = decode.iteration;
  r.decode_per_node =
      decode.requests * (answer * units::token) * static_cast<double>(day.accelerators_per_node);
  r.decode_nodes = day.output / day.span / r.decode_per_node;
  r.is_ok = true;
  return r;
}

}  // namespace astrolabe::parallel
