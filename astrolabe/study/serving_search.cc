#include "astrolabe/study/serving_search.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "astrolabe/parallel/deployment.h"
#include "astrolabe/parallel/pool_loop.h"

namespace astrolabe::study {

using parallel::Deployment;
using parallel::DeploymentPoint;
using parallel::SearchOptions;
using parallel::ServingChip;
using parallel::ServingRequest;

namespace {

constexpr int kSmallestSearch = 16;  // accelerators, where a domain is smaller
// Requests of a replay: several times those in flight, so that it is not all start.
constexpr double kRoundsInFlight = 5;
constexpr int kFewestReplayed = 2000, kMostReplayed = 200000;

Frequency rate_under_arrivals(const ServingChip& chip, const ServingRequest& request,
                              const SearchedDeployment& benchmark, const DeploymentPoint& p) {
  const auto deployment = [&](const parallel::Layout& layout) {
    return Deployment(request.model, request.precision, layout.shard, chip.engine, *chip.clock,
                      chip.accelerator.hbm_capacity);
  };
  const auto highest = [&](const parallel::Replay& replay) {
    parallel::OpenLoopSearch search;
    search.most = p.requests * p.accelerators();
    search.requests = static_cast<int>(std::clamp<double>(
        kRoundsInFlight * p.state.in_flight * p.workers, kFewestReplayed, kMostReplayed));
    search.longest = benchmark.longest;
    return highest_rate(replay, request.work, search);
  };
  const Deployment decode = deployment(p.layout);
  if (!p.is_pools) return highest([&](const auto& load) { return decode.replay(load); });
  const Deployment prefill = deployment(p.prefill_layout);
  const double context = request.work.input.mean() + request.work.output.mean();
  const parallel::Pool prompts{prefill.table(), chip.engine, static_cast<int>(p.prefill_workers)};
  const parallel::Pool answers{decode.table(), chip.engine, static_cast<int>(p.workers),
                               decode.kv_tokens(context)};
  return highest([&](const auto& load) {
    return run_pool_replay(prompts, answers, request.model.vocab, load);
  });
}

// Each layout as an engine at its best on the mean, and pools as they are on the front.
std::vector<DeploymentPoint> online_candidates(const ServingChip& chip,
                                               const ServingRequest& request, int accelerators) {
  SearchOptions one, pools;
  one.most_accelerators = pools.most_accelerators = accelerators;
  one.allows_pools = pools.allows_aggregated = false;
  pools.layouts = parallel::candidate_layouts(request.model, chip.accelerator, accelerators);
  std::erase_if(pools.layouts, [](const auto& layout) { return layout.shard.pipeline > 1; });
  std::vector<DeploymentPoint> points;
  for (const parallel::Layout& layout : pools.layouts) {
    one.layouts = {layout};
    if (const auto best = search_layouts(chip, request, one).best) points.push_back(*best);
  }
  std::set<std::string> seen;
  for (const DeploymentPoint& p : search_layouts(chip, request, pools).front) {
    const bool is_new = seen.insert(p.layout.text() + " " + p.prefill_layout.text()).second;
    if (is_new && p.tpot <= request.work.tpot) points.push_back(p);
  }
  std::sort(points.begin(), points.end(), [](const auto& a, const auto& b) {
    return a.output_tokens > b.output_tokens;
  });
  return points;
}

}  // namespace

std::optional<DeploymentPoint> best_deployment(const ServingChip& chip,
                                               const ServingRequest& request,
                                               const SearchedDeployment& benchmark) {
  const int accelerators = std::min(benchmark.accelerators,
                                    std::max(chip.accelerator.scale_up_domain, kSmallestSearch));
  if (!benchmark.is_online) {
    SearchOptions options;
    options.allows_pools = false;
    options.most_accelerators = accelerators;
    return search_layouts(chip, request, options).best;
  }
  std::optional<DeploymentPoint> best;
  for (DeploymentPoint& p : online_candidates(chip, request, accelerators)) {
    // Sorted by their means, which no replay exceeds.
    if (best && p.output_tokens <= best->output_tokens) break;
    p.requests = rate_under_arrivals(chip, request, benchmark, p) / p.accelerators();
    p.output_tokens = p.requests * (request.work.output.mean() * units::token);
    if (p.requests.base() > 0 && (!best || p.output_tokens > best->output_tokens)) best = p;
  }
  return best;
}

}  // namespace astrolabe::study
