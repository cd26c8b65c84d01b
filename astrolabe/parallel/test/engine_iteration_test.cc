#include "astrolabe/parallel/engine_iteration.h"

#include <gtest/gtest.h>

#include <string_view>

#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

using workload::OperatorKind;

double gemm_only(const workload::Operator& op) { return op.kind == OperatorKind::kGemm ? 10 : 0; }

TEST(EngineIterationTest, DenseLayersAreFourProductsAndTheHeadOne) {
  const HandClock clock(gemm_only);
  const EngineIteration it(small_dense(), {}, {}, plain_engine(Framework::kVllm), clock);
  EXPECT_NEAR(it.dense(16).in(units::microsecond), 16 * 4 * 10, 1e-9);
  EXPECT_NEAR(it.head(16).in(units::microsecond), 10, 1e-9);
  EXPECT_EQ(it.experts(16).base(), 0);
  EXPECT_EQ(it.decode(16, 1000).base(), 0);
}

TEST(EngineIterationTest, AttentionDependsOnSequencesAndContextAlone) {
  const HandClock clock([](const workload::Operator& op) {
    if (op.kind != OperatorKind::kAttentionDecode && op.kind != OperatorKind::kAttentionPrefill) {
      return 0.0;
    }
    const auto& s = op.get<workload::AttentionShape>();
    return s.sequences * s.kv_length();
  });
  const EngineIteration it(small_dense(), {}, {}, plain_engine(Framework::kVllm), clock);
  EXPECT_NEAR(it.decode(8, 100).in(units::microsecond), 16 * 8 * 100, 1e-6);
  EXPECT_NEAR(it.prefill(200, 50).in(units::microsecond), 16 * 250, 1e-6);
  EXPECT_EQ(it.dense(64).base(), 0);
}

TEST(EngineIterationTest, SmallKernelsAreCountedByFrameworkAndFormat) {
  const HandClock clock(gemm_only);
  const auto launches = [&](Framework f, int tensor, workload::GemmFormat format) {
    return EngineIteration(small_dense(), workload::Precision::of(format), {.tensor = tensor},
                           plain_engine(f), clock)
        .launches();
  };
  using workload::GemmFormat;
  // A layer: two norms, rotary embedding, cache write, activation.
  EXPECT_EQ(launches(Framework::kVllm, 1, GemmFormat::kBf16), 16 * 5);
  // And four quantise kernels.
  EXPECT_EQ(launches(Framework::kVllm, 1, GemmFormat::kNvfp4), 16 * 9);
  // TensorRT-LLM: rotary and cache write are part of attention, norms of the all-reduce.
  EXPECT_EQ(launches(Framework::kTrtllm, 1, GemmFormat::kBf16), 16 * 3);
  EXPECT_EQ(launches(Framework::kTrtllm, 4, GemmFormat::kBf16), 16 * 1);
  EXPECT_EQ(launches(Framework::kTrtllm, 4, GemmFormat::kFp8), 16 * 1);
  EXPECT_EQ(launches(Framework::kTrtllm, 4, GemmFormat::kNvfp4), 16 * 5);
  const EngineIteration it(small_dense(), {}, {}, plain_engine(Framework::kVllm), clock);
  EXPECT_NEAR(it.fixed().in(units::microsecond), 2 * 16 * 5, 1e-9);
  // Without rotary positions the cache is still written.
  workload::ModelArchitecture m = small_dense();
  m.has_rotary = false;
  EXPECT_EQ(EngineIteration(m, {}, {}, plain_engine(Framework::kVllm), clock).launches(), 16 * 4);
}

TEST(EngineIterationTest, SharedExpertsHideBehindRoutedOnesUntilTheChipIsFull) {
  workload::ModelArchitecture m = small_mixture();
  m.shared_ffn = 1024;
  const HandClock clock([](const workload::Operator& op) {
    const std::string_view name = op.name;
    if (name == "shared_up" || name == "shared_down") return 30.0;
    return op.kind == OperatorKind::kExperts ? 50.0 : 0.0;
  });
  const EngineIteration it(m, {}, {}, plain_engine(Framework::kVllm), clock);
  EXPECT_NEAR(it.dense(64).in(units::microsecond), 16 * (60 - 50), 1e-9);
  EXPECT_NEAR(it.dense(4096).in(units::microsecond), 16 * 60, 1e-9);
  EXPECT_NEAR(it.experts(64).in(units::microsecond), 16 * 50, 1e-9);
}

