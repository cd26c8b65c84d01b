#include "astrolabe/parallel/iteration_curves.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr int kLayers = 16;  // of small_mixture

// Experts take 10 us for each token of all ranks, an exchange 5 us each way, or as given.
IterationCurves curves(double exchange_us, double overlap, double lent) {
  const HandClock clock([=](const workload::Operator& op) {
    switch (op.kind) {
      case workload::OperatorKind::kExperts:
        return 10 * op.get<workload::ExpertsShape>().tokens;
      case workload::OperatorKind::kDispatch:
      case workload::OperatorKind::kCombine:
        return exchange_us * op.get<workload::CollectiveShape>().tokens;
      default:
        return 0.0;
    }
  });
  Engine e = plain_engine(Framework::kSglang);
  e.constants.kernel = {};
  e.schedule.two_batch_overlap = overlap;
  e.schedule.exchange_share = lent;
  const EngineIteration it(small_mixture(), {}, {.data = 4, .expert = 4}, e, clock);
  return {it, 1024, 256};
}

double step(const IterationCurves& c, bool has_prompts = false) {
  return c.step(64, 256, 0, 64, has_prompts) / (kLayers * kMicrosecond);
}

TEST(IterationCurvesTest, WithoutOverlapPartsAddUp) {
  // 256 tokens of all ranks at 10 us, 64 of a rank at 5 us there and 5 us back.
  EXPECT_NEAR(step(curves(5, 0, 0)), 2560 + 640, 1e-6);
}

TEST(IterationCurvesTest, TheShorterOfArithmeticAndExchangeIsHidden) {
  EXPECT_NEAR(step(curves(5, 1, 0)), 2560, 1e-6);
  EXPECT_NEAR(step(curves(40, 1, 0)), 64 * 80, 1e-6);
}

TEST(IterationCurvesTest, LentMultiprocessorsSlowArithmeticWithPromptsAlone) {
  const IterationCurves c = curves(15, 1, 0.2);
  EXPECT_NEAR(step(c), 2560, 1e-6);
  EXPECT_NEAR(step(c, true), 2560 / 0.8, 1e-6);
}

TEST(IterationCurvesTest, HalvesThatCostMoreThanTheyHideAreNotChosen) {
  // Lending half of the multiprocessors doubles 2560: 3200 in sequence is better.
  EXPECT_NEAR(step(curves(5, 1, 0.5), true), 3200, 1e-6);
  // One token has no halves.
  const IterationCurves c = curves(5, 1, 0);
  EXPECT_NEAR(c.step(1, 4, 0, 1, false), kLayers * 50 * kMicrosecond, 1e-12);
}

}  // namespace
}  // namespace astrolabe::parallel
