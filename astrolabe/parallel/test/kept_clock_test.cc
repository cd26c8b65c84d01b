#include "astrolabe/parallel/kept_clock.h"

#include <gtest/gtest.h>

#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {
namespace {

TEST(KeptClockTest, AsksOnceForEachShape) {
  int asked = 0;
  const HandClock source([&asked](const workload::Operator& op) {
    ++asked;
    const auto* gemm = std::get_if<workload::GemmShape>(&op.shape);
    return gemm != nullptr ? gemm->m + 1000 * gemm->n : 7.0;
  });
  const KeptClock kept(source);
  for (int i = 0; i < 3; ++i) {
    for (const double m : {1.0, 2.0, 1.5}) {
      const workload::Operator op = workload::make_gemm({.m = m, .n = 3, .k = 5});
      EXPECT_DOUBLE_EQ(kept.time(op).in(units::microsecond), m + 3000);
    }
  }
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(kept.size(), 3u);
}

TEST(KeptClockTest, KindAndEveryFieldOfAShapeCount) {
  int asked = 0;
  const HandClock source([&asked](const workload::Operator&) { return ++asked; });
  const KeptClock kept(source);
  const workload::AttentionShape base{
      .sequences = 2, .context = 10, .heads = 4, .kv_heads = 2, .head_dim = 64};
  workload::AttentionShape window = base, cache = base;
  window.window = 128;
  cache.kv_cache = workload::NumberFormat::kFp8;
  for (const auto& shape : {base, window, cache}) {
    kept.time(workload::make_attention_decode(shape));
    kept.time(workload::make_attention_prefill(shape));
  }
  kept.time(workload::make_attention_decode(base));
  EXPECT_EQ(asked, 6);
}

}  // namespace
}  // namespace astrolabe::parallel
