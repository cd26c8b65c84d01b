#include "astrolabe/study/serving_measurements.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "astrolabe/base/error.h"
#include "astrolabe/study/serving_prediction.h"

namespace astrolabe::study {
namespace {

constexpr const char* kHeader =
    "group_id,source_family,model,arch_model,system,backend,backend_version,precision,gemm_quant,"
    "mode,isl_tokens,osl_tokens,concurrency,attn_tp,attn_dp,moe_ep,prefill_workers,"
    "prefill_gpus_per_worker,prefill_attn_tp,prefill_attn_dp,prefill_moe_ep,decode_workers,"
    "decode_gpus_per_worker,decode_attn_tp,decode_attn_dp,decode_moe_ep,spec_decode,ttft_ms,"
    "tpot_ms,primary\n";

class ServingMeasurementsTest : public testing::Test {
 protected:
  std::vector<ServingMeasurement> read(const std::string& rows) {
    path_ = testing::TempDir() + "serving_runs_test.csv";
    std::ofstream(path_) << kHeader << rows;
    return read_serving_measurements(path_);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_;
};

TEST_F(ServingMeasurementsTest, AggregatedAndPooledLayouts) {
  const auto runs = read(
      "g1,inferencex,m,deepseek-ai/DeepSeek-R1,b200_sxm,trtllm,1.2.0,fp4,nvfp4,agg,1024,8192,128,"
      "1,8,8,,,,,,,,,,,none,100.5,20.25,1\n"
      "g2,nvidia_gap,Qwen/Qwen3-32B,,gb200,sglang,,fp8,fp8_block,disagg,4000,1000,64,,,,8,1,1,1,0,"
      "2,4,4,1,0,none,300,,1\n");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].reason, "");
  EXPECT_EQ(runs[0].model, "deepseek-ai/DeepSeek-R1");
  EXPECT_EQ(runs[0].engine.accelerators(), 8);
  EXPECT_EQ(runs[0].engine.shard.expert, 8);
  EXPECT_TRUE(runs[0].draws_lengths);
  EXPECT_EQ(runs[0].tpot_ms, 20.25);
  EXPECT_EQ(runs[1].reason, "");
  EXPECT_EQ(runs[1].model, "Qwen/Qwen3-32B");
  EXPECT_EQ(runs[1].prefill.workers, 8);
  EXPECT_EQ(runs[1].decode.accelerators(), 4);
  EXPECT_EQ(runs[1].decode.shard.expert, 1);  // 0 stands for none
  EXPECT_FALSE(runs[1].draws_lengths);
  EXPECT_FALSE(runs[1].tpot_ms);
}

TEST_F(ServingMeasurementsTest, UnusableRowsKeepTheirPlaceAndTheirReason) {
  const auto row = [](const char* backend, const char* mode, const char* isl, const char* c,
                      const char* tp, const char* ep, const char* spec, const char* tpot,
                      const char* primary = "1") {
    return std::string("g,inferencex,m,m,h100_sxm,") + backend + ",1,fp8,fp8," + mode + "," + isl +
           ",100," + c + "," + tp + ",1," + ep + ",,,,,,,,,,," + spec + ",1," + tpot + "," +
           primary + "\n";
  };
  const auto runs = read(row("tgi", "agg", "100", "4", "2", "1", "none", "1") +
                         row("vllm", "both", "100", "4", "2", "1", "none", "1") +
                         row("vllm", "agg", "-5", "4", "2", "1", "none", "1") +
                         row("vllm", "agg", "100", "", "2", "1", "none", "1") +
                         row("vllm", "agg", "100", "4", "2", "4", "none", "1") +
                         row("vllm", "agg", "100", "4", "2.5", "1", "none", "1") +
                         row("vllm", "agg", "100", "4", "2", "1", "mtp", "1") +
                         row("vllm", "agg", "100", "4", "2", "1", "none", "nan") +
                         row("vllm", "disagg", "100", "4", "2", "1", "none", "1") +
                         row("vllm", "agg", "100", "1.5", "2", "1", "none", "1") +
                         row("vllm", "agg", "100", "4", "0", "1", "none", "1") +
                         row("vllm", "agg", "100", "4", "2", "1", "eagle3", "1") +
                         row("vllm", "agg", "100", "4", "2", "1", "none", "1", "yes") +
                         row("vllm", "agg", "100", "4", "2", "1", "none", "1", "0.5") +
                         row("vllm", "agg", "100", "4", "2", "1", "none", "1", "1.0"));
  const char* expected[] = {"backend tgi is unknown",
                            "mode is neither agg nor disagg",
                            "isl_tokens is out of range",
                            "concurrency is missing",
                            "moe_ep does not divide the ranks",
                            "attn_tp is no count",
                            "speculative decoding without an acceptance length",
                            "tpot_ms is no number",
                            "prefill_workers is missing",
                            "concurrency is no count",
                            "attn_tp is out of range",
                            "speculative decoding without an acceptance length",
                            "primary is no number",
                            "primary is neither 0 nor 1",
                            ""};
  ASSERT_EQ(runs.size(), std::size(expected));
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(runs[i].reason, expected[i]) << i;
}

TEST_F(ServingMeasurementsTest, MissingColumnIsBadInput) {
  path_ = testing::TempDir() + "serving_runs_test.csv";
  std::ofstream(path_) << "group_id,model\ng,m\n";
  EXPECT_THROW(read_serving_measurements(path_), InputError);
  EXPECT_THROW(read_serving_measurements("no_such_file.csv"), InputError);
}

TEST(ServingPrecisionTest, FollowsTheCheckpoint) {
  using workload::GemmFormat;
  using workload::NumberFormat;
  workload::ModelArchitecture dense, mixture, gpt_oss;
  dense.n_dense_ffn = 1;
  mixture.n_moe = gpt_oss.n_moe = 1;
  gpt_oss.model_type = "gpt_oss";
  ServingMeasurement run;
  run.framework = parallel::Framework::kVllm;
  run.precision = "fp8";
  EXPECT_EQ(serving_precision(run, dense, false).ffn, GemmFormat::kFp8);
  EXPECT_EQ(serving_precision(run, dense, false).kv_cache, NumberFormat::kFp8);
  EXPECT_EQ(serving_precision(run, mixture, false).experts, GemmFormat::kFp8Block);
  EXPECT_EQ(serving_precision(run, mixture, false).kv_cache, NumberFormat::kBf16);
  EXPECT_EQ(serving_precision(run, mixture, true).kv_cache, NumberFormat::kFp8);
  workload::ModelArchitecture llama_4 = mixture;
  llama_4.model_type = "llama4_text";
  EXPECT_EQ(serving_precision(run, llama_4, false).experts, GemmFormat::kFp8Block);
  run.framework = parallel::Framework::kTrtllm;
  EXPECT_EQ(serving_precision(run, llama_4, false).experts, GemmFormat::kFp8);
  EXPECT_EQ(serving_precision(run, mixture, false).experts, GemmFormat::kFp8Block);
  run.framework = parallel::Framework::kVllm;
  run.precision = "fp4";
  EXPECT_EQ(serving_precision(run, dense, true).projections, GemmFormat::kNvfp4);
  EXPECT_EQ(serving_precision(run, mixture, true).projections, GemmFormat::kBf16);
  EXPECT_EQ(serving_precision(run, mixture, true).experts, GemmFormat::kNvfp4);
  EXPECT_EQ(serving_precision(run, mixture, true).output_projection(), GemmFormat::kBf16);
  EXPECT_EQ(serving_precision(run, mixture, true).head, GemmFormat::kBf16);
  mixture.model_type = "deepseek_v3";
  EXPECT_EQ(serving_precision(run, mixture, true).output_projection(), GemmFormat::kNvfp4);
  EXPECT_EQ(serving_precision(run, mixture, true).projections, GemmFormat::kBf16);
  EXPECT_EQ(serving_precision(run, mixture, false).experts, GemmFormat::kNvfp4Weights);
  EXPECT_EQ(serving_precision(run, mixture, false).projections, GemmFormat::kBf16);
  EXPECT_EQ(serving_precision(run, mixture, false).output_projection(), GemmFormat::kNvfp4Weights);
  EXPECT_EQ(serving_precision(run, gpt_oss, true).experts, GemmFormat::kMxfp4Mxfp8);
  EXPECT_EQ(serving_precision(run, gpt_oss, false).experts, GemmFormat::kMxfp4Weights);
  run.precision = "int4";
  EXPECT_EQ(serving_precision(run, mixture, false).experts, GemmFormat::kInt4Weights);
  EXPECT_EQ(serving_precision(run, mixture, false).projections, GemmFormat::kBf16);
  run.precision = "bf16";
  EXPECT_EQ(serving_precision(run, mixture, true).kv_cache, NumberFormat::kBf16);
}

}  // namespace
}  // namespace astrolabe::study
