#include "astrolabe/parallel/expert_kernels.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "astrolabe/base/error.h"

namespace astrolabe::parallel {
namespace {

class ExpertKernelsTest : public testing::Test {
 protected:
  ExpertKernels read(const std::string& rows) {
    std::ofstream(path_) << "framework,before,dtype,kernel,source,locator,note\n" << rows;
    return ExpertKernels::read(path_);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_ = testing::TempDir() + "expert_kernels_test.csv";
};

TEST_F(ExpertKernelsTest, ReleasesBeforeTheRowRunItsKernel) {
  const ExpertKernels k = read("vllm,0.20.0,bfloat16,moe_triton,,,\nvllm,0.15,fp8,old,,,\n");
  EXPECT_EQ(k.of(Framework::kVllm, "0.9.2", "bfloat16"), "moe_triton");
  EXPECT_EQ(k.of(Framework::kVllm, "0.19.1", "bfloat16"), "moe_triton");
  EXPECT_EQ(k.of(Framework::kVllm, "0.20.0rc1", "bfloat16"), "moe_triton");
  EXPECT_EQ(k.of(Framework::kVllm, "0.20.0", "bfloat16"), "");
  EXPECT_EQ(k.of(Framework::kVllm, "0.14.1", "fp8"), "old");
  EXPECT_EQ(k.of(Framework::kVllm, "0.15.0", "fp8"), "");
  EXPECT_EQ(k.of(Framework::kSglang, "0.5.9", "bfloat16"), "");
  EXPECT_EQ(k.of(Framework::kVllm, "", "bfloat16"), "");
  EXPECT_EQ(k.of(Framework::kVllm, "nightly", "bfloat16"), "");
}

TEST_F(ExpertKernelsTest, BadRowsAreNamed) {
  for (const char* row :
       {"tensorrt,0.20.0,bfloat16,x,,,\n", "vllm,soon,bfloat16,x,,,\n", "vllm,,bfloat16,x,,,\n",
        "vllm,0.20.0,,x,,,\n", "vllm,0.20.0,bfloat16,,,,\n"}) {
    EXPECT_THROW(read(row), InputError) << row;
  }
  EXPECT_THROW(ExpertKernels::read("no_such_file.csv"), InputError);
}

TEST(ExpertKernelsFileTest, TheOneThatShipsIsRead) {
  const auto k = ExpertKernels::read(ASTROLABE_SOURCE_DIR "/data/serving/kernels.csv");
  EXPECT_EQ(k.of(Framework::kVllm, "0.11.1", "bfloat16"), kTritonExperts);
}

}  // namespace
}  // namespace astrolabe::parallel
