#include "astrolabe/catalog/catalog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace astrolabe::catalog {
namespace {

// A small data directory; every test changes one file of it.
class CatalogFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() /
           ("astrolabe_catalog_" + std::to_string(::getpid()));
    std::filesystem::create_directories(dir_);
    write("schema.csv",
          "kind,attribute,type,unit,required,dated,min,max,reference,description\n"
          "chips,name,text,,1,0,,,,Name\n"
          "chips,tdp,number,W,1,0,10,3000,,Power\n"
          "chips,memory,reference,,0,0,,,stacks,Memory\n"
          "chips,launch,date,,0,0,,,,Launch\n"
          "chips,price,number,USD,0,0,0,,,Price\n"
          "stacks,capacity,number,kwafers/month,1,1,0,1000,,Capacity\n"
          "finance,krw_per_usd,number,KRW/USD,0,0,500,3000,,Rate\n"
          "checks,value,number,any,0,0,,,,Any figure\n");
    write("sources.csv",
          "id,title,url,grade,note\nmaker,Maker's page,https://example.com,A,\n"
          "press,Press,,C,\nestimate,Own estimate,,estimate,\n");
    write("finance.csv", kHeader + "finance_base,krw_per_usd,1250,KRW/USD,,,2026-01,press,p1,\n");
    write("stacks.csv", kHeader +
                            "s1,capacity@2026Q4,20,kwafers/month,,,2026-01,press,p2,\n"
                            "s1,capacity@2026Q1,10,kwafers/month,,,2026-01,press,p2,\n");
    write("chips.csv", chips());
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void write(const std::string& file, const std::string& text) {
    std::ofstream(dir_ / file) << text;
  }
  // The rows of chip c1 with more rows after them.
  std::string chips(const std::string& more = "") const {
    return kHeader +
           "c1,name,Chip One,,,,2026-01,maker,p1,\n"
           "c1,tdp,0.7,kW,0.6,0.8,2026-01,maker,p1,\n"
           "c1,memory,s1,,,,2026-01,maker,p1,\n" +
           more;
  }
  Catalog load(const std::vector<Override>& overrides = {}) const {
    return Catalog::load(dir_.string(), overrides);
  }
  // The message without the directory.
  std::string error(const std::vector<Override>& overrides = {}) const {
    try {
      load(overrides);
    } catch (const InputError& e) {
      std::string s = e.what();
      for (std::size_t at; (at = s.find(dir_.string() + "/")) != std::string::npos;) {
        s.erase(at, dir_.string().size() + 1);
      }
      return s;
    }
    return "";
  }
  std::string error_of_row(const std::string& row) {
    write("chips.csv", chips(row + "\n"));
    return error();
  }

  const std::string kHeader = "entity,attribute,value,unit,low,high,as_of,source,locator,note\n";
  std::filesystem::path dir_;
};

TEST_F(CatalogFiles, ValuesComeInTheirDimension) {
  const Catalog c = load();
  EXPECT_DOUBLE_EQ(c.get<Power::kDim>("c1", "tdp").in(units::watt), 700);
  EXPECT_DOUBLE_EQ(*c.find_fact("c1", "tdp")->low, 600);
  EXPECT_EQ(c.get_text("c1", "name"), "Chip One");
  EXPECT_EQ(c.get_text("c1", "memory"), "s1");
  EXPECT_EQ(c.find_quarter("c1", "launch"), std::nullopt);
  EXPECT_EQ(c.find<Money::kDim>("c1", "price"), std::nullopt);
  EXPECT_EQ(c.entities("chips"), std::vector<std::string>{"c1"});
  EXPECT_EQ(c.kind_of("s1"), "stacks");
  EXPECT_THROW(c.get<Energy::kDim>("c1", "tdp"), InputError);
  EXPECT_THROW(c.get<Money::kDim>("c1", "price"), InputError);
  EXPECT_THROW(c.kind_of("c2"), InputError);
}

TEST_F(CatalogFiles, UnknownNamesAreAnsweredWithTheNearest) {
  const Catalog c = load();
  try {
    c.find_text("c1", "nmae");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean 'name'?"), std::string::npos) << e.what();
  }
}

