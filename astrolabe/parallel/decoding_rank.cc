#include "astrolabe/parallel/decoding_rank.h"

#include "astrolabe/base/error.h"
#include "astrolabe/base/random.h"

namespace astrolabe::parallel {

std::vector<LoopRequest> draw_requests(const ClosedLoopLoad& load) {
  RandomStream random(load.seed, 0);
  const auto draw = [&](double low, double high, int least) {
    return std::max(least, static_cast<int>(std::lround(random.uniform(low, high))));
  };
  std::vector<LoopRequest> requests(
      static_cast<std::size_t>(load.requests > 0 ? load.requests : 10 * load.concurrency));
  for (LoopRequest& r : requests) {
    r.prompt = draw(load.prompt_low, load.prompt_high, 1);
    r.answer = draw(load.answer_low, load.answer_high, 2);
  }
  return requests;
}

bool each_fits(const std::vector<LoopRequest>& requests, double kv_tokens) {
  return std::all_of(requests.begin(), requests.end(),
                     [&](const LoopRequest& r) { return r.prompt + r.answer <= kv_tokens; });
}

ClosedLoopResult mean_result(const std::vector<LoopRequest>& requests, double now,
                             Duration outside) {
  double tpot = 0, ttft = 0, longest = 0;
  for (const LoopRequest& r : requests) {
    tpot += (r.end - r.first) / (r.answer - 1);
    ttft += r.first - r.arrival;
    longest = std::max(longest, r.first - r.arrival);
  }
  const auto n = static_cast<double>(requests.size());
  ClosedLoopResult out;
  out.tpot = tpot / n * units::second;
  out.ttft = ttft / n * units::second + outside;
  out.longest_ttft = longest * units::second + outside;
  out.requests = n / (now * units::second);
  return out;
}

// Takes back what a sequence that stops decoding held; the tokens that it decoded.
double DecodingRank::leave(LoopRequest* r, const DecodingRules& rules) {
  const std::int64_t begun = r->end_step - rules.steps(*r);
  const double decoded = static_cast<double>(step - begun) * rules.accepted;
  --decoding;
  context_sum -= r->to_compute() + decoded;
  // Where rules preempt, the token that the last prompt step gave was not counted.
  reserved -= rules.preempts ? r->to_compute() - 1 + decoded : rules.need(*r);
  r->end_step = -1;
  return decoded;
}

bool DecodingRank::finish_one(double now, const DecodingRules& rules,
                              std::vector<LoopRequest>* requests) {
  while (!ending.empty() && (*requests)[static_cast<std::size_t>(ending.top().second)].end_step !=
                                ending.top().first) {
    ending.pop();  // preempted meanwhile
  }
  if (ending.empty() || ending.top().first > step) {
    if (decoding == 0) context_sum = 0;  // what rounding left
    return false;
  }
  LoopRequest& r = (*requests)[static_cast<std::size_t>(ending.top().second)];
  ending.pop();
  r.end = now;
  --load;
  leave(&r, rules);
  return true;
}

void DecodingRank::preempt(const DecodingRules& rules, std::vector<LoopRequest>* requests) {
  ASTROLABE_DEMAND(decoding > 0, "nothing to preempt");
  while ((*requests)[static_cast<std::size_t>(admitted.back())].end_step < 0) admitted.pop_back();
  const int id = admitted.back();
  admitted.pop_back();
  LoopRequest& r = (*requests)[static_cast<std::size_t>(id)];
  const double decoded = leave(&r, rules);
  r.emitted = std::min(r.answer - 1, r.emitted + static_cast<int>(decoded));
  r.done = 0;
  waiting.push_front(id);
}

}  // namespace astrolabe::parallel
