#include <gtest/gtest.h>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/capability.h"
#include "astrolabe/parallel/checkpoint_precision.h"

namespace astrolabe::parallel {
namespace {

const catalog::Catalog& project_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

workload::DemandClass assistant() {
  workload::DemandClass w;
  w.name = "assistant";
  w.input = workload::LengthDistribution::fixed(2000);
  w.output = workload::LengthDistribution::fixed(1000);
  w.ttft = 3.0 * units::second;
  w.tpot = 50.0 * units::millisecond;
  return w;
}

const KernelLibrary& library() {
  static const KernelLibrary library(project_catalog(), project_catalog().data_dir());
  return library;
}

Capability find(const char* model, const char* accelerator, const char* precision) {
  const ServingChip chip = library().chip(accelerator, Framework::kTrtllm);
  const workload::ModelArchitecture m = workload::read_model(project_catalog(), model);
  const workload::Precision p =
      checkpoint_precision(precision, m, Framework::kTrtllm, chip.has_fp4(), {"test", 1});
  return find_capability(chip, {m, chip.accelerator.executed_precision(p), assistant(), {}});
}

TEST(CatalogueCapabilityTest, FrontierModelsAreServedWithinArithmeticAndMemory) {
  for (const char* model : {"deepseek_r1", "llama_3_1_70b"}) {
    for (const char* accelerator : {"h200_sxm", "gb300_nvl72"}) {
      const Capability c = find(model, accelerator, "fp8");
      ASSERT_TRUE(c.is_ok()) << model << " " << accelerator << ": " << c.reason;
      const auto a = device::read_accelerator(project_catalog(), accelerator);
      const auto m = workload::read_model(project_catalog(), model);
      // Every token, in or out, multiplies the active parameters but the embedding, twice.
      const double least = 2 * (m.active_parameters() - 2 * m.vocab * m.hidden) *
                           c.fastest.processed_tokens().base();
      EXPECT_LT(least, a.peak(workload::NumberFormat::kFp8).base()) << model << " " << accelerator;
      EXPECT_LE(c.fastest.hbm_used.base(), a.hbm_capacity.base());
      EXPECT_GT(c.fastest.point.output_tokens.base(), 100);
    }
  }
}

// Beyond the top-k every query multiplies 64 heads at least, 128 on Blackwell: 8192 queries of 2048
// keys at 0.6 of the peak. Within it a prompt is dense, and its heads are its own.
TEST(CatalogueCapabilityTest, SparsePromptsMultiplyWholeTilesOfHeads) {
  const auto microseconds = [](const char* accelerator, double heads, double tokens) {
    workload::LatentShape s;
    s.sequences = 1, s.query_tokens = tokens, s.heads = heads, s.topk = 2048;
    s.kv_rank = 512, s.rope_dim = 64, s.nope_dim = 128, s.value_dim = 128;
    const ServingChip chip = library().chip(accelerator, Framework::kSglang);
    return chip.clock->time(workload::make_sparse_latent(s)).in(units::microsecond);
  };
  const double tile = 2 * 8192.0 * 2048 * 64 * (2 * 512 + 64);
  EXPECT_NEAR(microseconds("h200_sxm", 8, 8192), tile / (0.6 * 989e6), 0.01 * tile / (0.6 * 989e6));
  EXPECT_EQ(microseconds("h200_sxm", 64, 8192), microseconds("h200_sxm", 8, 8192));
  EXPECT_NEAR(microseconds("h200_sxm", 128, 8192), 2 * microseconds("h200_sxm", 64, 8192), 1);
  EXPECT_EQ(microseconds("b200_sxm", 128, 8192), microseconds("b200_sxm", 8, 8192));
  EXPECT_GT(microseconds("h200_sxm", 64, 2048), 2 * microseconds("h200_sxm", 8, 2048));
}

TEST(CatalogueCapabilityTest, NewerGenerationServesMore) {
  EXPECT_GT(find("deepseek_r1", "gb300_nvl72", "fp4").fastest.point.output_tokens.base(),
            find("deepseek_r1", "h200_sxm", "fp8").fastest.point.output_tokens.base());
  EXPECT_GT(find("llama_3_1_70b", "h200_sxm", "fp8").fastest.point.output_tokens.base(),
            find("llama_3_1_70b", "h100_sxm", "fp8").fastest.point.output_tokens.base());
}

TEST(CatalogueCapabilityTest, NarrowWeightsSaveBytesEvenWithoutFp4Arithmetic) {
  const Capability fp4 = find("llama_3_1_70b", "h200_sxm", "fp4");
  ASSERT_TRUE(fp4.is_ok()) << fp4.reason;
  // bf16 arithmetic: half the fp8 peak is the most it can reach.
  EXPECT_LT(fp4.fastest.point.output_tokens.base(),
            find("llama_3_1_70b", "h200_sxm", "fp8").fastest.point.output_tokens.base());
}

// What if H200 had twice the bandwidth: its own kernels carried over, faster where memory binds.
TEST(CatalogueCapabilityTest, AChangedChipIsASisterOfTheRealOne) {
  const Bandwidth twice = 2 * device::read_accelerator(project_catalog(), "h200_sxm").hbm_bandwidth;
  const catalog::Catalog facts =
      catalog::Catalog::load(project_catalog().data_dir(), {{"h200_sxm.hbm_bandwidth",
                                                             twice.in(units::GB / units::second),
                                                             "GB/s",
                                                             "what if",
                                                             {"s.toml", 1}}});
  const KernelLibrary changed(facts, facts.data_dir());
  const ServingChip real = library().chip("h200_sxm", Framework::kVllm),
                    fast = changed.chip("h200_sxm", Framework::kVllm);
  EXPECT_EQ(real.source, KernelSource::kTables);
  EXPECT_EQ(fast.source, KernelSource::kSister);
  const auto ratio = [&](double tokens) {
    const workload::Operator op = workload::make_gemm(
        {.m = tokens, .n = 8192, .k = 8192, .format = workload::GemmFormat::kBf16});
    return real.clock->time(op) / fast.clock->time(op);
  };
  EXPECT_GT(ratio(16), 1.5);  // reads weights
  EXPECT_LT(ratio(16), 2.01);
  EXPECT_NEAR(ratio(16384), 1, 0.05);  // multiplies
}

}  // namespace
}  // namespace astrolabe::parallel
