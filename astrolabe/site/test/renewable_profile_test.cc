#include "astrolabe/site/renewable_profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace astrolabe::site {
namespace {

double mean(const HourlyProfile& p, std::size_t first, std::size_t last) {
  return std::accumulate(p.begin() + static_cast<long>(first), p.begin() + static_cast<long>(last),
                         0.0) /
         static_cast<double>(last - first);
}

double lag_correlation(const HourlyProfile& p, std::size_t lag) {
  const double m = mean(p, 0, p.size());
  double covariance = 0, variance = 0;
  for (std::size_t i = 0; i + lag < p.size(); ++i) covariance += (p[i] - m) * (p[i + lag] - m);
  for (const double x : p) variance += (x - m) * (x - m);
  return covariance / variance;
}

TEST(ClearSky, AtTheEquinox) {
  // Day 81: 284 + 81 = 365, declination 0. Equator at noon: 1098 exp(-0.059) = 1035.09; latitude
  // 60: sin h = 1/2, 549 exp(-0.118) = 487.89; sunrise at 6 h.
  EXPECT_NEAR(clear_sky_w_per_m2(0, 81, 12), 1035.09, 0.01);
  EXPECT_NEAR(clear_sky_w_per_m2(60, 81, 12), 487.89, 0.01);
  EXPECT_EQ(clear_sky_w_per_m2(0, 81, 5.9), 0);
  EXPECT_GT(clear_sky_w_per_m2(0, 81, 6.5), 0);
  EXPECT_NEAR(clear_sky_w_per_m2(34.7, 100, 9), clear_sky_w_per_m2(34.7, 100, 15), 1e-9);
}

TEST(ClearSky, SolsticesAtHaenam) {
  // Latitude 34.69: noon elevation 90 - 34.69 + 23.45 = 78.76 deg on day 172 (sin = 0.98082):
  // 1098 * 0.98082 * exp(-0.059 / 0.98082) = 1014.09; 31.86 deg on day 355 (sin = 0.52784): 518.27.
  EXPECT_NEAR(clear_sky_w_per_m2(34.69, 172, 12), 1014.09, 0.5);
  EXPECT_NEAR(clear_sky_w_per_m2(34.69, 355, 12), 518.27, 0.5);
}

TEST(ScaleToMean, ClipsAtNameplate) {
  HourlyProfile p = {0, 1, 1, 2};
  ASSERT_TRUE(scale_to_mean(&p, 0, 4, 0.5));  // s = 1/2: 0, 1/2, 1/2, 1
  EXPECT_NEAR(p[1], 0.5, 1e-12);
  EXPECT_NEAR(p[3], 1, 1e-12);
  HourlyProfile q = {0, 1, 1, 2};
  ASSERT_TRUE(scale_to_mean(&q, 0, 4, 0.7));  // clipped: (2 s + 1) / 4 = 0.7, s = 0.9
  EXPECT_NEAR(q[1], 0.9, 1e-12);
  EXPECT_NEAR(q[3], 1, 1e-12);
  HourlyProfile r = {0, 1, 1, 2};
  EXPECT_FALSE(scale_to_mean(&r, 0, 4, 0.8));  // one hour of four has nothing: at most 0.75
  EXPECT_EQ(r, (HourlyProfile{0, 1, 1, 2}));
}

TEST(SolarProfile, MeetsItsCapacityFactorAndSleepsAtNight) {
  const auto p = solar_profile(34.69, 0.141, std::nullopt, 7);
  ASSERT_TRUE(p);
  ASSERT_EQ(p->size(), 8760u);
  EXPECT_NEAR(mean(*p, 0, 8760), 0.141, 1e-9);
  for (std::size_t day = 0; day < 365; ++day) {
    EXPECT_EQ((*p)[day * 24], 0);
    EXPECT_EQ((*p)[day * 24 + 23], 0);
    EXPECT_GT((*p)[day * 24 + 12], 0);
  }
  EXPECT_LE(*std::max_element(p->begin(), p->end()), 1);
  EXPECT_FALSE(solar_profile(34.69, 0.6, std::nullopt, 7)) << "the sun is up half of the year";
}

TEST(WindProfile, MeetsItsCapacityFactorAndPersists) {
  const auto p = wind_profile(0.3, std::nullopt, 7);
  ASSERT_TRUE(p);
  EXPECT_NEAR(mean(*p, 0, 8760), 0.3, 1e-9);
  EXPECT_LE(*std::max_element(p->begin(), p->end()), 1);
  EXPECT_GE(*std::min_element(p->begin(), p->end()), 0);
  EXPECT_GT(lag_correlation(*p, 1), 0.8);
  EXPECT_LT(std::abs(lag_correlation(*p, 24 * 20)), 0.2);
}

TEST(Profiles, QuarterlyMeansFollowTheSeasonalFactors) {
  const std::array<double, 4> seasonal = {1.3, 0.85, 0.65, 1.2};
  const auto p = wind_profile(0.3, seasonal, 1);
  ASSERT_TRUE(p);
  EXPECT_NEAR(mean(*p, 0, 8760), 0.3, 1e-9);
  // 90, 91, 92, 92 days.
  EXPECT_NEAR(mean(*p, 0, 2160) / mean(*p, 2160, 4344), 1.3 / 0.85, 1e-6);
  EXPECT_NEAR(mean(*p, 4344, 6552) / mean(*p, 6552, 8760), 0.65 / 1.2, 1e-6);
}

TEST(Profiles, SameSeedSameBytes) {
  EXPECT_EQ(*wind_profile(0.3, std::nullopt, 5), *wind_profile(0.3, std::nullopt, 5));
  EXPECT_NE(*wind_profile(0.3, std::nullopt, 5), *wind_profile(0.3, std::nullopt, 6));
  EXPECT_EQ(*solar_profile(34, 0.15, std::nullopt, 5), *solar_profile(34, 0.15, std::nullopt, 5));
  EXPECT_NE(*solar_profile(34, 0.15, std::nullopt, 5), *solar_profile(34, 0.15, std::nullopt, 6));
}

}  // namespace
}  // namespace astrolabe::site
