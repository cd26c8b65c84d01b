#include "astrolabe/parallel/open_loop.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/random.h"

namespace astrolabe::parallel {
namespace {

constexpr int kHalvings = 10;  // to a thousandth of the largest rate

int whole_tokens(const workload::LengthDistribution& lengths, int least, int most,
                 RandomStream* random) {
  const double tokens = lengths.quantile(lengths.log_deviation() > 0 ? random->normal() : 0);
  return static_cast<int>(std::lround(std::clamp<double>(tokens, least, most)));
}

Duration kept_by(double share, std::vector<Duration> times) {
  const auto count = static_cast<double>(times.size());
  const auto at = static_cast<std::ptrdiff_t>(std::ceil(share * count)) - 1;
  const auto place = times.begin() + std::clamp<std::ptrdiff_t>(at, 0, std::ssize(times) - 1);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

}  // namespace

std::vector<TimedRequest> poisson_requests(const workload::DemandClass& work, Frequency rate,
                                           int requests, const LongestRequest& longest,
                                           std::uint64_t seed) {
  RandomStream gaps(seed, 0), lengths(seed, 1);
  std::vector<TimedRequest> out;
  double now = 0;
  for (int i = 0; i < requests; ++i) {
    now += gaps.exponential();
    const int prompt = whole_tokens(work.input, 1, longest.prompt, &lengths);
    out.push_back({now / rate, prompt, whole_tokens(work.output, 2, longest.answer, &lengths)});
  }
  const double stretch = requests / (now + gaps.exponential());
  for (TimedRequest& r : out) r.arrival = stretch * r.arrival;
  return out;
}

RequestTimes kept_by(double share, const std::vector<RequestTimes>& requests) {
  std::vector<Duration> ttft, tpot;
  for (const RequestTimes& r : requests) {
    ttft.push_back(r.ttft);
    tpot.push_back(r.tpot);
  }
  return {kept_by(share, std::move(ttft)), kept_by(share, std::move(tpot))};
}

OpenLoopResult highest_rate(const Replay& replay, const workload::DemandClass& work,
                            const OpenLoopSearch& search) {
  OpenLoopResult best;
  const auto keeps = [&](Frequency rate) {
    const ReplayResult r =
        replay({.requests = poisson_requests(work, rate, search.requests, search.longest)});
    if (r.status != ClosedLoopStatus::kOk) return false;
    const RequestTimes kept = kept_by(search.share, r.requests);
    if (kept.ttft > work.ttft || kept.tpot > work.tpot) return false;
    best = {rate, kept};
    return true;
  };
  if (keeps(search.most)) return best;
  Frequency low, high = search.most;
  for (int i = 0; i < kHalvings; ++i) {
    const Frequency middle = 0.5 * (low + high);
    (keeps(middle) ? low : high) = middle;
  }
  return best;
}

}  // namespace astrolabe::parallel