TEST_F(CatalogFiles, DatedAttributesArePathsInOrderOfTime) {
  const Catalog c = load();
  const auto path = c.path("s1", "capacity", WaferRate::kDim);
  ASSERT_EQ(path.size(), 2u);
  EXPECT_EQ(path[0].first, Quarter(2026, 1));
  EXPECT_EQ(path[1].first, Quarter(2026, 4));
  // 20,000 wafers in a twelfth of 365.25 days of 86,400 s.
  EXPECT_DOUBLE_EQ(path[1].second, 20000 / (365.25 * 86400 / 12));
  EXPECT_TRUE(c.has_value("s1", "capacity"));
  EXPECT_THROW(c.path("c1", "tdp", Power::kDim), InputError);
}

TEST_F(CatalogFiles, WonBecomesDollarsAtTheUsedRate) {
  write("chips.csv", chips("c1,price,5,BKRW,,,2026-01,press,p3,\n"));
  EXPECT_DOUBLE_EQ(load().get<Money::kDim>("c1", "price").in(units::million_usd), 4);
  // The rate itself is a plain number of won in a dollar.
  EXPECT_DOUBLE_EQ(load().get_number("finance_base", "krw_per_usd"), 1250);
  const Override rate{"finance_base.krw_per_usd", 1000, "KRW/USD", "", {"s.toml", 3}};
  EXPECT_DOUBLE_EQ(load({rate}).get<Money::kDim>("c1", "price").in(units::million_usd), 5);
  std::filesystem::remove(dir_ / "finance.csv");
  EXPECT_EQ(error(),
            "chips.csv:5: unit: given KRW without an exchange rate; allowed: KRW once "
            "finance_base.krw_per_usd has a value");
}

TEST_F(CatalogFiles, DisagreeingRowsNeedAChoice) {
  write("chips.csv", chips("c1,tdp,900,W,,,2026-02,press,p9,\n"));
  EXPECT_EQ(error(),
            "chips.csv:5: c1.tdp: given 2 rows (the first at chips.csv:3); allowed: one row, or a "
            "row in choices*.csv that says which is used and why");
  const std::string columns = "entity,attribute,source,locator,reason\n";
  write("choices_a.csv", columns + "c1,tdp,press,,newer\n");
  const Catalog c = load();
  EXPECT_DOUBLE_EQ(c.get<Power::kDim>("c1", "tdp").in(units::watt), 900);
  ASSERT_EQ(c.facts("c1", "tdp").size(), 2u);
  EXPECT_EQ(c.facts("c1", "tdp")[0]->reason, "newer");
  EXPECT_FALSE(c.facts("c1", "tdp")[1]->is_used);

  write("choices_a.csv", columns + "c1,tdp,press,p8,newer\n");
  EXPECT_NE(error().find("matches 0 rows; allowed: exactly one of"), std::string::npos) << error();
  write("choices_a.csv", columns + "c1,tdp,press,,newer\nc1,tdp,maker,,older\n");
  EXPECT_NE(error().find("choices_a.csv:3: c1.tdp: given a second choice"), std::string::npos);
}

TEST_F(CatalogFiles, MissingFactsSayWhyWhenAskedFor) {
  write("chips.csv", chips("c1,price,,,,,2026-01,press,p3,missing: no price is public\n"));
  const Catalog c = load();
  EXPECT_TRUE(c.find_fact("c1", "price")->is_missing());
  EXPECT_FALSE(c.has_value("c1", "price"));
  try {
    c.get<Money::kDim>("c1", "price");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find("missing: no price is public"), std::string::npos);
  }
  EXPECT_EQ(error_of_row("c1,price,,,,,2026-01,press,p3,"),
            "chips.csv:5: c1.price: given no value and no note; allowed: a value, or a note that "
            "says why it is missing");
}

