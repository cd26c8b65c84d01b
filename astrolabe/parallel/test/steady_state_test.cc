#include "astrolabe/parallel/steady_state.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/closed_loop.h"
#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

using workload::OperatorKind;

// Products take 1 us for 10 tokens, 10 us at least; experts 30 us and 1 us for 40 tokens of all
// ranks; attention 1 us for 5,000 cached tokens and 2 us for 1,000 tokens of a prompt.
double plausible_time(const workload::Operator& op) {
  switch (op.kind) {
    case OperatorKind::kGemm:
      return std::max(10.0, 0.1 * op.get<workload::GemmShape>().m);
    case OperatorKind::kExperts:
      return 30 + op.get<workload::ExpertsShape>().tokens / 40;
    case OperatorKind::kAttentionDecode: {
      const auto& s = op.get<workload::AttentionShape>();
      return 3 + s.sequences * s.kv_length() / 5000;
    }
    case OperatorKind::kAttentionPrefill:
      return 3 + op.get<workload::AttentionShape>().query_tokens / 500;
    default:
      return 0;
  }
}

Engine engine_of(Framework framework) {
  Engine e = plain_engine(framework);
  e.constants.prefill_slow_dense = e.constants.prefill_slow_moe = 0.2;
  if (framework == Framework::kTrtllm) e.schedule.balance_wait = 60;
  return e;
}

SteadyLoad load_of(double prompt, double answer) {
  SteadyLoad load;
  load.prompt = prompt;
  load.answer = answer;
  load.context = prompt + answer / 2;
  return load;
}

struct Case {
  Framework framework;
  int ranks;
  double prompt, answer;
  workload::Speculation speculation = {};
};

class SteadyStateTest : public testing::TestWithParam<Case> {};

