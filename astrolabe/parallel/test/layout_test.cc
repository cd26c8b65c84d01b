#include "astrolabe/parallel/layout.h"

#include <gtest/gtest.h>

#include <set>

#include "astrolabe/base/error.h"
#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {
namespace {

std::string conflict(const workload::ModelArchitecture& m, workload::ShardDegrees s) {
  return layout_conflict(m, small_accelerator(), {s});
}

TEST(LayoutTest, DegreesMustDivide) {
  EXPECT_EQ(conflict(small_dense(), {.tensor = 8}), "");  // 4 KV heads, each on two ranks
  EXPECT_NE(conflict(small_dense(), {.tensor = 3}).find("heads 16"), std::string::npos);
  EXPECT_NE(conflict(small_mixture(), {.data = 5, .expert = 5}).find("expert slots 32"),
            std::string::npos);
  EXPECT_EQ(conflict(small_mixture(), {.data = 5, .expert = 5, .redundant_experts = 3}), "");
}

TEST(LayoutTest, TensorGroupsStayInsideTheDomain) {
  EXPECT_NE(conflict(small_dense(), {.tensor = 16}).find("scale-up domain of 8"),
            std::string::npos);
}

TEST(LayoutTest, DenseModelsAreCopiedNotSpread) {
  EXPECT_NE(conflict(small_dense(), {.data = 2}), "");
  EXPECT_NE(conflict(small_dense(), {.tensor = 2, .expert = 2}), "");
}

TEST(LayoutTest, CandidatesFillTheLimitAndAreDistinct) {
  int largest = 0, buildable = 0;
  std::set<std::string> names;
  for (const Layout& l : candidate_layouts(small_mixture(), small_accelerator(), 32)) {
    EXPECT_TRUE(names.insert(l.text()).second) << l.text();
    EXPECT_LE(l.accelerators(), 32) << l.text();
    if (!layout_conflict(small_mixture(), small_accelerator(), l).empty()) continue;
    largest = std::max(largest, l.accelerators());
    ++buildable;
  }
  EXPECT_EQ(largest, 32);
  EXPECT_GT(buildable, 20);
}

TEST(LayoutTest, TextNamesWhatIsSplit) {
  const Layout l{{.tensor = 2, .data = 4, .expert = 8}};
  EXPECT_EQ(l.text(), "TP2 DP4 EP8");
  EXPECT_EQ(l.accelerators(), 8);
  EXPECT_EQ((Layout{{.tensor = 2, .pipeline = 3}}.accelerators()), 6);
}

Layout parse(const char* text) { return parse_layout(small_mixture(), small_accelerator(), text); }

TEST(LayoutTest, ParsedDegreesAreTheWritten) {
  EXPECT_EQ(parse("TP8 EP8 DP1 PP1").text(), "TP8 EP8");
  EXPECT_EQ(parse("pp2 tp4").text(), "TP4 PP2");
  EXPECT_EQ(parse("DP5 EP5").shard.redundant_experts, 3);  // 32 experts in 35 slots
  EXPECT_EQ(parse("DP8 EP8").shard.redundant_experts, 0);
  EXPECT_EQ(parse("DP12 EP12").shard.redundant_experts, 4);   // beyond a domain of 8: an eighth
  EXPECT_EQ(parse("DP16 EP16").shard.redundant_experts, 16);  // 32 + 4, and to the next multiple
}

TEST(LayoutTest, WhatIsNoLayoutIsRefused) {
  for (const char* text : {"", " ", "TP", "TP0", "TP-1", "TP8x", "TP8 TP8", "XP3", "8",
                           "TP99999999999", "TP100000 DP100000", "T"}) {
    EXPECT_THROW(parse(text), InputError) << text;
  }
}

}  // namespace
}  // namespace astrolabe::parallel
