#include "astrolabe/network/engine_collectives.h"

#include <gtest/gtest.h>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

const std::string kData = ASTROLABE_SOURCE_DIR "/data";

const NetworkPredictor& tables() {
  static const NetworkPredictor predictor =
      NetworkPredictor::load(catalog::Catalog::load(kData), kData);
  return predictor;
}

TimeCurve constant(double microseconds) {
  return TimeCurve({[=](double) { return 1e-6 * microseconds; }, [](double) { return 0.0; }},
                   nullptr, {}, {});
}

TEST(EngineCollectivesTest, TheFastestSumOfCallsCounts) {
  const FastestWay way({{constant(5), constant(6)}, {constant(10)}, {constant(20)}});
  EXPECT_DOUBLE_EQ(way.at(1.0).time.in(units::microsecond), 10);
}

TEST(EngineCollectivesTest, AllReduceTakesTheCustomKernelOrTheLibrary) {
  // data/measurements/collectives, h100_sxm, 8 GPUs, all_reduce, TensorRT-LLM 1.3.0rc20: 4 KiB
  // takes 3.528 us (NCCL 16.0); 1 GiB in the custom rows is the library's time.
  const EngineCollectives engine(tables(), "h100_sxm", "trtllm", "1.3.0rc20");
  const FastestWay reduce = engine.collective(Operation::kAllReduce, 8);
  EXPECT_NEAR(reduce.at(4096.0 * units::byte).time.in(units::microsecond), 3.528, 0.02);
  EXPECT_EQ(reduce.at(4096.0 * units::byte).evidence, Evidence::kMeasured);
  const FastestWay gather = engine.collective(Operation::kAllGather, 8);
  EXPECT_NEAR(gather.at(1048576.0 * units::byte).time.in(units::microsecond), 17.13, 0.1);
}

TEST(EngineCollectivesTest, ExchangesOfEveryEngineGrowWithTokensAndRespectTheLink) {
  for (const char* framework : {"trtllm", "sglang", "vllm"}) {
    for (const char* system : {"gb200", "h200_sxm"}) {
      const EngineCollectives engine(tables(), system, framework);
      for (const int ranks : {4, 8, 32}) {
        const FastestWay way = engine.exchange(ranks, 7168, 8, 256, "fp8");
        Duration last;
        for (double tokens = 1; tokens < 2e5; tokens *= 4) {
          const Duration t = way.at(tokens).time;
          EXPECT_GT(t.base(), last.base() * (1 - 1e-9)) << framework << system << ranks;
          last = t;
        }
        EXPECT_GT(way.at(1.0).time.in(units::microsecond), 5);
      }
    }
  }
}

TEST(EngineCollectivesTest, UnknownEnginesAndSystemsAreErrors) {
  EXPECT_THROW(EngineCollectives(tables(), "h100_sxm", "triton"), InputError);
  EXPECT_THROW(EngineCollectives(tables(), "h1", "vllm"), InputError);
}

}  // namespace
}  // namespace astrolabe::network
