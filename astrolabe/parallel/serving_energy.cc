#include "astrolabe/parallel/serving_energy.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

using workload::Operator;

struct Spent {
  Energy dynamic;
  Flop flops;
  Bytes traffic;
};

Spent spent(const EngineIteration& it, const ServingChip& chip, const workload::Batch& batch) {
  const device::Accelerator& a = chip.accelerator;
  const device::PowerModel power(a, chip.derating.power);
  Spent s;
  for (const Operator& op : workload::build_operator_graph(it.model(), it.precision(), it.shard(),
                                                           batch, kServingRouting)) {
    if (workload::is_collective(op.kind)) continue;
    s.flops += op.count * op.flops;
    s.traffic += op.count * op.bytes();
    const Duration t = chip.clock->time(op);
    const device::EnergyEstimate one =
        power.energy(op.flops, op.format, op.bytes(), device::work_kind(op.kind), t);
    s.dynamic += op.count * one.dynamic;
  }
  return s;
}

Power idle_power(const ServingChip& chip) {
  return device::PowerModel(chip.accelerator, chip.derating.power).idle();
}

void set_power(const ServingChip& chip, Power power, ServingWork* w) {
  const device::Accelerator& a = chip.accelerator;
  w->power = std::min(power, a.tdp);
  const double band = power_band(chip, w->power);
  w->p10 = w->power * std::exp(-band);
  w->p90 = std::min(w->power * std::exp(band), a.tdp);
  if (a.it_power) w->it_power = std::max(*a.it_power - (a.tdp - w->power), w->power);
}

}  // namespace

double power_band(const ServingChip& chip, Power power) {
  const device::PowerParameters& p = chip.derating.power;
  const double idle = idle_power(chip) / power;
  const double kernels =
      std::log((idle + (1 - idle) * p.dynamic_high) / (idle + (1 - idle) * p.dynamic_low)) / 2;
  return std::hypot(kernels, chip.engine.constants.power_band);
}

ServingWork serving_work(const EngineIteration& it, const ServingChip& chip, const SteadyLoad& load,
                         double sequences, Frequency decode_rate, double pieces,
                         Frequency chunk_rate) {
  Spent decode, chunk;
  const Frequency none;
  if (decode_rate > none) {
    decode = spent(it, chip,
                   {.decode_sequences = sequences,
                    .decode_context = load.context - 1,
                    .draft_tokens = load.speculation.draft_tokens});
  }
  if (chunk_rate > none) {
    const double tokens = load.prompt / pieces;
    chunk = spent(it, chip,
                  {.prefill_sequences = 1,
                   .prefill_tokens = tokens,
                   .prefill_context = load.cached + (load.prompt - tokens) / 2,
                   .prefill_square_ratio = load.square_ratio,
                   .prefill_finished = 1 / pieces});
  }
  ServingWork w;
  set_power(chip, idle_power(chip) + decode.dynamic * decode_rate + chunk.dynamic * chunk_rate, &w);
  w.hbm_bandwidth = decode.traffic * decode_rate + chunk.traffic * chunk_rate;
  w.flops = decode.flops * decode_rate + chunk.flops * chunk_rate;
  return w;
}

void add_work_of_drafts(const ServingChip& chip, const ServingWork& drafts, ServingWork* w) {
  set_power(chip, w->power + drafts.power - idle_power(chip), w);
  w->hbm_bandwidth += drafts.hbm_bandwidth;
  w->flops += drafts.flops;
}

}  // namespace astrolabe::parallel
