#include "astrolabe/supply/die_geometry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace astrolabe::supply {
namespace {

using namespace units;

WaferGeometry bare(double diameter_mm) { return {diameter_mm * mm, 0.0 * mm, 0.0 * mm}; }
DieShape die(double w, double h) { return {w * mm, h * mm}; }

TEST(GrossDies, OneDieNeedsItsDiagonal) {
  // A 3 x 4 die has a diagonal of 5: it fits a circle of diameter 5 exactly, not one of 4.999.
  EXPECT_EQ(gross_dies(die(3, 4), bare(5)).count, 1);
  EXPECT_EQ(gross_dies(die(3, 4), bare(4.999)).count, 0);
}

TEST(GrossDies, TinyCasesByHand) {
  // Two unit squares side by side need sqrt(1 + 4) = 2.2361, four in a square sqrt(8) = 2.8284.
  EXPECT_EQ(gross_dies(die(1, 1), bare(2.236)).count, 1);
  EXPECT_EQ(gross_dies(die(1, 1), bare(2.2361)).count, 2);
  EXPECT_EQ(gross_dies(die(1, 1), bare(2.8284)).count, 2);
  EXPECT_EQ(gross_dies(die(1, 1), bare(2.8285)).count, 4);
  // The plus of five unit squares has its farthest corners at (1.5, 0.5): diameter sqrt(10) =
  // 3.1623. Three in a row need the same. Two rows of three: sqrt(9 + 4) = 3.6056, six dies; the
  // square of nine: sqrt(18) = 4.2426.
  EXPECT_EQ(gross_dies(die(1, 1), bare(3.162)).count, 4);
  EXPECT_EQ(gross_dies(die(1, 1), bare(3.1623)).count, 5);
  // Just under 2 x 3 rows the plus stays the best, then 6.
  EXPECT_EQ(gross_dies(die(1, 1), bare(3.6055)).count, 5);
  EXPECT_EQ(gross_dies(die(1, 1), bare(3.6056)).count, 6);
}

TEST(GrossDies, BestOffsetNeedNotBeSymmetric) {
  // Seven unit squares in rows of 2, 3, 2 whose middle row spans x = -1.5 .. 1.5 and whose other
  // rows start a whole pitch along: grid offset x = -0.5 puts corners at (1.5, 0.5) and, for cells
  // x = -1.5 .. 0.5 of the rows y = 0.5 .. 1.5, at (-1.5, 1.5). Moving the grid by (e, 0) trades
  // these; the smallest circle is centred so that (1.5, 0.5) and (-1.5, 1.5) are equally far:
  // (1.5 + e)^2 + 0.25 = (1.5 - e)^2 + 2.25, e = 1/3, radius sqrt(1.8333^2 + 0.25) = 1.90029.
  const double diameter = 2 * std::sqrt(std::pow(1.5 + 1.0 / 3, 2) + 0.25);
  EXPECT_EQ(gross_dies(die(1, 1), bare(diameter * 1.000001)).count, 7);
  EXPECT_EQ(gross_dies(die(1, 1), bare(diameter * 0.999999)).count, 6);
}

TEST(GrossDies, CountsMatchAtTheReportedOffset) {
  const WaferGeometry wafer = conventional_300mm_wafer();
  const GrossDies best = gross_dies(die(11, 11), wafer);
  EXPECT_EQ(dies_at_offset(die(11, 11), wafer, best.offset_x, best.offset_y), best.count);
}

TEST(GrossDies, NoSampledOffsetBeatsTheExactCount) {
  const WaferGeometry wafer = conventional_300mm_wafer();
  for (const DieShape d : {die(28.53, 28.53), die(26, 33), die(9, 13), die(20, 40)}) {
    const int exact = gross_dies(d, wafer).count;
    int sampled = 0;
    const int n = 200;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        sampled = std::max(sampled, dies_at_offset(d, wafer, d.width * i / n, d.height * j / n));
      }
    }
    EXPECT_LE(sampled, exact);
    EXPECT_GE(sampled, exact - 1);  // a grid of 200 x 200 offsets comes near
  }
}

