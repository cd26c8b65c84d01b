#include "astrolabe/study/chain_validation.h"

#include <gtest/gtest.h>

#include <set>

#include "astrolabe/base/error.h"
#include "astrolabe/study/validation_comparison.h"

namespace astrolabe::study {
namespace {

const std::string kRoot = ASTROLABE_SOURCE_DIR;

const catalog::Catalog& project_catalog() {
  static const catalog::Catalog catalog = catalog::Catalog::load(kRoot + "/data");
  return catalog;
}

const std::vector<ValidationCase>& project_cases() {
  static const std::vector<ValidationCase> cases =
      validate_chain(project_catalog(), kRoot + "/validation");
  return cases;
}

const ValidationCase& find_case(const std::string& id) {
  for (const ValidationCase& c : project_cases()) {
    if (c.id == id) return c;
  }
  throw std::out_of_range(id);
}

ValidationRow row_of(double ours, double theirs) {
  ValidationRow row;
  row.ours = ours;
  row.theirs = theirs;
  row.tolerance = 0.1;
  return row;
}

TEST(ChainValidation, EveryLinkOfTheChainHasACaseThatWasComputed) {
  std::set<std::string> ids;
  for (const ValidationCase& c : project_cases()) {
    ids.insert(c.id);
    EXPECT_FALSE(c.rows.empty()) << c.id;
    EXPECT_TRUE(c.not_computed.empty()) << c.id << ": " << c.not_computed.front();
    for (const ValidationRow& row : c.rows) {
      EXPECT_FALSE(row.source.empty()) << c.id;
      EXPECT_TRUE(row.has_range() || row.tolerance > 0) << c.id << ": " << row.fact;
    }
  }
  EXPECT_EQ(ids,
            (std::set<std::string>{"dies_per_wafer", "hbm_per_wafer", "hbm_bits_2026", "world_dram",
                                   "wafers_per_gw", "accelerators_per_gw", "capex_per_gw",
                                   "fab_capex", "power", "h100_equivalents_2030", "deepseek_day"}));
}

TEST(ChainValidation, PublishedFiguresAreThoseOfTheSources) {
  // 608e9 tokens / 86400 s / 73700 tokens/s = 95.48; 168e9 / 86400 / 14800 = 131.38.
  const ValidationCase& day = find_case("deepseek_day");
  ASSERT_EQ(day.rows.size(), 3u);
  EXPECT_NEAR(day.rows[0].theirs, 95.48, 0.01);
  EXPECT_NEAR(day.rows[1].theirs, 131.38, 0.01);
  EXPECT_EQ(day.rows[2].theirs, 226.75);
  EXPECT_EQ(day.rows[2].fact, "deepseek_day.average_nodes");
  // Huang, September 2025: 400 to 500 thousand in a GW.
  const ValidationRow& packages = find_case("accelerators_per_gw").rows.front();
  EXPECT_NEAR(*packages.low, 400, 1e-9);
  EXPECT_NEAR(*packages.high, 500, 1e-9);
  EXPECT_EQ(packages.source, "huang_particle_2025_09");
}

TEST(ChainValidation, FiguresThatCanBeComputedByHand) {
  // GB300 at 1.833 kW in a hall of PUE 1.1: 1e6 / 1.1 / 1.833 = 495,958.
  const ValidationCase& packages = find_case("accelerators_per_gw");
  EXPECT_EQ(packages.rows.front().subject, "gb300_nvl72");
  EXPECT_NEAR(packages.rows.front().ours, 495.958, 0.001);
  // (55,556 USD / 1.833 kW + 13.75 USD/W) / 1.1 + 0.5 USD/W = 27.553 + 12.5 + 0.5 = 40.553.
  const ValidationRow& capex = find_case("capex_per_gw").rows.front();
  EXPECT_EQ(capex.subject, "gb300_nvl72");
  EXPECT_NEAR(capex.ours, 40.553, 0.001);
  // PUE 1.2 at 30 %: 4 GW of offshore wind for one GW of IT.
  EXPECT_NEAR(find_case("power").rows.back().ours, 4.0, 1e-9);
}

TEST(ChainValidation, RangeDecidesWhereThereIsOneAndToleranceElsewhere) {
  ValidationRow row = row_of(109, 100);
  EXPECT_NEAR(row.error(), 0.09, 1e-12);
  EXPECT_TRUE(row.is_within());
  EXPECT_FALSE(row.is_in_range());
  row.ours = 111;
  EXPECT_FALSE(row.is_within());
  row.high = 120;  // open below
  EXPECT_TRUE(row.is_within());
  row.low = 112;
  EXPECT_FALSE(row.is_within());
}

TEST(ChainValidation, OutsideIsPrintedWithItsGapAndIsNoFailure) {
  ValidationCase c{"case", "Claim", 0.1, {row_of(150, 100), row_of(101, 100)}, {}};
  c.rows[0].quantity = "first";
  c.rows[0].known_gap = "the reason";
  EXPECT_FALSE(c.is_within());
  const std::string text = validation_text({c});
  EXPECT_NE(text.find("first: outside, known gap: the reason."), std::string::npos) << text;
  EXPECT_NE(text.find("+50 %, outside"), std::string::npos) << text;
  EXPECT_NE(text.find("1 of 2 comparisons lie inside"), std::string::npos) << text;
  c.rows.erase(c.rows.begin());
  EXPECT_TRUE(c.is_within());
}

TEST(ChainValidation, EstimatesOfTheCatalogueAreNoIndependentEvidence) {
  Comparison c(project_catalog(), "id", "claim", 0.1);
  c.of("wafers", Evidence::kIndependent);
  const auto ours = 216.0 * units::kwafer / units::GW;
  c.compare("x", ours, "check_site", "wafers_per_gw");
  int estimates = 0;
  for (const ValidationRow& row : c.finish().rows) {
    EXPECT_NEAR(row.ours, 216, 1e-9);
    EXPECT_EQ(row.evidence == Evidence::kOwnEstimate, row.source == "estimate");
    estimates += row.source == "estimate";
  }
  EXPECT_EQ(estimates, 1);
}

TEST(ChainValidation, SourceThatPublishedNothingIsAnError) {
  Comparison c(project_catalog(), "id", "claim", 0.1);
  EXPECT_THROW(c.compare("x", 1.2, "check_site", "pue_industry", "nobody"), InputError);
}

TEST(ChainValidation, GeneratedPartIsReplacedAndTheRestKept) {
  const std::string begin = "<!-- begin: astrolabe validate chain -->";
  const std::string end = "<!-- end: astrolabe validate chain -->";
  EXPECT_EQ(replace_generated("a\n" + begin + "\nold\n" + end + "\nb\n", "new\n", "f"),
            "a\n" + begin + "\n\nnew\n\n" + end + "\nb\n");
  for (const std::string& document : {std::string("a"), begin, end + begin, begin + begin + end}) {
    EXPECT_THROW(replace_generated(document, "new", "f"), InputError) << document;
  }
}

TEST(ChainValidation, MissingCaseFileIsAnInputError) {
  EXPECT_THROW(validate_chain(project_catalog(), kRoot + "/nowhere"), InputError);
}

}  // namespace
}  // namespace astrolabe::study
