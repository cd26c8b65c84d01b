#include "astrolabe/parallel/closed_loop.h"

#include <gtest/gtest.h>

#include "astrolabe/base/random.h"
#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

class ClosedLoopTest : public testing::Test {
 protected:
  ClosedLoopResult run(Engine engine, const ClosedLoopLoad& load, double kv = 1e9) {
    engine.constants.kernel = {};
    const HandClock clock(token_time);
    const EngineIteration it(small_dense(), {}, shard_, engine, clock);
    return run_closed_loop(IterationTable(it), engine, kv, 32000, load);
  }

  ReplayResult replay(Engine engine, const std::vector<TimedRequest>& requests, double kv = 1e9) {
    engine.constants.kernel = {};
    const HandClock clock(token_time);
    const EngineIteration it(small_dense(), {}, shard_, engine, clock);
    return run_replay(IterationTable(it), engine, kv, 32000, {.requests = requests});
  }

  workload::ShardDegrees shard_;
};

double ms(Duration t) { return t.in(units::millisecond); }

ClosedLoopLoad one_request() {
  return {.concurrency = 1,
          .requests = 1,
          .prompt_low = 4096,
          .prompt_high = 4096,
          .answer_low = 11,
          .answer_high = 11};
}

TEST_F(ClosedLoopTest, OneRequestWaitsForItsPromptAndThenDecodesAlone) {
  for (const Framework f : {Framework::kTrtllm, Framework::kVllm, Framework::kSglang}) {
    const ClosedLoopResult r = run(plain_engine(f), one_request());
    EXPECT_NEAR(r.tpot.in(units::millisecond), 6.5, 1e-6) << framework_name(f);
    // 64 products of 4096 tokens and one row of logits.
    EXPECT_NEAR(r.ttft.in(units::millisecond), 0.001 * (64 * 4096 + 100), 1e-3);
  }
}

TEST_F(ClosedLoopTest, PromptsSlowDecodingByTheirTimeOverTheAnswer) {
  // Two in flight: each answer of 101 tokens sees one prompt of the other.
  ClosedLoopLoad load{.concurrency = 2,
                      .requests = 200,
                      .prompt_low = 4000,
                      .prompt_high = 4000,
                      .answer_low = 80,
                      .answer_high = 120};
  const ClosedLoopResult r = run(plain_engine(Framework::kTrtllm), load);
  const double prompt_ms = 0.064 * 4000;
  EXPECT_NEAR(r.tpot.in(units::millisecond), 6.5 + prompt_ms / 100, 0.1 * prompt_ms / 100);
  // Most tokens see no prompt.
  EXPECT_NEAR(ms(r.median_interval), 6.5, 1e-6);
  // Each token of a pair takes as long as a request over its tokens.
  const double each_ms = 6.5 + 2 * prompt_ms / 100;
  EXPECT_NEAR(r.steady_tokens.in(1.0 / units::millisecond), 2 / each_ms, 0.05 * 2 / each_ms);
  Engine slow = plain_engine(Framework::kTrtllm);
  slow.constants.prefill_slow_dense = 1;
  const ClosedLoopResult s = run(slow, load);
  EXPECT_NEAR(s.tpot.in(units::millisecond)-6.5, 2 * (r.tpot.in(units::millisecond)-6.5),
              0.1 * prompt_ms / 100);
}

TEST_F(ClosedLoopTest, HostAndSamplingAreAddedToEveryIteration) {
  Engine e = plain_engine(Framework::kVllm);
  e.constants.host = 3.0 * units::millisecond;
  e.constants.sampling = 100.0 * units::microsecond;
  ClosedLoopLoad load = one_request();
  load.is_host_exposed = load.is_sampled = true;
  // 32,000 logits at 100 us per 100,000.
  EXPECT_NEAR(run(e, load).tpot.in(units::millisecond), 6.5 + 3 + 0.032, 1e-6);
}

TEST_F(ClosedLoopTest, LittlesLawHolds) {
  ClosedLoopLoad load{.concurrency = 32,
                      .requests = 640,
                      .prompt_low = 800,
                      .prompt_high = 1000,
                      .answer_low = 160,
                      .answer_high = 200};
  for (const Framework f : {Framework::kTrtllm, Framework::kVllm, Framework::kSglang}) {
    const ClosedLoopResult r = run(plain_engine(f), load);
    const double rate = r.requests.in(1.0 / units::second);
    const double cycle = (r.ttft + 180 * r.tpot).in(units::second);
    // The start and the end are not steady.
    EXPECT_NEAR(rate * cycle, 32, 0.1 * 32) << framework_name(f);
    EXPECT_NEAR(rate * (180 * r.tpot).in(units::second), r.in_flight, 0.1 * r.in_flight);
  }
}

