#include "astrolabe/parallel/open_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "astrolabe/parallel/serving_candidate.h"

namespace astrolabe::parallel {
namespace {

workload::DemandClass chat() {
  workload::DemandClass work;
  work.input = workload::LengthDistribution::from_mean_and_p90(300, 600, {}, "input", "input_p90");
  work.output = workload::LengthDistribution::fixed(100);
  work.ttft = work.tpot = kNoLimit;
  return work;
}

// One server that takes a second for each request, in order.
ReplayResult one_at_a_time(const ReplayLoad& load) {
  ReplayResult out;
  Duration free;
  for (const TimedRequest& r : load.requests) {
    free = std::max(free, r.arrival) + 1 * units::second;
    out.requests.push_back({free - r.arrival, 20 * units::millisecond});
  }
  return out;
}

TEST(PoissonRequests, ComeAtTheRateWithTheLengthsOfTheClass) {
  const int n = 20000;
  const auto requests = poisson_requests(chat(), 4.0 / units::second, n);
  EXPECT_NEAR(requests.back().arrival.in(units::second), n / 4.0, 5 / 4.0);
  double sum = 0;
  int above = 0;
  for (const TimedRequest& r : requests) {
    sum += r.prompt;
    above += r.prompt > 600;
    EXPECT_EQ(r.answer, 100);
  }
  EXPECT_NEAR(sum / n, 300, 6);
  EXPECT_NEAR(above / double(n), 0.1, 0.01);
  // The same requests at another rate, and none longer than the longest.
  const auto slower = poisson_requests(chat(), 2.0 / units::second, n, {.prompt = 500});
  EXPECT_NEAR(slower[7].arrival / requests[7].arrival, 2, 1e-12);
  for (int i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(slower[at].prompt, std::min(500, requests[at].prompt));
  }
}

TEST(KeptBy, IsTheTimeThatAShareDoesNotExceed) {
  std::vector<RequestTimes> times;
  for (int i = 100; i >= 1; --i) {
    times.push_back({i * units::second, i * units::millisecond});
  }
  EXPECT_EQ(kept_by(0.99, times).ttft, 99 * units::second);
  EXPECT_EQ(kept_by(0.5, times).tpot, 50 * units::millisecond);
  EXPECT_EQ(kept_by(1, times).ttft, 100 * units::second);
}

// The tail of M/D/1: P(W > w) = C exp(-s w), rho (exp(s) - 1) = s, C = (1 - rho) / (rho exp(s) -
// 1); of rho = 0.794 1 % wait longer than 10.
TEST(HighestRate, KeepsTheLimitAndNoMore) {
  workload::DemandClass work = chat();
  OpenLoopSearch search;
  search.most = 2.0 / units::second;
  search.requests = 200000;
  work.ttft = 11.0 * units::second;
  const OpenLoopResult found = highest_rate(one_at_a_time, work, search);
  const Frequency rate = found.requests;
  const auto ttft = [&](Frequency r) {
    return kept_by(0.99, one_at_a_time({.requests = poisson_requests(work, r, 200000)}).requests)
        .ttft;
  };
  EXPECT_EQ(ttft(rate), found.kept.ttft);
  EXPECT_LE(ttft(rate), work.ttft);
  EXPECT_GT(ttft(1.01 * rate), work.ttft);
  EXPECT_NEAR(rate.in(1.0 / units::second), 0.794, 0.02);
  work.tpot = 19 * units::millisecond;  // no rate keeps it
  EXPECT_EQ(highest_rate(one_at_a_time, work, search).requests, Frequency());
  work.tpot = work.ttft = kNoLimit;
  EXPECT_EQ(highest_rate(one_at_a_time, work, search).requests, search.most);
}

TEST(HighestRate, WhatDoesNotFitTakesNone) {
  const auto refuses = [](const ReplayLoad&) {
    return ReplayResult{ClosedLoopStatus::kDoesNotFit, {}};
  };
  EXPECT_EQ(highest_rate(refuses, chat(), {.most = 1.0 / units::second}).requests, Frequency());
}

}  // namespace
}  // namespace astrolabe::parallel
