#pragma once

// Service levels of percentiles: how many requests a second a deployment takes when they come at
// random (Poisson arrivals) and a share of them must keep the limits of TTFT and TPOT.
//
// Requests are drawn from the lengths of a class of demand; a deployment is whatever replays them
// (closed_loop.h, pool_loop.h). The largest rate is found by bisection: every rate replays the same
// requests, only closer together, so a faster one is never easier but for the order of batches.
// Assumes that the class's lengths are lognormal and independent of the arrivals.

#include <cstdint>
#include <functional>
#include <vector>

#include "astrolabe/parallel/closed_loop.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::parallel {

using Replay = std::function<ReplayResult(const ReplayLoad&)>;

// Tokens; what is drawn above is that long.
struct LongestRequest {
  int prompt = 1000000, answer = 1000000;
};

// Arrivals from time 0 on, of a Poisson process that has as many in that time as it has on average.
// Lengths are whole tokens: prompts of 1 or more, answers of 2 or more.
std::vector<TimedRequest> poisson_requests(const workload::DemandClass& work, Frequency rate,
                                           int requests, const LongestRequest& longest = {},
                                           std::uint64_t seed = 1);

// What `share` of the requests keep, each time by itself: the smallest value that at least this
// share does not exceed.
RequestTimes kept_by(double share, const std::vector<RequestTimes>& requests);

struct OpenLoopSearch {
  Frequency most;       // no deployment takes more
  int requests = 3000;  // of a replay
  double share = 0.99;  // of them that keep each limit
  LongestRequest longest = {};
};

struct OpenLoopResult {
  Frequency requests;  // a second; zero where even few miss the limits or do not fit
  RequestTimes kept;   // by the share, at that rate
};

OpenLoopResult highest_rate(const Replay& replay, const workload::DemandClass& work,
                            const OpenLoopSearch& search);

}  // namespace astrolabe::parallel