// 8 experts on a rank of 8, filled up to 128 rows: 1016 rows more through both products and the
// activation, whatever the batch; not in other formats, nor for narrow experts, nor cut 8 ways.
TEST(EngineIterationTest, ExpertsInWholeBlocksMultiplyRowsOfNoToken) {
  const workload::Precision fp8 = workload::Precision::of(workload::GemmFormat::kFp8Block);
  workload::ModelArchitecture model = small_mixture();
  model.expert_ffn = 8192;
  Engine padded = plain_engine(Framework::kVllm);
  padded.constants.expert_rows = 128;
  const double rows = static_cast<double>(model.experts) / 8 * 127;
  const HandClock clock([&](const workload::Operator& op) {
    if (op.kind == OperatorKind::kGemm) {
      return op.get<workload::GemmShape>().m == rows ? 7.0 : 0.0;
    }
    if (op.kind == OperatorKind::kActivation) {
      return op.get<workload::ElementwiseShape>().tokens == rows ? 1.0 : 0.0;
    }
    return op.kind == OperatorKind::kExperts ? 50.0 : 0.0;
  });
  const auto time = [&](const workload::Precision& precision, workload::ShardDegrees shard,
                        const Engine& engine, double tokens) {
    return EngineIteration(model, precision, shard, engine, clock)
        .experts(tokens)
        .in(units::microsecond);
  };
  const workload::ShardDegrees spread{.tensor = 8, .expert = 8}, cut{.tensor = 8};
  EXPECT_NEAR(time(fp8, spread, padded, 4), 16 * (50 + 7 + 7 + 1), 1e-9);
  EXPECT_NEAR(time(fp8, spread, padded, 512), 16 * (50 + 7 + 7 + 1), 1e-9);
  EXPECT_NEAR(time(fp8, spread, plain_engine(Framework::kVllm), 4), 16 * 50, 1e-9);
  EXPECT_NEAR(time({}, spread, padded, 4), 16 * 50, 1e-9);
  EXPECT_NEAR(time(fp8, cut, padded, 4), 16 * 50, 1e-9);
  model.expert_ffn = 512;
  EXPECT_NEAR(time(fp8, spread, padded, 4), 16 * 50, 1e-9);
}

TEST(EngineIterationTest, ExpertsThatCannotBeCutIntoBlocksAreSpread) {
  workload::Precision fp8 = workload::Precision::of(workload::GemmFormat::kFp8Block);
  // 1024 wide: 8 ways leave 128, 16 ways 64.
  EXPECT_EQ(spread_uncuttable_experts(small_mixture(), fp8, {.tensor = 8}).expert, 1);
  EXPECT_EQ(spread_uncuttable_experts(small_mixture(), fp8, {.tensor = 16}).expert, 16);
  EXPECT_EQ(spread_uncuttable_experts(small_mixture(), {}, {.tensor = 16}).expert, 1);
  EXPECT_EQ(spread_uncuttable_experts(small_dense(), fp8, {.tensor = 16}).expert, 1);
}

TEST(EngineIterationTest, CacheTakesWhatWeightsAndReserveLeave) {
  EngineConstants c;
  c.memory_share = 0.5;
  c.kv_share = 0.9;
  c.runtime_reserve = 100.0 * units::MB;
  const auto weights = workload::weight_bytes_per_accelerator(small_dense(), {}, {});
  // 16 layers, keys and values, 4 heads of 64, bf16.
  const double token = 16 * 2 * 4 * 64 * 2;
  const double expected = 0.9 * (4e9 - 1e8 - weights.in(units::byte)) / token;
  EXPECT_NEAR(kv_capacity_tokens(small_dense(), {}, {}, c, 8.0 * units::GB, 1000), expected,
              1e-6 * expected);
  EXPECT_EQ(kv_capacity_tokens(small_dense(), {}, {}, c, 0.1 * units::GB, 1000), 0);
}

}  // namespace
}  // namespace astrolabe::parallel
