#include "astrolabe/device/coupled_time.h"

#include <gtest/gtest.h>

namespace astrolabe::device {
namespace {

using workload::Operator;

const std::string kData = ASTROLABE_SOURCE_DIR "/data";

// 100 FLOP/s; a memory of 10 B/s that gives half of it to pages and 0.8 to streams, less if
// written.
CoupledTime small_time(Duration launch) {
  Accelerator a;
  a.hbm_bandwidth = 7.0 * units::byte / units::second;  // not used: the memory replaces it
  a.rates[0] = 100.0 * units::flop / units::second;
  Derating d;
  d.gemm.fill(0.5);
  d.hbm_bandwidth = 0.1;  // not used either
  d.kernel_overhead = launch;
  std::vector<memory::CurvePoint> points;
  for (const auto& [piece, writes, bandwidth] : std::vector<std::array<double, 3>>{
           {65536, 0, 5}, {65536, 0.5, 4}, {1048576, 0, 8}, {1048576, 0.5, 6}}) {
    memory::CurvePoint p;
    p.piece_bytes = piece;
    p.write_share = writes;
    p.bandwidth = bandwidth * units::byte / units::second;
    points.push_back(p);
  }
  return {a, d, memory::BandwidthCurve("small", 10.0 * units::byte / units::second, points)};
}

TEST(CoupledTimeTest, StreamsAndPagesTakeTurnsAtWhatTheMemoryGives) {
  const CoupledTime times = small_time(0.5 * units::second);
  Operator op;
  op.weights = 16.0 * units::byte;
  op.kv = 10.0 * units::byte;
  EXPECT_DOUBLE_EQ(times.cost(op).time.base(), 0.5 + 16 / 8.0 + 10 / 5.0);
  EXPECT_EQ(times.cost(op).bound, Resource::kMemory);
  op.flops = 300.0 * units::flop;  // 6 s at half of the peak
  EXPECT_DOUBLE_EQ(times.cost(op).time.base(), 0.5 + 6);
  op = {};
  op.activations = 14.0 * units::byte;  // half written
  EXPECT_DOUBLE_EQ(times.sustained(op).base(), 6);
}

TEST(CoupledTimeTest, NoOperatorIsFasterThanItsRooflineAndTimeGrowsWithWork) {
  const CoupledTime times = small_time({});
  const RooflineTime roofline(times.accelerator());
  double last = 0;
  for (double m = 1; m < 1e4; m *= 1.7) {
    const Operator op = workload::make_gemm({.m = m, .n = 5, .k = 9});
    EXPECT_GE(times.cost(op).time, roofline.cost(op).time);
    EXPECT_LE(times.sustained(op), times.accelerator().hbm_bandwidth);
    EXPECT_GT(times.cost(op).time.base(), last);
    last = times.cost(op).time.base();
  }
}

// No one has built it: its bandwidth comes from the tables of the standard alone. One channel and
// two points stand for the whole curve.
TEST(CoupledTimeTest, MemoryThatNoOneHasBuiltHasABandwidth) {
  memory::MemoryConfig config = memory::load_product(kData, "hbm4e");
  config.channels = 1;
  std::vector<memory::CurvePoint> points;
  for (const int piece : {65536, 1048576}) {
    memory::Traffic traffic = memory::parse_traffic("kv_gather:" + std::to_string(piece));
    traffic.requests = 30000;
    memory::CurvePoint p;
    p.piece_bytes = piece;
    p.bandwidth = memory::simulate(config, traffic, {}).bandwidth();
    points.push_back(p);
  }
  const Bandwidth peak = config.peak_bandwidth();
  EXPECT_NEAR(peak.base(), 12.8e9 / 8 * 64, 1e-3 * peak.base());
  const CoupledTime times({}, {}, memory::BandwidthCurve("hbm4e", peak, points));
  Operator op;
  op.weights = 1e9 * units::byte;
  op.kv = 1e9 * units::byte;
  EXPECT_LE(times.sustained(op), peak);
  EXPECT_GT(times.sustained(op), 0.8 * peak);
}

}  // namespace
}  // namespace astrolabe::device
