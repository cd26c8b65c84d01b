#include "astrolabe/report/page.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace astrolabe::report {
namespace {

using nlohmann::json;

constexpr char kTemplate[] =
    "<html><script type=\"application/json\" id=\"astrolabe-data\">/*DATA*/</script></html>";

Page small_page() {
  Page page;
  page.title = "Plan";
  page.run = {{"seed", "7"}};
  page.headlines = {{"IT power", "12", "GW", "in 2030", {"c1.tdp"}}};
  page.tables = {Table{"fleet",
                       "Fleet",
                       {{"quarter", "Quarter", {}}, {"it_power_mw", "IT power", {"c1.tdp"}}},
                       {{std::string("2028Q1"), 1.0 / 3.0}, {std::string("2028Q2"), -0.0}}}};
  return page;
}

TEST(PageTest, TextCannotCloseTheScriptElement) {
  Page page = small_page();
  page.notes = {"</script><script>alert(1)</script>", "<!-- <SCRIPT", "]]>"};
  const std::string html = to_html(page, kTemplate);
  // The only '<' are those of the template: <html>, <script>, </script>, </html>.
  EXPECT_EQ(std::count(html.begin(), html.end(), '<'), 4);
  const json read = json::parse(to_json(page));
  EXPECT_EQ(read["notes"][0], "</script><script>alert(1)</script>");
  EXPECT_EQ(read["notes"][1], "<!-- <SCRIPT");
}

TEST(PageTest, DataReplacesThePlaceholderAndNothingElse) {
  const Page page = small_page();
  EXPECT_EQ(to_html(page, "a/*DATA*/b"), "a" + to_json(page) + "b");
}

TEST(PageTest, PlaceholderInTheDataStaysAsItIs) {
  Page page = small_page();
  page.title = "/*DATA*/";
  EXPECT_EQ(to_html(page, "a/*DATA*/b"), "a" + to_json(page) + "b");
}

TEST(PageTest, TemplateWithoutOrWithTwoPlaceholdersIsAnInputError) {
  try {
    to_html(small_page(), "<html></html>", "mine.html");
    FAIL() << "no error";
  } catch (const InputError& e) {
    EXPECT_EQ(e.where().file, "mine.html");
    EXPECT_EQ(e.given(), "none");
  }
  EXPECT_THROW(to_html(small_page(), "/*DATA*//*DATA*/"), InputError);
}

TEST(PageTest, JsonHoldsEveryPart) {
  const json read = json::parse(to_json(small_page()));
  EXPECT_EQ(read["title"], "Plan");
  EXPECT_EQ(read["run"], json::parse(R"([["seed", "7"]])"));
  EXPECT_EQ(read["headlines"][0],
            json::parse(R"({"label": "IT power", "value": "12", "unit": "GW", "detail": "in 2030",
                            "facts": ["c1.tdp"]})"));
  EXPECT_EQ(read["tables"][0]["columns"][1],
            json::parse(R"({"name": "it_power_mw", "title": "IT power", "facts": ["c1.tdp"]})"));
}

TEST(PageTest, NumbersCarryNineDigits) {
  const std::string text = to_json(small_page());
  // 1/3 to nine significant digits; minus zero is zero.
  EXPECT_NE(text.find("[\"2028Q1\",0.333333333]"), std::string::npos) << text;
  EXPECT_NE(text.find("[\"2028Q2\",0.0]"), std::string::npos) << text;
}

TEST(PageTest, NumberThatIsNotFiniteIsNull) {
  Page page = small_page();
  page.tables[0].rows = {{std::string("2028Q1"), std::nan("")}, {std::string("2028Q2"), HUGE_VAL}};
  const json rows = json::parse(to_json(page))["tables"][0]["rows"];
  EXPECT_TRUE(rows[0][1].is_null());
  EXPECT_TRUE(rows[1][1].is_null());
}

TEST(PageTest, BytesThatAreNotUtf8AreReplaced) {
  Page page = small_page();
  page.title = "a\xff";
  EXPECT_EQ(json::parse(to_json(page))["title"], "a\xef\xbf\xbd");  // U+FFFD
}

TEST(PageTest, PageWithoutTablesIsAPage) {
  const json read = json::parse(to_json(Page{}));
  EXPECT_TRUE(read["tables"].empty());
  EXPECT_TRUE(read["facts"].is_array());
}

TEST(PageTest, FactKeysAreCollectedOnceInOrder) {
  Page page = small_page();
  page.headlines[0].facts = {"c1.tdp", "b.price"};
  EXPECT_EQ(fact_keys(page), (std::vector<std::string>{"b.price", "c1.tdp"}));
}

class PageFactsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() /
           ("astrolabe_report_" + std::to_string(::getpid())) / "data";
    std::filesystem::create_directories(dir_);
    const std::string header = "entity,attribute,value,unit,low,high,as_of,source,locator,note\n";
    write("schema.csv",
          "kind,attribute,type,unit,required,dated,min,max,reference,description\n"
          "chips,tdp,number,W,1,0,10,3000,,Board power\n"
          "chips,price,number,USD,0,0,0,,,Price\n"
          "chips,made,number,kwafers/month,0,1,0,,,Wafers made\n"
          "finance,krw_per_usd,number,KRW/USD,0,0,500,3000,,Rate\n");
    write("sources.csv",
          "id,title,url,grade,note\nmaker,Maker's page,https://example.com,A,\n"
          "press,Press,,C,\nestimate,Own estimate,,estimate,\n");
    write("finance.csv", header + "finance_base,krw_per_usd,1250,KRW/USD,,,2026-01,press,p1,\n");
    write("chips.csv", header +
                           "c1,tdp,0.9,kW,,,2026-02,press,p9,\n"
                           "c1,tdp,0.7,kW,0.6,0.8,2026-01,maker,p1,with fan\n"
                           "c1,price,2500000,KRW,2000000,3000000,2026-01,press,p2,\n"
                           "c1,made@2026Q2,5,kwafers/month,,,2026-01,press,p3,\n"
                           "c1,made@2026Q1,4,kwafers/month,,,2026-01,press,p3,\n");
    write("choices.csv",
          "entity,attribute,source,locator,reason\nc1,tdp,maker,p1,the maker knows\n");
  }
  void TearDown() override { std::filesystem::remove_all(dir_.parent_path()); }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(dir_ / file) << text;
  }
  std::vector<FactRow> rows(const std::vector<std::string>& keys) const {
    return page_facts(catalog::Catalog::load(dir_.string()), keys);
  }

  std::filesystem::path dir_;
};

