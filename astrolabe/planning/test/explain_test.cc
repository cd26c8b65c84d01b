// Infeasible problems small enough to be explained by hand; every printed fix is applied and solved
// again here.

#include "astrolabe/planning/explain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "astrolabe/planning/test/small_problem.h"

namespace astrolabe::planning {
namespace {

using namespace units;
using testing::small_problem;

SolveOptions options() {
  SolveOptions o;
  o.solver = milp::available_solvers().front();
  o.gap = 1e-6;
  return o;
}

bool has_plan(const Problem& p) {
  const Solution s = solve(Formulation::build(p), options());
  return s.status == PlanStatus::kSolved || s.status == PlanStatus::kGapOpen;
}

// The explanation, with the promise checked that every fix alone makes the problem feasible.
Explanation explain(const Problem& p) {
  EXPECT_FALSE(has_plan(p));
  Explanation e = explain_infeasibility(p, options());
  EXPECT_LE(e.fixes.size(), kMostFixes);
  for (const Fix& fix : e.fixes) {
    EXPECT_TRUE(fix.is_verified) << fix.sentence;
    Problem fixed = p;
    fix.apply(&fixed);
    EXPECT_TRUE(has_plan(fixed)) << fix.sentence;
  }
  return e;
}

const Fix* find_fix(const Explanation& e, const std::string& sentence) {
  const auto it = std::find_if(e.fixes.begin(), e.fixes.end(), [&](const Fix& f) {
    return f.sentence.find(sentence) != std::string::npos;
  });
  if (it == e.fixes.end()) {
    ADD_FAILURE() << "no fix '" << sentence << "' in\n" << e.text();
    return nullptr;
  }
  return &*it;
}

// 75 MW of facility power, 60 MW of IT at PUE 1.25, until a connection of ten quarters is there.
Problem late_grid() {
  Problem p = small_problem(12);
  Site& pohang = p.sites[0];
  pohang.name = "pohang";
  pohang.position = {"data/sites.csv", 12};
  pohang.block = 25 * MW;
  pohang.contracted.assign(12, 75 * MW);
  pohang.grid_quarters = 10;
  p.requirements.push_back({SiteId(0), 300 * MW, 8, {"scenario.toml", 41}});
  return p;
}

TEST(Explain, AProblemWithAPlanHasNothingToExplain) {
  const Explanation e = explain_infeasibility(small_problem(), options());
  EXPECT_TRUE(e.conflicts.empty());
  EXPECT_TRUE(e.fixes.empty());
  EXPECT_EQ(e.text(), "");
}

TEST(Explain, ALateGridNamesTheOrderThatWasMissedAndWhatHelps) {
  Problem p = late_grid();
  Site ulsan = p.sites[0];
  ulsan.name = "ulsan";
  ulsan.contracted.assign(12, 1000 * MW);
  p.sites.push_back(ulsan);
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u) << e.text();
  EXPECT_EQ(e.conflicts[0],
            "site pohang needs 300 MW of IT power in 2028Q1 (scenario.toml:41); available 60 MW: "
            "grid connection ordered 2026Q1 + 10 quarters = 2028Q3 (data/sites.csv:12)");
  ASSERT_EQ(e.fixes.size(), 4u) << e.text();
  // 2028Q1 less ten quarters.
  find_fix(e, "start before 2026Q1: grid connection ordered by 2025Q3 at pohang");
  // 300 MW of IT at PUE 1.25 are 375 MW; 75 MW are under contract.
  find_fix(e, "allow 300 MW of generation on site at pohang from 2028Q1");
  find_fix(e, "delay the IT power required at pohang to 2028Q3");
  // With or without: 240 MW of IT for 2028Q1..Q4 are 120,000 chips of 50,000 USD (6 billion), less
  // the 1,000 chips that the demand keeps anyhow and which stand in the 60 MW at pohang; phases of
  // 25 MW facility at 10 MUSD per MW IT: 2.4 billion. Idle chips draw nothing here.
  const Fix* move = find_fix(e, "move 240 MW of IT power to ulsan");
  ASSERT_NE(move, nullptr);
  ASSERT_TRUE(move->extra_cost_billion_usd.has_value());
  // The plan without the requirement builds 1,000 chips (2 MW); the plan with it 150,000 in all
  // (300 MW): 149,000 x 50,000 USD and 298 MW x 10 MUSD/MW.
  EXPECT_NEAR(*move->extra_cost_billion_usd, 149e3 * 50e3 / 1e9 + 298 * 10e6 / 1e9, 1e-6);
}

TEST(Explain, ASiteThatIsTooSmallIsNotHelpedByAnEarlierOrder) {
  Problem p = small_problem();
  p.sites[0].contracted.assign(4, 100 * MW);
  p.sites[0].expandable = 100 * MW;  // one phase: 80 MW of IT
  p.requirements.push_back({SiteId(0), 90.5 * MW, 1, {"s", 3}});
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u);
  EXPECT_NE(e.conflicts[0].find("the site can never have more than 100 MW"), std::string::npos);
  ASSERT_EQ(e.fixes.size(), 1u) << e.text();  // one site only: nowhere to move to
  EXPECT_EQ(e.fixes[0].sentence, "lower the IT power required at site to 80 MW");
}

