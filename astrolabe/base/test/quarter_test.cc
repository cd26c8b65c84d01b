#include "astrolabe/base/quarter.h"

#include <gtest/gtest.h>

namespace astrolabe {
namespace {

TEST(Quarter, ArithmeticCrossesYears) {
  EXPECT_EQ((Quarter(2026, 3) + 2).text(), "2027Q1");
  EXPECT_EQ((Quarter(2026, 1) - 1).text(), "2025Q4");
  EXPECT_EQ(Quarter(2035, 4) - Quarter(2026, 1), 39);
}

TEST(Quarter, DatesFallIntoTheirQuarter) {
  EXPECT_EQ(Quarter::parse("2028Q3"), Quarter(2028, 3));
  EXPECT_EQ(Quarter::parse("2026-06-30"), Quarter(2026, 2));
  EXPECT_EQ(Quarter::parse("2026-12"), Quarter(2026, 4));
  EXPECT_EQ(Quarter::parse("2026"), Quarter(2026, 1));
  for (const char* bad : {"", "28Q3", "2028Q5", "2028Q0", "2028q3", "2026-13", "2026-1", "soon"}) {
    EXPECT_FALSE(Quarter::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace astrolabe
