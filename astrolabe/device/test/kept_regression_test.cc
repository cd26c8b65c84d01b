#include "astrolabe/device/kept_regression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace astrolabe::device {
namespace {

// 200 points of two coordinates, as a tree, with two sets of values.
class KeptRegressionTest : public testing::Test {
 protected:
  void SetUp() override {
    std::uniform_real_distribution<float> uniform(0, 1);
    points_.resize(400);
    for (float& p : points_) p = uniform(random_);
    axes_ = PointTree::arrange(points_, 2).axes;
    for (std::size_t i = 0; i < points_.size(); i += 2) {
      rising_.push_back(points_[i] + std::sin(5 * points_[i + 1]));
      falling_.push_back(-points_[i]);
    }
  }
  PointTree tree() const { return {points_, axes_, 2}; }
  Coordinates place() {
    std::uniform_real_distribution<float> uniform(0, 1);
    return {uniform(random_), uniform(random_)};
  }

  std::mt19937 random_{1};
  std::vector<float> points_, rising_, falling_;
  std::vector<std::uint8_t> axes_;
  KeptRegression kept_;
};

TEST_F(KeptRegressionTest, AnswersAsTheRegressionDoesFirstAndLater) {
  std::vector<Coordinates> places(50);
  for (Coordinates& at : places) at = place();
  for (int round = 0; round < 3; ++round) {
    for (const Coordinates& at : places) {
      const LocalEstimate one = regress_locally(tree(), rising_, at, 16, 0.25f);
      const LocalEstimate two = kept_.at(tree(), rising_, at, 16, 0.25f);
      EXPECT_EQ(one.value, two.value);
      EXPECT_EQ(one.spread, two.spread);
      EXPECT_EQ(one.distance, two.distance);
      EXPECT_EQ(one.neighbours, two.neighbours);
    }
  }
  // Two of 50 places share a slot of half a million with a probability of 0.2 %: here none do.
  EXPECT_EQ(kept_.regressions(), places.size());
}

TEST_F(KeptRegressionTest, ValuesAndWaysToRegressAreToldApart) {
  const Coordinates at{0.3f, 0.6f};
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(kept_.at(tree(), rising_, at, 16).value,
              regress_locally(tree(), rising_, at, 16).value);
    EXPECT_EQ(kept_.at(tree(), falling_, at, 16).value,
              regress_locally(tree(), falling_, at, 16).value);
    EXPECT_EQ(kept_.at(tree(), rising_, at, 12).value,
              regress_locally(tree(), rising_, at, 12).value);
    EXPECT_EQ(kept_.at(tree(), rising_, at, 16, 0).value,
              regress_locally(tree(), rising_, at, 16, 0).value);
  }
  EXPECT_EQ(kept_.regressions(), 4u);
}

TEST_F(KeptRegressionTest, PlacesThatShareASlotAreNotConfused) {
  KeptRegression few(2);
  for (int i = 0; i < 100; ++i) {
    const Coordinates at = place();
    EXPECT_EQ(few.at(tree(), rising_, at, 16).value,
              regress_locally(tree(), rising_, at, 16).value);
  }
  EXPECT_EQ(few.regressions(), 100u);
}

}  // namespace
}  // namespace astrolabe::device
