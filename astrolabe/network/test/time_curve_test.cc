#include "astrolabe/network/time_curve.h"

#include <gtest/gtest.h>

#include <cmath>

namespace astrolabe::network {
namespace {

// Physics: 1 us + size/1000 us; bound size/2000 us.
PhysicsCurve line() {
  return {[](double s) { return 1e-6 + 1e-9 * s; }, [](double s) { return 0.5e-9 * s; }};
}

Bands ten_percent() {
  Bands b;
  for (LogBand& band : b) band = {std::log(0.9), std::log(1.1)};
  return b;
}

// Measured times in units of the physics at log2 sizes.
MeasuredCurve curve(std::vector<double> x, std::vector<double> factors) {
  MeasuredCurve c;
  c.x = std::move(x);
  for (const double f : factors) c.ratio.push_back(std::log(f));
  return c;
}

double us(const TimeCurve& c, double size) { return c.at(size).time.in(units::microsecond); }

TEST(TimeCurveTest, PhysicsAloneWithoutCurves) {
  const TimeCurve c(line(), nullptr, {}, ten_percent());
  const NetworkEstimate e = c.at(1000.0);
  EXPECT_DOUBLE_EQ(e.time.in(units::microsecond), 2);
  EXPECT_DOUBLE_EQ(e.p10.in(units::microsecond), 1.8);
  EXPECT_DOUBLE_EQ(e.p90.in(units::microsecond), 2.2);
  EXPECT_EQ(e.evidence, Evidence::kPhysics);
  EXPECT_EQ(us(c, 0), 0);
}

TEST(TimeCurveTest, MeasuredPointsAreKeptAndTheEndsCarryOn) {
  const MeasuredCurve own = curve({10, 12}, {1.5, 1.2});
  const TimeCurve c(line(), &own, {}, ten_percent());
  EXPECT_NEAR(us(c, 1024), 1.5 * 2.024, 1e-9);
  EXPECT_EQ(c.at(1024.0).evidence, Evidence::kMeasured);
  EXPECT_NEAR(us(c, 1 << 20), 1.2 * (1 + 1048.576), 1e-9);
  EXPECT_EQ(c.at(1048576.0).evidence, Evidence::kSystem);
  // Between: the geometric mean of the two times in the middle of the octaves.
  EXPECT_NEAR(us(c, 2048), std::sqrt(1.5 * 2.024 * 1.2 * 5.096), 1e-9);
  EXPECT_EQ(c.at(2048.0).evidence, Evidence::kInterpolated);
}

TEST(TimeCurveTest, ANeighbourShowsWhatLiesBetween) {
  // The neighbour is 1.1 times slower everywhere and shows a step at 11 that the own curve skips.
  const MeasuredCurve own = curve({10, 12}, {1, 1}), other = curve({10, 11, 12}, {1.1, 2.2, 1.1});
  const TimeCurve c(line(), &own, {{&other, 0, Evidence::kSystem}}, ten_percent());
  const double alone = us(TimeCurve(line(), &own, {}, ten_percent()), 2048);
  EXPECT_GT(us(c, 2048), 1.2 * alone);
  EXPECT_LT(us(c, 2048), 2.0 * 3.048);  // not beyond the neighbour's step
  EXPECT_NEAR(us(c, 1024), 2.024, 1e-9);
}

TEST(TimeCurveTest, WithoutItsOwnCurveTheNearerNeighbourWeighsMore) {
  const MeasuredCurve near = curve({10}, {2}), far = curve({10}, {1});
  const TimeCurve c(line(), nullptr,
                    {{&near, 0, Evidence::kSibling}, {&far, 2, Evidence::kGeneration}},
                    ten_percent());
  // Weights 1 and e^-2 of the logarithms ln 2 and 0.
  EXPECT_NEAR(us(c, 1024), 2.024 * std::pow(2, 1 / (1 + std::exp(-2))), 1e-9);
  EXPECT_EQ(c.at(1024.0).evidence, Evidence::kSibling);
}

TEST(TimeCurveTest, NeverBelowTheBoundAndMonotone) {
  const MeasuredCurve own = curve({10, 11, 12, 13, 14}, {1, 3, 0.5, 0.01, 2});
  const TimeCurve c(line(), &own, {}, ten_percent());
  double last = 0;
  for (double size = 1; size < 1e7; size *= 1.1) {
    const NetworkEstimate e = c.at(size);
    EXPECT_GE(e.time.base(), 0.5e-9 * size);
    EXPECT_GE(e.p10.base(), 0.5e-9 * size);
    EXPECT_LE(e.p10.base(), e.time.base());
    EXPECT_GE(e.p90.base(), e.time.base());
    EXPECT_GE(e.time.base(), last * (1 - 1e-12)) << size;
    last = e.time.base();
  }
}

}  // namespace
}  // namespace astrolabe::network
