#include "astrolabe/parallel/arrival_search.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "astrolabe/parallel/deployment.h"
#include "astrolabe/parallel/pool_loop.h"

namespace astrolabe::parallel {
namespace {

// Requests of a replay: several times those in flight, so that it is not all start.
constexpr double kRoundsInFlight = 5;
constexpr int kFewestReplayed = 2000, kMostReplayed = 200000;

OpenLoopResult under_arrivals(const ServingChip& chip, const ServingRequest& request,
                              const ArrivalOptions& options, const DeploymentPoint& p) {
  const auto deployment = [&](const Layout& layout) {
    return Deployment(request.model, request.precision, layout.shard, chip.engine, *chip.clock,
                      chip.accelerator.hbm_capacity);
  };
  const auto highest = [&](const Replay& replay) {
    OpenLoopSearch search;
    search.most = p.requests * p.accelerators();
    search.requests = static_cast<int>(std::clamp<double>(
        kRoundsInFlight * p.state.in_flight * p.workers, kFewestReplayed, kMostReplayed));
    search.share = options.share;
    search.longest = options.longest;
    return highest_rate(replay, request.work, search);
  };
  const Deployment decode = deployment(p.layout);
  if (!p.is_pools) return highest([&](const auto& load) { return decode.replay(load); });
  const Deployment prefill = deployment(p.prefill_layout);
  const double context = request.work.input.mean() + request.work.output.mean();
  const Pool prompts{prefill.table(), chip.engine, static_cast<int>(p.prefill_workers)};
  const Pool answers{decode.table(), chip.engine, static_cast<int>(p.workers),
                     decode.kv_tokens(context)};
  return highest([&](const auto& load) {
    return run_pool_replay(prompts, answers, request.model.vocab, load);
  });
}

// Each layout as an engine at its best on the mean, and pools as they are on the front.
std::vector<DeploymentPoint> candidates(const ServingChip& chip, const ServingRequest& request,
                                        const SearchOptions& options) {
  SearchOptions one = options, pools = options;
  one.allows_pools = pools.allows_aggregated = false;
  if (pools.layouts.empty()) {
    pools.layouts = candidate_layouts(request.model, chip.accelerator,
                                      most_accelerators(chip.accelerator, options));
  }
  std::erase_if(pools.layouts, [](const Layout& layout) { return layout.shard.pipeline > 1; });
  std::vector<DeploymentPoint> points;
  for (const Layout& layout : pools.layouts) {
    if (!options.allows_aggregated) break;
    one.layouts = {layout};
    if (const auto best = search_layouts(chip, request, one).best) points.push_back(*best);
  }
  std::set<std::string> seen;
  if (options.allows_pools && !pools.layouts.empty()) {
    for (const DeploymentPoint& p : search_layouts(chip, request, pools).front) {
      const bool is_new = seen.insert(p.layout.text() + " " + p.prefill_layout.text()).second;
      if (is_new && p.tpot <= request.work.tpot) points.push_back(p);
    }
  }
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.output_tokens > b.output_tokens; });
  return points;
}

}  // namespace

std::optional<ArrivalPoint> search_under_arrivals(const ServingChip& chip,
                                                  const ServingRequest& request,
                                                  const ArrivalOptions& options) {
  std::optional<ArrivalPoint> best;
  for (DeploymentPoint& p : candidates(chip, request, options.search)) {
    if (best && p.output_tokens <= best->deployment.output_tokens) break;
    const OpenLoopResult r = under_arrivals(chip, request, options, p);
    p.requests = r.requests / p.accelerators();
    p.output_tokens = p.requests * (request.work.output.mean() * units::token);
    const bool is_better = !best || p.output_tokens > best->deployment.output_tokens;
    if (r.requests.base() > 0 && is_better) best = ArrivalPoint{p, r.kept};
  }
  return best;
}

}  // namespace astrolabe::parallel
