#include "astrolabe/parallel/engine.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace astrolabe::parallel {
namespace {

class EngineTest : public testing::Test {
 protected:
  std::string write(const std::string& rows) {
    path_ = testing::TempDir() + "engines_test.csv";
    std::ofstream(path_) << "framework,version,constant,value,unit\n" << rows;
    return path_;
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_;
};

std::string complete() {
  return "any,,kernel,2,us\nany,,prefill_slow_dense,0,1\nany,,prefill_slow_moe,0.5,1\n"
         "any,,sequence,0,us\nany,,eager_layer,0,ms\nany,,prompt_layer,0,ms\n"
         "any,,preempts,0,1\n"
         "any,,host,1,ms\nany,,expert_rows,1,rows\nany,,sampling,10,us\nany,,first_token,5,ms\n"
         "any,,first_token_per_request,0,ms\nany,,pool_first_token,100,ms\n"
         "any,,pool_first_token_per_request,0,ms\nany,,runtime_reserve,4,GiB\nany,,memory_share,1,"
         "1\n"
         "any,,kv_share,0.9,1\nany,,tpot_band,0,1\nany,,pool_tpot_band,0,1\nany,,ttft_band,0,"
         "1\nany,,pool_ttft_band,0,1\nany,,power_band,0,1\nany,,search_band,0,1\n"
         "any,,token_budget,8192,tokens\nany,,answer_reserve,1,1\n"
         "any,,max_sequences,256,sequences\nany,,balance_wait,0,iterations\n"
         "any,,graph_capture,1,GiB\nany,,block_tokens,16,tokens\n"
         "any,,two_batch_overlap,0,1\nany,,exchange_share,0,1\n";
}

TEST_F(EngineTest, VersionBeatsFrameworkBeatsAny) {
  const EngineTable table =
      EngineTable::read(write(complete() + "vllm,,kernel,3,us\nvllm,0.17.0,kernel,4,us\n"));
  const auto kernel = [&](Framework f, const char* version) {
    return table.engine(f, version).constants.kernel.in(units::microsecond);
  };
  EXPECT_NEAR(kernel(Framework::kTrtllm, "1.2.0"), 2, 1e-12);
  EXPECT_NEAR(kernel(Framework::kVllm, "0.19.0"), 3, 1e-12);
  EXPECT_NEAR(kernel(Framework::kVllm, "0.17.0"), 4, 1e-12);
}

TEST_F(EngineTest, BadRowsAreNamed) {
  for (const char* row : {"tensorrt,,kernel,2,us\n", "any,,kernels,2,us\n", "vllm,,kernel,2,ms\n",
                          "vllm,,kernel,nan,us\n", "vllm,,kernel,-1,us\n", "any,,kernel,3,us\n"}) {
    EXPECT_THROW(EngineTable::read(write(complete() + row)), InputError) << row;
  }
  const EngineTable table = EngineTable::read(write("any,,kernel,2,us\n"));
  EXPECT_THROW(table.engine(Framework::kVllm, ""), InputError);
}

TEST_F(EngineTest, TableOfTheRepositoryIsCompleteForEveryFramework) {
  const EngineTable table = EngineTable::read(ASTROLABE_SOURCE_DIR "/data/fitted/engines.csv");
  for (int f = 0; f < kFrameworks; ++f) {
    const Engine e = table.engine(static_cast<Framework>(f), "");
    EXPECT_GE(e.schedule.token_budget, 2048) << framework_name(e.framework);
    EXPECT_EQ(find_framework(framework_name(e.framework)), e.framework);
  }
}

}  // namespace
}  // namespace astrolabe::parallel
