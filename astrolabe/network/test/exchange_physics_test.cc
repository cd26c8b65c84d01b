#include "astrolabe/network/exchange_physics.h"

#include <gtest/gtest.h>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

using Parameter = ExchangeParameter;

FabricFacts exchange_fabric() {
  const Bandwidth gb = 1.0 * units::GB / units::second;
  FabricFacts f;
  f.scale_up_domain = f.node_size = 8;
  f.scale_up = 100.0 * gb;
  f.scale_out = 25.0 * gb;
  f.node_scale_out = 200.0 * gb;
  f.memory = 1000.0 * gb;
  return f;
}

ExchangeParameters exchange_parameters() {
  ExchangeParameters p;
  const auto set = [&](Parameter which, double v) {
    p.values[static_cast<std::size_t>(which)] = v;
  };
  set(Parameter::kLaunch, 10);
  set(Parameter::kPeer, 0.5);
  set(Parameter::kExpert, 0.1);
  set(Parameter::kTokenCost, 2);
  set(Parameter::kRowCost, 1);
  set(Parameter::kLinkShare, 0.5);
  set(Parameter::kSmRate, 5);
  set(Parameter::kMemoryShare, 0.8);
  set(Parameter::kNodeLatency, 20);
  set(Parameter::kNetworkShare, 0.8);
  return p;
}

ExchangeShape shape() {
  ExchangeShape s;
  s.ranks = 4;
  s.hidden = 1000;
  s.topk = 2;
  s.experts = 40;
  return s;
}

double us(const ExchangeShape& s, double tokens) {
  return exchange_time(exchange_fabric(), exchange_parameters(), s, tokens).in(units::microsecond);
}

TEST(ExchangePhysicsTest, EveryCopyByHand) {
  ExchangeShape s = shape();
  s.every_copy = true;
  // 10 + 4 x 0.5 + 10 experts x 0.1 = 13; 100 tokens x (2 + 2 x 1) ns = 0.4; wire 100 x 2 x 3/4 x
  // 2 kB = 300 kB over 50 kB/us = 6; memory 100 x 2 x 2 kB = 400 kB over 800 = 0.5.
  EXPECT_NEAR(us(s, 100), 13 + 0.4 + 6 + 0.5, 1e-9);
}

TEST(ExchangePhysicsTest, DistinctRanksAndSms) {
  ExchangeShape s = shape();
  // 4 (1 - (3/4)^2) x 3/4 = 1.3125 copies: 262.5 kB over 50 kB/us.
  EXPECT_NEAR(us(s, 100), 13.4 + 5.25 + 0.5, 1e-9);
  s.sms = 4;  // 20 kB/us
  EXPECT_NEAR(us(s, 100), 13.4 + 13.125 + 0.5, 1e-9);
}

TEST(ExchangePhysicsTest, NodesByHand) {
  ExchangeShape s = shape();
  s.ranks = 16;
  s.nodes = 2;
  s.topk = 1;
  s.experts = 16;
  // Fixed 10 + 8 + 0.1 + 20; addressing 0.3; one copy crosses half the time: 100 kB over 20 = 5,
  // more than 15/16 x 200 kB over 50; memory 200 kB over 800.
  EXPECT_NEAR(us(s, 100), 38.1 + 0.3 + 5 + 0.25, 1e-9);
}

TEST(ExchangePhysicsTest, BytesOfATokenByType) {
  EXPECT_DOUBLE_EQ(wire_bytes_per_value("alltoall_dispatch", "nvfp4"), 0.5625);
  EXPECT_DOUBLE_EQ(wire_bytes_per_value("dispatch", "fp8"), 1.03125);
  EXPECT_DOUBLE_EQ(wire_bytes_per_value("alltoall_combine", "nvfp4"), 2);
  EXPECT_DOUBLE_EQ(wire_bytes_per_value("alltoall_combine_low_precision", "nvfp4"), 1.03125);
  EXPECT_THROW(wire_bytes_per_value("dispatch", "int3"), InputError);
}

TEST(ExchangePhysicsTest, NeverFasterThanTheLinksMonotoneAndFreeForOne) {
  for (const bool every_copy : {false, true}) {
    for (const int nodes : {1, 2, 8}) {
      ExchangeShape s = shape();
      s.every_copy = every_copy;
      s.nodes = nodes;
      s.ranks = 8 * nodes;
      Duration last;
      for (double tokens = 1; tokens < 1e6; tokens *= 3) {
        const Duration t = exchange_time(exchange_fabric(), exchange_parameters(), s, tokens);
        EXPECT_GT(t.base(), last.base());
        EXPECT_GE(t.base(), exchange_bound(exchange_fabric(), s, tokens).base());
        last = t;
      }
    }
  }
  ExchangeShape one = shape();
  one.ranks = 1;
  EXPECT_EQ(us(one, 100), 0);
}

}  // namespace
}  // namespace astrolabe::network