// Two sites, each with room, one memory line that cannot fill both.
Problem shared_wafers() {
  Problem p = small_problem();
  Site second = p.sites[0];
  p.sites[0].name = "one";
  second.name = "two";
  p.sites.push_back(second);
  p.classes.clear();
  p.needs.clear();
  // 100 wafers a quarter x 20 stacks / 8 = 250 chips a quarter. The pipeline: a chip of 2026Q4
  // (t=3) is packaged from stacks of t=2, from wafers of t<=1; history starts 2 quarters before the
  // start: wafers of t=-2..1, 400 wafers, 1,000 chips, 2 MW of IT.
  for (Wafers& w : p.lines[0].hbm_capacity) w = 100 * wafer;
  p.lines[0].position = {"data/fabs.csv", 7};
  p.requirements.push_back({SiteId(0), 1.5 * MW, 3, {"s", 1}});
  p.requirements.push_back({SiteId(1), 1.0 * MW, 3, {"s", 2}});
  return p;
}

TEST(Explain, TwoRequirementsThatShareOneMemoryLineAreNamedTogether) {
  const Explanation e = explain(shared_wafers());
  ASSERT_EQ(e.conflicts.size(), 1u) << e.text();
  const std::string& c = e.conflicts[0];
  EXPECT_NE(c.find("in 2026Q4 these cannot hold together:"), std::string::npos) << c;
  EXPECT_NE(c.find("site one needs 1.5 MW of IT power from 2026Q4 (s:1)"), std::string::npos) << c;
  EXPECT_NE(c.find("site two needs 1 MW of IT power from 2026Q4 (s:2)"), std::string::npos) << c;
  // 2.5 MW need 1,250 chips, 10,000 stacks, 500 wafers.
  EXPECT_NE(c.find("HBM wafers at dram: 400 wafers can be started in time for 2026Q4, 500 are "
                   "needed; wafer started 2026Q1 + 2 quarters = delivery 2026Q3"),
            std::string::npos)
      << c;
  EXPECT_NE(c.find("(data/fabs.csv:7)"), std::string::npos) << c;
  EXPECT_EQ(c.find("packaging"), std::string::npos) << c;
  find_fix(e, "25% more HBM wafers at dram in every quarter");
  // Site one can have 2 - 1 = 1 MW beside site two.
  find_fix(e, "lower the IT power required at one to 1 MW");
}

TEST(Explain, DemandThatMustBeServedBeyondCapacityNamesTheShareThatFits) {
  Problem p = small_problem();
  // One phase of 1.5 MW facility: 1.2 MW of IT, 600 chips, where 1,000 are needed.
  p.sites[0].block = 1.5 * MW;
  p.sites[0].contracted.assign(4, 1.5 * MW);
  p.sites[0].expandable = 1.5 * MW;
  p.classes[0].must_serve = true;
  p.classes[0].position = {"s", 9};
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u);
  EXPECT_NE(e.conflicts[0].find("chat must be served in full from 2026Q1 (s:9)"), std::string::npos)
      << e.text();
  EXPECT_NE(e.conflicts[0].find("powered space at site"), std::string::npos) << e.text();
  ASSERT_EQ(e.fixes.size(), 1u) << e.text();
  EXPECT_EQ(e.fixes[0].sentence, "lower demand chat to 60% of it");
}

TEST(Explain, ARenewableShareBeyondThePotentialNamesTheShareThatExists) {
  Problem p = small_problem();
  p.classes[0].must_serve = true;
  p.sites[0].renewable_share.assign(4, 0.8);
  p.sites[0].position = {"data/sites.csv", 3};
  p.sites[0].renewable_position = {"s", 7};
  // The demand draws 1,000 x 2 kW x 1.25 = 2.5 MW; 4 MW of wind at 30% give 1.2 MW: 48%.
  p.energy.push_back({"wind",
                      "grid",
                      "onshore_wind",
                      0.30,
                      {1, 1, 1, 1},
                      80 * usd / MWh,
                      0,
                      std::vector<Power>(4, 4 * MW),
                      {"data/energy.csv", 5}});
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u);
  EXPECT_NE(e.conflicts[0].find("80% of the energy at site must be renewable from 2026Q1 (s:7)"),
            std::string::npos)
      << e.text();
  EXPECT_NE(e.conflicts[0].find("renewable contracts on grid grid: wind 4 MW in 2026Q1 "
                                "(data/energy.csv:5); 67% more is needed"),
            std::string::npos)
      << e.text();
  find_fix(e, "lower the renewable share at site to 48%");
  // 2.5 x 0.8 = 2 MW need 6.67 MW of wind, 66.7% more.
  find_fix(e, "67% more renewable contracts for site in every quarter");
}

