#include "astrolabe/parallel/iteration.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::parallel {

using device::Resource;
using workload::Batch;
using workload::Operator;
using workload::OperatorKind;

namespace {

std::size_t index(Resource r) { return static_cast<std::size_t>(r); }

Batch half_of(Batch b) {
  b.decode_sequences /= 2;
  b.prefill_sequences /= 2;
  b.prefill_finished /= 2;
  return b;
}

}  // namespace

Resource IterationCost::bound() const {
  const auto largest = std::max_element(by_resource.begin(), by_resource.end(),
                                        [](Duration a, Duration b) { return a < b; });
  return static_cast<Resource>(largest - by_resource.begin());
}

IterationCost& IterationCost::operator+=(const IterationCost& o) {
  time += o.time;
  for (std::size_t i = 0; i < by_resource.size(); ++i) by_resource[i] += o.by_resource[i];
  exchange += o.exchange;
  flops += o.flops;
  hbm_traffic += o.hbm_traffic;
  energy += o.energy;
  is_split = is_split || o.is_split;
  return *this;
}

IterationCost IterationCost::scaled(double times) const {
  IterationCost c = *this;
  c.time = times * time;
  for (Duration& d : c.by_resource) d = times * d;
  c.exchange = times * exchange;
  c.flops = times * flops;
  c.hbm_traffic = times * hbm_traffic;
  c.energy = times * energy;
  return c;
}

network::Fabric make_fabric(const device::Accelerator& a, const device::Derating& d) {
  network::Fabric f;
  f.domain = a.scale_up_domain;
  f.scale_up = a.scale_up_bandwidth;
  f.scale_out = a.scale_out_bandwidth;
  f.all_reduce_fraction = d.all_reduce_bandwidth;
  f.all_to_all_fraction = d.all_to_all_bandwidth;
  f.scale_out_fraction = d.scale_out_bandwidth;
  f.step_latency = d.scale_up_latency;
  f.all_to_all_latency = d.all_to_all_latency;
  f.scale_out_latency = d.scale_out_latency;
  return f;
}

IterationModel::IterationModel(const workload::ModelArchitecture& model,
                               const workload::Precision& precision,
                               const device::Accelerator& accelerator,
                               const device::Derating& derating, const device::OperatorTime& times)
    : model_(model),
      precision_(precision),
      accelerator_(accelerator),
      derating_(derating),
      times_(times),
      fabric_(make_fabric(accelerator, derating)),
      power_(accelerator, derating.power) {
  precision_ = accelerator.executed_precision(precision);
}

Duration IterationModel::collective_time(const Layout& layout, const Operator& op) const {
  const auto& shape = op.get<workload::CollectiveShape>();
  switch (op.kind) {
    case OperatorKind::kAllReduce:
      return network::all_reduce_time(fabric_, shape.ranks, shape.payload);
    case OperatorKind::kAllGather:
    case OperatorKind::kReduceScatter:
      return network::gather_time(fabric_, shape.ranks, shape.payload);
    case OperatorKind::kDispatch:
    case OperatorKind::kCombine:
      return network::exchange_time(fabric_, shape.ranks, shape.payload, shape.copies);
    default:
      return network::send_time(fabric_, layout.accelerators() > fabric_.domain, shape.payload);
  }
}

Energy IterationModel::operator_energy(const Operator& op, Duration time) const {
  return power_
      .energy(op.flops, accelerator_.executed_format(op.format), op.bytes(),
              device::work_kind(op.kind), time)
      .total();
}

IterationCost IterationModel::sequential(const Layout& layout, const Batch& batch) const {
  const workload::OperatorList operators = workload::build_operator_graph(
      model_, precision_, layout.shard, batch,
      {.imbalance = layout.shard.expert > 1 ? derating_.expert_imbalance : 1.0});
  IterationCost c;
  for (const Operator& op : operators) {
    Duration time;
    Resource bound = Resource::kNetwork;
    if (workload::is_collective(op.kind)) {
      time = op.count * collective_time(layout, op);
      if (workload::is_all_to_all(op.kind)) c.exchange += time;
      c.energy += power_.idle() * time;
    } else {
      const device::OperatorCost cost = times_.cost(op);
      time = op.count * cost.time;
      bound = cost.bound;
      c.energy += op.count * operator_energy(op, cost.time);
      c.flops += op.count * op.flops;
      c.hbm_traffic += op.count * op.bytes();
    }
    c.time += time;
    c.by_resource[index(bound)] += time;
  }
  return c;
}

IterationCost IterationModel::cost(const Layout& layout, const Batch& batch) const {
  IterationCost c = sequential(layout, batch);
  if (c.exchange > Duration() && batch.tokens() >= 2) {
    const IterationCost half = sequential(layout, half_of(batch));
    const Duration work = half.time - half.exchange;
    const Duration time = 2 * std::max(work, half.exchange);
    if (time < c.time) {
      c = half.scaled(2);
      c.is_split = true;
      // The hidden part draws no time: what is behind the longer of the two leaves the shares.
      if (work > half.exchange) {
        c.by_resource[index(Resource::kNetwork)] =
            c.by_resource[index(Resource::kNetwork)] - c.exchange;
        c.energy = c.energy - power_.idle() * c.exchange;
      } else {
        c.energy = c.energy - power_.idle() * (2 * work);
      }
      c.time = time;
    }
  }
  c.time += derating_.iteration_overhead;
  c.by_resource[index(Resource::kOverhead)] += derating_.iteration_overhead;
  c.energy += power_.idle() * derating_.iteration_overhead;
  return c;
}

IterationCost IterationModel::prefill(const Layout& layout, double prompts, double new_tokens,
                                      double cached, double square_ratio,
                                      double token_budget) const {
  ASTROLABE_ASSERT(prompts <= 1 || prompts * new_tokens <= token_budget, "prompts exceed budget");
  const double chunks = std::max(1.0, std::ceil(new_tokens / token_budget));
  const double chunk = new_tokens / chunks;
  Batch b;
  b.prefill_sequences = prompts;
  b.prefill_tokens = chunk;
  // The mean chunk starts behind half of the others; the sum over chunks is exact.
  b.prefill_context = cached + square_ratio * (new_tokens - chunk) / 2;
  b.prefill_square_ratio = square_ratio;
  b.prefill_finished = prompts / chunks;
  return cost(layout, b).scaled(chunks);
}

}  // namespace astrolabe::parallel
