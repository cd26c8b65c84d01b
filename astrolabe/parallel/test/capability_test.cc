#include "astrolabe/parallel/capability.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/deepseek_day.h"
#include "astrolabe/parallel/test/parallel_cases.h"
#include "astrolabe/parallel/training_capability.h"

namespace astrolabe::parallel {
namespace {

Capability find(const workload::ModelArchitecture& m, const device::Accelerator& a,
                const workload::DemandClass& w, const CapabilityOptions& options = {}) {
  return find_capability(m, {}, a, plain_derating(), w, options);
}

TEST(CapabilityTest, BestPointMeetsTheServiceLevel) {
  for (const auto& m : {small_dense(), small_mixture()}) {
    const Capability c = find(m, small_accelerator(), chat());
    ASSERT_TRUE(c.is_ok()) << c.reason;
    for (const OperatingPoint& o : c.points) {
      EXPECT_LE(o.ttft.base(), chat().ttft.base() * (1 + 1e-12));
      EXPECT_LE(o.tpot.base(), chat().tpot.base());
      EXPECT_DOUBLE_EQ(o.input_tokens.base(), 4 * o.output_tokens.base());  // 800 to 200
      EXPECT_LE(o.power.in(units::watt), 500);
      EXPECT_GE(o.power.in(units::watt), 99.9);
      EXPECT_DOUBLE_EQ(o.it_power.in(units::watt), 300 + o.power.in(units::watt));
      EXPECT_GT(o.mfu, 0);
      EXPECT_LT(o.mfu, 0.8);  // no better than the GEMM fraction
      EXPECT_LE(o.hbm_bandwidth.base(), 0.8e12);
    }
  }
}

TEST(CapabilityTest, NoFasterThanTheRoofline) {
  CapabilityOptions roofline;
  roofline.fidelity = device::Fidelity::kRoofline;
  const Capability bound = find(small_mixture(), small_accelerator(), chat(), roofline);
  const Capability derated = find(small_mixture(), small_accelerator(), chat());
  EXPECT_LE(derated.best().output_tokens.base(), bound.best().output_tokens.base());
}

TEST(CapabilityTest, EnergyPointIsListedOnlyWhenItSavesEnergy) {
  const Capability c = find(small_mixture(), small_accelerator(), chat());
  ASSERT_LE(c.points.size(), 2u);
  if (c.points.size() == 2) {
    EXPECT_LT(c.points[1].energy_per_token.base(), c.points[0].energy_per_token.base());
    EXPECT_LE(c.points[1].output_tokens.base(), c.points[0].output_tokens.base());
  }
}

TEST(CapabilityTest, MoreLayoutsAndModesAreNeverWorse) {
  CapabilityOptions one;
  one.allow_disaggregated = false;
  one.max_group = 1;
  CapabilityOptions aggregated;
  aggregated.allow_disaggregated = false;
  const double a =
      find(small_mixture(), small_accelerator(), chat(), one).best().output_tokens.base();
  const double b =
      find(small_mixture(), small_accelerator(), chat(), aggregated).best().output_tokens.base();
  const double c = find(small_mixture(), small_accelerator(), chat()).best().output_tokens.base();
  EXPECT_LE(a, b);
  EXPECT_LE(b, c);
}

TEST(CapabilityTest, LargerScaleUpDomainIsNeverWorseForTheSameLayouts) {
  const auto layouts = enumerate_layouts(small_mixture(), small_accelerator(), 64);
  double last = 0;
  for (const int domain : {8, 16, 32, 64}) {
    device::Accelerator a = small_accelerator();
    a.scale_up_domain = domain;
    const Capability c =
        find_capability_among(layouts, small_mixture(), {}, a, plain_derating(), chat());
    EXPECT_GE(c.best().output_tokens.base(), last) << domain;
    last = c.best().output_tokens.base();
  }
}

TEST(CapabilityTest, LooserServiceLevelIsNeverWorse) {
  double last = 0;
  for (const double ms : {1.0, 2.0, 5.0, 20.0, 100.0}) {
    workload::DemandClass w = chat();
    w.tpot = ms * units::millisecond;
    const Capability c = find(small_dense(), small_accelerator(), w);
    const double now = c.is_ok() ? c.best().output_tokens.base() : 0;
    EXPECT_GE(now, last * (1 - 1.0 / 64)) << ms;  // the batch search stops within 1/64
    last = now;
  }
}

TEST(CapabilityTest, FailuresSayWhatWasNearest) {
  workload::DemandClass fast = chat();
  fast.tpot = 1.0 * units::microsecond;
  const Capability slow = find(small_dense(), small_accelerator(), fast);
  EXPECT_EQ(slow.status, CapabilityStatus::kTpotMissed);
  EXPECT_NE(slow.reason.find("limit 0.0 ms"), std::string::npos) << slow.reason;
  EXPECT_TRUE(slow.points.empty());

  device::Accelerator tiny = small_accelerator();
  tiny.hbm_capacity = 1.0 * units::MB;
  const Capability full = find(small_dense(), tiny, chat());
  EXPECT_EQ(full.status, CapabilityStatus::kDoesNotFit);
  EXPECT_NE(full.reason.find("misses"), std::string::npos) << full.reason;

  const Capability none =
      find_capability_among({}, small_dense(), {}, tiny, plain_derating(), chat());
  EXPECT_EQ(none.status, CapabilityStatus::kNoLayout);
}

TEST(CapabilityTest, RateMatchingIsHarmonic) {
  // One layout, so the pools are the two points of that layout.
  CapabilityOptions apart;
  apart.allow_aggregated = false;
  const std::vector<Layout> one{Layout{}};
  const Capability c = find_capability_among(one, small_dense(), {}, small_accelerator(),
                                             plain_derating(), chat(), apart);
  const auto times =
      device::make_operator_time(device::Fidelity::kDerated, small_accelerator(), plain_derating());
  const IterationModel e(small_dense(), {}, small_accelerator(), plain_derating(), *times);
  const double rp = prefill_point(e, {}, chat(), {}).requests.base();
  const double rd = decode_point(e, {}, chat(), {}).requests.base();
  EXPECT_NEAR(c.best().output_tokens.base(), 200 * rp * rd / (rp + rd), 1e-6);
  EXPECT_NEAR(c.best().prefill_share, rd / (rp + rd), 1e-12);
}

TEST(TrainingCapabilityTest, FlopsOfATokenByHand) {
  // Multiplied parameters: 16 layers x 15204352 and the LM head 32768000. Attention of 2048 tokens:
  // 6 x 2048 x 16 heads x 64 a layer.
  const double flops = 6 * (16 * 15204352.0 + 32768000) + 16 * 6 * 2048 * 16 * 64.0;
  EXPECT_DOUBLE_EQ(training_flops_per_token(small_dense(), 2048).in(units::flop), flops);
  const TrainingCapability t =
      training_capability(small_dense(), {}, small_accelerator(), plain_derating(), 2048);
  ASSERT_TRUE(t.is_ok);
  EXPECT_NEAR(t.tokens.base(), 0.4 * 100e12 / flops, 1e-6);
  // 16 bytes a parameter: 308805632 x 16 = 4.9 GB in 8 GB.
  EXPECT_EQ(t.least_accelerators, 1);
  const TrainingCapability fp8 =
      training_capability(small_dense(), workload::parse_precision("fp8", {"t", 1}),
                          small_accelerator(), plain_derating(), 2048);
  EXPECT_NEAR(fp8.tokens.base(), 0.25 * 200e12 / flops, 1e-6);
}

TEST(ProductionDayTest, NodesTimesRateIsTheTraffic) {
  const auto times =
      device::make_operator_time(device::Fidelity::kDerated, small_accelerator(), plain_derating());
  const IterationModel e(small_mixture(), {}, small_accelerator(), plain_derating(), *times);
  ProductionDay day;
  day.input = 9e9 * units::token;
  day.output = 1e9 * units::token;
  day.span = 24 * units::hour;
  day.cached_input = 0.5;
  day.prompt_tokens = 2000;
  day.decode_context = 3000;
  day.tpot = 20.0 * units::millisecond;
  day.prefill = {{.tensor = 1, .data = 8, .expert = 8}};
  day.decode = {{.tensor = 1, .data = 16, .expert = 16}};
  day.accelerators_per_node = 8;
  day.prefill_tokens_per_rank = 4000;
  const ProductionDayResult r = production_day_nodes(e, day);
  ASSERT_TRUE(r.is_ok) << r.reason;
  EXPECT_NEAR(r.prefill_nodes * r.prefill_per_node.base() * 86400, 9e9, 1);
  EXPECT_NEAR(r.decode_nodes * r.decode_per_node.base() * 86400, 1e9, 1);
  // Four uncached halves of 1000 tokens fill a rank: 4 x 8 prompts of 2000 tokens an iteration, and
  // the engine is one node.
  EXPECT_NEAR(r.prefill_per_node.base(), 4 * 8 * 2000 / r.prefill_iteration.time.base(), 1e-3);
  day.decode.shard.expert = 5;
  EXPECT_FALSE(production_day_nodes(e, day).is_ok);
}

}  // namespace
}  // namespace astrolabe::parallel
