#include "astrolabe/parallel/measured_clock.h"

#include <gtest/gtest.h>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/kernel_library.h"

namespace astrolabe::parallel {
namespace {

class MeasuredClockTest : public testing::Test {
 protected:
  // Of 1 MiB between so many ranks, in microseconds.
  static double all_reduce(const char* system, Framework framework, int ranks,
                           const char* version) {
    static const auto facts = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
    static const KernelLibrary library(facts, facts.data_dir());
    workload::CollectiveShape s;
    s.ranks = ranks;
    s.payload = 1 * units::MiB;
    const MeasuredClock clock(library.sources(), system, framework, version);
    return clock.time(workload::make_collective(workload::OperatorKind::kAllReduce, s))
        .in(units::microsecond);
  }
};

// Measured: data/measurements, collectives, custom_allreduce in CUDA graphs.
TEST_F(MeasuredClockTest, AllReducesAreOfTheVersion) {
  EXPECT_NEAR(all_reduce("rtx_pro_6000_server", Framework::kVllm, 2, "0.19.0"), 91.5, 2);
  EXPECT_NEAR(all_reduce("rtx_pro_6000_server", Framework::kVllm, 2, "0.24.0"), 30.1, 1);
  EXPECT_NEAR(all_reduce("h200_sxm", Framework::kSglang, 8, "0.5.14"), 13.1, 1);
  EXPECT_NEAR(all_reduce("h200_sxm", Framework::kSglang, 8, "0.5.9"), 16.5, 1);
}

TEST_F(MeasuredClockTest, WhatIsNoVersionTellsNothing) {
  const double plain = all_reduce("h200_sxm", Framework::kTrtllm, 8, "");
  EXPECT_EQ(all_reduce("h200_sxm", Framework::kTrtllm, 8, "gpt-oss-dev"), plain);
  EXPECT_EQ(all_reduce("h200_sxm", Framework::kTrtllm, 8, "0.8.1.post2"), plain);  // of a container
  EXPECT_NE(all_reduce("h200_sxm", Framework::kTrtllm, 8, "1.2.0rc5"), plain);
}

// Four cards on PCI Express take what is faster; a pair takes the framework's own kernel.
TEST_F(MeasuredClockTest, APairOnPciExpressTakesTheFrameworksOwn) {
  const double library = 46;  // NCCL 2.29.2
  EXPECT_GT(all_reduce("rtx_pro_6000_server", Framework::kVllm, 2, "0.19.0"), 1.5 * library);
  EXPECT_LT(all_reduce("l40s", Framework::kVllm, 4, "0.22.0"), 360);  // its own: 360.6
}

}  // namespace
}  // namespace astrolabe::parallel
