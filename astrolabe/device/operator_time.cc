#include "astrolabe/device/operator_time.h"

#include <algorithm>

#include "astrolabe/base/error.h"

namespace astrolabe::device {

using workload::NumberFormat;
using workload::Operator;
using workload::OperatorKind;

const char* fidelity_name(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::kRoofline:
      return "roofline";
    case Fidelity::kDerated:
      return "derated roofline";
    case Fidelity::kMeasured:
      return "measured";
    case Fidelity::kCoupled:
      return "coupled to memory";
  }
  return "";
}

const char* resource_name(Resource resource) {
  switch (resource) {
    case Resource::kCompute:
      return "compute";
    case Resource::kMemory:
      return "memory bandwidth";
    case Resource::kNetwork:
      return "network";
    case Resource::kOverhead:
      return "overhead";
  }
  return "";
}

namespace {

// The fastest in which a kernel may multiply: a cache of fp8 as it is.
NumberFormat bound_format(const Operator& op) {
  const auto cache = [&](const auto& shape) {
    return shape.kv_cache == NumberFormat::kFp8 ? NumberFormat::kFp8 : op.format;
  };
  if (const auto* s = std::get_if<workload::AttentionShape>(&op.shape)) return cache(*s);
  if (const auto* s = std::get_if<workload::LatentShape>(&op.shape)) return cache(*s);
  return op.format;
}

}  // namespace

OperatorCost RooflineTime::cost(const Operator& op) const {
  ASTROLABE_ASSERT(!workload::is_collective(op.kind), op.name);
  const Duration compute = op.flops / accelerator_.peak(bound_format(op));
  const Duration memory = op.bytes() / accelerator_.hbm_bandwidth;
  return {std::max(compute, memory), compute > memory ? Resource::kCompute : Resource::kMemory};
}

double DeratedTime::compute_fraction(const Operator& op) const {
  const auto format = static_cast<std::size_t>(accelerator_.executed_format(op.format));
  switch (op.kind) {
    case OperatorKind::kExperts:
      return derating_.grouped_gemm[format];
    case OperatorKind::kAttentionPrefill:
    case OperatorKind::kLatentPrefill:
      return derating_.attention_prefill;
    case OperatorKind::kAttentionDecode:
    case OperatorKind::kLatentDecode:
    case OperatorKind::kSparseLatent:
    case OperatorKind::kIndexer:
    case OperatorKind::kLinearAttention:
      return derating_.attention_decode;
    default:
      return derating_.gemm[format];
  }
}

OperatorCost DeratedTime::cost(const Operator& op) const {
  return cost(op, derating_.hbm_bandwidth);
}

OperatorCost DeratedTime::cost(const Operator& op, double bandwidth_fraction) const {
  ASTROLABE_ASSERT(!workload::is_collective(op.kind), op.name);
  // A measured fraction above 1 (caches) must not beat the roofline.
  const double f = std::min(1.0, compute_fraction(op));
  const double b = std::min(1.0, bandwidth_fraction);
  const Duration compute = op.flops / (f * accelerator_.peak(op.format));
  const Duration memory = op.bytes() / (b * accelerator_.hbm_bandwidth);
  const Duration work = std::max(compute, memory);
  const Duration overhead = derating_.kernel_overhead;
  const Resource bound = overhead > work    ? Resource::kOverhead
                         : compute > memory ? Resource::kCompute
                                            : Resource::kMemory;
  return {overhead + work, bound};
}

std::unique_ptr<OperatorTime> make_operator_time(Fidelity fidelity, const Accelerator& accelerator,
                                                 const Derating& derating) {
  switch (fidelity) {
    case Fidelity::kRoofline:
      return std::make_unique<RooflineTime>(accelerator);
    case Fidelity::kDerated:
      return std::make_unique<DeratedTime>(accelerator, derating);
    case Fidelity::kMeasured:
    case Fidelity::kCoupled:
      break;
  }
  ASTROLABE_DEMAND(false, "no operator times without tables or a memory");
  return nullptr;
}

}  // namespace astrolabe::device
