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
  // Of so many tokens, in microseconds.
  static double experts(const char* system, Framework framework, const char* version,
                        workload::ExpertsShape s, double tokens) {
    s.tokens = tokens;
    s.slots = s.experts;
    s.token_ranks = 1;
    const MeasuredClock clock(library().sources(), system, framework, version);
    return clock.time(workload::make_experts(s)).in(units::microsecond);
  }
};

workload::ExpertsShape layer(double hidden, double ffn, double topk, double experts, int tensor,
                             int spread, workload::GemmFormat format) {
  workload::ExpertsShape s;
  s.hidden = hidden;
  s.expert_ffn = ffn;
  s.topk = topk;
  s.experts = experts;
  s.moe_tp = tensor;
  s.moe_ep = spread;
  s.format = format;
  return s;
}

// Measured: data/measurements, moe, power_law_1.2. An engine has other kernels for other models
// (SGLang's for experts without gates takes five times as long there), for experts that are
// spread, and in earlier releases.
TEST_F(MeasuredClockTest, ExpertsRunTheKernelThatWasMeasuredForTheirModel) {
  const auto cut = layer(4096, 1536, 8, 128, 8, 1, workload::GemmFormat::kBf16);
  EXPECT_NEAR(experts("h200_sxm", Framework::kSglang, "", cut, 64), 157.8, 3);
  const auto spread = layer(6144, 2560, 8, 160, 1, 8, workload::GemmFormat::kFp8Block);
  EXPECT_NEAR(experts("h100_sxm", Framework::kVllm, "", spread, 64), 320.2, 6);
  const auto whole = layer(6144, 2560, 8, 160, 4, 1, workload::GemmFormat::kFp8Block);
  EXPECT_NEAR(experts("h100_sxm", Framework::kVllm, "", whole, 64), 608.2, 12);
}

TEST_F(MeasuredClockTest, ExpertsRunTheKernelOfTheRelease) {
  const auto s = layer(2048, 768, 8, 128, 1, 2, workload::GemmFormat::kBf16);
  const auto us = [&](const char* version) {
    return experts("rtx_pro_6000_server", Framework::kVllm, version, s, 256);
  };
  EXPECT_NEAR(us("0.19.0"), 611.8, 12);  // Triton's, which SGLang's table has
  EXPECT_NEAR(us("0.20.0"), 442.7, 9);
  EXPECT_EQ(us("nightly-0.19.0"), us("0.20.0"));
  EXPECT_EQ(us(""), us("0.20.0"));
}

// Measured: data/measurements, attention_prefill, fa3: SGLang's measured Triton kernel of bf16
// queries over fp8 caches is of windows alone and takes several times as long.
TEST_F(MeasuredClockTest, PromptsOverFp8CachesCastTheirQueriesToo) {
  workload::AttentionShape s;
  s.sequences = 4;
  s.query_tokens = 8192;
  s.heads = 8;
  s.kv_heads = 1;
  s.head_dim = s.value_dim = 128;
  s.kv_cache = workload::NumberFormat::kFp8;
  const MeasuredClock clock(library().sources(), "h200_sxm", Framework::kSglang, "");
  const double us = clock.time(workload::make_attention_prefill(s)).in(units::microsecond);
  EXPECT_NEAR(us, 796.6, 30);
}

workload::AttentionShape shared_entries(double tokens) {
  workload::AttentionShape s;
  s.heads = 128;
  s.kv_heads = 1;
  s.head_dim = s.value_dim = 512;
  s.entry_tokens = tokens;
  s.values_are_keys = s.is_shared = true;
  return s;
}

// DeepSeek-V4: one entry of 512 for all heads, each of several tokens. Tables of grouped heads have
// no such width: carried over, they gave 3 ms for the 33 entries of 4,250 tokens.
TEST_F(MeasuredClockTest, SharedEntriesRunAsTheLatentCoreOverThoseThatAreSeen) {
  workload::AttentionShape s = shared_entries(128);
  s.sequences = 32;
  s.context = 128 * 40 - 1;
  workload::LatentShape core;
  core.sequences = 32;
  core.heads = 128;
  for (const Framework framework : {Framework::kTrtllm, Framework::kSglang, Framework::kVllm}) {
    const MeasuredClock clock(library().sources(), "b200_sxm", framework, "");
    s.window = 0;
    core.context = 39;
    EXPECT_EQ(clock.time(workload::make_attention_decode(s)),
              clock.time(workload::make_latent_decode(core)));
    s.window = 8;  // chosen
    core.context = 7;
    EXPECT_EQ(clock.time(workload::make_attention_decode(s)),
              clock.time(workload::make_latent_decode(core)));
  }
}

TEST_F(MeasuredClockTest, PromptsOverSharedEntriesTakeTheirProductsOrTheirBytes) {
  workload::AttentionShape s = shared_entries(4);
  s.sequences = 1;
  s.query_tokens = 8192;
  const MeasuredClock clock(library().sources(), "b200_sxm", Framework::kVllm, "");
  const auto dense = workload::make_attention_prefill(s);
  const double peak = 0.6 * 2.25e15;  // the share of sparse prompts
  EXPECT_NEAR(clock.time(dense).in(units::second), dense.flops.in(units::flop) / peak,
              0.05 * dense.flops.in(units::flop) / peak);
  s.entry_tokens = 128;
  const auto few = workload::make_attention_prefill(s);
  EXPECT_NEAR(clock.time(few).in(units::second), few.bytes().in(units::byte) / (0.7 * 8e12),
              0.05 * few.bytes().in(units::byte) / (0.7 * 8e12));
}

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
