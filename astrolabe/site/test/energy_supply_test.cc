#include "astrolabe/site/energy_supply.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace astrolabe::site {
namespace {

using namespace units;

// Full output in even hours, nothing in odd ones.
HourlyProfile every_other_hour() {
  HourlyProfile p(kHoursOfYear, 0);
  for (std::size_t h = 0; h < p.size(); h += 2) p[h] = 1;
  return p;
}

GenerationMix alternating(double nameplate_mw) {
  return {{every_other_hour()}, {nameplate_mw * MW}};
}

TEST(Nameplate, ForAYearlyShare) {
  // 60 % of 100 MW at a capacity factor of 30 %: 200 MW.
  EXPECT_NEAR(nameplate_for_volumetric_share(0.6, 100.0 * MW, 0.3).in(MW), 200, 1e-9);
}

TEST(MatchHourly, WithoutStorageHalfTheHoursStayDark) {
  const HourlyMatch m = match_hourly(flat_load(1.0 * MW), alternating(2));
  EXPECT_NEAR(m.hourly_share, 0.5, 1e-12);
  EXPECT_NEAR(m.volumetric_share, 1, 1e-12);
  EXPECT_NEAR(m.spilled.in(MWh), 4380, 1e-6);
  EXPECT_EQ(m.hours_fully_served, 4380);
}

TEST(MatchHourly, StorageCarriesTheSurplusToTheNextHour) {
  const Storage lossless{1.0 * MW, 1.0 * MWh, 1};
  EXPECT_NEAR(match_hourly(flat_load(1.0 * MW), alternating(2), lossless).hourly_share, 1, 1e-12);
  // 1 MWh in, 0.8 out: (1 + 0.8) / 2 of the load.
  const Storage lossy{1.0 * MW, 1.0 * MWh, 0.8};
  const HourlyMatch m = match_hourly(flat_load(1.0 * MW), alternating(2), lossy);
  EXPECT_NEAR(m.hourly_share, 0.9, 1e-12);
  EXPECT_NEAR(m.from_storage.in(MWh), 0.8 * 4380, 1e-6);
  EXPECT_NEAR(m.spilled.in(MWh), 0, 1e-6);
  // Half the power or half the size carries half as much.
  EXPECT_NEAR(
      match_hourly(flat_load(1.0 * MW), alternating(2), {0.5 * MW, 1.0 * MWh, 1}).hourly_share,
      0.75, 1e-12);
  EXPECT_NEAR(
      match_hourly(flat_load(1.0 * MW), alternating(2), {1.0 * MW, 0.5 * MWh, 1}).hourly_share,
      0.75, 1e-12);
}

TEST(MatchHourly, EnergyIsConserved) {
  const auto wind = wind_profile(0.3, std::nullopt, 3);
  const auto solar = solar_profile(34.69, 0.141, std::nullopt, 3);
  const GenerationMix mix{{*wind, *solar}, {200.0 * MW, 150.0 * MW}};
  const HourlyMatch m = match_hourly(flat_load(100.0 * MW), mix, {50.0 * MW, 200.0 * MWh, 1});
  // What is made is used, spilled or still stored (at most 200 MWh).
  const double left = (m.generation - m.load * m.hourly_share - m.spilled).in(MWh);
  EXPECT_GE(left, -1e-6);
  EXPECT_LE(left, 200 + 1e-6);
  EXPECT_NEAR(m.generation.in(MWh), 8760 * (200 * 0.3 + 150 * 0.141), 1e-3);
}

TEST(MatchHourly, HourlyShareNeverExceedsTheVolumetric) {
  const auto wind = wind_profile(0.3, std::nullopt, 11);
  double last = 0;
  for (const double nameplate : {10.0, 100.0, 300.0, 1000.0}) {
    const HourlyMatch m = match_hourly(flat_load(100.0 * MW), {{*wind}, {nameplate * MW}});
    EXPECT_LE(m.hourly_share, std::min(1.0, m.volumetric_share) + 1e-12);
    EXPECT_GT(m.hourly_share, last);
    last = m.hourly_share;
  }
}

TEST(ScaleForHourlyShare, FindsTheSmallestMix) {
  const auto load = flat_load(1.0 * MW);
  // 1 MW serves half of the year; half of it a quarter; no amount serves the dark hours.
  EXPECT_NEAR(*scale_for_hourly_share(0.25, load, alternating(1)), 0.5, 1e-5);
  EXPECT_NEAR(*scale_for_hourly_share(0.5, load, alternating(1)), 1, 1e-5);
  EXPECT_FALSE(scale_for_hourly_share(0.6, load, alternating(1)));
  // Lossless storage of one hour: all of it from 2 MW.
  EXPECT_NEAR(*scale_for_hourly_share(1, load, alternating(1), {1.0 * MW, 1.0 * MWh, 1}), 2, 1e-5);
}

TEST(Blend, PriceAndCarbon) {
  EXPECT_NEAR(blended_price(0.25, 160 * usd / MWh, 120 * usd / MWh).in(usd / MWh), 130, 1e-9);
  // 40 % of 1,000 MWh from the grid at 400 kg: 160 t.
  EXPECT_NEAR(market_based_carbon(0.6, 1000.0 * MWh, 400 * kg_co2e / MWh).in(t_co2e), 160, 1e-9);
}

}  // namespace
}  // namespace astrolabe::site
