#pragma once

// The deployment with most output tokens an accelerator when requests come at random and a share of
// them must keep the limits (open_loop.h). Every layout without pipeline stages is tried as an
// engine, and the pools that are on the front of the means (layout_search.h), the fastest on the
// mean first, until the next cannot win: no replay takes more than its mean load.

#include <optional>

#include "astrolabe/parallel/layout_search.h"
#include "astrolabe/parallel/open_loop.h"

namespace astrolabe::parallel {

struct ArrivalOptions {
  SearchOptions search;  // of deployments; a fleet's divisible pools are not replayed
  double share = 0.99;   // of the requests, that keep each limit
  LongestRequest longest;
};

struct ArrivalPoint {
  DeploymentPoint deployment;  // its rates are those of the replay, the rest of the mean load
  RequestTimes kept;           // by the share
};

// Nothing when no deployment keeps the limits. Speculative decoding and cached prompts are not
// replayed.
std::optional<ArrivalPoint> search_under_arrivals(const ServingChip& chip,
                                                  const ServingRequest& request,
                                                  const ArrivalOptions& options);

}  // namespace astrolabe::parallel