TEST_F(ClosedLoopTest, FullCacheQueuesRequestsAndTooLongOnesAreRefused) {
  ClosedLoopLoad load{.concurrency = 16,
                      .requests = 64,
                      .prompt_low = 1000,
                      .prompt_high = 1000,
                      .answer_low = 100,
                      .answer_high = 100};
  const Engine e = plain_engine(Framework::kTrtllm);
  const ClosedLoopResult wide = run(e, load), narrow = run(e, load, 4 * 1100);
  EXPECT_LE(narrow.in_flight, 4);
  EXPECT_GT(wide.in_flight, 8);
  EXPECT_GT(narrow.ttft.base(), 2 * wide.ttft.base());
  EXPECT_EQ(run(e, load, 1099).status, ClosedLoopStatus::kDoesNotFit);
}

// SGLang stops decoding for prompts: the token after them comes later by all of them.
TEST_F(ClosedLoopTest, PausesCountToTheIntervalBetweenTokens) {
  const ClosedLoopLoad load{.concurrency = 2,
                            .requests = 400,
                            .prompt_low = 1000,
                            .prompt_high = 1000,
                            .answer_low = 2,
                            .answer_high = 3};
  const double prompt_ms = 0.001 * (64 * 1000 + 100);
  const ClosedLoopResult r = run(plain_engine(Framework::kSglang), load);
  EXPECT_GT(ms(r.median_interval), 6.5 + 0.9 * prompt_ms);
}

TEST_F(ClosedLoopTest, BalanceOfRanksSavesPromptIterations) {
  shard_.data = 8;
  ClosedLoopLoad load{.concurrency = 64,
                      .requests = 640,
                      .prompt_low = 3200,
                      .prompt_high = 4000,
                      .answer_low = 160,
                      .answer_high = 200};
  Engine e = plain_engine(Framework::kTrtllm);
  const ClosedLoopResult eager = run(e, load);
  e.schedule.balance_wait = 60;
  const ClosedLoopResult balanced = run(e, load);
  EXPECT_LT(balanced.tpot.base(), 0.7 * eager.tpot.base());
}

TEST_F(ClosedLoopTest, BatchWaitingHoldsPromptsUntilTheyAreManyTokens) {
  const ClosedLoopLoad load{.concurrency = 2,
                            .requests = 200,
                            .prompt_low = 400,
                            .prompt_high = 400,
                            .answer_low = 80,
                            .answer_high = 120};
  Engine e = plain_engine(Framework::kTrtllm);
  const ClosedLoopResult eager = run(e, load);
  e.schedule.batch_wait = 20;
  e.schedule.batch_wait_share = 1;
  // 20 steps of 6.5 ms; less where the other answer ends sooner.
  EXPECT_NEAR((run(e, load).ttft - eager.ttft).in(units::millisecond), 130, 20);
  e.schedule.batch_wait_share = 0.04;  // 328 tokens: one prompt is enough
  EXPECT_EQ(run(e, load).ttft.base(), eager.ttft.base());
}

TEST_F(ClosedLoopTest, RequestsWaitForTheSchedulerToLook) {
  const ClosedLoopLoad load{.concurrency = 2,
                            .requests = 400,
                            .prompt_low = 100,
                            .prompt_high = 100,
                            .answer_low = 200,
                            .answer_high = 400};
  Engine e = plain_engine(Framework::kSglang);
  const ClosedLoopResult eager = run(e, load);
  e.schedule.poll_interval = 30;
  const ClosedLoopResult polled = run(e, load);
  // Half an interval of 6.5 ms steps in the mean.
  EXPECT_NEAR((polled.ttft - eager.ttft).in(units::millisecond), 15 * 6.5, 25);
  EXPECT_NEAR(polled.tpot / eager.tpot, 1, 0.01);
}

TEST_F(ClosedLoopTest, EachSequenceCostsTheHostItsShareOfEveryStep) {
  Engine e = plain_engine(Framework::kVllm);
  e.constants.sequence = 10.0 * units::microsecond;
  EXPECT_NEAR(ms(run(e, one_request()).tpot), 6.5 + 0.01, 1e-6);
  ClosedLoopLoad load = one_request();
  load.concurrency = load.requests = 50;
  load.prompt_low = load.prompt_high = 100;  // all prompts in one step
  EXPECT_NEAR(ms(run(e, load).tpot), 6.5 + 50 * 0.01, 1e-6);
}