TEST_F(PageFactsTest, UsedRowComesFirstAndTheOtherStays) {
  const std::vector<FactRow> tdp = rows({"c1.tdp"});
  ASSERT_EQ(tdp.size(), 2u);
  EXPECT_TRUE(tdp[0].is_used);
  EXPECT_EQ(tdp[0].value, "0.7");
  EXPECT_EQ(tdp[0].unit, "kW");
  EXPECT_EQ(tdp[0].low, "0.6");  // as published, not in watts
  EXPECT_EQ(tdp[0].high, "0.8");
  EXPECT_EQ(tdp[0].source_title, "Maker's page");
  EXPECT_EQ(tdp[0].source_url, "https://example.com");
  EXPECT_EQ(tdp[0].source_grade, "A");
  EXPECT_EQ(tdp[0].position, "data/chips.csv:3");
  EXPECT_EQ(tdp[0].reason, "the maker knows");
  EXPECT_EQ(tdp[0].meaning, "Board power");
  EXPECT_FALSE(tdp[1].is_used);
  EXPECT_EQ(tdp[1].value, "0.9");
}

TEST_F(PageFactsTest, RangeOfWonStaysInWon) {
  const std::vector<FactRow> price = rows({"c1.price"});
  ASSERT_EQ(price.size(), 1u);
  EXPECT_EQ(price[0].low, "2000000");
  EXPECT_EQ(price[0].high, "3000000");
  EXPECT_EQ(price[0].unit, "KRW");
}

TEST_F(PageFactsTest, DatedAttributeStandsForAllItsQuarters) {
  const std::vector<FactRow> made = rows({"c1.made"});
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0].key, "c1.made@2026Q1");
  EXPECT_EQ(made[1].key, "c1.made@2026Q2");
  EXPECT_EQ(rows({"c1.made@2026Q2"}).size(), 1u);
  EXPECT_EQ(rows({"c1.made@2026Q2", "c1.made"}).size(), 2u);
}

TEST_F(PageFactsTest, UnknownKeyIsShownAsUnknown) {
  const std::vector<FactRow> unknown = rows({"c1.colour", "nobody.tdp", "word"});
  ASSERT_EQ(unknown.size(), 3u);
  for (const FactRow& row : unknown) {
    EXPECT_TRUE(row.value.empty());
    EXPECT_EQ(row.note, "not in the catalogue");
  }
}

}  // namespace
}  // namespace astrolabe::report