TEST_F(CatalogFiles, BadRowsNameFileLineAndWhatIsAllowed) {
  const std::map<std::string, std::string> messages = {
      {"c1,pricee,1,USD,,,2026-01,maker,p,",
       "chips.csv:5: attribute: given 'pricee'; allowed: an attribute of kind chips: did you mean "
       "'price'? name, tdp, memory, launch or price"},
      {"c1,price,1,MW,,,2026-01,maker,p,",
       "chips.csv:5: c1.price unit: given 'MW' (a power); allowed: money, for example 'USD'"},
      {"c1,price,1,USDD,,,2026-01,maker,p,",
       "chips.csv:5: c1.price unit: given unknown unit 'USDD'; allowed: money, for example 'USD'"},
      {"c1,price,nan,USD,,,2026-01,maker,p,",
       "chips.csv:5: c1.price: given 'nan'; allowed: a finite number"},
      {"c1,price,1e999,USD,,,2026-01,maker,p,",
       "chips.csv:5: c1.price: given '1e999'; allowed: a finite number"},
      {"c1,price,-3,USD,,,2026-01,maker,p,",
       "chips.csv:5: c1.price: given -3 USD; allowed: at least 0 USD"},
      {"c1,price,3,USD,4,5,2026-01,maker,p,",
       "chips.csv:5: c1.price low: given 4; allowed: at most the value 3"},
      {"c1,price,3,USD,1,2,2026-01,maker,p,",
       "chips.csv:5: c1.price high: given 2; allowed: at least the value 3"},
      {"c1,price,3,USD,-1,5,2026-01,maker,p,",
       "chips.csv:5: c1.price low: given a low out of range; allowed: at least 0 USD"},
      {"c1,price,3,USD,,,2026-02-30,maker,p,",
       "chips.csv:5: c1.price as_of: given '2026-02-30'; allowed: a date YYYY, YYYY-MM or "
       "YYYY-MM-DD"},
      {"c1,price,3,USD,,,2026-02,makr,p,",
       "chips.csv:5: c1.price source: given 'makr'; allowed: a source of sources*.csv: did you "
       "mean 'maker'?"},
      {"c1,tdp,0.7,kW,,,2026-01,maker,p1,",
       "chips.csv:5: c1.tdp: given the same attribute, source, as_of and locator twice; allowed: "
       "one row, or locators that tell them apart"},
      {"c1,tdp@2026Q4,0.7,kW,,,2026-01,maker,p2,",
       "chips.csv:5: tdp@2026Q4: given a quarter; allowed: none: 'tdp' of kind chips is not dated "
       "in schema.csv"},
      {"c2,name,Two,,,,2026-01,maker,p,",
       "chips.csv:5: c2.tdp: given no row; allowed: a value, or a row without one whose note says "
       "why it is missing (Power)"},
      {"c1,launch,soon,,,,2026-01,maker,p,",
       "chips.csv:5: c1.launch: given 'soon'; allowed: a quarter 2028Q3 or a date"},
      {"c1,launch,2026,year,,,2026-01,maker,p,",
       "chips.csv:5: c1.launch unit: given 'year'; allowed: nothing, as the value is not a number"},
      {"C 1,price,3,USD,,,2026-01,maker,p,",
       "chips.csv:5: entity: given 'C 1'; allowed: a name of lower-case letters, digits and '_'"},
  };
  for (const auto& [row, message] : messages) EXPECT_EQ(error_of_row(row), message) << row;
}

TEST_F(CatalogFiles, ReferencesPointToAnEntityOfTheirKind) {
  const std::string start = kHeader +
                            "c1,name,Chip One,,,,2026-01,maker,p1,\n"
                            "c1,tdp,0.7,kW,,,2026-01,maker,p1,\n";
  write("chips.csv", start + "c1,memory,s11,,,,2026-01,maker,p1,\n");
  EXPECT_EQ(error(),
            "chips.csv:4: c1.memory: given 's11', which does not exist; allowed: an entity of kind "
            "stacks: did you mean 's1'?");
  write("chips.csv", start + "c1,memory,c1,,,,2026-01,maker,p1,\n");
  EXPECT_EQ(error(),
            "chips.csv:4: c1.memory: given 'c1', of kind chips; allowed: an entity of kind stacks: "
            "did you mean 's1'?");
}

