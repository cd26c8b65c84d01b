#include "astrolabe/supply/capacity.h"

#include <gtest/gtest.h>

#include "astrolabe/supply/test/small_catalog.h"

namespace astrolabe::supply {
namespace {

using namespace units;

using Path = std::vector<std::pair<Quarter, double>>;

TEST(InterpolatePath, LinearBetweenHeldOutside) {
  const Path p = {{{2026, 2}, 10}, {{2026, 4}, 20}, {{2027, 1}, 5}};
  EXPECT_EQ(interpolate_path(p, {2026, 1}, 6), (std::vector<double>{10, 10, 15, 20, 5, 5}));
}

TEST(InterpolatePath, StepHoldsUntilTheNextFact) {
  const Path p = {{{2026, 2}, 10}, {{2026, 4}, 20}};
  EXPECT_EQ(interpolate_path(p, {2026, 1}, 5, Interpolation::kStep),
            (std::vector<double>{10, 10, 10, 20, 20}));
}

TEST(RampProfile, RisesInEqualSteps) {
  EXPECT_EQ(ramp_profile(4, 6), (std::vector<double>{0.25, 0.5, 0.75, 1, 1, 1}));
  EXPECT_EQ(ramp_profile(0, 2), (std::vector<double>{1, 1}));
  EXPECT_EQ(ramp_profile(1, 2), (std::vector<double>{1, 1}));
}

TEST(WholeQuarters, RoundUpButNotPastWholeOnes) {
  for (int n = 0; n <= 40; ++n) EXPECT_EQ(whole_quarters(3.0 * n * month), n);
  EXPECT_EQ(whole_quarters(16.0 * month), 6);
  EXPECT_EQ(whole_quarters(6.0 * month), 2);
  EXPECT_EQ(whole_quarters(0.25 * month), 1);
}

TEST(ReadLine, DramLineWithModule) {
  SmallCatalog files;
  files.add("dram_lines", "d1",
            "maker,M,\ncountry,KR,\ncapacity@2026Q1,100,kwafers/month\n"
            "capacity@2026Q3,120,kwafers/month\nhbm_capacity@2026Q1,40,kwafers/month\n"
            "bits_per_wafer,2,TB/wafer\nelectricity_per_wafer,3000,kWh/wafer\n"
            "module_capacity,30,kwafers/month\nmodule_capex,10,BUSD\nmodule_lead_time,10,months\n"
            "module_ramp_time,6,months\nmodule_limit,6,1\nmodule_earliest,2026-11,");
  const auto r = read_line(files.load(), "d1", {2026, 1}, 4);
  ASSERT_TRUE(r.value) << r.reason;
  const LineCapacity& line = *r.value;
  // 100, 110, 120, 120 thousand a month, three months each.
  EXPECT_NEAR(line.wafers[1].in(kwafer), 330, 1e-9);
  EXPECT_NEAR(line.wafers[3].in(kwafer), 360, 1e-9);
  EXPECT_NEAR(line.hbm_wafers[3].in(kwafer), 120, 1e-9);
  EXPECT_EQ(line.module.lead_quarters, 4);
  EXPECT_EQ(line.module.ramp_quarters, 2);
  EXPECT_EQ(line.module.limit, 6);
  EXPECT_EQ(line.module.earliest_decision, Quarter(2026, 4));
  // Decided in quarter 0: 45 thousand in quarter 4, 90 from quarter 5 on.
  EXPECT_EQ(line.module.output(3).in(kwafer), 0);
  EXPECT_NEAR(line.module.output(4).in(kwafer), 45, 1e-9);
  EXPECT_NEAR(line.module.output(5).in(kwafer), 90, 1e-9);
  EXPECT_NEAR(line.module.output(9).in(kwafer), 90, 1e-9);
  EXPECT_NEAR(line.electricity_per_wafer.in(kWh), 3000, 1e-9);
}

TEST(ReadLine, WithoutModuleFactsTheLineCannotExpandAndSaysWhy) {
  SmallCatalog files;
  files.add("packaging", "p1",
            "maker,M,\ncapacity@2026Q1,10,kwafers/month\ncycle_time,2,months\nyield,95,%");
  const auto r = read_line(files.load(), "p1", {2026, 1}, 2);
  ASSERT_TRUE(r.value) << r.reason;
  EXPECT_EQ(r.value->module.limit, 0);
  EXPECT_NE(r.value->no_module_reason.find("missing: p1.module_capacity"), std::string::npos);
  EXPECT_EQ(r.value->cycle_quarters, 1);
}

TEST(ReadLine, WithoutCapacityThereIsNoLine) {
  SmallCatalog files;
  files.add("packaging", "p1", "maker,M,\ncycle_time,2,months\nyield,95,%");
  const auto r = read_line(files.load(), "p1", {2026, 1}, 2);
  EXPECT_FALSE(r.value);
  EXPECT_EQ(r.reason, "missing: p1.capacity (not given)");
}

}  // namespace
}  // namespace astrolabe::supply
