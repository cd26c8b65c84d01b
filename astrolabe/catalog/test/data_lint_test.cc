// Lint of the real data/ directory: what the reader does not ask of a table but we ask of ours.

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
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
  EXPECT_EQ(c.entities("models").size(), 61u);
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
    EXPECT_TRUE(!s.url.empty() || !s.note.empty() || s.grade == "estimate") << s.position.text();
  }
}

// A maker's "36 GB" stack holds 12 dies of 24 x 2^30 bits: one convention, GiB (data/README.md).
TEST(Data, HbmCapacityIsInGiBAndNoMoreThanTheStacksHold) {
  const Catalog& c = real_catalog();
  int checked = 0;
  for (const std::string& entity : c.entities("accelerators")) {
    for (const Fact* f : c.facts(entity, "hbm_capacity")) {
      EXPECT_TRUE(f->is_missing() || f->unit_text == "GiB") << f->position.text();
    }
    if (!c.has_value(entity, "hbm_capacity") || !c.has_value(entity, "hbm_stacks")) continue;
    const std::string& product = c.get_text(entity, "hbm_product");
    const double dies =
        c.get_number(entity, "hbm_stacks") * c.get_number(product, "dies_per_stack");
    const double gbit_a_die = c.get<Bytes::kDim>(product, "die_capacity") / units::GB * 8;
    const double held_gib = dies * gbit_a_die / 8;
    const double capacity_gib = c.get<Bytes::kDim>(entity, "hbm_capacity") / units::GiB;
    EXPECT_LE(capacity_gib, held_gib + 1e-6) << entity;
    EXPECT_GE(capacity_gib, 0.92 * held_gib) << entity << ": a stack too many, or GB for GiB";
    ++checked;
  }
  EXPECT_GE(checked, 15);
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

// Nominal capacity of the stacks. A "Gbit" of DRAM has 2^30 bits, the catalogue's Gbit 1e9.
Bytes stack_capacity(const Catalog& c, const std::string& hbm) {
  constexpr double kBinary = 1073741824.0 / 1e9;
  return kBinary * c.get_number(hbm, "dies_per_stack") * c.get<Bytes::kDim>(hbm, "die_capacity");
}

TEST(Data, AcceleratorsHaveNoMoreMemoryThanTheirStacks) {
  const Catalog& c = real_catalog();
  for (const std::string& chip : c.entities("accelerators")) {
    const std::string& hbm = c.get_text(chip, "hbm_product");
    const double stacks = c.get_number(chip, "hbm_stacks");
    const double usable =
        c.get<Bytes::kDim>(chip, "hbm_capacity") / (stacks * stack_capacity(c, hbm));
    EXPECT_LE(usable, 1 + 1e-9) << chip;
    EXPECT_GE(usable, 0.75) << chip;
    const Fact* speed = c.find_fact(hbm, "stack_bandwidth");
    const double fastest = speed->high.value_or(*speed->value);
    EXPECT_LE(c.get<Bandwidth::kDim>(chip, "hbm_bandwidth").base(), stacks * fastest) << chip;
  }
}

TEST(Data, AcceleratorsDrawMoreThanTheirBoardAndFitTheReticle) {
  const Catalog& c = real_catalog();
  const Area reticle = 858.0 * units::mm2;  // 26 mm x 33 mm exposure field
  for (const std::string& chip : c.entities("accelerators")) {
    EXPECT_GT(c.get<Power::kDim>(chip, "it_power"), c.get<Power::kDim>(chip, "tdp")) << chip;
    EXPECT_LE(c.get<Area::kDim>(chip, "die_area"), reticle) << chip;
  }
}

// The estimates of die area, defect density and test yield were chosen so that the chain meets the
// published net output of 2026, 0.7-0.95 TB per wafer (30e9 Gbit shipped over 18-22 % of the
// world's wafers), and that HBM4 needs about 3 wafers per same bits where HBM3E needs 2-3.
TEST(Data, HbmYieldChainMeetsThePublishedOutputPerWafer) {
  const Catalog& c = real_catalog();
  const auto net_tb = [&](const std::string& hbm) {
    const double area_mm2 = c.get<Area::kDim>(hbm, "die_area").in(units::mm2);
    const double gross =
        3.14159265 * 150 * 150 / area_mm2 - 3.14159265 * 300 / std::sqrt(2 * area_mm2);
    const double d0_per_cm2 = c.get<DefectDensity::kDim>(hbm, "defect_density").base() * 1e-4;
    const double chain =
        std::exp(-area_mm2 / 100 * d0_per_cm2) *
        std::pow(c.get_number(hbm, "layer_yield"), c.get_number(hbm, "dies_per_stack")) *
        c.get_number(hbm, "test_yield");
    return gross * chain * c.get<Bytes::kDim>(hbm, "die_capacity").in(units::TB);
  };
  EXPECT_GT(net_tb("hbm3e_12h"), 0.7);
  EXPECT_LT(net_tb("hbm3e_12h"), 0.95);
  // Trade ratios 2.5 (2-3) and 3: HBM4 takes 1.0 to 1.5 times the wafers of HBM3E.
  const double hbm4_over_hbm3e = net_tb("hbm3e_12h") / net_tb("hbm4_12h");
  EXPECT_GT(hbm4_over_hbm3e, 1.0);
  EXPECT_LT(hbm4_over_hbm3e, 1.5);
}

}  // namespace
}  // namespace astrolabe::catalog
