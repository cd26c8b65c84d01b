#include "astrolabe/parallel/coupled_clock.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {
namespace {

// The small accelerator with a memory of 1 TB/s that sustains 800 GB/s of reads and 600 when half
// are writes.
device::CoupledTime coupled() {
  const auto gb_per_s = [](double v) { return 1e9 * v * units::byte / units::second; };
  std::vector<memory::CurvePoint> points;
  for (const auto& [writes, bandwidth] : {std::pair(0.0, 800.0), std::pair(0.5, 600.0)}) {
    memory::CurvePoint p;
    p.piece_bytes = 1048576;
    p.write_share = writes;
    p.bandwidth = gb_per_s(bandwidth);
    points.push_back(p);
  }
  return {small_accelerator(), plain_derating(),
          memory::BandwidthCurve("small", gb_per_s(1000), points)};
}

TEST(CoupledClockTest, KernelsTakeTheLineOfTheirKindOverTheSimulatedMemory) {
  RooflineCorrection correction;
  correction.lines[static_cast<std::size_t>(KernelKind::kProducts)] = {4 * units::microsecond, 1.5};
  const device::CoupledTime times = coupled();
  const CoupledClock clock(times, plain_derating(), correction);
  const workload::Operator op =
      workload::make_gemm({.m = 1, .n = 4096, .k = 4096, .format = workload::GemmFormat::kBf16});
  EXPECT_NEAR(clock.time(op).in(units::microsecond),
              4 + 1.5 * times.cost(op).time.in(units::microsecond), 1e-9);
}

TEST(CoupledClockTest, ElementwiseKernelsTakeTheirBytesOverWhatTheMemorySustains) {
  const CoupledClock clock(coupled(), plain_derating());
  const workload::Operator op = workload::make_elementwise(
      workload::OperatorKind::kNorm, {.tokens = 1000, .read = 300, .written = 300});
  // half of the bytes are written: 600 GB/s
  EXPECT_NEAR(clock.time(op).base(), op.bytes().base() / 600e9, 1e-15);
}

TEST(CoupledClockTest, CollectivesAreThoseOfTheDeratedClock) {
  const workload::Operator op = workload::make_collective(
      workload::OperatorKind::kAllReduce, {.ranks = 8, .payload = 1e6 * units::byte});
  const DeratedClock derated(small_accelerator(), plain_derating());
  EXPECT_EQ(CoupledClock(coupled(), plain_derating()).time(op), derated.time(op));
}

}  // namespace
}  // namespace astrolabe::parallel
