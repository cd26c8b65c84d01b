#include "astrolabe/study/published_measurements.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <iterator>

#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"

namespace astrolabe::study {
namespace {

ServingNames names() {
  static const auto catalog = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
  return ServingNames::read(catalog, ASTROLABE_SOURCE_DIR "/data/serving/names.csv");
}

std::vector<ServingMeasurement> read(const std::string& text) {
  static const auto catalog = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
  static const auto context = ServingContext::read(catalog, ASTROLABE_SOURCE_DIR "/data");
  return read_published_measurements(CsvTable::parse(text, "published.csv"), context);
}

TEST(ServingNamesTest, EditionsOfAModelHaveItsShapes) {
  const ServingNames n = names();
  EXPECT_EQ(n.model("Qwen/Qwen3-30B-A3B-Instruct-2507"), "Qwen/Qwen3-30B-A3B");
  EXPECT_EQ(n.model("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8"), "Qwen/Qwen3-235B-A22B");
  EXPECT_EQ(n.model("Llama-3.1-8B"), "meta-llama/Meta-Llama-3.1-8B");
  EXPECT_EQ(n.model("DeepSeek-R1-0528"), "deepseek-ai/DeepSeek-R1");
  EXPECT_EQ(n.model("meta-llama/Llama-3.3-70B-Instruct"), "meta-llama/Meta-Llama-3.1-70B");
  EXPECT_EQ(n.model("zai-org/GLM-5-FP8"), "zai-org/GLM-5-FP8");  // of the catalogue itself
  // A number is no edition: another model, and one that nobody knows.
  EXPECT_EQ(n.model("zai-org/GLM-5.2"), "zai-org/GLM-5.2");
  EXPECT_EQ(n.model("GPT-J-6B"), "GPT-J-6B");
  EXPECT_EQ(n.system("h100-80gb"), "h100_sxm");
  EXPECT_EQ(n.system("b300"), "b300_sxm");
  EXPECT_EQ(n.system("MI325X"), "mi325x");      // by its own name
  EXPECT_EQ(n.system("gb200_nvl72"), "gb200");  // by that of its accelerator
  EXPECT_EQ(n.system("abacus"), "abacus");
  EXPECT_EQ(ServingNames().model("Llama-3.1-8B"), "Llama-3.1-8B");
}

TEST(PublishedMeasurements, SweepsHaveMediansAndARate) {
  const auto rows = read(
      "model,backend,tp,isl,osl,concurrency,num_prompts,duration_s,median_ttft_ms,median_tpot_ms,"
      "date,file,system\n"
      "zai-org/GLM-5-FP8,vllm,8,1024,128,16,160,100,300,20.5,20260213-135636,f,h200_sxm\n"
      "zai-org/GLM-5-FP8,tgi,8,1024,128,16,160,100,300,20.5,20260213-135636,f,h200_sxm\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].reason, "");
  EXPECT_EQ(rows[0].precision, "fp8");
  EXPECT_EQ(rows[0].day, "2026-02-13");
  EXPECT_EQ(rows[0].accelerators(), 8);
  EXPECT_EQ(rows[0].tpot_ms, 20.5);
  EXPECT_NEAR(*rows[0].output_rate, 160 * 128 / 100.0 / 8, 1e-9);
  EXPECT_FALSE(rows[0].draws_lengths);
  EXPECT_EQ(rows[1].reason, "backend tgi is unknown");
}

TEST(PublishedMeasurements, BatchesAreOfAnEngineWithoutGraphs) {
  const auto rows = read(
      "model,hardware,tp,prompt_tokens,batch,output_tokens,prompt_ms,token_ms\n"
      "llama2-70b,a100-80gb,4,512,16,128,900,50\n"
      "llama2-70b,a100-80gb,4,512,1.5,128,900,50\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].reason, "");
  EXPECT_EQ(rows[0].load, ServingLoad::kBatch);
  EXPECT_EQ(rows[0].framework, parallel::Framework::kVllm);
  EXPECT_EQ(rows[0].version, "0.2");
  EXPECT_EQ(rows[0].concurrency, 16);
  EXPECT_EQ(rows[0].ttft_ms, 900);
  EXPECT_EQ(rows[1].reason, "batch is no count");
}

std::string figure(const std::string& cells) {
  return "id,model,accelerator,n_accelerators,precision,framework,isl,osl,concurrency_or_batch,tp,"
         "pp,ep,metric,value,unit,source\n" +
         cells;
}

TEST(PublishedMeasurements, FiguresHaveOneMetricARow) {
  const auto rows = read(figure(
      "a,Llama-3.1-8B,H200,2,FP8,TensorRT-LLM 1.0,128,128,max-load (all requests queued),2,1,,"
      "output_tokens_per_s_total,5000,tok/s,s\n"
      "b,Qwen/Qwen3-8B,H100,1,bfloat16,vLLM (ML.ENERGY),gpqa,700,max_num_seqs=8; avg_batch=7,1,1,1,"
      "itl_p50,9,ms,s\n"
      "c,deepseek-ai/DeepSeek-R1,B200,8,fp8,vLLM (ML.ENERGY),gpqa,700,avg_batch=7,1,1,8,itl_p50,9,"
      "ms,s\n"
      "d,DeepSeek-R1,GB200,4,FP4,TensorRT-LLM (1.x),1000,1000,max-load,1,1,4,"
      "output_tokens_per_s_per_gpu,600,tok/s/GPU,s\n"
      "e,Llama-7B,H200,1,FP8,TensorRT-LLM 0.9.0,128,1,1,1,1,,first_token_latency,5.9,ms,s\n"));
  ASSERT_EQ(rows.size(), 5u);
  for (const ServingMeasurement& m : rows) {
    EXPECT_EQ(m.reason, "");
    EXPECT_TRUE(m.has_one_metric);
  }
  EXPECT_EQ(rows[0].load, ServingLoad::kQueued);
  EXPECT_EQ(rows[0].version, "1.0");
  EXPECT_EQ(rows[0].precision, "fp8");
  EXPECT_EQ(*rows[0].output_rate, 2500);
  EXPECT_EQ(rows[1].load, ServingLoad::kClosedLoop);
  EXPECT_EQ(rows[1].precision, "bf16");
  EXPECT_EQ(rows[1].version, "0.11.1");
  EXPECT_EQ(rows[1].concurrency, 7);
  EXPECT_EQ(rows[1].server.max_sequences, 8);
  EXPECT_EQ(rows[1].prompt, 250);  // names.csv
  EXPECT_TRUE(rows[1].is_sampled);
  EXPECT_TRUE(rows[1].varies_lengths);
  EXPECT_TRUE(rows[1].is_median_interval);
  EXPECT_FALSE(rows[4].varies_lengths);
  EXPECT_EQ(rows[2].engine.shard.tensor, 8);  // vLLM's experts follow the cut of attention
  EXPECT_EQ(rows[2].engine.shard.expert, 8);
  EXPECT_EQ(rows[3].engine.shard.data, 4);
  EXPECT_EQ(rows[3].engine.shard.expert, 4);
  EXPECT_EQ(*rows[3].output_rate, 600);
  EXPECT_EQ(rows[4].load, ServingLoad::kBatch);
  EXPECT_EQ(*rows[4].ttft_ms, 5.9);
}

TEST(PublishedMeasurements, FiguresThatCannotBeUsedSayWhy) {
  const std::string reasons[] = {"metric cost_per_day is not one that is predicted",
                                 "framework FuriosaSDK is unknown",
                                 "precision fp6 is unknown",
                                 "concurrency_or_batch is neither a count nor max-load",
                                 "pp is not 1: the engine has no pipeline stages",
                                 "tp does not divide n_accelerators",
                                 "isl is no number",
                                 "value is out of range",
                                 "max_num_seqs is no count"};
  const auto rows =
      read(figure("a,m,H200,1,FP8,vLLM 1,128,128,1,1,1,,cost_per_day,5,USD,s\n"
                  "b,m,H200,1,FP8,FuriosaSDK,128,128,1,1,1,,itl_p50,5,ms,s\n"
                  "c,m,H200,1,fp6,vLLM 1,128,128,1,1,1,,itl_p50,5,ms,s\n"
                  "d,m,H200,1,FP8,vLLM 1,128,128,Offline,1,1,,itl_p50,5,ms,s\n"
                  "e,m,H200,2,FP8,vLLM 1,128,128,1,1,2,,itl_p50,5,ms,s\n"
                  "f,m,H200,3,FP8,vLLM 1,128,128,1,2,1,,itl_p50,5,ms,s\n"
                  "g,m,H200,1,FP8,vLLM 1,a set,128,1,1,1,,itl_p50,5,ms,s\n"
                  "h,m,H200,1,FP8,vLLM 1,128,128,1,1,1,,itl_p50,-5,ms,s\n"
                  "i,m,H200,1,FP8,vLLM 1,128,128,max_num_seqs=x; avg_batch=1,1,1,,itl_p50,5,ms,"
                  "s\n"));
  ASSERT_EQ(rows.size(), std::size(reasons));
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].reason, reasons[i]);
}

TEST(PublishedMeasurements, MlperfIsOfTheBestLayout) {
  const auto rows = read(figure(
      "a,llama2-70b-99.9,NVIDIA H200-SXM-141GB,8,fp8,MLPerf Inf v5.1 Server; TensorRT 10.11,,,"
      "Server,,,,mlperf_server_throughput,32000,tok/s,s\n"
      "b,llama2-70b-99,AMD Instinct MI300X 192GB HBM3,16,,MLPerf Inf v6.0 Offline; ROCm,,,Offline,"
      ",,,mlperf_offline_throughput,48000,tok/s,s\n"));
  ASSERT_EQ(rows.size(), 2u);
  for (const ServingMeasurement& m : rows) {
    EXPECT_EQ(m.reason, "");
    EXPECT_EQ(m.load, ServingLoad::kSearched);
    EXPECT_EQ(m.model, "llama2-70b");
    EXPECT_EQ(m.searched.longest.prompt, 1024);
    EXPECT_NEAR(m.searched.work.output.mean(), 294.45, 1e-9);
  }
  EXPECT_EQ(rows[0].source, "mlperf v5.1");
  EXPECT_EQ(rows[0].framework, parallel::Framework::kTrtllm);
  EXPECT_FALSE(rows[0].is_framework_chosen);
  EXPECT_EQ(*rows[0].output_rate, 4000);
  EXPECT_EQ(rows[0].accelerators(), 8);
  EXPECT_TRUE(rows[0].searched.is_online);
  EXPECT_EQ(rows[0].searched.work.ttft, 2 * units::second);
  EXPECT_TRUE(rows[1].is_framework_chosen);
  EXPECT_EQ(rows[1].precision, kNarrowest);
  EXPECT_FALSE(rows[1].searched.is_online);
  EXPECT_GT(rows[1].searched.work.tpot, 1e6 * units::second);
}

TEST(PublishedMeasurements, MlperfThatCannotBeUsedSaysWhy) {
  const std::string reasons[] = {"unit Queries/s is not tok/s",
                                 "benchmark gpt-4 is not in data/serving/benchmarks.csv",
                                 "n_accelerators is missing", "precision INT8 is unknown",
                                 "speculative decoding without an acceptance length"};
  const auto rows = read(figure(
      "a,llama2-70b-99,H200,8,fp8,MLPerf Inf v5.1 Offline; vLLM,,,Offline,,,,"
      "mlperf_offline_throughput,9,Queries/s,s\n"
      "b,gpt-4,H200,8,fp8,MLPerf Inf v5.1 Offline; vLLM,,,Offline,,,,mlperf_offline_throughput,9,"
      "tok/s,s\n"
      "c,llama2-70b-99,H200,,fp8,MLPerf Inf v5.1 Offline; vLLM,,,Offline,,,,"
      "mlperf_offline_throughput,9,tok/s,s\n"
      "d,llama2-70b-99,H200,8,INT8,MLPerf Inf v5.1 Offline; vLLM,,,Offline,,,,"
      "mlperf_offline_throughput,9,tok/s,s\n"
      "e,deepseek-r1,GB300,72,fp4,MLPerf Inf v6.0 Interactive; vLLM,,,Interactive,,,,"
      "mlperf_interactive_throughput,9,tok/s,s\n"));
  ASSERT_EQ(rows.size(), std::size(reasons));
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].reason, reasons[i]);
}

