#pragma once

// What one accelerator of a fleet delivers and draws for a class of requests at its best: the link
// from demand to hardware. The search of layout_search.h over every layout, aggregated or in pools
// whose sizes are divisible, as they are in a fleet: the point with most tokens within the service
// level, and the point that needs least IT energy for a token where that is another one.
// Where it fails: the service level is met on the mean; failures, uneven load between engines and
// load below the peak are not in here (planning's availability and peak-to-average are).

#include <optional>
#include <string>

#include "astrolabe/parallel/layout_search.h"

namespace astrolabe::parallel {

enum class CapabilityStatus { kOk, kNoLayout, kDoesNotFit, kTtftMissed, kTpotMissed };

// Per accelerator.
struct OperatingPoint {
  DeploymentPoint point;
  TokenRate input_tokens;  // cached ones included
  Bytes hbm_used;          // on an accelerator of the decode pool, reserves included
  double mfu = 0;  // FLOP rate over the dense peak of the format of experts, or else of FFNs

  TokenRate processed_tokens() const { return point.output_tokens + input_tokens; }
};

struct Capability {
  CapabilityStatus status = CapabilityStatus::kNoLayout;
  std::string reason;  // when not ok: the nearest miss
  std::string model, accelerator, work;
  KernelSource source = KernelSource::kDerated;
  int layouts_tried = 0;

  OperatingPoint fastest;
  std::optional<OperatingPoint> thriftiest;

  bool is_ok() const { return status == CapabilityStatus::kOk; }
};

Capability find_capability(const ServingChip& chip, const ServingRequest& request,
                           SearchOptions options = {});

}  // namespace astrolabe::parallel
