#include "astrolabe/parallel/capability.h"

#include <algorithm>

namespace astrolabe::parallel {
namespace {

// Bounds of the search: groups tried across small domains, and inside domains of thousands.
constexpr int kSearchedGroup = 64, kWidestGroup = 256;
// Less of a saving of energy does not make another operating point.
constexpr double kWorthAnotherPoint = 0.03;

CapabilityStatus status_of(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::kDoesNotFit:
    case Exclusion::kNoSequence:
      return CapabilityStatus::kDoesNotFit;
    case Exclusion::kTtftFloor:
      return CapabilityStatus::kTtftMissed;
    case Exclusion::kTpotFloor:
    case Exclusion::kDominated:
      return CapabilityStatus::kTpotMissed;
    case Exclusion::kIndivisible:
      break;
  }
  return CapabilityStatus::kNoLayout;
}

// The miss of the layout that came farthest.
void explain(const SearchResult& search, Capability* c) {
  const ExcludedLayout* nearest = nullptr;
  for (const ExcludedLayout& x : search.excluded) {
    if (nearest == nullptr || x.exclusion > nearest->exclusion) nearest = &x;
  }
  if (nearest == nullptr) {
    c->status = CapabilityStatus::kTpotMissed;
    c->reason = "no batch keeps the limits of TTFT and TPOT";
    return;
  }
  c->status = status_of(nearest->exclusion);
  c->reason = nearest->exclusion == Exclusion::kDominated
                  ? "no batch keeps the limits of TTFT and TPOT"
                  : nearest->layout.text() + ": " + nearest->reason;
}

Bytes hbm_used(const ServingChip& chip, const ServingRequest& request, const DeploymentPoint& p) {
  const workload::ShardDegrees shard =
      spread_uncuttable_experts(request.model, request.precision, p.layout.shard);
  const SteadyLoad load = steady_load(request.work);
  const MemoryFit m = memory_fit(request.model, request.precision, shard, chip.engine,
                                 chip.accelerator.hbm_capacity, load.held(), request.block_count,
                                 draft_memory(request, shard, load.held()));
  return m.weights + m.activations + m.graph_capture + m.other_reserve +
         p.state.sequences * load.context * m.kv_per_token;
}

OperatingPoint operating_point(const ServingChip& chip, const ServingRequest& request,
                               const DeploymentPoint& point) {
  OperatingPoint o;
  o.point = point;
  o.input_tokens = request.work.input.mean() * units::token * point.requests;
  o.hbm_used = hbm_used(chip, request, point);
  const workload::Precision& p = request.precision;
  const workload::GemmFormat format = request.model.is_moe() ? p.experts : p.ffn;
  o.mfu = point.work.flops / chip.accelerator.peak(workload::traits(format).multiplied);
  return o;
}

}  // namespace

Capability find_capability(const ServingChip& chip, const ServingRequest& request,
                           SearchOptions options) {
  options.is_fleet = true;
  if (options.most_accelerators == 0) {
    options.most_accelerators =
        std::clamp(chip.accelerator.scale_up_domain, kSearchedGroup, kWidestGroup);
  }
  Capability c;
  c.model = request.model.name;
  c.accelerator = chip.accelerator.name;
  c.work = request.work.name;
  c.source = chip.source;
  const SearchResult search = search_layouts(chip, request, options);
  c.layouts_tried = search.layouts;
  if (!search.best) {
    explain(search, &c);
    return c;
  }
  c.status = CapabilityStatus::kOk;
  c.fastest = operating_point(chip, request, *search.best);
  if (search.thriftiest && search.thriftiest->it_energy_per_token() <
                               (1 - kWorthAnotherPoint) * search.best->it_energy_per_token()) {
    c.thriftiest = operating_point(chip, request, *search.thriftiest);
  }
  return c;
}

}  // namespace astrolabe::parallel