TEST_F(ClosedLoopTest, WithoutGraphsAStepTakesTheLaunchesOfItsLayers) {
  Engine e = plain_engine(Framework::kVllm);
  e.constants.eager_layer = 1.0 * units::millisecond;
  const double launches = small_dense().n_layers();
  ASSERT_GT(launches, 6.5);
  const ClosedLoopResult r = run(e, one_request());
  EXPECT_NEAR(ms(r.tpot), launches, 1e-6);
  EXPECT_NEAR(ms(r.ttft), 0.001 * (64 * 4096 + 100), 1e-3);  // longer than its launches
}

TEST_F(ClosedLoopTest, HostTimeOfRecurrentLayersIsAddedToStepsWithPrompts) {
  workload::ModelArchitecture model = small_dense();
  model.n_full_attention = 12;
  model.n_linear = 4;
  model.linear_k_heads = model.linear_v_heads = 8;
  model.linear_k_dim = model.linear_v_dim = 64;
  Engine e = plain_engine(Framework::kSglang);
  const HandClock clock(token_time);
  const auto ttft = [&] {
    const EngineIteration it(model, {}, {}, e, clock);
    EXPECT_EQ(it.host_bound_layers(), 4);
    const IterationTable table(it);
    return ms(run_closed_loop(table, e, 1e6, model.vocab, one_request()).ttft);
  };
  const double without = ttft();
  e.constants.prompt_layer = 2.0 * units::millisecond;
  EXPECT_NEAR(ttft() - without, 4 * 2, 1e-6);
}

TEST_F(ClosedLoopTest, AStaticBatchIsThroughItsPromptsWithTheLast) {
  ClosedLoopLoad load = one_request();
  load.concurrency = load.requests = 3;  // two of 4096 tokens in a step
  const ClosedLoopResult r = run(plain_engine(Framework::kTrtllm), load);
  const double step = 0.064 * 8192 + 0.1, last = 0.064 * (4096 + 2) + 0.1;
  EXPECT_NEAR(ms(r.longest_ttft), step + last, 0.01 * step);
  EXPECT_NEAR(ms(r.ttft), step + last / 3, 0.01 * step);
}

TEST_F(ClosedLoopTest, AReplayKeepsToItsTimesOfArrival) {
  const auto at = [](double seconds) { return TimedRequest{seconds * units::second, 1000, 101}; };
  for (const Framework f : {Framework::kTrtllm, Framework::kVllm, Framework::kSglang}) {
    // The second comes while the first decodes, the third when all is done.
    const ReplayResult r = replay(plain_engine(f), {at(0), at(0.4), at(9)});
    ASSERT_EQ(r.requests.size(), 3u);
    const double prompt = 64 + 0.1;
    EXPECT_NEAR(ms(r.requests[0].ttft), prompt, 0.1) << framework_name(f);
    EXPECT_NEAR(ms(r.requests[2].ttft), prompt, 0.1);
    EXPECT_NEAR(ms(r.requests[2].tpot), 6.5, 1e-3);
    // It is seen at the end of a step: up to 6.5 ms later; the prompt of the other costs the first.
    EXPECT_GT(ms(r.requests[1].ttft), prompt - 0.1);
    EXPECT_LT(ms(r.requests[1].ttft), prompt + 6.6);
    EXPECT_NEAR(ms(r.requests[0].tpot), 6.5 + prompt / 100, 0.1);
  }
}

TEST_F(ClosedLoopTest, ARequestAtEveryStepIsAClosedLoopToo) {
  // Three at once, and never another: the replay is a closed loop of three requests.
  const ClosedLoopLoad load{.concurrency = 3,
                            .requests = 3,
                            .prompt_low = 700,
                            .prompt_high = 700,
                            .answer_low = 50,
                            .answer_high = 50};
  for (const Framework f : {Framework::kTrtllm, Framework::kVllm, Framework::kSglang}) {
    const ClosedLoopResult closed = run(plain_engine(f), load);
    const TimedRequest one{Duration(), 700, 50};
    const ReplayResult open = replay(plain_engine(f), {one, one, one});
    double tpot = 0, ttft = 0;
    for (const RequestTimes& r : open.requests) {
      tpot += ms(r.tpot) / 3;
      ttft += ms(r.ttft) / 3;
    }
    EXPECT_NEAR(tpot, ms(closed.tpot), 1e-9) << framework_name(f);
    EXPECT_NEAR(ttft, ms(closed.ttft), 1e-9);
  }
}

