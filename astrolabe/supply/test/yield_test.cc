#include "astrolabe/supply/yield.h"

#include <gtest/gtest.h>

#include <cmath>

namespace astrolabe::supply {
namespace {

using namespace units;

constexpr DefectDensity per_cm2(double d) { return d / cm2; }

TEST(DieYield, ClosedFormsAtOneDefectPerDie) {
  // m = 1: 1/e; (1 - 1/e)^2; (1 + 1/2)^-2 = 4/9; 1/2.
  EXPECT_NEAR(die_yield({YieldModel::kPoisson}, cm2, per_cm2(1)), 0.36787944, 1e-8);
  EXPECT_NEAR(die_yield({YieldModel::kMurphy}, cm2, per_cm2(1)), 0.39957640, 1e-8);
  EXPECT_NEAR(die_yield({YieldModel::kNegativeBinomial, 2}, cm2, per_cm2(1)), 4.0 / 9, 1e-12);
  EXPECT_NEAR(die_yield({YieldModel::kSeeds}, cm2, per_cm2(1)), 0.5, 1e-12);
}

TEST(DieYield, ReticleSizedDieAtOneDefectInTenSquareCentimetres) {
  // 8.14 cm2 * 0.1 = 0.814: exp(-0.814) = 0.44308.
  EXPECT_NEAR(die_yield({YieldModel::kPoisson}, 814.0 * mm2, per_cm2(0.1)), 0.44308, 1e-5);
}

TEST(DieYield, OrderingAndLimitsOfTheModels) {
  for (const double d : {1e-6, 0.01, 0.3, 2.0, 8.0}) {
    const double poisson = die_yield({YieldModel::kPoisson}, cm2, per_cm2(d));
    const double murphy = die_yield({YieldModel::kMurphy}, cm2, per_cm2(d));
    const double seeds = die_yield({YieldModel::kSeeds}, cm2, per_cm2(d));
    EXPECT_LE(poisson, murphy * (1 + 1e-14)) << d;
    EXPECT_LE(murphy, seeds * (1 + 1e-14)) << d;
    double last = seeds;
    for (const double alpha : {1.0, 2.0, 5.0, 50.0}) {
      const double y = die_yield({YieldModel::kNegativeBinomial, alpha}, cm2, per_cm2(d));
      EXPECT_LE(y, last * (1 + 1e-14)) << d << " " << alpha;
      EXPECT_GE(y, poisson * (1 - 1e-14)) << d << " " << alpha;
      last = y;
    }
    // (1 + m/a)^-a = exp(-m) (1 + m^2 / 2a + ...): within 64 / 2e9 of Poisson here.
    EXPECT_NEAR(die_yield({YieldModel::kNegativeBinomial, 1e9}, cm2, per_cm2(d)) / poisson, 1,
                1e-7);
    EXPECT_NEAR(die_yield({YieldModel::kNegativeBinomial, 1}, cm2, per_cm2(d)), seeds, 1e-14);
  }
  for (const auto m : {YieldModel::kPoisson, YieldModel::kMurphy, YieldModel::kSeeds}) {
    EXPECT_EQ(die_yield({m}, cm2, per_cm2(0)), 1);
  }
}

TEST(SellableShare, AddsTheHarvestedDefectiveDies) {
  // 44.3 % good and 73 % of the rest sold: 0.443 + 0.73 * 0.557 = 0.84961.
  EXPECT_NEAR(sellable_share(0.443, 0.73), 0.84961, 1e-9);
  EXPECT_EQ(sellable_share(0.4, 0), 0.4);
  EXPECT_EQ(sellable_share(0.4, 1), 1);
}

TEST(LearningCurve, FallsToTheMatureDensity) {
  const LearningCurve curve{per_cm2(0.5), per_cm2(0.1), 2.0 * year};
  EXPECT_NEAR(curve.at(Duration()).in(per_cm2(1)), 0.5, 1e-12);
  // After one time constant 0.1 + 0.4 / e.
  EXPECT_NEAR(curve.at(2.0 * year).in(per_cm2(1)), 0.1 + 0.4 * std::exp(-1.0), 1e-12);
  EXPECT_NEAR(curve.at(200.0 * year).in(per_cm2(1)), 0.1, 1e-12);
  EXPECT_NEAR(curve.at(-1.0 * year).in(per_cm2(1)), 0.5, 1e-12);
}

TEST(ProcessDefects, LearnFromTheStartAtMidQuarterOrAreMatureAtOnce) {
  ProcessDefects process{per_cm2(0.1), {}};
  EXPECT_EQ(process.in(Quarter(2020, 1)), per_cm2(0.1));
  process.learning = {{per_cm2(0.5), Quarter(2026, 1), 1.0 * year}};
  // 2026Q2 is at 1.5 quarters = 0.375 years: D = 0.1 + 0.4 exp(-0.375).
  EXPECT_NEAR(process.in(Quarter(2026, 2)).in(per_cm2(1)), 0.1 + 0.4 * std::exp(-0.375), 1e-12);
  EXPECT_EQ(process.in(Quarter(2020, 1)), per_cm2(0.5));
  EXPECT_NEAR(process.in(Quarter(2060, 1)).in(per_cm2(1)), 0.1, 1e-12);
}

}  // namespace
}  // namespace astrolabe::supply
