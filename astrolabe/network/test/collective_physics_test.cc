#include "astrolabe/network/collective_physics.h"

#include <gtest/gtest.h>

#include <tuple>

namespace astrolabe::network {
namespace {

using P = CollectiveParameter;

// 100 kB/us = 100 GB/s up, 50 host link, 25 network, memory 1000; node of 8, domain of 8.
FabricFacts facts_of_a_small_fabric() {
  const Bandwidth gb = 1.0 * units::GB / units::second;
  FabricFacts f;
  f.scale_up_domain = 8;
  f.node_size = 8;
  f.scale_up = 100.0 * gb;
  f.host_link = 50.0 * gb;
  f.scale_out = 25.0 * gb;
  f.node_scale_out = 200.0 * gb;
  f.memory = 1000.0 * gb;
  return f;
}

// Launch 5, step 1, low latency 20 % of the link, bulk + 10 us at 80 %.
CollectiveParameters simple_parameters() {
  CollectiveParameters p;
  const auto set = [&](P which, double v) { p.values[static_cast<std::size_t>(which)] = v; };
  set(P::kLaunch, 5);
  set(P::kStep, 1);
  set(P::kLowLatencyShare, 0.2);
  set(P::kBulkStart, 10);
  set(P::kBulkShare, 0.8);
  set(P::kDirectLaunch, 6);
  set(P::kDirectPeer, 0.5);
  set(P::kDirectShare, 0.5);
  set(P::kSwitchStart, 20);
  set(P::kSwitchShare, 0.9);
  set(P::kCustomLaunch, 3);
  set(P::kCustomBarrier, 0.1);
  set(P::kOneShotShare, 0.5);
  set(P::kTwoShotStart, 4);
  set(P::kTwoShotShare, 0.7);
  set(P::kEagerHost, 30);
  set(P::kCopyShare, 0.8);
  set(P::kSendLaunch, 4);
  set(P::kSendShare, 0.9);
  set(P::kCrowding, 0);
  set(P::kNetworkLatency, 15);
  set(P::kNetworkShare, 0.8);
  return p;
}

double us(const FabricFacts& f, const CollectiveShape& s, double bytes) {
  return collective_time(f, simple_parameters(), s, bytes * units::byte).in(units::microsecond);
}

TEST(CollectivePhysicsTest, RingByHand) {
  const CollectiveShape s{Operation::kAllReduce, Implementation::kLibrary, 4, 0};
  // 6 steps; 1.5 x 10 kB = 15 kB over 20 kB/us at low latency, over 80 + 10 us in bulk.
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 10e3), 5 + 6 + 15 / 20.0, 1e-9);
  // 1.5 x 10 MB in bulk.
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 10e6), 5 + 6 + 10 + 15e3 / 80, 1e-9);
  const CollectiveShape g{Operation::kAllGather, Implementation::kLibrary, 4, 0};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), g, 10e6), 5 + 3 + 10 + 7.5e3 / 80, 1e-9);
}

TEST(CollectivePhysicsTest, SwitchReducesLargeBuffersOnly) {
  FabricFacts f = facts_of_a_small_fabric();
  f.switch_reduction = true;
  const CollectiveShape s{Operation::kAllReduce, Implementation::kLibrary, 8, 0};
  // Ring at 10 kB: 5 + 14 + 17.5/20 = 19.875; switch: 5 + 2 + 20 + ... is later.
  EXPECT_NEAR(us(f, s, 10e3), 19.875, 1e-9);
  EXPECT_NEAR(us(f, s, 80e6), 5 + 2 + 20 + 90e3 / 90, 1e-9);
}

TEST(CollectivePhysicsTest, CustomAllReduceByHand) {
  const CollectiveShape s{Operation::kAllReduce, Implementation::kCustom, 4, 0};
  // One shot, 10 kB: 3 + 3 x 0.1 + 30/50. Two shots, 400 kB: 3 + 0.6 + 4 + 600/70 = 16.17, before
  // one shot 3.3 + 1200/50 and the library's 11 + 10 + 600/80.
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 10e3), 3.3 + 0.6, 1e-9);
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 400e3), 7.6 + 600 / 70.0, 1e-9);
  // 100 MB: 21 + 150e3/80 by the library.
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 100e6), 21 + 150e3 / 80, 1e-9);
}

TEST(CollectivePhysicsTest, EagerCallsHideTheKernelAndCopy) {
  const CollectiveShape s{Operation::kAllReduce, Implementation::kCustomEager, 4, 0};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 10e3), 30 + 20 / 800.0, 1e-9);
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 100e6), 21 + 150e3 / 80 + 200e3 / 800, 1e-9);
}

TEST(CollectivePhysicsTest, AllToAllAndSendByHand) {
  const CollectiveShape a{Operation::kAllToAll, Implementation::kLibrary, 4, 0};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), a, 10e6), 6 + 1.5 + 10 + 7.5e3 / 50, 1e-9);
  const CollectiveShape inside{Operation::kSend, Implementation::kLibrary, 2, 2};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), inside, 9e6), 4 + 100, 1e-9);
  const CollectiveShape outside{Operation::kSend, Implementation::kLibrary, 2, 1};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), outside, 10e6), 4 + 15 + 10e3 / 20, 1e-9);
}

