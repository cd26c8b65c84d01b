#include "astrolabe/parallel/serving_point.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {
namespace {

class ServingPointTest : public testing::Test {
 protected:
  std::unique_ptr<device::OperatorTime> times_ =
      device::make_operator_time(device::Fidelity::kDerated, small_accelerator(), plain_derating());
  IterationModel engine_{small_dense(), {}, small_accelerator(), plain_derating(), *times_};

  double step(double batch, double context) const {
    return engine_.cost({}, {.decode_sequences = batch, .decode_context = context}).time.base();
  }
};

TEST_F(ServingPointTest, DecodeObeysLittlesLawAndTheLimit) {
  workload::DemandClass w = chat();
  w.tpot = 2.0 * units::millisecond;
  const ServingPoint p = decode_point(engine_, {}, w, {});
  ASSERT_TRUE(p.is_ok());
  EXPECT_EQ(p.limit, BatchLimit::kTpot);
  EXPECT_LE(p.tpot.base(), w.tpot.base());
  EXPECT_NEAR(p.tpot.base(), step(p.batch, 900), 1e-15);
  // Sequences in flight = rate x residence time (200 steps).
  EXPECT_NEAR(p.requests.base() * 200 * p.tpot.base(), p.batch, 1e-9);
  // The next batches, beyond the search's 1/64, miss the limit.
  EXPECT_GT(step(std::ceil(p.batch * (1 + 1.0 / 32) + 1), 900), w.tpot.base());
}

TEST_F(ServingPointTest, MemoryBoundsTheBatchWhenTimeDoesNot) {
  workload::DemandClass w = chat();
  w.tpot = 10.0 * units::second;
  ServingLimits limits;
  limits.max_batch = 1e9;
  const ServingPoint p = decode_point(engine_, {}, w, limits);
  const Footprint f =
      compute_footprint(small_dense(), {}, small_accelerator(), plain_derating(), {}, 900, 1);
  EXPECT_EQ(p.limit, BatchLimit::kHbmCapacity);
  EXPECT_EQ(p.batch, std::floor(f.sequences));
  EXPECT_LE(p.hbm_used.base(), small_accelerator().hbm_capacity.base());
}

TEST_F(ServingPointTest, AggregatedCycleCarriesItsPrefills) {
  const workload::DemandClass w = chat();
  const ServingPoint p = aggregated_point(engine_, {}, w, {});
  ASSERT_TRUE(p.is_ok());
  const double prefill = engine_.prefill({}, 1, 800, 0, 1, 8192).time.base();
  const double decode = step(p.batch, 900);
  EXPECT_NEAR(p.tpot.base(), decode + (p.batch - 1) / 200 * prefill, 1e-12);
  EXPECT_NEAR(p.requests.base(), p.batch / 200 / (decode + p.batch / 200 * prefill), 1e-9);
  EXPECT_LE(p.tpot.base(), w.tpot.base());
}

TEST_F(ServingPointTest, PrefillUtilisationUsesUpTheWaitThatTtftAllows) {
  workload::DemandClass w = chat();
  w.input = workload::LengthDistribution::from_mean_and_p90(3000, 6000, {"t", 1}, "input_tokens");
  ServingLimits limits;
  limits.token_budget = 3000;  // one prompt at a time
  const ServingPoint p = prefill_point(engine_, {}, w, limits);
  ASSERT_TRUE(p.is_ok());
  EXPECT_NEAR(p.ttft.base(), w.ttft.base(), 1e-9);
  const double service = p.iteration.time.base();
  const double rho = p.requests.base() * service;
  EXPECT_GT(rho, 0);
  EXPECT_LT(rho, 1);
  const double kv = 3000 * 16 * 2 * 256 * 2.0;
  const double transfer = 11e-6 + kv / 10e9;
  const double wait = rho / (1 - rho) * w.input.second_moment_ratio() / 2 * service;
  EXPECT_NEAR(service + transfer + wait, 1, 1e-9);
}

TEST_F(ServingPointTest, ImpossibleLimitsAreOutcomesWithTheNearestValue) {
  workload::DemandClass w = chat();
  w.tpot = 1.0 * units::nanosecond;
  EXPECT_EQ(decode_point(engine_, {}, w, {}).status, PointStatus::kTpotMissed);
  EXPECT_EQ(aggregated_point(engine_, {}, w, {}).status, PointStatus::kTpotMissed);
  EXPECT_GT(decode_point(engine_, {}, w, {}).tpot.base(), 1e-9);
  w = chat();
  w.ttft = 1.0 * units::nanosecond;
  EXPECT_EQ(prefill_point(engine_, {}, w, {}).status, PointStatus::kTtftMissed);
}

TEST_F(ServingPointTest, ModelLargerThanTheMemoryDoesNotFit) {
  workload::ModelArchitecture large = small_dense();
  large.dense_ffn *= 64;
  const IterationModel e(large, {}, small_accelerator(), plain_derating(), *times_);
  for (const ServingPoint& p : {prefill_point(e, {}, chat(), {}), decode_point(e, {}, chat(), {}),
                                aggregated_point(e, {}, chat(), {})}) {
    EXPECT_EQ(p.status, PointStatus::kDoesNotFit);
    // 16 layers x 3 x 1024 x 262144 x 2 B = 25.8 GB of experts alone, 8 GB of memory.
    EXPECT_GT(p.missing.in(units::GB), 17.7);
  }
}

}  // namespace
}  // namespace astrolabe::parallel