TEST_P(SteadyStateTest, AgreesWithTheSimulationOfTheSameEngine) {
  const Case& k = GetParam();
  const HandClock clock(plausible_time);
  workload::ShardDegrees shard;
  shard.data = shard.expert = k.ranks;
  workload::ModelArchitecture model = k.ranks > 1 ? small_mixture() : small_dense();
  model.mtp_layers = 1;
  const EngineIteration it(model, {}, shard, engine_of(k.framework), clock,
                           k.speculation.draft_tokens);
  SteadyLoad steady = load_of(k.prompt, k.answer);
  steady.speculation = k.speculation;
  const EngineCurves curves(it, steady);
  const IterationTable table(it);
  for (const int on_a_rank : {1, 8, 64}) {
    const int concurrency = on_a_rank * k.ranks;
    ClosedLoopLoad load{.concurrency = concurrency, .requests = std::max(400, 30 * concurrency)};
    load.prompt_low = 0.8 * k.prompt;
    load.prompt_high = 1.2 * k.prompt;
    load.answer_low = 0.8 * k.answer;
    load.answer_high = 1.2 * k.answer;
    load.speculation = k.speculation;
    const ClosedLoopResult r = run_closed_loop(table, it.engine(), 1e9, model.vocab, load);
    const SteadyState s = steady_at_concurrency(curves, concurrency, 1024);
    EXPECT_NEAR(s.tpot / r.tpot, 1, 0.04) << concurrency << " in flight";
    EXPECT_NEAR(s.requests / r.requests, 1, 0.08) << concurrency << " in flight";
    EXPECT_NEAR(s.in_flight, concurrency, 0.01 * concurrency);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Engines, SteadyStateTest,
    testing::Values(
        Case{Framework::kTrtllm, 1, 1000, 1000}, Case{Framework::kTrtllm, 1, 6000, 500},
        Case{Framework::kTrtllm, 8, 1000, 1000}, Case{Framework::kTrtllm, 8, 6000, 1000},
        Case{Framework::kVllm, 1, 1000, 1000}, Case{Framework::kVllm, 1, 6000, 500},
        Case{Framework::kVllm, 8, 1000, 1000}, Case{Framework::kSglang, 1, 1000, 1000},
        Case{Framework::kSglang, 1, 6000, 500}, Case{Framework::kSglang, 8, 1000, 1000},
        Case{Framework::kTrtllm, 1, 1000, 1000, {.draft_tokens = 1, .acceptance_length = 1.8}},
        Case{Framework::kVllm, 8, 1000, 1000, {.draft_tokens = 3, .acceptance_length = 2.5}},
        Case{Framework::kSglang, 8, 1000, 1000, {.draft_tokens = 3, .acceptance_length = 2.5}}));

TEST(SteadyStateByHandTest, OneSequenceSeesNoPromptsButItsOwn) {
  // 64 products of 10 us and the head's, 16 attentions of 3 us and 1500/5000 us.
  const HandClock clock(plausible_time);
  Engine e = plain_engine(Framework::kTrtllm);
  e.constants.kernel = {};
  const EngineIteration it(small_dense(), {}, {}, e, clock);
  const EngineCurves curves(it, load_of(1000, 1000));
  const SteadyState s = steady_state(curves, 1);
  EXPECT_NEAR(s.tpot.in(units::microsecond), 65 * 10 + 16 * (3 + 0.3), 0.5);
  EXPECT_NEAR(s.requests.in(1.0 / units::second), 1 / (1000 * s.tpot.base()), 1e-9);
  // A prompt alone: 64 products of 100 us, a head of one row, 16 attentions of 3 + 2 us.
  EXPECT_NEAR(ttft_floor(curves).in(units::microsecond), 64 * 100 + 10 + 16 * 5, 1);
}

TEST(SteadyStateByHandTest, DraftsAreVerifiedTogetherAndShareAStep) {
  // 16 layers of four products and the head, for 8 sequences of 1 + 3 tokens; the layer that
  // predicts tokens (a projection, four products, its head) once for all 32 and twice for 8.
  const HandClock clock([](const workload::Operator& op) {
    return op.kind == OperatorKind::kGemm ? op.get<workload::GemmShape>().m : 0.0;
  });
  Engine e = plain_engine(Framework::kTrtllm);
  e.constants.kernel = {};
  workload::ModelArchitecture model = small_dense();
  model.mtp_layers = 1;
  const EngineIteration it(model, {}, {}, e, clock, 3);
  SteadyLoad load = load_of(1000, 1000);
  load.speculation = {.draft_tokens = 3, .acceptance_length = 2.5};
  const SteadyState s = decode_state(EngineCurves(it, load), 8);
  const double layers = 16 * 4 * 32 + 32, predicted = 5 * (32 + 2 * 8) + 3 * 8;
  EXPECT_NEAR(s.tpot.in(units::microsecond), (layers + predicted) / 2.5, 1e-6);
  EXPECT_NEAR(s.requests.in(1.0 / units::second), 8 / (1000 * s.tpot.base()), 1e-9);
}

TEST(SteadyStateByHandTest, PipelineStagesTakeTurns) {
  const HandClock clock(
      [](const workload::Operator& op) { return op.kind == OperatorKind::kGemm ? 10.0 : 0.0; });
  Engine e = plain_engine(Framework::kTrtllm);
  e.constants.kernel = {};
  const EngineIteration one(small_dense(), {}, {}, e, clock);
  const EngineIteration two(small_dense(), {}, {.pipeline = 2}, e, clock);
  const SteadyLoad load = load_of(1000, 1000);
  const SteadyState a = decode_state(EngineCurves(one, load), 8);
  const SteadyState b = decode_state(EngineCurves(two, load), 8);
  // 64 products over two stages; each also runs the head's in the fullest stage.
  EXPECT_NEAR(a.tpot.in(units::microsecond), 65 * 10, 1e-6);
  EXPECT_NEAR(b.tpot.in(units::microsecond), 2 * 33 * 10, 1e-6);
}

TEST(SteadyStateByHandTest, PromptsBoundTheBatchWhereAnswersAreShort) {
  const HandClock clock(plausible_time);
  const EngineIteration it(small_dense(), {}, {}, plain_engine(Framework::kTrtllm), clock);
  // One prompt of 8,000 tokens fits a step of 8,192 with up to 192 sequences beside it, and each
  // sequence brings one every 20 steps.
  EXPECT_NEAR(prefill_bound_sequences(EngineCurves(it, load_of(8000, 20))), 20, 0.01);
}

TEST(SteadyStateByHandTest, LongerTailOfPromptsCostsMoreAttention) {
  const HandClock clock([](const workload::Operator& op) {
    if (op.kind != OperatorKind::kAttentionPrefill) return 1.0;
    const double n = op.get<workload::AttentionShape>().query_tokens;
    return n * n / 1000;
  });
  Engine e = plain_engine(Framework::kTrtllm);
  e.constants.kernel = {};
  const EngineIteration it(small_dense(), {}, {}, e, clock);
  SteadyLoad load = load_of(2000, 1000);
  const Duration even = prefill_state(EngineCurves(it, load), 1).step;
  load.square_ratio = 1.5;
  const Duration uneven = prefill_state(EngineCurves(it, load), 1).step;
  // 16 layers of 4,000 us grow by half.
  EXPECT_NEAR((uneven - even).in(units::microsecond), 16 * 2000, 1);
}

}  // namespace
}  // namespace astrolabe::parallel
