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
  int prompt = 0, answer = 0;              // tokens
  int emitted = 0;                         // of the answer, when it last began to decode
  int done = 0;                            // of what must be computed before it decodes (again)
  int rank = 0;                            // that it was sent to
  std::int64_t end_step = -1;              // of its rank; -1: does not decode

  // Of a request that was preempted: its prompt and all that it had answered.
  int to_compute() const { return prompt + emitted; }
};

// Lengths drawn from the ranges of the load.
std::vector<LoopRequest> draw_requests(const ClosedLoopLoad& load);

// Whether a KV cache of so many tokens holds each of them alone.
bool each_fits(const std::vector<LoopRequest>& requests, double kv_tokens);

// Means over requests, the last of which ended at `now`; outside: the time that TTFT has beside the
// engines.
ClosedLoopResult mean_result(const std::vector<LoopRequest>& requests, double now,
                             Duration outside);

// Of a replay: its requests, what it says beside them, and their times when all have ended.
std::vector<LoopRequest> timed_requests(const ReplayLoad& load);
ClosedLoopLoad habits_of(const ReplayLoad& load);
ReplayResult replay_result(ClosedLoopStatus status, const std::vector<LoopRequest>& requests);

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
  bool preempts = false;      // nothing is reserved; a full cache takes back the youngest

  double need(const LoopRequest& r) const {
    return preempts ? r.to_compute() : r.prompt + answer_reserve * r.answer;
  }
  // From the first token of an answer, or the first after a preemption, to its last.
  std::int64_t steps(const LoopRequest& r) const {
    return std::max<std::int64_t>(
        1, std::llround(std::ceil((r.answer - r.emitted) / accepted - 1e-9)));
  }
};

struct DecodingRank {
  std::deque<int> waiting;
  // (step at which it ends, request), the earliest on top.
  std::priority_queue<std::pair<std::int64_t, int>, std::vector<std::pair<std::int64_t, int>>,
                      std::greater<>>
      ending;
  std::int64_t step = 0;
  std::vector<int> admitted;             // as they began to decode; some have ended
  int decoding = 0, load = 0;            // load: with those that wait
  double context_sum = 0, reserved = 0;  // tokens; reserved: in use where rules preempt

  double mean_context() const { return decoding > 0 ? context_sum / decoding : 0; }
  void begin(int id, LoopRequest* r, const DecodingRules& rules) {
    ++decoding;
    ++r->emitted;
    context_sum += r->to_compute();
    r->end_step = step + rules.steps(*r);
    ending.emplace(r->end_step, id);
    if (rules.preempts) admitted.push_back(id);
  }
  void advance(std::int64_t steps, const DecodingRules& rules) {
    step += steps;
    const double tokens =
        static_cast<double>(decoding) * static_cast<double>(steps) * rules.accepted;
    context_sum += tokens;
    if (rules.preempts) reserved += tokens;
  }
  // Ends one answer that is due; false if none is.
  bool finish_one(double now, const DecodingRules& rules, std::vector<LoopRequest>* requests);
  // Sends the youngest sequence back to the front of those that wait, without its cache.
  void preempt(const DecodingRules& rules, std::vector<LoopRequest>* requests);

 private:
  double leave(LoopRequest* r, const DecodingRules& rules);
};

}  // namespace astrolabe::parallel
