#include "astrolabe/parallel/improved_clock.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

workload::Operator product(double m) {
  return workload::make_gemm({.m = m, .n = 1000, .k = 1000, .format = workload::GemmFormat::kBf16});
}

TEST(ImprovedClockTest, IsFasterByTheSpeedUpUntilTheRoofline) {
  const HandClock today([](const workload::Operator&) { return 100.0; });
  const ImprovedClock later(today, small_accelerator(), 2);
  // 2 MB of weights at 1 TB/s: 2 us; 8e9 flop at 100 TFLOPS: 80 us; 2e10: more than today.
  EXPECT_NEAR(later.time(product(1)).in(units::microsecond), 50, 1e-9);
  EXPECT_NEAR(later.time(product(4000)).in(units::microsecond), 80, 1e-6);
  EXPECT_NEAR(later.time(product(10000)).in(units::microsecond), 100, 1e-9);
}

TEST(ImprovedClockTest, LinksKeepTheirBandwidth) {
  const HandClock today([](const workload::Operator&) { return 100.0; });
  const ImprovedClock later(today, small_accelerator(), 1e6);
  workload::CollectiveShape s;
  s.ranks = 2;
  s.payload = 1.0 * units::MB;
  const Duration t = later.time(workload::make_collective(workload::OperatorKind::kAllReduce, s));
  // A ring of two sends the payload once at 100 GB/s.
  EXPECT_NEAR(t.in(units::microsecond), 10, 0.1);
}

}  // namespace
}  // namespace astrolabe::parallel
