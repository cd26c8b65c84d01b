#include "astrolabe/parallel/pool_loop.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

constexpr double kStep = 0.0065;                          // seconds
constexpr double kPrompt = 1e-6 * (64 * 8192 + 100);      // of 8192 tokens
constexpr double kShortPrompt = 1e-6 * (64 * 128 + 100);  // of 128

class PoolLoopTest : public testing::Test {
 protected:
  PoolLoopTest() { engine_.constants.kernel = {}; }

  ClosedLoopResult run(int prefill_workers, int decode_workers, const ClosedLoopLoad& load,
                       double kv = 1e9) const {
    const HandClock clock(token_time);
    const EngineIteration it(small_dense(), {}, {}, engine_, clock);
    const IterationTable table(it);
    return run_pool_loop({table, engine_, prefill_workers}, {table, engine_, decode_workers, kv},
                         32000, load);
  }
  static ClosedLoopLoad load(int concurrency, double prompt, double answer, int requests) {
    return {.concurrency = concurrency,
            .requests = requests,
            .prompt_low = prompt,
            .prompt_high = prompt,
            .answer_low = answer,
            .answer_high = answer};
  }

  Engine engine_ = plain_engine(Framework::kTrtllm);
};

TEST_F(PoolLoopTest, OneRequestIsServedByOnePoolAndThenTheOther) {
  engine_.constants.pool_first_token = 30.0 * units::millisecond;
  engine_.constants.pool_first_token_per_request = 2.0 * units::millisecond;
  const ClosedLoopResult r = run(1, 2, load(1, 8192, 101, 5));
  EXPECT_NEAR(r.tpot.in(units::second), kStep, 1e-9);
  EXPECT_NEAR(r.ttft.in(units::second), kPrompt + 0.032, 1e-6);
  EXPECT_NEAR(r.requests.in(1.0 / units::second), 1 / (kPrompt + 100 * kStep), 1e-3);
  EXPECT_NEAR(r.in_flight, 100 * kStep / (kPrompt + 100 * kStep), 1e-3);
  EXPECT_NEAR(r.prefill_share, kPrompt / (kPrompt + 100 * kStep), 1e-3);
}

TEST_F(PoolLoopTest, PromptsLimitTheRateWhereTheirPoolIsSmall) {
  // An answer takes 650 ms, a prompt 524 ms: one prefill worker is busy from 3 requests on.
  const ClosedLoopResult r = run(1, 2, load(4, 8192, 101, 400));
  EXPECT_NEAR(r.requests.in(1.0 / units::second), 1 / kPrompt, 0.01 / kPrompt);
  EXPECT_NEAR(r.prefill_share, 1, 0.01);
  EXPECT_NEAR(r.in_flight, 100 * kStep / kPrompt, 0.02);
  // Little: what does not decode waits for its prompt or is in it.
  EXPECT_NEAR(r.ttft.in(units::second), (4 - r.in_flight) * kPrompt, 0.02);
  const ClosedLoopResult two = run(2, 2, load(4, 8192, 101, 400));
  EXPECT_GT(two.requests / r.requests, 1.5);
}

TEST_F(PoolLoopTest, RequestsWaitForASlotOfTheirDecodeWorker) {
  engine_.schedule.max_sequences = 1;
  const ClosedLoopResult one = run(1, 1, load(2, 128, 101, 200));
  EXPECT_NEAR(one.in_flight, 1, 0.02);
  EXPECT_NEAR(one.tpot.in(units::second), kStep, 1e-9);
  // Each waits for the answer of the other; its prompt is done meanwhile.
  EXPECT_NEAR(one.ttft.in(units::second), 100 * kStep, 2 * kStep);
  const ClosedLoopResult two = run(1, 2, load(2, 128, 101, 200));
  EXPECT_NEAR(two.ttft.in(units::second), kShortPrompt, kShortPrompt);
}

TEST_F(PoolLoopTest, RoundRobinSendsRequestsToBusyWorkersWhileOthersIdle) {
  engine_.schedule.max_sequences = 1;
  ClosedLoopLoad drawn = load(4, 128, 101, 400);
  drawn.answer_low = 50;
  drawn.answer_high = 150;
  const ClosedLoopResult r = run(1, 4, drawn);
  EXPECT_LT(r.in_flight, 3.7);
  EXPECT_GT(r.ttft.in(units::second), 5 * kShortPrompt);
  EXPECT_NEAR(r.tpot.in(units::second), kStep, 1e-9);
}

