#include "astrolabe/parallel/derated_clock.h"

namespace astrolabe::parallel {

using workload::Operator;
using workload::OperatorKind;

DeratedClock::DeratedClock(const device::Accelerator& accelerator, const device::Derating& derating,
                           const RooflineCorrection& correction)
    : times_(accelerator, derating),
      fabric_(make_fabric(accelerator, derating)),
      correction_(correction),
      stream_(derating.hbm_bandwidth * accelerator.hbm_bandwidth) {}

Duration DeratedClock::collective(const Operator& op) const {
  const auto& s = op.get<workload::CollectiveShape>();
  switch (op.kind) {
    case OperatorKind::kAllReduce:
      return network::all_reduce_time(fabric_, s.ranks, s.payload);
    case OperatorKind::kAllGather:
    case OperatorKind::kReduceScatter:
      return network::gather_time(fabric_, s.ranks, s.payload);
    case OperatorKind::kDispatch:
    case OperatorKind::kCombine:
      return network::exchange_time(fabric_, s.ranks, s.payload, s.copies);
    default:
      return network::send_time(fabric_, true, s.payload);
  }
}

Duration DeratedClock::derated(const Operator& op) const {
  return workload::is_collective(op.kind) ? collective(op) : times_.cost(op).time;
}

Duration DeratedClock::time(const Operator& op) const {
  if (!is_corrected(op)) return op.bytes() / stream_;
  const Duration t = derated(op);
  return t > Duration() ? correction_.apply(kernel_kind(op), t) : t;
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

}  // namespace astrolabe::parallel