TEST(CollectivePhysicsTest, HierarchyOverNodesByHand) {
  // 16 ranks in 2 nodes: inside 5 + 14 us of latency; outside 2 steps of 15 us, 2 x 1/2 x S/8 over
  // 20 kB/us = 80 MB/8/20 = 500 us; inside 10 + 1.75 x 80e3/80 = 1760 us is the slower wire.
  const CollectiveShape s{Operation::kAllReduce, Implementation::kLibrary, 16, 8};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), s, 80e6), 19 + 30 + 1760, 1e-9);
  // 2 ranks in 2 nodes: launch, 2 steps, S over 20 kB/us.
  const CollectiveShape pair{Operation::kAllReduce, Implementation::kLibrary, 2, 1};
  EXPECT_NEAR(us(facts_of_a_small_fabric(), pair, 10e6), 5 + 30 + 500, 1e-9);
  // Where a node shares one adapter, its 8 ranks have an eighth of it each: S/8 over 2.5 kB/us.
  FabricFacts shared = facts_of_a_small_fabric();
  shared.node_scale_out = shared.scale_out;
  EXPECT_NEAR(us(shared, s, 80e6), 19 + 30 + 4000, 1e-9);
  EXPECT_NEAR(us(shared, pair, 10e6), 5 + 30 + 500, 1e-9);
}

TEST(CollectivePhysicsTest, ARackDomainSpansNodes) {
  FabricFacts rack = facts_of_a_small_fabric();
  rack.scale_up_domain = 72;
  rack.node_size = 4;
  const Crossing c = crossing(rack, {Operation::kAllReduce, Implementation::kLibrary, 16, 4});
  EXPECT_EQ(c.inside, 16);
  EXPECT_EQ(c.domains, 1);
  // A tree: 3 steps of a chain of 4 and log2 4 = 2 doublings, there and back, instead of 30.
  const CollectiveShape s{Operation::kAllReduce, Implementation::kLibrary, 16, 4};
  EXPECT_NEAR(us(rack, s, 16), 5 + 10 + 1.875 * 16e-3 / 20, 1e-9);
  FabricFacts pairs =
      facts_of_a_small_fabric();  // bridges of two, over PCI Express inside the node
  pairs.scale_up_domain = 2;
  pairs.node_size = 4;
  const Crossing p = crossing(pairs, {Operation::kAllReduce, Implementation::kLibrary, 4, 4});
  EXPECT_EQ(p.domains, 2);
  EXPECT_FALSE(p.over_network);
  EXPECT_EQ(p.out.base(), 50e9);
}

TEST(CollectivePhysicsTest, CrowdingDividesTheLink) {
  CollectiveParameters p = simple_parameters();
  p.values[static_cast<std::size_t>(P::kCrowding)] = 2;
  const CollectiveShape s{Operation::kAllGather, Implementation::kLibrary, 8, 0};
  // (8/2)^2 = 16 times slower: 87.5 kB over 80/16 kB/us.
  const Duration t = collective_time(facts_of_a_small_fabric(), p, s, 1e5 * units::byte);
  EXPECT_NEAR(t.in(units::microsecond), 5 + 7 + 10 + 87.5 / 5, 1e-9);
}

using Case = std::tuple<Operation, Implementation, bool>;
class CollectiveContract : public testing::TestWithParam<Case> {};

TEST_P(CollectiveContract, NeverFasterThanTheLinkMonotoneAndFreeForOne) {
  FabricFacts f = facts_of_a_small_fabric();
  const auto [operation, implementation, reduces] = GetParam();
  f.switch_reduction = reduces;
  const CollectiveParameters p = simple_parameters();
  for (const int ranks : {1, 2, 3, 4, 8, 16, 64}) {
    const CollectiveShape s{operation, implementation, ranks, 0};
    Duration last;
    for (double bytes = 1; bytes < 1e11; bytes *= 1.7) {
      const Duration t = collective_time(f, p, s, bytes * units::byte);
      if (ranks == 1) {
        EXPECT_EQ(t.base(), 0);
        continue;
      }
      EXPECT_GE(t.base(), collective_bound(f, s, bytes * units::byte).base());
      EXPECT_GE(t.base(), last.base()) << ranks << " ranks, " << bytes << " B";
      last = t;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, CollectiveContract,
    testing::Combine(testing::Values(Operation::kAllReduce, Operation::kAllGather,
                                     Operation::kReduceScatter, Operation::kAllToAll,
                                     Operation::kSend),
                     testing::Values(Implementation::kLibrary, Implementation::kCustom,
                                     Implementation::kCustomEager),
                     testing::Bool()));

}  // namespace
}  // namespace astrolabe::network
