#include "astrolabe/device/local_regression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace astrolabe::device {
namespace {

// Points on a grid of `side` by `side`, as rows of two.
std::vector<float> grid(int side) {
  std::vector<float> points;
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      points.push_back(static_cast<float>(i));
      points.push_back(static_cast<float>(j));
    }
  }
  return points;
}

struct Surface {
  std::vector<float> points, values;
  std::vector<std::uint8_t> axes;

  template <class F>
  Surface(std::vector<float> p, F f) : points(std::move(p)) {
    axes = PointTree::arrange(points, 2).axes;
    for (std::size_t i = 0; i < points.size(); i += 2) {
      values.push_back(static_cast<float>(f(points[i], points[i + 1])));
    }
  }
  LocalEstimate at(float x, float y, int k = 16) const {
    return regress_locally(tree(), values, {x, y}, k);
  }
  PointTree tree() const { return {points, axes, 2}; }
};

TEST(PointTree, FindsTheNearestAsASearchOfAllDoes) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> points(3 * 500);
  for (float& p : points) p = std::round(uniform(random) * 8);  // many ties
  const auto axes = PointTree::arrange(points, 3).axes;
  const PointTree tree(points, axes, 3);
  for (int trial = 0; trial < 200; ++trial) {
    const Coordinates at{uniform(random) * 8, uniform(random) * 8, uniform(random) * 8};
    std::vector<float> all;
    for (std::uint32_t i = 0; i < tree.size(); ++i) {
      float d = 0;
      for (std::size_t j = 0; j < 3; ++j) d += (tree.row(i)[j] - at[j]) * (tree.row(i)[j] - at[j]);
      all.push_back(d);
    }
    std::sort(all.begin(), all.end());
    std::array<PointTree::Neighbour, 10> found;
    ASSERT_EQ(tree.nearest(at, found), 10);
    std::vector<float> distances;
    for (const auto& f : found) distances.push_back(f.distance2);
    std::sort(distances.begin(), distances.end());
    for (std::size_t i = 0; i < 10; ++i) EXPECT_FLOAT_EQ(distances[i], all[i]);
  }
}

TEST(PointTree, ArrangingKeepsTrackOfRows) {
  std::vector<float> points = grid(7);
  const std::vector<float> before = points;
  const auto from = PointTree::arrange(points, 2).from;
  for (std::size_t i = 0; i < from.size(); ++i) {
    EXPECT_EQ(points[2 * i], before[2 * from[i]]);
    EXPECT_EQ(points[2 * i + 1], before[2 * from[i] + 1]);
  }
}

TEST(LocalRegression, APlaneIsReproducedBetweenAndBeyondThePoints) {
  const Surface plane(grid(10), [](float x, float y) { return 3 + 2 * x - y; });
  EXPECT_NEAR(plane.at(4.3f, 5.6f).value, 3 + 8.6 - 5.6, 5e-3);
  EXPECT_NEAR(plane.at(10.0f, 4.5f).value, 3 + 20 - 4.5, 5e-2);
  EXPECT_NEAR(plane.at(4.3f, 5.6f).spread, 0, 5e-3);
}

TEST(LocalRegression, OneWrongMeasurementDoesNotMoveTheAnswer) {
  Surface plane(grid(10), [](float x, float y) { return x + y; });
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    if (plane.points[2 * i] == 4 && plane.points[2 * i + 1] == 5) plane.values[i] += 30;
  }
  EXPECT_NEAR(plane.at(4.4f, 5.2f, 20).value, 9.6, 0.05);
}

// A point 0.4 above the plane: there, the share asked for of its deviation counts; a step away
// none.
TEST(LocalRegression, AMeasurementOfTheVeryPlaceKeepsAShareOfItsDeviation) {
  Surface plane(grid(10), [](float x, float y) { return x + y; });
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    if (plane.points[2 * i] == 4 && plane.points[2 * i + 1] == 5) plane.values[i] += 0.4f;
  }
  const PointTree tree = plane.tree();
  for (const auto& [share, above] : {std::pair{0.0f, 0.0}, {0.5f, 0.2}, {1.0f, 0.4}}) {
    EXPECT_NEAR(regress_locally(tree, plane.values, {4, 5}, 20, share).value, 9 + above, 0.03);
    EXPECT_NEAR(regress_locally(tree, plane.values, {4.5f, 5}, 20, share).value, 9.5, 0.03);
  }
}

// Half of the kernels take e times as long. |exp(x - y) - 1| summed over both is least at the lower
// one: its slope there is 1 - 1/e > 0 to the right.
TEST(LocalRegression, OfTwoTimesTheFasterIsTaken) {
  const Surface mixed(
      grid(10), [](float x, float y) { return static_cast<int>(x + y) % 2 == 0 ? 0.0f : 1.0f; });
  EXPECT_NEAR(mixed.at(4.5f, 4.5f, 24).value, 0, 0.1);
}

TEST(LocalRegression, UnknownValuesAreLeftOut) {
  Surface plane(grid(10), [](float x, float y) { return x - y; });
  for (std::size_t i = 0; i < plane.values.size(); i += 3) plane.values[i] = NAN;
  const LocalEstimate e = plane.at(4.5f, 4.5f, 24);
  EXPECT_NEAR(e.value, 0, 1e-2);
  EXPECT_LT(e.neighbours, 24);
}

TEST(LocalRegression, NothingKnownGivesNoEstimate) {
  Surface plane(grid(3), [](float, float) { return NAN; });
  EXPECT_EQ(plane.at(1, 1).neighbours, 0);
  EXPECT_EQ(regress_locally(PointTree({}, {}, 2), {}, {1, 1}, 8).neighbours, 0);
}

TEST(LocalRegression, CoincidentPointsGiveTheirValue) {
  std::vector<float> points(2 * 12, 1.0f);
  const std::vector<float> values(12, 7.0f);
  const auto axes = PointTree::arrange(points, 2).axes;
  EXPECT_NEAR(regress_locally(PointTree(points, axes, 2), values, {1, 1}, 12).value, 7, 1e-6);
}

}  // namespace
}  // namespace astrolabe::device
