#pragma once

// What the simulations of benchmarks share (closed_loop.cc, pool_loop.cc): the requests of a load
// and the sequences that one rank decodes.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <queue>
#include <utility>
#include <vector>

#include "astrolabe/parallel/closed_loop.h"

namespace astrolabe::parallel {

struct LoopRequest {
  double arrival = 0, first = 0, end = 0;  // seconds
  int prompt = 0, answer = 0, done = 0;    // tokens; done: of the prompt
  int rank = 0;                            // that it was sent to
};

// Lengths drawn from the ranges of the load.
std::vector<LoopRequest> draw_requests(const ClosedLoopLoad& load);

// Whether a KV cache of so many tokens holds each of them alone.
bool each_fits(const std::vector<LoopRequest>& requests, double kv_tokens);

// Means over requests, the last of which ended at `now`; outside: the time that TTFT has beside the
// engines.
ClosedLoopResult mean_result(const std::vector<LoopRequest>& requests, double now,
                             Duration outside);

// The first of the ranks with the least load.
template <class Rank, class Load>
int least_loaded(const std::vector<Rank>& ranks, const Load& load) {
  const auto least = std::min_element(
      ranks.begin(), ranks.end(), [&](const Rank& a, const Rank& b) { return load(a) < load(b); });
  return static_cast<int>(least - ranks.begin());
}

struct DecodingRules {
  double answer_reserve = 1;  // of an answer's tokens that are reserved when it is admitted
  double accepted = 1;        // tokens of a step

  double need(const LoopRequest& r) const { return r.prompt + answer_reserve * r.answer; }
  // From the first token of an answer to its last.
  std::int64_t steps(const LoopRequest& r) const {
    return std::max<std::int64_t>(1, std::llround(std::ceil((r.answer - 1) / accepted - 1e-9)));
  }
};

struct DecodingRank {
  std::deque<int> waiting;
  // (step at which it ends, request), the earliest on top.
  std::priority_queue<std::pair<std::int64_t, int>, std::vector<std::pair<std::int64_t, int>>,
                      std::greater<>>
      ending;
  std::int64_t step = 0;
  int decoding = 0, load = 0;            // load: with those that wait
  double context_sum = 0, reserved = 0;  // tokens

  double mean_context() const { return decoding > 0 ? context_sum / decoding : 0; }
  void begin(int id, const LoopRequest& r, const DecodingRules& rules) {
    ++decoding;
    context_sum += r.prompt + 1;
    ending.emplace(step + rules.steps(r), id);
  }
  void advance(std::int64_t steps, const DecodingRules& rules) {
    step += steps;
    context_sum += static_cast<double>(decoding) * static_cast<double>(steps) * rules.accepted;
  }
  // Ends one answer that is due; false if none is.
  bool finish_one(double now, const DecodingRules& rules, std::vector<LoopRequest>* requests);
};

}  // namespace astrolabe::parallel
