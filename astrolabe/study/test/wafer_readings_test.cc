#include "astrolabe/study/wafer_readings.h"

#include <gtest/gtest.h>

namespace astrolabe::study {
namespace {

using namespace units;

const LetterInput kLetter{"line", "site", 6, 4, {2026, 1}, {2029, 4}, {2029, 1}};

// One accelerator: 8 stacks at 20 a wafer and 0.1 wafers of host memory, so half a wafer each.
planning::Problem wafer_problem() {
  planning::Problem p;
  p.quarters = 2;
  p.availability = 0.9;
  planning::HbmProduct hbm;
  hbm.recipes.push_back({planning::LineId(0), {0.0, 20.0}, 2});
  p.hbm.push_back(hbm);
  planning::AcceleratorType type;
  type.name = "chip";
  type.hbm = planning::HbmId(0);
  type.stacks = 8;
  type.host_dram_wafers = 0.1;
  type.it_power = 1.5 * kW;
  type.price = 50.0 * thousand_usd;
  p.accelerators.push_back(type);
  for (const double tokens : {3e12, 1e12}) {
    planning::DemandClass work;
    work.name = tokens > 2e12 ? "large" : "little";
    work.demand = {1e15 * token, tokens * token};  // the last quarter counts
    work.peak_to_average = tokens > 2e12 ? 2 : 1;
    p.classes.push_back(work);
  }
  p.needs.push_back({planning::ClassId(0),
                     planning::AcceleratorId(0),
                     {{"throughput", 100.0 * token / second, kW}},
                     ""});
  p.needs.push_back({planning::ClassId(1),
                     planning::AcceleratorId(0),
                     {{"throughput", 50.0 * token / second, kW}},
                     ""});
  return p;
}

TEST(FedByWafers, AcceleratorsPowerMoneyAndTokens) {
  const FedByWafers fed =
      fed_by_wafers(1000.0 * wafer, wafer_problem(), planning::AcceleratorId(0), 1.2);
  EXPECT_DOUBLE_EQ(fed.wafers_per_accelerator.in(wafer), 0.5);
  EXPECT_DOUBLE_EQ(fed.accelerators, 2000);
  EXPECT_DOUBLE_EQ(fed.it_power.in(MW), 3);
  EXPECT_DOUBLE_EQ(fed.facility_power.in(MW), 3.6);
  EXPECT_DOUBLE_EQ(fed.price.in(million_usd), 100);
  // 0.75 * 2 / 100 + 0.25 * 1 / 50 = 0.02 accelerators a token per second;
  // 2000 * 0.9 / 0.02 = 90,000 tokens a second, 86,400 seconds a day.
  EXPECT_NEAR(fed.tokens_per_day.in(token), 7.776e9, 1);
  EXPECT_EQ(fed.unserved, "");
}

TEST(FedByWafers, NamesTheClassThatCannotBeServed) {
  planning::Problem p = wafer_problem();
  p.needs[1].points.clear();
  const FedByWafers fed = fed_by_wafers(1000.0 * wafer, p, planning::AcceleratorId(0), 1.2);
  EXPECT_EQ(fed.unserved, "little");
  EXPECT_EQ(fed.tokens_per_day.in(token), 0);
  EXPECT_DOUBLE_EQ(fed.accelerators, 2000);
}

TEST(FedByWafers, MemoryThatIsNotMadeInTheHorizonFeedsNothing) {
  planning::Problem p = wafer_problem();
  p.hbm[0].recipes[0].stacks_per_wafer = {0.0, 0.0};
  EXPECT_EQ(fed_by_wafers(1000.0 * wafer, p, planning::AcceleratorId(0), 1.2).accelerators, 0);
}

TEST(FabNeed, WholeModulesPowerAndDates) {
  supply::ModuleFacts module;
  module.capacity = 33.0 * kwafer / month;
  module.capex = 13.0 * billion_usd;
  module.lead_quarters = 8;
  module.ramp_quarters = 5;
  module.limit = 18;
  module.earliest_decision = Quarter(2027, 1);
  const FabNeed need = fab_need(900.0 * kwafer / month, module, 3000.0 * kWh, 5.5 * GW, kLetter);
  EXPECT_EQ(need.modules, 28);  // 27.3
  EXPECT_NEAR(need.fabs, 4.6667, 1e-4);
  EXPECT_NEAR(need.capex.in(billion_usd), 364, 1e-9);
  // 2.7e9 kWh a month of 730.5 hours.
  EXPECT_NEAR(need.average.in(GW), 2.7 / 0.7305, 1e-9);
  EXPECT_NEAR(need.connection.in(GW), 28.0 / 6 / 4 * 5.5, 1e-9);
  // Output starts after 8 quarters and is full in the fifth quarter of the ramp: 12 in all.
  EXPECT_EQ(need.decision, Quarter(2026, 1));
  EXPECT_EQ(need.earliest_full, Quarter(2030, 1));
}

TEST(FabNeed, ExactMultipleNeedsNoFurtherModule) {
  supply::ModuleFacts module;
  module.capacity = 25.0 * kwafer / month;
  module.lead_quarters = 8;
  const FabNeed need = fab_need(75.0 * kwafer / month, module, 3000.0 * kWh, 5.5 * GW, kLetter);
  EXPECT_EQ(need.modules, 3);
  EXPECT_DOUBLE_EQ(need.fabs, 0.5);
  EXPECT_EQ(need.decision, Quarter(2027, 1));  // no ramp: full with the first output
}

std::string letter_error(const std::string& line, const std::string& site,
                         const std::string& until) {
  const std::string text =
      "[scenario]\nname = \"s\"\nstart = \"2026Q1\"\nend = \"2027Q4\"\n"
      "[letter_of_intent]\nline = \"" +
      line + "\"\nsite = \"" + site +
      "\"\nmodules_per_fab = 6\nfabs_on_connection = 4\nfrom = \"2026Q1\"\nuntil = \"" + until +
      "\"\nfull_output = \"2029Q1\"\n"
      "[[demand]]\nname = \"chat\"\nmodel = \"tiny\"\nprecision = \"fp8\"\ninput_tokens = 1000\n"
      "output_tokens = 100\nttft_ms = 500\ntpot_ms = 20\ndemand_ttokens_per_day = 2\n"
      "must_serve = true\n[[accelerator]]\nname = \"chip\"\n"
      "[[supplier]]\nline = \"dram\"\nshare_percent = 50\n[[site]]\nname = \"town\"\n";
  try {
    const Scenario s = parse_scenario(text, "s.toml");
    return s.letter ? "read" : "no letter";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(LetterOfIntent, LineAndSiteAreOfTheScenario) {
  EXPECT_EQ(letter_error("dram", "town", "2029Q4"), "read");
  EXPECT_EQ(letter_error("flash", "town", "2029Q4"),
            "s.toml:6: letter_of_intent.line: given flash; allowed: a DRAM line that is a "
            "[[supplier]] of this scenario");
  EXPECT_EQ(letter_error("dram", "village", "2029Q4"),
            "s.toml:7: letter_of_intent.site: given village; allowed: a [[site]] of this scenario");
  EXPECT_EQ(
      letter_error("dram", "town", "2025Q4"),
      "s.toml:11: letter_of_intent.until: given 2025Q4; allowed: a quarter not before 2026Q1");
}

// The readings as published: data/demand.csv, D27, D28 and S02. 2026 to 2029 are 48 months.
TEST(WaferReadings, ThreeReadingsOfTheLetter) {
  const auto readings =
      wafer_readings(catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data"), kLetter);
  ASSERT_EQ(readings.size(), 3u);
  const double wafers[] = {10800, 900, 900}, monthly[] = {900, 75, 18.75};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(readings[i].wafers.in(kwafer), wafers[i], 1e-6);
    EXPECT_NEAR((readings[i].rate * month).in(kwafer), monthly[i], 1e-9);
  }
}

}  // namespace
}  // namespace astrolabe::study
