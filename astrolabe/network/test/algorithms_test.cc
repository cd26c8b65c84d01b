#include "astrolabe/network/algorithms.h"

#include <gtest/gtest.h>

namespace astrolabe::network {
namespace {

void expect_work(Operation o, Algorithm a, int ranks, double steps, double wire) {
  const AlgorithmWork w = algorithm_work(o, a, ranks);
  EXPECT_DOUBLE_EQ(w.steps, steps);
  EXPECT_DOUBLE_EQ(w.wire, wire);
}

TEST(AlgorithmsTest, AllReduceOfEightByHand) {
  const Operation o = Operation::kAllReduce;
  expect_work(o, Algorithm::kRing, 8, 14, 1.75);    // 7 steps to reduce, 7 to gather, S/8 each
  expect_work(o, Algorithm::kTree, 8, 6, 1.75);     // log2 8 = 3 halvings, 3 doublings
  expect_work(o, Algorithm::kSwitch, 8, 2, 1.125);  // S fetched by the others, S/8 multicast
  expect_work(o, Algorithm::kOneShot, 8, 1, 7);     // seven buffers read
  expect_work(o, Algorithm::kTwoShot, 8, 2, 1.75);
  expect_work(o, Algorithm::kTree, 6, 6, 2 * 5 / 6.0);  // ceil(log2 6) = 3
}

TEST(AlgorithmsTest, OtherOperationsByHand) {
  expect_work(Operation::kAllGather, Algorithm::kRing, 4, 3, 0.75);
  expect_work(Operation::kReduceScatter, Algorithm::kSwitch, 4, 1, 0.75);
  expect_work(Operation::kAllToAll, Algorithm::kDirect, 4, 1, 0.75);
  expect_work(Operation::kSend, Algorithm::kDirect, 2, 1, 1);
  expect_work(Operation::kAllReduce, Algorithm::kRing, 1, 0, 0);
}

TEST(AlgorithmsTest, ReductionInTheSwitchPaysFromFourRanksOn) {
  // Two ranks: 1 + 1/2 against 2 x 1/2. Three: 4/3 against 4/3. Four: 5/4 against 3/2.
  EXPECT_DOUBLE_EQ(least_wire(Operation::kAllReduce, 2, true), 1);
  EXPECT_DOUBLE_EQ(least_wire(Operation::kAllReduce, 4, true), 1.25);
  EXPECT_DOUBLE_EQ(least_wire(Operation::kAllReduce, 4, false), 1.5);
  EXPECT_DOUBLE_EQ(least_wire(Operation::kAllGather, 4, true), 0.75);
}

TEST(AlgorithmsTest, DistinctRanksOfAToken) {
  EXPECT_DOUBLE_EQ(distinct_others(1, 8), 0);
  EXPECT_DOUBLE_EQ(distinct_others(4, 1), 0.75);  // one copy, elsewhere three times of four
  // Two copies over 2 ranks: 2 (1 - 1/4) = 1.5 ranks, half of them others.
  EXPECT_DOUBLE_EQ(distinct_others(2, 2), 0.75);
  EXPECT_NEAR(distinct_others(8, 1e6), 7, 1e-12);  // all others
}

}  // namespace
}  // namespace astrolabe::network