TEST_F(CatalogFiles, AnEntityHasOneKind) {
  write("stacks.csv", kHeader + "c1,capacity@2026Q1,1,kwafers/month,,,2026-01,press,p2,\n");
  EXPECT_EQ(error(),
            "stacks.csv:2: entity: given 'c1' in kind stacks; allowed: a name of its own: kind "
            "chips has it at chips.csv:2");
}

TEST_F(CatalogFiles, DatedAttributesNeedAQuarter) {
  write("stacks.csv", kHeader + "s1,capacity,1,kwafers/month,,,2026-01,press,p2,\n");
  EXPECT_EQ(error(),
            "stacks.csv:2: s1.capacity: given a value without a quarter; allowed: "
            "'capacity@2026Q4' and the like, as it is dated");
  write("stacks.csv", kHeader + "s1,capacity@2026Q5,1,kwafers/month,,,2026-01,press,p2,\n");
  EXPECT_NE(error().find("given '2026Q5'; allowed: a quarter such as 2026Q4"), std::string::npos);
  write("stacks.csv", kHeader + "s1,capacity,,,,,2026-01,press,p2,missing: not public\n");
  const Catalog c = load({});
  EXPECT_THROW(c.path("s1", "capacity", WaferRate::kDim), InputError);
}

TEST_F(CatalogFiles, UnknownTablesAndColumnsAreRefused) {
  write("chps.csv", kHeader + "c9,name,Nine,,,,2026-01,maker,p1,\n");
  EXPECT_EQ(error(),
            "chps.csv: kind: given 'chps'; allowed: a kind of schema.csv: did you mean 'chips'?");
  std::filesystem::remove(dir_ / "chps.csv");
  write("chips.csv", "entity,attribute,value\nc1,name,One\n");
  EXPECT_NE(error().find("chips.csv:1: columns: given entity, attribute or value"),
            std::string::npos);
  EXPECT_THROW(Catalog::load("/nonexistent/astrolabe"), InputError);
}

TEST_F(CatalogFiles, OverridesReplaceAValueAndKeepItsDimension) {
  const SourcePosition at{"s.toml", 7};
  const Catalog c = load({{"c1.tdp", 1.2, "kW", "what if", at}});
  EXPECT_DOUBLE_EQ(c.get<Power::kDim>("c1", "tdp").in(units::watt), 1200);
  EXPECT_EQ(c.find_fact("c1", "tdp")->source, "scenario");
  EXPECT_EQ(c.facts("c1", "tdp").size(), 2u);
  EXPECT_EQ(error({{"c1.tpd", 1, "kW", "", at}}),
            "s.toml:7: attribute: given 'tpd'; allowed: an attribute of kind chips: did you mean "
            "'tdp'? name, tdp, memory, launch or price");
  EXPECT_EQ(error({{"c3.tdp", 1, "kW", "", at}}),
            "s.toml:7: c3.tdp: given unknown entity 'c3'; allowed: entity.attribute of the "
            "catalogue: did you mean 'c1'?");
  EXPECT_EQ(error({{"c1.tdp", 1, "USD", "", at}}),
            "s.toml:7: c1.tdp unit: given 'USD' (money); allowed: a power, for example 'W'");
  EXPECT_EQ(error({{"c1.tdp", 1, "W", "", at}}),
            "s.toml:7: c1.tdp: given 1 W; allowed: at least 10 W and at most 3000 W");
  EXPECT_EQ(error({{"c1.name", 1, "1", "", at}}),
            "s.toml:7: c1.name: given a number; allowed: no override: it is not a number");
}

TEST_F(CatalogFiles, FilesAreKnownByTheirContent) {
  const auto before = load().file_hashes();
  EXPECT_EQ(before.size(), 5u);
  write("chips.csv", chips("c1,launch,2026Q3,,,,2026-01,maker,p1,\n"));
  const auto after = load().file_hashes();
  EXPECT_NE(before.at("chips.csv"), after.at("chips.csv"));
  EXPECT_EQ(before.at("stacks.csv"), after.at("stacks.csv"));
}

}  // namespace
}  // namespace astrolabe::catalog
