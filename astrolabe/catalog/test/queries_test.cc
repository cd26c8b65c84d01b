#include "astrolabe/catalog/queries.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace astrolabe::catalog {
namespace {

Catalog small_catalog() {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("astrolabe_queries_" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  const auto write = [&](const std::string& file, const std::string& text) {
    std::ofstream(dir / file) << text;
  };
  const std::string header = "entity,attribute,value,unit,low,high,as_of,source,locator,note\n";
  write("schema.csv",
        "kind,attribute,type,unit,required,dated,min,max,reference,description\n"
        "chips,name,text,,1,0,,,,Name\n"
        "chips,tdp,number,W,1,0,10,3000,,Board power limit\n"
        "chips,price,number,USD,0,0,0,,,Price\n"
        "lines,capacity,number,kwafers/month,1,1,0,1000,,Wafer starts\n");
  write("sources.csv",
        "id,title,url,grade,note\nmaker,The maker's page,https://example.com/c1,A,\n"
        "estimate,Own estimate,,estimate,reasoned\n");
  write("chips.csv", header +
                         "c1,name,Chip One,,,,2026-01,maker,p1,\n"
                         "c1,tdp,700,W,600,800,2026-01,maker,p1,data sheet\n"
                         "c1,tdp,900,W,,,2026-02,estimate,own reasoning,ESTIMATE: hot\n"
                         "c1,price,,,,,2026-01,maker,p1,missing: not public\n");
  write("lines.csv", header +
                         "l1,capacity@2027Q4,30,kwafers/month,,,2026-01,maker,p2,\n"
                         "l1,capacity@2026Q4,20,kwafers/month,,,2026-01,maker,p2,\n");
  write("choices.csv",
        "entity,attribute,source,locator,reason\nc1,tdp,maker,,the data sheet knows\n");
  Catalog catalog = Catalog::load(dir.string());
  std::filesystem::remove_all(dir);
  return catalog;
}

TEST(CatalogQueries, ListCountsUsedMissingAndEstimatedFacts) {
  const Catalog c = small_catalog();
  EXPECT_EQ(list(c).text,
            "kind   entities  facts  missing  estimates\n"
            "chips         1      2        1  0\n"
            "lines         1      2        0  0\n");
  EXPECT_EQ(list(c, "chips").text,
            "entity  facts  missing  estimates  name\n"
            "c1          2        1          0  Chip One\n");
  EXPECT_THROW(list(c, "chip"), InputError);
}

TEST(CatalogQueries, ShowHasTheUsedRowOfEveryAttribute) {
  const Answer a = show(small_catalog(), "c1");
  EXPECT_EQ(a.text,
            "c1 (chips)\n"
            "attribute  rows  range     as_of    source  value\n"
            "name          1            2026-01  maker   Chip One\n"
            "tdp           2  600..800  2026-01  maker   700 W\n"
            "price         1            2026-01  maker   (missing) missing: not public\n");
  ASSERT_EQ(a.table.rows.size(), 3u);
  EXPECT_EQ(std::get<double>(a.table.rows[1][1]), 2);
  const Answer line = show(small_catalog(), "l1");
  EXPECT_EQ(std::get<std::string>(line.table.rows[0][0]), "capacity@2026Q4");
}

TEST(CatalogQueries, WhyNamesSourceGradePlaceAndReason) {
  const Answer a = why(small_catalog(), "c1.tdp");
  EXPECT_EQ(a.table.rows.size(), 2u);
  for (const char* part :
       {"c1.tdp: Board power limit (W)\n", "  used   tdp = 700 W  [600..800]  as of 2026-01\n",
        "source: maker (grade A): The maker's page\n", "https://example.com/c1\n",
        "chips.csv:3, p1\n", "note: data sheet\n", "why: the data sheet knows\n",
        "  other  tdp = 900 W  as of 2026-02\n", "grade estimate"}) {
    EXPECT_NE(a.text.find(part), std::string::npos) << part << "\nin\n" << a.text;
  }
}

TEST(CatalogQueries, WhyOfADatedAttributeShowsEveryQuarterInOrder) {
  const Answer a = why(small_catalog(), "l1.capacity");
  ASSERT_EQ(a.table.rows.size(), 2u);
  EXPECT_EQ(std::get<std::string>(a.table.rows[0][0]), "l1.capacity@2026Q4");
  EXPECT_EQ(std::get<std::string>(a.table.rows[1][0]), "l1.capacity@2027Q4");
  EXPECT_EQ(why(small_catalog(), "l1.capacity@2027Q4").table.rows.size(), 1u);
}

TEST(CatalogQueries, SourcesListTheFactsThatRestOnThem) {
  const Catalog c = small_catalog();
  EXPECT_EQ(sources(c).text,
            "source    grade     facts  title\n"
            "estimate  estimate      1  Own estimate\n"
            "maker     A             5  The maker's page\n");
  const Answer a = sources(c, "estimate");
  ASSERT_EQ(a.table.rows.size(), 1u);
  EXPECT_EQ(std::get<std::string>(a.table.rows[0][0]), "c1.tdp");
  EXPECT_EQ(std::get<std::string>(a.table.rows[0][1]), "");
}

TEST(CatalogQueries, UnknownNamesAreBadInput) {
  const Catalog c = small_catalog();
  EXPECT_THROW(why(c, "c1"), InputError);
  EXPECT_THROW(why(c, "c1.tpd"), InputError);
  EXPECT_THROW(why(c, "c2.tdp"), InputError);
  EXPECT_THROW(show(c, "c2"), InputError);
  EXPECT_THROW(sources(c, "makr"), InputError);
}

TEST(CatalogQueries, NoLineOfTheRealCatalogueIsWiderThanTheAnswer) {
  const Catalog c = Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  const auto check = [](const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      // An address cannot be broken.
      if (line.find("http") != std::string::npos) continue;
      const auto characters =
          std::count_if(line.begin(), line.end(), [](char ch) { return (ch & 0xC0) != 0x80; });
      EXPECT_LE(characters, static_cast<long>(kAnswerWidth)) << line;
    }
  };
  check(list(c).text);
  check(list(c, "accelerators").text);
  check(show(c, "vr200_nvl72").text);
  check(why(c, "tsmc_cowos.capacity").text);
  check(sources(c).text);
}

}  // namespace
}  // namespace astrolabe::catalog
