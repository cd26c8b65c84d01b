// Lint of the real data/ directory: what the reader does not ask of a table but we ask of ours.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <string>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::catalog {
namespace {

const Catalog& real_catalog() {
  static const Catalog catalog = Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

// "2026-11-23", in UTC.
std::string today() {
  const auto now = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date(now);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

template <class Check>
void for_each_fact(Check check) {
  for (const std::string& kind : real_catalog().kinds()) {
    for (const std::string& entity : real_catalog().entities(kind)) {
      for (const Fact* f : real_catalog().facts_of(entity)) check(*f);
    }
  }
}

TEST(Data, LoadsAndHasModels) {
  const Catalog& c = real_catalog();
  EXPECT_EQ(c.entities("models").size(), 46u);
  // meta-llama/Meta-Llama-3.1-70B, config.json: 80 layers of 8,192.
  EXPECT_EQ(c.get_number("llama_3_1_70b", "layers"), 80);
  EXPECT_EQ(c.get_number("llama_3_1_70b", "hidden"), 8192);
}

TEST(Data, NoFactIsFromTheFuture) {
  // ISO dates compare as text; a shorter date ("2026-11") sorts before the days it contains.
  for_each_fact(
      [](const Fact& f) { EXPECT_LE(f.as_of, today()) << f.position.text() << " " << f.key(); });
}

TEST(Data, EveryRowSaysWhereInItsSource) {
  for_each_fact([](const Fact& f) {
    EXPECT_FALSE(f.locator.empty()) << f.position.text() << " " << f.key();
  });
}

TEST(Data, EveryEstimateSaysWhy) {
  const std::size_t shortest = 25;  // "ESTIMATE: " and a few words
  for_each_fact([&](const Fact& f) {
    if (real_catalog().sources().at(f.source).grade != "estimate" || f.is_missing()) return;
    EXPECT_EQ(f.note.rfind("ESTIMATE", 0), 0u) << f.position.text() << " " << f.note;
    EXPECT_GE(f.note.size(), shortest) << f.position.text();
  });
}

TEST(Data, EveryMissingFactSaysSo) {
  for_each_fact([](const Fact& f) {
    if (!f.is_missing()) return;
    EXPECT_EQ(f.note.rfind("missing", 0), 0u) << f.position.text() << " " << f.note;
  });
}

TEST(Data, EverySourceIsUsedAndFindable) {
  std::set<std::string> used;
  for_each_fact([&](const Fact& f) { used.insert(f.source); });
  for (const auto& [id, s] : real_catalog().sources()) {
    EXPECT_TRUE(used.contains(id)) << s.position.text() << ": no fact rests on " << id;
    EXPECT_TRUE(!s.url.empty() || !s.note.empty()) << s.position.text() << ": " << id;
  }
}

TEST(Data, UnitsAndRangesFollowTheSchema) {
  std::map<std::pair<std::string, std::string>, const AttributeSchema*> schema;
  for (const AttributeSchema& s : real_catalog().schema()) schema[{s.kind, s.attribute}] = &s;
  for_each_fact([&](const Fact& f) {
    const std::string name = f.attribute.substr(0, f.attribute.find('@'));
    const AttributeSchema& s = *schema.at({real_catalog().kind_of(f.entity), name});
    if (!f.value) return;
    const auto unit = parse_unit(f.unit_text);
    ASSERT_TRUE(unit) << f.position.text();
    EXPECT_TRUE(s.accepts_any_unit() || unit->dim == s.unit.dim) << f.position.text();
    EXPECT_LE(f.low.value_or(*f.value), *f.value) << f.position.text();
    EXPECT_GE(f.high.value_or(*f.value), *f.value) << f.position.text();
  });
}

}  // namespace
}  // namespace astrolabe::catalog