TEST_F(ClosedLoopTest, AFullCacheTakesBackTheYoungest) {
  Engine e = plain_engine(Framework::kVllm);
  e.schedule.preempts = 1;
  // Both prompts fit, both answers do not: after some 100 tokens the second waits for the first,
  // is computed again and goes on.
  const TimedRequest one{Duration(), 1000, 301};
  const ReplayResult wide = replay(e, {one, one}), narrow = replay(e, {one, one}, 2200);
  ASSERT_EQ(narrow.status, ClosedLoopStatus::kOk);
  EXPECT_NEAR(ms(narrow.requests[0].tpot), ms(wide.requests[0].tpot), 1e-9);
  EXPECT_NEAR(ms(narrow.requests[1].ttft), ms(wide.requests[1].ttft), 1e-9);
  // 100 steps together and 200 of the first; then 1,100 tokens of prompt and 200 steps more.
  const double alone = 200 * 6.5 + 0.064 * 1100 + 200 * 6.5;
  EXPECT_NEAR(300 * ms(narrow.requests[1].tpot), 100 * 6.5 + alone, 3 * 6.5);
  // Every token is answered once: with room for one alone they follow each other.
  const ReplayResult single = replay(e, {one, one}, 1400);
  EXPECT_GT(ms(single.requests[1].ttft), 300 * 6.5);
  EXPECT_NEAR(ms(single.requests[1].tpot), 6.5, 1e-3);
  EXPECT_EQ(replay(e, {one}, 1300).status, ClosedLoopStatus::kDoesNotFit);
}

TEST_F(ClosedLoopTest, AFullCacheEndsEveryAnswer) {
  Engine e = plain_engine(Framework::kVllm);
  e.schedule.preempts = 1;
  e.schedule.token_budget = 512;  // prompts in chunks beside what decodes
  RandomStream random(7, 0);
  std::vector<TimedRequest> requests;
  double arrival = 0;
  for (int i = 0; i < 200; ++i) {
    arrival += random.uniform(0, 0.2);
    requests.push_back({arrival * units::second, static_cast<int>(random.uniform(1, 900)),
                        static_cast<int>(random.uniform(2, 900))});
  }
  const ReplayResult wide = replay(e, requests), narrow = replay(e, requests, 2000);
  ASSERT_EQ(narrow.requests.size(), requests.size());
  double slower = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_GT(ms(narrow.requests[i].ttft), 0) << i;
    EXPECT_GE(ms(narrow.requests[i].tpot), 6.5 - 1e-6) << i;
    slower += ms(narrow.requests[i].tpot) / ms(wide.requests[i].tpot) / 200;
  }
  EXPECT_GT(slower, 1.1);  // some were taken back
}

TEST_F(ClosedLoopTest, SameSeedSameResult) {
  ClosedLoopLoad load{.concurrency = 8,
                      .requests = 80,
                      .prompt_low = 100,
                      .prompt_high = 1000,
                      .answer_low = 50,
                      .answer_high = 200};
  const Engine e = plain_engine(Framework::kVllm);
  EXPECT_EQ(run(e, load).tpot.base(), run(e, load).tpot.base());
  load.seed = 2;
  EXPECT_NE(run(e, load).tpot.base(), run(e, {.concurrency = 8,
                                              .requests = 80,
                                              .prompt_low = 100,
                                              .prompt_high = 1000,
                                              .answer_low = 50,
                                              .answer_high = 200})
                                          .tpot.base());
}

TEST(IterationTableTest, CurvesAreExactOnPowerLaws) {
  const LogCurve curve(1000, [](double x) { return 3 * x * x; });
  for (const double x : {1.0, 7.0, 100.0, 999.0}) EXPECT_NEAR(curve.at(x), 3 * x * x, 1e-6 * x * x);
  EXPECT_EQ(LogCurve(10, [](double) { return 0; }).at(5), 0);
  const LogSurface surface(64, 128, 4096, [](double x, double y) { return x * y * y; });
  EXPECT_NEAR(surface.at(3, 1000), 3e6, 1);
  EXPECT_NEAR(surface.at(128, 8192), 128 * 8192.0 * 8192, 1);  // the last interval goes on
}

}  // namespace
}  // namespace astrolabe::parallel
