#include "astrolabe/study/serving_recipes.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "astrolabe/base/error.h"
#include "astrolabe/parallel/expert_kernels.h"
#include "astrolabe/study/serving_measurements.h"

namespace astrolabe::study {
namespace {

class ServingRecipesTest : public testing::Test {
 protected:
  ServingRecipes read(const std::string& rows) {
    path_ = testing::TempDir() + "serving_recipes_test.csv";
    std::ofstream(path_) << "family,model,system,framework,precision,until,prompt,answer,"
                            "tensor_from,tensor_to,concurrency_from,concurrency_to,decode_workers,"
                            "decode_accelerators,setting,value,source,locator,note\n"
                         << rows;
    return ServingRecipes::read(path_);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_;
};

ServingMeasurement four_ranks() {
  ServingMeasurement run;
  run.source = "inferencex";
  run.model = "m";
  run.system = "b200_sxm";
  run.framework = parallel::Framework::kSglang;
  run.precision = "fp4";
  run.day = "2025-11-10";
  run.prompt = run.answer = 1024;
  run.concurrency = 16;
  run.engine.shard.tensor = 4;
  return run;
}

TEST_F(ServingRecipesTest, LayoutAndServerOfTheRunsThatMatch) {
  const ServingRecipes recipes = read(
      "inferencex,m,,sglang,fp4,2025-11-17,,,4,4,16,,,,attention_parallel,1,,,\n"
      "inferencex,m,,sglang,fp4,2025-11-17,,,4,4,,,,,expert_parallel,1,,,\n"
      ",,,sglang,,,,,,,,15,,,poll_interval,10,,,\n"
      ",,,sglang,,,,,,,16,,,,poll_interval,30,,,\n"
      ",,,sglang,,,,,,,,,,,triton_experts,1,,,\n"
      ",,,vllm,,,,,,,,,,,max_sequences,64,,,\n");
  ServingMeasurement run = four_ranks();
  recipes.apply(&run);
  EXPECT_EQ(run.engine.shard.tensor, 1);
  EXPECT_EQ(run.engine.shard.data, 4);
  EXPECT_EQ(run.engine.shard.expert, 4);
  EXPECT_EQ(run.server.poll_interval, 30);
  EXPECT_EQ(run.server.experts, parallel::kTritonExperts);
  EXPECT_FALSE(run.server.max_sequences);
  run = four_ranks();
  run.day = "2025-11-18";
  run.concurrency = 8;
  recipes.apply(&run);
  EXPECT_EQ(run.engine.shard.tensor, 4);
  EXPECT_EQ(run.engine.shard.expert, 1);
  EXPECT_EQ(run.server.poll_interval, 10);
}

TEST_F(ServingRecipesTest, EnginesOfADeploymentShareItsConcurrency) {
  const ServingRecipes recipes = read(",m,,,,,1024,1024,,,,,,,accelerators,64,,,\n");
  ServingMeasurement run = four_ranks();
  recipes.apply(&run);
  EXPECT_EQ(run.engine.workers, 16);
  run = four_ranks();
  run.is_disaggregated = true;
  recipes.apply(&run);
  EXPECT_EQ(run.engine.workers, 1);
}

TEST_F(ServingRecipesTest, PoolsHaveSettingsOfTheirOwn) {
  const ServingRecipes recipes = read(
      ",m,,,,,,,,,10,180,5,8,decode_max_sequences,32,,,\n"
      ",m,,,,,,,,,6,6,5,8,decode_max_sequences,1,,,\n"
      ",m,,,,,,,,,,,,,prefill_tokens,20000,,,\n"
      ",m,,,,,,,,,,,,,max_sequences,7,,,\n");
  ServingMeasurement run = four_ranks();
  run.is_disaggregated = true;
  run.decode.workers = 5;
  run.decode.shard.data = 8;
  recipes.apply(&run);
  EXPECT_EQ(run.server.max_sequences, 32);
  EXPECT_EQ(run.server.prefill_tokens, 20000);
  run.concurrency = 6;
  recipes.apply(&run);
  EXPECT_EQ(run.server.max_sequences, 1);
  run = four_ranks();  // one engine
  recipes.apply(&run);
  EXPECT_EQ(run.server.max_sequences, 7);
  EXPECT_FALSE(run.server.prefill_tokens);
}

TEST_F(ServingRecipesTest, UnknownSettingsAndValuesAreBadInput) {
  EXPECT_THROW(read(",,,,,,,,,,,,,,polls,10,,,\n"), InputError);
  EXPECT_THROW(read(",,,,,,,,,,,,,,poll_interval,0,,,\n"), InputError);
  EXPECT_THROW(read(",,,,,,long,,,,,,,,poll_interval,10,,,\n"), InputError);
  EXPECT_THROW(ServingRecipes::read("no_such_file.csv"), InputError);
}

TEST(ServingRecipesFileTest, TheOneThatShipsIsRead) {
  const ServingRecipes recipes =
      ServingRecipes::read(ASTROLABE_SOURCE_DIR "/data/serving/recipes.csv");
  ServingMeasurement run = four_ranks();
  run.model = "openai/gpt-oss-120b";
  run.system = "h100_sxm";
  run.framework = parallel::Framework::kVllm;
  run.concurrency = 512;
  recipes.apply(&run);
  EXPECT_EQ(run.server.max_sequences, 64);
}

}  // namespace
}  // namespace astrolabe::study