TEST(GrossDies, H100ByHand) {
  // 814 mm2 as a square: side 28.531, pitch 28.631, R = 147. With the lanes through the centre the
  // columns end at 28.58, 57.21, 85.84, 114.47, 143.10 and the half chords there are 144.20,
  // 135.41, 119.34, 92.22, 33.65: 5, 4, 4, 3, 1 rows, times four quadrants = 68.
  const WaferGeometry wafer = conventional_300mm_wafer();
  const DieShape square = die_of_area(814.0 * mm2);
  EXPECT_EQ(dies_at_offset(square, wafer, 0.05 * mm, 0.05 * mm), 68);
  // With a column of dies on the axis: 14.27, 42.90, 71.53, 100.16, 128.79 leave 146.3, 140.6,
  // 128.4, 107.6, 70.9: 10 + 2 (8 + 8 + 6 + 4) = 62.
  EXPECT_EQ(dies_at_offset(square, wafer, -square.width / 2, 0.05 * mm), 62);
  EXPECT_EQ(gross_dies(square, wafer).count, 68);
}

TEST(GrossDieFormulas, PublishedH100CountIsTheCircumferenceFormula) {
  // Published: 63 (62-65), catalogue check_h100.gross_dies_per_wafer. The formula on the bare
  // wafer: pi 90000 / 3256 - pi 300 / sqrt(1628) = 86.84 - 23.36 = 63.48.
  EXPECT_NEAR(
      approximate_gross_dies(GrossDieFormula::kCircumference, die_of_area(814.0 * mm2), bare(300)),
      63.48, 0.005);
}

TEST(GrossDies, SymmetricUnderATurnOfTheDie) {
  const WaferGeometry wafer = conventional_300mm_wafer();
  EXPECT_EQ(gross_dies(die(9, 13), wafer).count, gross_dies(die(13, 9), wafer).count);
}

TEST(GrossDieFormulas, AreTheirClosedForms) {
  // d = 200, S = 100: pi * 40000 / 400 = 314.159; pi * 200 / sqrt(200) = 44.4288;
  // 0.58 * pi * 200 / 10 = 36.4425; exp(-20 / 200) = 0.904837; 0.9^2 = 0.81.
  const WaferGeometry wafer = bare(200);
  const DieShape d = die(10, 10);
  EXPECT_NEAR(approximate_gross_dies(GrossDieFormula::kCircumference, d, wafer), 269.730, 1e-3);
  EXPECT_NEAR(approximate_gross_dies(GrossDieFormula::kFitted, d, wafer), 277.717, 1e-3);
  EXPECT_NEAR(approximate_gross_dies(GrossDieFormula::kExponential, d, wafer), 284.263, 1e-3);
  EXPECT_NEAR(approximate_gross_dies(GrossDieFormula::kQuadratic, d, wafer), 254.469, 1e-3);
}

TEST(GrossDieFormulas, StayWithinTenPercentOfTheExactCount) {
  for (const double side : {6.0, 8.0, 11.0, 16.0}) {
    const double exact = gross_dies(die(side, side), conventional_300mm_wafer()).count;
    for (const auto f : {GrossDieFormula::kCircumference, GrossDieFormula::kFitted,
                         GrossDieFormula::kExponential}) {
      EXPECT_NEAR(approximate_gross_dies(f, die(side, side), conventional_300mm_wafer()) / exact, 1,
                  0.1);
    }
  }
}

TEST(DieOfArea, HasTheAreaAndTheAspect) {
  const DieShape d = die_of_area(800.0 * mm2, 2);
  EXPECT_NEAR(d.width.in(mm), 40, 1e-12);
  EXPECT_NEAR(d.height.in(mm), 20, 1e-12);
}

}  // namespace
}  // namespace astrolabe::supply
