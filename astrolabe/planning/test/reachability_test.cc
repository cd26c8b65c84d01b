#include "astrolabe/planning/reachability.h"

#include <gtest/gtest.h>

#include "astrolabe/planning/test/small_problem.h"

namespace astrolabe::planning {
namespace {

using namespace units;

TEST(Reachability, SaysWhatIsMissingWhereItWasAskedAndWhenItCouldBe) {
  Problem p = testing::small_problem(12);
  p.sites[0].name = "pohang";
  p.sites[0].position = {"data/sites.csv", 12};
  p.sites[0].contracted.assign(12, 75 * MW);  // 60 MW of IT at PUE 1.25
  p.sites[0].block = 25 * MW;
  p.sites[0].grid_quarters = 10;
  p.requirements.push_back({SiteId(0), 300 * MW, 8, {"scenario.toml", 41}});
  const auto found = find_shortfalls(p);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].sentence,
            "site pohang needs 300 MW of IT power in 2028Q1 (scenario.toml:41); available 60 MW: "
            "grid connection ordered 2026Q1 + 10 quarters = 2028Q3 (data/sites.csv:12)");
  EXPECT_EQ(found[0].latest_order, Quarter(2025, 3));
  EXPECT_EQ(found[0].possible, Quarter(2028, 3));
}

TEST(Reachability, WhatCanBeReachedIsNotReported) {
  Problem p = testing::small_problem(12);
  p.requirements.push_back({SiteId(0), 800 * MW, 0, {"s", 1}});  // 1,000 MW / 1.25
  p.commitments.push_back({"vendor", 100 * MW, 11, {"s", 2}});
  EXPECT_TRUE(find_shortfalls(p).empty());
}

TEST(Reachability, AVendorCannotDeliverMoreThanItsPackagingMakes) {
  Problem p = testing::small_problem(4);
  // 100 wafers / 0.1 per chip = 1,000 chips a quarter, 2 MW; 8 MW in four quarters.
  p.lines[2].capacity.assign(4, 100 * wafer);
  p.commitments.push_back({"vendor", 8 * MW, 3, {"s", 2}});
  EXPECT_TRUE(find_shortfalls(p).empty());
  p.commitments[0].it_power = 9 * MW;
  const auto found = find_shortfalls(p);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].available.in(MW), 8, 1e-9);
}

TEST(Reachability, OnlyWholePhasesCount) {
  Problem p = testing::small_problem(4);
  p.sites[0].contracted.assign(4, 99 * MW);
  p.sites[0].expandable = 99 * MW;
  p.sites[0].block = 50 * MW;  // one phase, 50 MW facility, 40 MW IT at PUE 1.25
  p.requirements.push_back({SiteId(0), 41 * MW, 1, {"s", 1}});
  const auto found = find_shortfalls(p);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].available.in(MW), 40, 1e-9);
  EXPECT_LT(found[0].possible, p.start);
  p.requirements[0].it_power = 40 * MW;
  EXPECT_TRUE(find_shortfalls(p).empty());
}

TEST(Reachability, AFixedLoadTakesPowerFirstAndCanItselfBeTooMuch) {
  Problem p = testing::small_problem(4);
  p.sites[0].contracted.assign(4, 100 * MW);
  p.sites[0].expandable = 100 * MW;
  p.sites[0].fixed_load[2] = 25 * MW;  // leaves 75 MW facility, 60 MW IT
  p.requirements.push_back({SiteId(0), 61 * MW, 0, {"s", 1}});
  auto found = find_shortfalls(p);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].t, 2);
  EXPECT_EQ(found[0].possible, Quarter(2026, 4));
  p.requirements.clear();
  p.sites[0].fixed_load[1] = 101 * MW;
  found = find_shortfalls(p);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, Shortfall::Kind::kFixedLoad);
  EXPECT_EQ(found[0].t, 1);
}

}  // namespace
}  // namespace astrolabe::planning