TEST_F(PoolLoopTest, ReservedTokensLimitWhatIsAdmitted) {
  engine_.schedule.answer_reserve = 1;
  // Room for three requests of 128 + 101 tokens.
  const ClosedLoopResult r = run(1, 1, load(8, 128, 101, 400), 700);
  EXPECT_NEAR(r.in_flight, 3, 0.1);
  EXPECT_EQ(run(1, 1, load(8, 128, 101, 400), 200).status, ClosedLoopStatus::kDoesNotFit);
}

TEST_F(PoolLoopTest, PromptsLongerThanTheBudgetTakeSeveralSteps) {
  engine_ = plain_engine(Framework::kSglang);
  engine_.constants.kernel = {};
  engine_.schedule.token_budget = 4096;
  const ClosedLoopResult r = run(1, 1, load(1, 8192, 101, 3));
  EXPECT_NEAR(r.ttft.in(units::second), kPrompt + 100e-6, 1e-6);  // one head more
}

TEST_F(PoolLoopTest, SameSeedSameResult) {
  ClosedLoopLoad drawn = load(16, 1000, 100, 200);
  drawn.answer_low = 50;
  EXPECT_EQ(run(2, 3, drawn).ttft.base(), run(2, 3, drawn).ttft.base());
  ClosedLoopLoad other = drawn;
  other.seed = 2;
  EXPECT_NE(run(2, 3, drawn).ttft.base(), run(2, 3, other).ttft.base());
}

// All at once, and as many in flight as there are: a closed loop in which none is replaced.
TEST_F(PoolLoopTest, AReplayOfABurstIsABatch) {
  engine_.constants.pool_first_token = engine_.constants.pool_first_token_per_request = {};
  const HandClock clock(token_time);
  const EngineIteration it(small_dense(), {}, {}, engine_, clock);
  const IterationTable table(it);
  const Pool prefill{table, engine_, 2}, decode{table, engine_, 3, 1e9};
  const ReplayResult burst = run_pool_replay(
      prefill, decode, 32000, {.requests = std::vector<TimedRequest>(12, {{}, 128, 101})});
  const ClosedLoopResult batch = run_pool_loop(prefill, decode, 32000, load(12, 128, 101, 12));
  ASSERT_EQ(burst.requests.size(), 12u);
  Duration ttft, tpot;
  for (const RequestTimes& r : burst.requests) {
    ttft = ttft + r.ttft / 12;
    tpot = tpot + r.tpot / 12;
  }
  EXPECT_NEAR(ttft / batch.ttft, 1, 1e-9);
  EXPECT_NEAR(tpot / batch.tpot, 1, 1e-9);
}

TEST_F(PoolLoopTest, AReplayTakesRequestsAtTheirTimes) {
  const HandClock clock(token_time);
  const EngineIteration it(small_dense(), {}, {}, engine_, clock);
  const IterationTable table(it);
  const Pool pool{table, engine_, 1, 1e9};
  // The second comes when the first has ended, the third while the second's prompt runs.
  const double second = kPrompt + 200 * kStep, third = second + kPrompt / 2;
  const ReplayResult r = run_pool_replay(pool, pool, 32000,
                                         {.requests = {{{}, 8192, 101},
                                                       {second * units::second, 8192, 101},
                                                       {third * units::second, 8192, 101}}});
  ASSERT_EQ(r.requests.size(), 3u);
  EXPECT_NEAR(r.requests[0].ttft.in(units::second), kPrompt, 1e-6);
  EXPECT_NEAR(r.requests[1].ttft.in(units::second), kPrompt, 1e-6);
  EXPECT_NEAR(r.requests[2].ttft.in(units::second), 1.5 * kPrompt, 2 * kStep);
  EXPECT_NEAR(r.requests[0].tpot.in(units::second), kStep, 1e-9);
  const ReplayResult refused = run_pool_replay({table, engine_, 1, 10}, {table, engine_, 1, 10},
                                               32000, {.requests = {{{}, 8192, 101}}});
  EXPECT_EQ(refused.status, ClosedLoopStatus::kDoesNotFit);
}

}  // namespace
}  // namespace astrolabe::parallel
