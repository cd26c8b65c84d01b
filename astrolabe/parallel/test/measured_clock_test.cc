#include "astrolabe/parallel/measured_clock.h"

#include <gtest/gtest.h>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/kernel_library.h"

namespace astrolabe::parallel {
namespace {

class MeasuredClockTest : public testing::Test {
 protected:
  static const KernelLibrary& library() {
    static const auto facts = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
    static const KernelLibrary library(facts, facts.data_dir());
    return library;
  }
  // Of 1 MiB between so many ranks, in microseconds.
  static double all_reduce(const char* system, Framework framework, int ranks,
                           const char* version) {
    workload::CollectiveShape s;
    s.ranks = ranks;
    s.payload = 1 * units::MiB;
    const MeasuredClock clock(library().sources(), system, framework, version);
    return clock.time(workload::make_collective(workload::OperatorKind::kAllReduce, s))
        .in(units::microsecond);
  }
  // Dispatch of 512 tokens a rank to 4 of 128 experts on 8 ranks, in microseconds.
  static double exchange(const char* system, Framework framework) {
    workload::CollectiveShape s;
    s.ranks = 8;
    s.tokens = 512;
    s.hidden = 4096;
    s.topk = 4;
    s.experts = 128;
    const MeasuredClock clock(library().sources(), system, framework, "");
    return clock.time(workload::make_collective(workload::OperatorKind::kDispatch, s))
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

// Kernels that send tokens to their experts need NVLink.
TEST_F(MeasuredClockTest, OverPciExpressAllTokensAreGathered) {
  for (const Framework framework : {Framework::kTrtllm, Framework::kSglang, Framework::kVllm}) {
    EXPECT_GT(exchange("h200_sxm", framework), 0);
    EXPECT_EQ(exchange("rtx_pro_6000_server", framework),
              exchange("rtx_pro_6000_server", Framework::kVllm));
  }
  EXPECT_LT(exchange("h200_sxm", Framework::kTrtllm), exchange("h200_sxm", Framework::kVllm));
}

}  // namespace
}  // namespace astrolabe::parallel