TEST(PublishedMeasurements, RequestsAreReplaysByArrival) {
  const auto rows = read(
      "run,request_id,arrival_s,input_tokens,output_tokens,queue_ms,ttft_ms,tpot_ms,e2e_ms\n"
      "RTXPRO6000_Qwen3-32B,r1,2.5,100,20,0.1,30,10,220\n"
      "RTXPRO6000_Qwen3-32B,r0,1.5,200,20,0.1,40,11,250\n"
      "H100_Qwen3-8B,r0,0,100,20,0.1,nan,10,200\n"
      "H100_Qwen3-8B,r1,1,0,20,0.1,30,10,200\n"
      "H100_Qwen3-8B,r2,2,100,20,50,30,10,200\n"
      "nowhere,r0,0,100,20,0,30,10,200\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].system, "RTXPRO6000");
  EXPECT_EQ(rows[0].model, "Qwen3-32B");
  EXPECT_EQ(rows[0].version, "0.19.0");
  ASSERT_EQ(rows[0].requests.size(), 2u);
  EXPECT_EQ(rows[0].requests[0].line, 3);
  EXPECT_EQ(rows[0].requests[0].request.prompt, 200);
  EXPECT_EQ(rows[0].requests[1].ttft_ms, 30);
  ASSERT_EQ(rows[1].requests.size(), 3u);
  EXPECT_EQ(rows[1].requests[0].reason, "ttft_ms is no number");
  EXPECT_EQ(rows[1].requests[1].reason, "input_tokens is out of range");
  EXPECT_EQ(rows[1].requests[2].reason, "queue_ms is above ttft_ms");
  EXPECT_EQ(rows[2].reason, "run is not SYSTEM_MODEL");
}

TEST(PublishedMeasurements, OtherTablesAreNone) {
  EXPECT_TRUE(read("group_id,model\ng,m\n").empty());
}

TEST(ServingBenchmarksTest, BadRowsAreNamed) {
  const std::string path = testing::TempDir() + "serving_benchmarks_test.csv";
  for (const char* rows : {"b,prompt_tokens,10,tokens\n",         // no answers
                           "b,prompt_tokens,10,ms\n",             // another unit
                           "b,prompt_tokens,0,tokens\n",          // nothing
                           "b,prompt_bytes,10,tokens\n",          // no such fact
                           "b,ttft,10,ms\n",                      // of no scenario
                           "b,prompt_tokens@server,10,tokens\n",  // of one
                           "b,prompt_tokens,10,tokens\nb,prompt_tokens,10,tokens\n",
                           "b,prompt_tokens,10,tokens\nb,answer_tokens,10,tokens\n"
                           "b,answer_tokens_p90,5,tokens\n"}) {  // below the mean
    write_file_atomically(path, std::string("benchmark,fact,value,unit\n") + rows);
    EXPECT_THROW(ServingBenchmarks::read(path), InputError) << rows;
  }
  std::remove(path.c_str());
  EXPECT_FALSE(ServingBenchmarks().work("llama2-70b", "server"));
}

TEST(ServingNamesTest, BadRowsAreNamed) {
  const auto catalog = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
  const std::string path = testing::TempDir() + "serving_names_test.csv";
  for (const char* row : {"city,A,b\n", "system,A,b\nsystem,A,c\n", "prompt_tokens,A,many\n"}) {
    write_file_atomically(path, std::string("kind,published,ours\n") + row);
    EXPECT_THROW(ServingNames::read(catalog, path), InputError) << row;
  }
  std::remove(path.c_str());
}

}  // namespace
}  // namespace astrolabe::study
