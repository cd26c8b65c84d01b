#include "astrolabe/parallel/iteration.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {
namespace {

using workload::Batch;

class IterationTest : public testing::Test {
 protected:
  IterationModel engine(const workload::ModelArchitecture& m, device::Accelerator a) {
    times_ = device::make_operator_time(device::Fidelity::kDerated, a, plain_derating());
    return {m, {}, a, plain_derating(), *times_};
  }
  IterationModel engine(const workload::ModelArchitecture& m) {
    return engine(m, small_accelerator());
  }
  std::unique_ptr<device::OperatorTime> times_;
};

TEST_F(IterationTest, StepIsTheSumOfItsOperators) {
  const device::RooflineTime roofline(small_accelerator());
  const IterationModel e(small_dense(), {}, small_accelerator(), plain_derating(), roofline);
  const IterationCost c = e.cost({}, {.decode_sequences = 1, .decode_context = 99});
  // One token on one accelerator is bound by memory throughout: its bytes over 1 TB/s.
  EXPECT_NEAR(c.time.in(units::second), c.hbm_traffic.in(units::TB), 1e-15);
  // At least the weights but the embedding rows, and the cache of 100 tokens.
  const double weights = 2 * (16 * 15204352.0 + 32768000);
  EXPECT_GT(c.hbm_traffic.in(units::byte), weights + 100 * 16 * 2 * 256 * 2);
  EXPECT_LT(c.hbm_traffic.in(units::byte), 1.01 * (weights + 100 * 16 * 2 * 256 * 2));
  EXPECT_EQ(c.bound(), device::Resource::kMemory);
}

TEST_F(IterationTest, TimeGrowsWithBatchAndContext) {
  for (const Layout& layout :
       {Layout{}, Layout{{.tensor = 4}}, Layout{{.tensor = 1, .data = 8, .expert = 8}}}) {
    const bool is_spread = layout.shard.data > 1;
    const IterationModel e = engine(is_spread ? small_mixture() : small_dense());
    double last = 0;
    for (double b = 1; b <= 4096; b *= 2) {
      const double now =
          e.cost(layout, {.decode_sequences = b, .decode_context = 1000}).time.base();
      EXPECT_GT(now, last) << layout.text() << " batch " << b;
      last = now;
    }
    last = 0;
    for (double context = 10; context <= 1e6; context *= 3) {
      const double now =
          e.cost(layout, {.decode_sequences = 8, .decode_context = context}).time.base();
      EXPECT_GT(now, last) << layout.text() << " context " << context;
      last = now;
    }
  }
}

TEST_F(IterationTest, ChunksOfAPromptDoTheSameAttention) {
  const IterationModel e = engine(small_dense());
  const IterationCost whole = e.prefill({}, 1, 4000, 500, 1.5, 8192);
  const IterationCost chunked = e.prefill({}, 1, 4000, 500, 1.5, 1000);
  // The LM head computes one token either way; all arithmetic is equal.
  EXPECT_NEAR(chunked.flops.base() / whole.flops.base(), 1, 1e-12);
  EXPECT_GT(chunked.hbm_traffic.base(), whole.hbm_traffic.base());  // weights four times
  EXPECT_GT(chunked.time.base(), whole.time.base());
}

TEST_F(IterationTest, SplittingHidesTheExchangeOfLargeBatches) {
  const Layout spread{{.tensor = 1, .data = 32, .expert = 32}};
  const IterationModel e = engine(small_mixture());
  const IterationCost small = e.cost(spread, {.decode_sequences = 2, .decode_context = 100});
  EXPECT_FALSE(small.is_split);
  const IterationCost large = e.cost(spread, {.decode_sequences = 4000, .decode_context = 100});
  EXPECT_TRUE(large.is_split);
  EXPECT_GE(large.time.base(), large.exchange.base());
}

TEST_F(IterationTest, MeanPowerIsBetweenIdleAndTheLimit) {
  const IterationModel e = engine(small_mixture());
  for (const double b : {1.0, 64.0, 4096.0}) {
    const IterationCost c = e.cost({{.tensor = 1, .data = 32, .expert = 32}},
                                   {.decode_sequences = b, .decode_context = 100});
    const Power mean = c.energy / c.time;
    EXPECT_GE(mean.in(units::watt), 0.2 * 500 * (1 - 1e-12)) << b;
    EXPECT_LE(mean.in(units::watt), 500) << b;
  }
}

TEST_F(IterationTest, FormatWithoutARateReadsActivationsInBf16) {
  device::Accelerator a = small_accelerator();
  a.rates[1].reset();
  const device::RooflineTime roofline(a);
  const IterationModel e(small_dense(), workload::parse_precision("fp8", {"t", 1}), a,
                         plain_derating(), roofline);
  EXPECT_EQ(e.precision().ffn, workload::GemmFormat::kFp8Weights);
}

}  // namespace
}  // namespace astrolabe::parallel
