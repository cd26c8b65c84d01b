#include "astrolabe/parallel/capability.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/deepseek_day.h"
#include "astrolabe/parallel/test/chip_cases.h"
#include "astrolabe/parallel/training_capability.h"

namespace astrolabe::parallel {
namespace {

Capability find(const workload::ModelArchitecture& m, const workload::DemandClass& w,
                const SearchOptions& options = {}, Bytes hbm = 8.0 * units::GB) {
  const SmallChip chip(hbm);
  return find_capability(chip.chip(), request_of(m, w), options);
}

TEST(CapabilityTest, BestPointMeetsTheServiceLevel) {
  for (const auto& m : {small_dense(), small_mixture()}) {
    const Capability c = find(m, chat());
    ASSERT_TRUE(c.is_ok()) << c.reason;
    const DeploymentPoint& p = c.fastest.point;
    EXPECT_LE(p.ttft.base(), chat().ttft.base() * (1 + 1e-12));
    EXPECT_LE(p.tpot.base(), chat().tpot.base());
    EXPECT_DOUBLE_EQ(c.fastest.input_tokens.base(), 4 * p.output_tokens.base());  // 800 to 200
    EXPECT_LE(p.work.power.in(units::watt), 500);
    EXPECT_GE(p.work.power.in(units::watt), 99.9);
    EXPECT_NEAR(p.work.it_power->in(units::watt), 300 + p.work.power.in(units::watt), 1e-9);
    EXPECT_GT(c.fastest.mfu, 0);
    EXPECT_LT(c.fastest.mfu, 0.8);  // no better than the GEMM fraction
    EXPECT_LE(p.work.hbm_bandwidth.base(), 0.8e12);
    EXPECT_LE(c.fastest.hbm_used.in(units::GB), 8);
  }
}

TEST(CapabilityTest, MoreLayoutsAndModesAreNeverWorse) {
  SearchOptions one;
  one.allows_pools = false;
  one.most_accelerators = 1;
  SearchOptions aggregated;
  aggregated.allows_pools = false;
  const double a = find(small_mixture(), chat(), one).fastest.point.output_tokens.base();
  const double b = find(small_mixture(), chat(), aggregated).fastest.point.output_tokens.base();
  const double c = find(small_mixture(), chat()).fastest.point.output_tokens.base();
  EXPECT_GT(a, 0);
  EXPECT_LE(a, b);
  EXPECT_LE(b, c);
}

TEST(CapabilityTest, ThePointOfLeastEnergyIsNotFasterAndNeedsLess) {
  int others = 0;
  SearchOptions fleet;
  fleet.is_fleet = true;
  for (const auto& m : {small_dense(), small_mixture()}) {
    for (const double gigabytes : {2.0, 4.0, 8.0}) {
      const SmallChip chip(gigabytes * units::GB);
      const SearchResult found = search_layouts(chip.chip(), request_of(m, chat()), fleet);
      if (!found.best) continue;
      ASSERT_TRUE(found.thriftiest);
      const DeploymentPoint &fast = *found.best, &thrifty = *found.thriftiest;
      EXPECT_LE(thrifty.output_tokens, fast.output_tokens);
      EXPECT_LE(thrifty.it_energy_per_token(), fast.it_energy_per_token());
      EXPECT_LE(thrifty.tpot, chat().tpot);
      EXPECT_LE(thrifty.ttft, chat().ttft);
      others += thrifty.it_energy_per_token() < fast.it_energy_per_token() ? 1 : 0;
    }
  }
  EXPECT_GT(others, 0);
}

TEST(CapabilityTest, LargerScaleUpDomainIsNeverWorseForTheSameLayouts) {
  SearchOptions options;
  options.layouts = candidate_layouts(small_mixture(), small_accelerator(), 64);
  double last = 0;
  for (const int domain : {8, 16, 32, 64}) {
    const SmallChip chip(8.0 * units::GB, domain);
    const Capability c = find_capability(chip.chip(), request_of(small_mixture(), chat()), options);
    EXPECT_GE(c.fastest.point.output_tokens.base(), last) << domain;
    last = c.fastest.point.output_tokens.base();
  }
}

TEST(CapabilityTest, FailuresSayWhatWasNearest) {
  workload::DemandClass fast = chat();
  fast.tpot = 1.0 * units::microsecond;
  const Capability slow = find(small_dense(), fast);
  EXPECT_EQ(slow.status, CapabilityStatus::kTpotMissed);
  EXPECT_NE(slow.reason.find("limit 0.0 ms"), std::string::npos) << slow.reason;

  const Capability full = find(small_dense(), chat(), {}, 1.0 * units::MB);
  EXPECT_EQ(full.status, CapabilityStatus::kDoesNotFit);
  EXPECT_NE(full.reason.find("exceed"), std::string::npos) << full.reason;

  SearchOptions thirds;
  thirds.layouts = {Layout{{.tensor = 3}}};
  EXPECT_EQ(find(small_dense(), chat(), thirds).status, CapabilityStatus::kNoLayout);
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
  const SmallChip chip;
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
  const ProductionDayResult r = production_day_nodes(chip.chip(), small_mixture(), {}, day);
  ASSERT_TRUE(r.is_ok) << r.reason;
  EXPECT_NEAR(r.prefill_nodes * r.prefill_per_node.base() * 86400, 9e9, 1);
  EXPECT_NEAR(r.decode_nodes * r.decode_per_node.base() * 86400, 1e9, 1);
  // Four uncached halves of 1000 tokens fill a rank: 4 x 8 prompts of 2000 tokens an iteration, and
  // the engine is one node.
  EXPECT_NEAR(r.prefill_per_node.base(), 4 * 8 * 2000 / r.prefill_iteration.base(), 1e-3);
  day.decode.shard.expert = 5;
  EXPECT_FALSE(production_day_nodes(chip.chip(), small_mixture(), {}, day).is_ok);
}

}  // namespace
}  // namespace astrolabe::parallel
