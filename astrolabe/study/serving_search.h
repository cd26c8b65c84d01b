#pragma once

// The deployment that a submitter of a benchmark would choose: of all layouts of at most one domain
// of the accelerators, the one with most output tokens an accelerator. Where requests come at
// random, each layout (without pipeline stages) is replayed and 99 % of them must keep the limits;
// pools stand as they are on the front of the means.

#include <optional>

#include "astrolabe/parallel/layout_search.h"
#include "astrolabe/study/serving_measurements.h"

namespace astrolabe::study {

// Nothing when no layout keeps the limits. The rates of the point are those of the replay; the rest
// is of the means that it started from.
std::optional<parallel::DeploymentPoint> best_deployment(const parallel::ServingChip& chip,
                                                         const parallel::ServingRequest& request,
                                                         const SearchedDeployment& benchmark);

}  // namespace astrolabe::study