TEST(Explain, WhatAVendorDeliversAtMostIsNamedWithItsLine) {
  Problem p = small_problem();
  p.classes[0].must_serve = true;  // 1,000 chips of 2 kW: 2 MW in service
  p.ceilings.push_back({"vendor", std::vector<Power>(4, 1.5 * MW), {"s", 4}});
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u) << e.text();
  EXPECT_NE(e.conflicts[0].find("deliveries of vendor: at most 1.5 MW of its accelerators "
                                "delivered by 2026Q1 (s:4); 34% more is needed"),
            std::string::npos)
      << e.text();
  find_fix(e, "34% more deliveries of vendor in every quarter");
  find_fix(e, "lower demand chat to 75% of it");
}

TEST(Explain, AVendorCommitmentCanComeLaterOrBeLess) {
  Problem p = small_problem(6);
  // 100 wafers / 0.1 per chip = 1,000 chips or 2 MW a quarter; 2026Q2 is the second delivery.
  p.lines[2].capacity.assign(6, 100 * wafer);
  p.commitments.push_back({"vendor", 7 * MW, 1, {"s", 2}});
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u) << e.text();
  find_fix(e, "delay the commitment of vendor to 2026Q4");
  find_fix(e, "lower the commitment of vendor to 4 MW");
}

TEST(Explain, AFixedLoadAboveItsContractIsASentenceOfItsOwn) {
  Problem p = small_problem();
  p.sites[0].contracted.assign(4, 100 * MW);
  p.sites[0].grid_quarters = 2;
  p.sites[0].fixed_load.assign(4, 150 * MW);
  p.sites[0].fixed_load_position = {"s", 8};
  const Explanation e = explain(p);
  ASSERT_EQ(e.conflicts.size(), 1u) << e.text();
  EXPECT_NE(e.conflicts[0].find("site site carries 150 MW of other load in 2026Q1 (s:8)"),
            std::string::npos);
  // Two whole phases of 100 MW.
  find_fix(e, "allow 100 MW of generation on site at site from 2026Q1");
  find_fix(e, "delay the other load at site to 2026Q3");
}

TEST(Explain, AFixThatDoesNotMakeAPlanPossibleIsNotPrinted) {
  Problem p = late_grid();
  // No chip is made before 2028Q4, so neither power in 2028Q1 nor power in 2028Q3 is enough.
  p.accelerators[0].first_delivery = 11;
  const Explanation e = explain(p);
  EXPECT_EQ(e.text().find("generation on site"), std::string::npos) << e.text();
  EXPECT_EQ(e.text().find("start before"), std::string::npos) << e.text();
  ASSERT_EQ(e.fixes.size(), 1u) << e.text();
  EXPECT_EQ(e.fixes[0].sentence, "delay the IT power required at pohang to 2028Q4");
}

TEST(Explain, TwoIndependentConflictsNeedOneChangeEach) {
  Problem p = late_grid();
  p.lines[2].capacity.assign(12, 1e5 * wafer);
  p.commitments.push_back({"other vendor", 1 * MW, 3, {"s", 2}});
  AcceleratorType other = p.accelerators[0];
  other.name = "other chip";
  other.vendor = "other vendor";
  other.first_delivery = 6;
  p.accelerators.push_back(other);
  const Explanation e = explain(p);
  EXPECT_EQ(e.conflicts.size(), 2u) << e.text();
  EXPECT_FALSE(e.is_single);
  find_fix(e,
           "delay the IT power required at pohang to 2028Q3, and delay the commitment of other "
           "vendor to 2027Q3");
}

TEST(Explain, WhatGivesWayTogetherIsTheWholeShortfallAndMakesAPlanPossible) {
  Problem p = shared_wafers();
  // 3 MW + 3 MW wanted where 2 MW can be made.
  p.requirements[0].it_power = 3 * MW;
  p.requirements[1].it_power = 3 * MW;
  auto together = lower_together(p, list_hard_demands(p), {options().solver});
  ASSERT_TRUE(together.has_value());
  Problem lowered = p;
  together->fix.apply(&lowered);
  EXPECT_TRUE(has_plan(lowered));
  const Power kept = lowered.requirements[0].it_power + lowered.requirements[1].it_power;
  EXPECT_GE(kept.in(MW), 1 - 1e-9);  // rounding down takes less than 1 MW from either
  EXPECT_LE(kept.in(MW), 2 + 1e-9);
}

TEST(Explain, TheSameProblemGivesTheSameText) {
  EXPECT_EQ(explain_infeasibility(shared_wafers(), options()).text(),
            explain_infeasibility(shared_wafers(), options()).text());
}

}  // namespace
}  // namespace astrolabe::planning
