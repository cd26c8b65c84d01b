#include "astrolabe/network/collectives.h"

#include <gtest/gtest.h>

namespace astrolabe::network {
namespace {

constexpr Bandwidth kOne = 1.0 * units::byte / units::second;

// Domains of 4, 10 B/s inside, 1 B/s outside, 1 s a step, exchange 2 s, crossing 5 s.
Fabric small_fabric() {
  Fabric f;
  f.domain = 4;
  f.scale_up = 10.0 * kOne;
  f.scale_out = 1.0 * kOne;
  f.step_latency = 1.0 * units::second;
  f.all_to_all_latency = 2.0 * units::second;
  f.scale_out_latency = 5.0 * units::second;
  return f;
}

double seconds(Duration d) { return d.in(units::second); }

TEST(CollectivesTest, RingAndTreeByHand) {
  // 4 ranks, 80 B: 2 x 80 x 3/4 / 10 = 12 s of wire; 6 ring steps, 4 tree steps.
  EXPECT_DOUBLE_EQ(
      seconds(ring_all_reduce_time(4, 80.0 * units::byte, 10.0 * kOne, 1.0 * units::second)), 18);
  EXPECT_DOUBLE_EQ(
      seconds(tree_all_reduce_time(4, 80.0 * units::byte, 10.0 * kOne, 1.0 * units::second)), 16);
  EXPECT_DOUBLE_EQ(seconds(all_reduce_time(small_fabric(), 4, 80.0 * units::byte)), 16);
}

TEST(CollectivesTest, OneRankTakesNoTime) {
  const Bytes s = 80.0 * units::byte;
  EXPECT_EQ(seconds(all_reduce_time(small_fabric(), 1, s)), 0);
  EXPECT_EQ(seconds(all_to_all_time(small_fabric(), 1, s)), 0);
  EXPECT_EQ(seconds(gather_time(small_fabric(), 1, s)), 0);
}

TEST(CollectivesTest, TwoLevelAllReduceByHand) {
  // 8 ranks in 2 domains, 80 B. Inside twice: 2 steps + 80 x 3/4 / 10 = 8 s. Outside 20 B over 2
  // ranks: 2 x 5 s + 2 x 20 x 1/2 / 1 = 30 s.
  EXPECT_DOUBLE_EQ(seconds(all_reduce_time(small_fabric(), 8, 80.0 * units::byte)), 2 * 8 + 30);
}

TEST(CollectivesTest, AllToAllIsTheSlowerLevel) {
  EXPECT_DOUBLE_EQ(seconds(all_to_all_time(small_fabric(), 4, 80.0 * units::byte)), 2 + 6);
  // 8 ranks: 80 x 4/8 = 40 B outside at 1 B/s against 80 x 3/8 / 10 = 3 s inside.
  EXPECT_DOUBLE_EQ(seconds(all_to_all_time(small_fabric(), 8, 80.0 * units::byte)), 2 + 5 + 40);
}

TEST(CollectivesTest, ForwardingSendsOneCopyToEachDistinctDomain) {
  // 800 B with 8 copies of 100 B. Direct: 7 + 400 s. Forwarded to 2 domains: 2 (1 - 1/2^8) = 1.992
  // reached, half of them elsewhere: 99.6 B at 1 B/s; inside 800 x 3/4 / 10 = 60 s.
  const Duration t = exchange_time(small_fabric(), 8, 800.0 * units::byte, 8);
  EXPECT_NEAR(seconds(t), 2 * 2 + 5 + 100 * 0.99609375, 1e-9);
  // One copy cannot be forwarded better, and one domain needs no forwarding.
  EXPECT_EQ(seconds(exchange_time(small_fabric(), 8, 80.0 * units::byte, 1)), 47);
  EXPECT_EQ(seconds(exchange_time(small_fabric(), 4, 80.0 * units::byte, 8)), 8);
}

TEST(CollectivesTest, FractionsStretchTheWireOnly) {
  Fabric f = small_fabric();
  f.all_reduce_fraction = 0.5;
  f.scale_out_fraction = 0.25;
  EXPECT_DOUBLE_EQ(seconds(all_reduce_time(f, 4, 80.0 * units::byte)), 4 + 24);
  EXPECT_DOUBLE_EQ(seconds(send_time(f, true, 10.0 * units::byte)), 1 + 5 + 40);
  EXPECT_DOUBLE_EQ(seconds(send_time(f, false, 10.0 * units::byte)), 1 + 1);
}

TEST(CollectivesTest, LargerDomainIsNeverSlower) {
  for (const int ranks : {2, 4, 6, 8, 16, 64}) {
    for (const double bytes : {0.0, 1.0, 1e3, 1e6}) {
      Duration reduce = 1e99 * units::second, exchange = reduce;
      for (const int domain : {1, 2, 4, 8, 16, 64}) {
        if (domain < ranks && ranks % domain != 0) continue;
        Fabric f = small_fabric();
        f.domain = domain;
        const Duration r = all_reduce_time(f, ranks, bytes * units::byte);
        const Duration e = exchange_time(f, ranks, bytes * units::byte, 8);
        EXPECT_LE(seconds(r), seconds(reduce) * (1 + 1e-12)) << ranks << " " << domain;
        EXPECT_LE(seconds(e), seconds(exchange) * (1 + 1e-12)) << ranks << " " << domain;
        reduce = r;
        exchange = e;
      }
    }
  }
}

TEST(CollectivesTest, TimeGrowsWithBytes) {
  double last = 0;
  for (double bytes = 1; bytes < 1e6; bytes *= 3) {
    const double now = seconds(exchange_time(small_fabric(), 16, bytes * units::byte, 8));
    EXPECT_GT(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace astrolabe::network
