#include "astrolabe/site/facility.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace astrolabe::site {
namespace {

using namespace units;

const catalog::Catalog& real_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

SiteFacts small_site() {
  SiteFacts s;
  s.announced = 200.0 * MW;
  s.contracted = {{{2027, 2}, 40.0 * MW}, {{2028, 1}, 80.0 * MW}};
  s.energised = {{{2027, 3}, 40.0 * MW}, {{2028, 2}, 100.0 * MW}};
  s.block = 40.0 * MW;
  s.expandable = 200.0 * MW;
  s.pue = 1.25;
  s.grid.electricity_price = 100 * usd / MWh;
  s.grid.carbon_intensity = 400 * kg_co2e / MWh;
  s.grid.carbon_price = 10 * usd / t_co2e;
  return s;
}

TEST(Facility, ItAndFacilityPowerDifferByThePue) {
  EXPECT_NEAR(facility_power(100.0 * MW, 1.25).in(MW), 125, 1e-9);
  EXPECT_NEAR(it_power(125.0 * MW, 1.25).in(MW), 100, 1e-9);
  // 1 MW / 1.25 / 2 kW = 400.
  EXPECT_NEAR(accelerators_per_mw(1.25, 2.0 * kW), 400, 1e-9);
}

TEST(Facility, RacksAndPhasesAreWhole) {
  EXPECT_EQ(racks_needed(1.0 * MW, 130.0 * kW), 8);
  EXPECT_EQ(racks_needed(1.3 * MW, 130.0 * kW), 10);
  EXPECT_EQ(building_phases(small_site(), 40.0 * MW), 4);
  EXPECT_EQ(building_phases(small_site(), 41.0 * MW), 3);
  EXPECT_EQ(building_phases(small_site(), 250.0 * MW), 0);
}

TEST(Facility, YearByHand) {
  SiteFacts s = small_site();
  EXPECT_FALSE(facility_year(s, 10.0 * MW, 0.5).water);
  s.water = 2.5e-3 * metre * metre * metre / kWh;
  const FacilityYear y = facility_year(s, 10.0 * MW, 0.5);
  // 10 MW * 0.5 * 8,766 h = 43,830 MWh of IT; times 1.25 = 54,787.5 MWh.
  EXPECT_NEAR(y.it_energy.in(MWh), 43830, 1e-6);
  EXPECT_NEAR(y.facility_energy.in(MWh), 54787.5, 1e-6);
  EXPECT_NEAR(y.water->base(), 43830e3 * 2.5e-3, 1e-6);  // m3
  EXPECT_NEAR(y.carbon.in(t_co2e), 21915, 1e-6);
  EXPECT_NEAR(y.electricity.in(million_usd), 5.47875, 1e-9);
  EXPECT_NEAR(y.carbon_charge.in(thousand_usd), 219.15, 1e-6);
}

TEST(PowerStates, AreThreeDifferentThings) {
  const PowerStates p = power_state_path(small_site(), {2027, 1}, 6);
  const std::vector<double> contracted = {0, 40, 40, 40, 80, 100},
                            energised = {0, 0, 40, 40, 40, 100};
  for (std::size_t t = 0; t < 6; ++t) {
    EXPECT_EQ(p.announced[t].in(MW), 200);
    // Energised beyond the contract was contracted: 100, not 80, in the last quarter.
    EXPECT_NEAR(p.contracted[t].in(MW), contracted[t], 1e-9) << t;
    EXPECT_NEAR(p.energised[t].in(MW), energised[t], 1e-9) << t;
  }
}

TEST(ReadSite, PohangAsTheCatalogueHasIt) {
  const auto r = read_site(real_catalog(), "pohang");
  ASSERT_TRUE(r.value) << r.reason;
  // The catalogue's own words for the used rows.
  EXPECT_EQ(r.value->announced, real_catalog().get<Power::kDim>("pohang", "announced_power"));
  EXPECT_EQ(r.value->country, "KR");
  EXPECT_EQ(r.value->grid.entity, real_catalog().get_text("pohang", "grid"));
  EXPECT_EQ(r.value->build_quarters, 5);  // 15 months
  EXPECT_NE(std::find(r.facts.begin(), r.facts.end(), "kr_yeongnam.electricity_price"),
            r.facts.end());
}

TEST(ReadSite, EverySiteIsReadOrSaysWhyNot) {
  int complete = 0;
  for (const std::string& entity : real_catalog().entities("sites")) {
    const auto r = read_site(real_catalog(), entity);
    if (!r.value) {
      EXPECT_NE(r.reason.find("missing: "), std::string::npos) << entity;
      continue;
    }
    ++complete;
    const PowerStates p = power_state_path(*r.value, {2026, 1}, 40);
    for (std::size_t t = 0; t < 40; ++t) EXPECT_LE(p.energised[t], p.contracted[t]) << entity;
  }
  EXPECT_GE(complete, 5);
}

TEST(ReadEnergySource, EverySourceIsReadOrSaysWhyNot) {
  int with_seasons = 0;
  for (const std::string& entity : real_catalog().entities("energy")) {
    const auto r = read_energy_source(real_catalog(), entity);
    if (!r.value) {
      EXPECT_NE(r.reason.find("missing: "), std::string::npos) << entity;
      continue;
    }
    EXPECT_TRUE(real_catalog().has_entity(r.value->grid)) << entity;
    with_seasons += r.value->has_seasonal ? 1 : 0;
  }
  EXPECT_GE(with_seasons, 4);
}

}  // namespace
}  // namespace astrolabe::site
