#include "astrolabe/study/scenario.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "astrolabe/base/csv.h"
#include "astrolabe/study/scenario_schema.h"
#include "astrolabe/study/toml_reader.h"

namespace astrolabe::study {
namespace {

// The smallest scenario, one table a paragraph, so that a test can swap one of them.
const char* const kScenario = R"([scenario]
name = "small"
start = "2026Q1"
end = "2027Q4"
)";
const char* const kDemand = R"([[demand]]
name = "chat"
model = "tiny"
precision = "fp8"
input_tokens = 1000
output_tokens = 100
ttft_ms = 500
tpot_ms = 20
demand_ttokens_per_day = 2
must_serve = true
)";
const char* const kAccelerator = R"([[accelerator]]
name = "chip"
)";
const char* const kSuppliers = R"([[supplier]]
line = "node"
share_percent = 50
[[supplier]]
line = "cowos"
share_percent = 50
[[supplier]]
line = "dram"
share_percent = 50
)";
const char* const kSite = R"([[site]]
name = "town"
)";

std::string small(const std::string& extra = "") {
  return std::string(kScenario) + kDemand + kAccelerator + kSuppliers + kSite + extra;
}

// A catalogue with one entity of each kind that the check asks for.
class TinyCatalog {
 public:
  TinyCatalog() : dir_(std::filesystem::path(testing::TempDir()) / "astrolabe_scenario_test") {
    std::filesystem::create_directories(dir_);
    write("schema.csv",
          "kind,attribute,type,unit,required,dated,min,max,reference,description\n"
          "accelerators,vendor,text,,1,0,,,,Vendor\n"
          "accelerators,process_node,reference,,1,0,,,process_nodes,Node\n"
          "accelerators,packaging,reference,,1,0,,,packaging,Line\n"
          "accelerators,it_power,number,kW,1,0,0,60,,Power\n"
          "accelerators,launch,date,,1,0,,,,Launch\n"
          "process_nodes,name,text,,1,0,,,,Name\n"
          "packaging,name,text,,1,0,,,,Name\n"
          "dram_lines,name,text,,1,0,,,,Name\n"
          "models,name,text,,1,0,,,,Name\n"
          "funds,name,text,,1,0,,,,Name\n"
          "energy,name,text,,1,0,,,,Name\n"
          "sites,country,text,,1,0,,,,Country\n");
    write("sources.csv", "id,title,url,grade,note\nhand,By hand,,estimate,\n");
    facts("accelerators",
          "chip,vendor,Acme,,,,2026,hand,,\nchip,process_node,node,,,,2026,hand,,\n"
          "chip,packaging,cowos,,,,2026,hand,,\nchip,it_power,2,kW,,,2026,hand,,\nchip,launch,"
          "2024Q3,,,,2026,hand,,\n");
    facts("process_nodes", "node,name,Node,,,,2026,hand,,\n");
    facts("packaging", "cowos,name,CoWoS,,,,2026,hand,,\n");
    facts("dram_lines", "dram,name,DRAM,,,,2026,hand,,\n");
    facts("models", "tiny,name,Tiny,,,,2026,hand,,\n");
    facts("funds", "purse,name,Purse,,,,2026,hand,,\n");
    facts("energy", "windmill,name,Windmill,,,,2026,hand,,\n");
    facts("sites", "town,country,KR,,,,2026,hand,,\n");
  }

  std::string dir() const { return dir_.string(); }
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = (dir_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

 private:
  void facts(const std::string& kind, const std::string& rows) const {
    write(kind + ".csv", "entity,attribute,value,unit,low,high,as_of,source,locator,note\n" + rows);
  }
  std::filesystem::path dir_;
};

std::string error_of(const std::string& text) {
  try {
    parse_scenario(text, "s.toml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string check_error_of(const std::string& text) {
  const TinyCatalog data;
  try {
    Scenario s = parse_scenario(text, "s.toml");
    check_scenario(&s, catalog::Catalog::load(data.dir()));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(PathTest, IsLinearBetweenPointsAndConstantOutside) {
  const Path path{{{Quarter(2026, 1), 10.0}, {Quarter(2027, 1), 30.0}}};
  EXPECT_DOUBLE_EQ(path.at(Quarter(2025, 1)), 10.0);
  EXPECT_DOUBLE_EQ(path.at(Quarter(2026, 2)), 15.0);  // a quarter of the way: 10 + 20 / 4
  EXPECT_DOUBLE_EQ(path.at(Quarter(2027, 1)), 30.0);
  EXPECT_DOUBLE_EQ(path.at(Quarter(2035, 4)), 30.0);
  EXPECT_DOUBLE_EQ(Path{}.at(Quarter(2026, 1)), 0.0);
}

TEST(ScenarioTest, ReadsTheSmallestFile) {
  const Scenario s = parse_scenario(small(), "s.toml");
  EXPECT_EQ(s.name, "small");
  EXPECT_EQ(s.end - s.start, 7);
  EXPECT_EQ(s.objective, ObjectiveInput::kLeastCost);
  ASSERT_EQ(s.demand.size(), 1u);
  EXPECT_EQ(s.demand[0].position.text(), "s.toml:5");
  EXPECT_DOUBLE_EQ(s.demand[0].ttft.in(units::second), 0.5);
  EXPECT_DOUBLE_EQ(s.demand[0].tokens_per_day.at(s.start), 2e12);
  EXPECT_DOUBLE_EQ(s.suppliers[0].share.at(s.start), 0.5);
  EXPECT_FALSE(s.dram_ceiling.has_value());
}

TEST(ScenarioTest, AnyUnitOfTheDimensionIsTheSameKey) {
  const Scenario s = parse_scenario(small(R"([[commitment]]
vendor = "Acme"
it_power_gw = 1.5
by = "2027Q1"
[[site.requirement]]
it_power_kw = 500
from = 2026-05-01
[wafers]
ceiling_kwafers_per_year = 900
)"),
                                    "s.toml");
  EXPECT_DOUBLE_EQ(s.commitments[0].it_power.in(units::MW), 1500);
  EXPECT_DOUBLE_EQ(s.sites[0].requirements[0].it_power.in(units::MW), 0.5);
  EXPECT_EQ(s.sites[0].requirements[0].from, Quarter(2026, 2));
  // 900,000 wafers a year of 365.25 days, in wafers a second.
  EXPECT_DOUBLE_EQ(s.dram_ceiling->at(s.start), 900e3 / (365.25 * 86400));
}

TEST(ScenarioTest, SoftwareOfAFleet) {
  const Scenario plain = parse_scenario(small(), "s.toml");
  EXPECT_EQ(plain.frameworks.size(), 3U);
  EXPECT_EQ(plain.software_gain, 0);
  const Scenario s = parse_scenario(
      small("[fleet]\nframeworks = [\"sglang\"]\nsoftware_gain_percent_per_year = 25\n"
            "years_of_software_gain = 2\n"),
      "s.toml");
  EXPECT_EQ(s.frameworks, std::vector{parallel::Framework::kSglang});
  EXPECT_NEAR(s.software_gain, 0.25, 1e-12);
  EXPECT_EQ(s.software_gain_years, 2);
}

TEST(ScenarioTest, LettersOfIntentAreNotCommitments) {
  const Scenario s = parse_scenario(small(R"([[commitment]]
vendor = "Acme"
it_power_gw = 1
by = "2027Q1"
firm = false
)"),
                                    "s.toml");
  EXPECT_TRUE(s.commitments.empty());
  ASSERT_EQ(s.intents.size(), 1u);
  EXPECT_EQ(s.intents[0].vendor, "Acme");
}

std::string with_growth(const std::string& law) {
  std::string text = small();
  const std::string number = "demand_ttokens_per_day = 2\n";
  return text.replace(text.find(number), number.size(), "growth = " + law + "\n");
}

TEST(GrowthTest, WithoutSaturationCompoundsByTheYear) {
  const Scenario s = parse_scenario(
      with_growth("{ start_ttokens_per_day = 2, growth_percent_per_year = 300 }"), "s.toml");
  const Path& path = s.demand[0].tokens_per_day;
  EXPECT_DOUBLE_EQ(path.at(Quarter(2026, 1)), 2e12);
  EXPECT_NEAR(path.at(Quarter(2026, 3)), 4e12, 1);  // 2 * 4^(1/2)
  EXPECT_NEAR(path.at(Quarter(2027, 1)), 8e12, 1);  // 2 * 4
}

TEST(GrowthTest, WithSaturationIsLogistic) {
  const Scenario s =
      parse_scenario(with_growth("{ start_ttokens_per_day = 2, growth_percent_per_year = 300, "
                                 "saturation_ttokens_per_day = 10 }"),
                     "s.toml");
  const Path& path = s.demand[0].tokens_per_day;
  EXPECT_DOUBLE_EQ(path.at(Quarter(2026, 1)), 2e12);  // 10 / (1 + 4)
  EXPECT_NEAR(path.at(Quarter(2027, 1)), 5e12, 1);    // 10 / (1 + 4 / 4)
  EXPECT_LT(path.at(Quarter(2027, 4)), 10e12);
}

TEST(GrowthTest, SaturationMustBeAboveTheStart) {
  EXPECT_EQ(error_of(with_growth("{ start_ttokens_per_day = 2, growth_percent_per_year = 9, "
                                 "saturation_ttokens_per_day = 2 }")),
            "s.toml:13: demand.growth.saturation_ttokens_per_day: given a level at or below the "
            "start; allowed: a level above it");
}

struct BadCase {
  const char* name;
  std::string text;
  const char* message;
};
void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class BadScenarioTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadScenarioTest, NamesLineKeyGivenAndAllowed) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().message);
}

// kScenario has lines 1-4, kDemand 5-14, kAccelerator 15-16, kSuppliers 17-25, kSite 26-27.
INSTANTIATE_TEST_SUITE_P(
    Cases, BadScenarioTest,
    testing::Values(
        BadCase{"not_toml", "[scenario\n",
                "s.toml:1: given text that is not TOML (Error while parsing table header: "
                "expected ']', saw '\\n'); allowed: TOML 1.0 in UTF-8"},
        BadCase{"unknown_key", small("colour = 1\nacelerators = [\"chip\"]\n"),
                "s.toml:29: site.acelerators: given an unknown key (nearest known: accelerators); "
                "allowed: name, accelerators, renewable_share_percent, fixed_load_mw or "
                "[[site.requirement]]"},
        BadCase{"wrong_dimension", small("[[site.requirement]]\nit_power_mwh = 20\n"),
                "s.toml:29: site.requirement.it_power_mwh: given an energy; allowed: a power such "
                "as it_power_mw"},
        BadCase{"no_unit", small("[[site.requirement]]\nit_power = 20\n"),
                "s.toml:29: site.requirement.it_power: given no unit; allowed: a power such as "
                "it_power_mw"},
        BadCase{"two_units",
                small("[[site.requirement]]\nit_power_gw = 1\nit_power_mw = 20\nfrom = "
                      "\"2026Q1\"\n"),
                "s.toml:30: site.requirement.it_power_mw: given a second time, after it_power_gw; "
                "allowed: one of the two"},
        BadCase{"missing_key", small("[[site.requirement]]\nit_power_mw = 20\n"),
                "s.toml:28: site.requirement.from: given nothing; allowed: a quarter such as "
                "\"2028Q3\" or a date"},
        BadCase{"negative", small("fixed_load_mw = -3\n"),
                "s.toml:28: site.fixed_load_mw: given -3; allowed: a number >= 0"},
        BadCase{"nan", small("[fleet]\navailability_percent = nan\n"),
                "s.toml:29: fleet.availability_percent: given nan; allowed: a number > 0 and <= "
                "100"},
        BadCase{"over_100_percent", small("[fleet]\nidle_power_percent = 130\n"),
                "s.toml:29: fleet.idle_power_percent: given 130; allowed: a number >= 0 and <= "
                "100"},
        BadCase{"wrong_type", small("[fleet]\nidle_power_percent = \"30\"\n"),
                "s.toml:29: fleet.idle_power_percent: given the text \"30\"; allowed: a number >= "
                "0 and <= 100"},
        BadCase{"path_not_increasing",
                small("fixed_load_mw = [[\"2027Q1\", 1], [\"2026Q1\", 2]]\n"),
                "s.toml:28: site.fixed_load_mw: given 2026Q1 after 2027Q1; allowed: quarters that "
                "increase"},
        BadCase{"before_horizon",
                small("[[site.requirement]]\nit_power_mw = 1\nfrom = "
                      "\"2025Q4\"\n"),
                "s.toml:30: site.requirement.from: given 2025Q4, before the horizon; allowed: a "
                "quarter in 2026Q1 to 2027Q4"},
        BadCase{"listed_twice", small("[[site]]\nname = \"town\"\n"),
                "s.toml:28: site: given town a second time; allowed: each once (first in line "
                "26)"},
        BadCase{"two_tables", "[[scenario]]\nname = \"a\"\n",
                "s.toml:1: scenario: given a list of tables; allowed: one table [scenario]"},
        BadCase{"one_table", small("[fund]\nname = \"a\"\n"),
                "s.toml:28: fund: given a table; allowed: tables [[fund]]"},
        BadCase{"no_sites", std::string(kScenario) + kDemand + kAccelerator + kSuppliers,
                "s.toml:1: site: given nothing; allowed: a table [[site]]"},
        BadCase{"krw", small("[[training]]\nvalue_unserved_krw_per_mtokens = 1\n"),
                "s.toml:29: training.value_unserved_krw_per_mtokens: given money in KRW; allowed: "
                "USD such as value_unserved_usd_per_mtokens (data may be in KRW, scenarios may "
                "not)"}),
    [](const auto& bad) { return bad.param.name; });

TEST(HorizonTest, MustBeOneToEightyQuartersFrom2020) {
  const auto horizon = [](const std::string& start, const std::string& end) {
    return error_of("[scenario]\nname = \"a\"\nstart = \"" + start + "\"\nend = \"" + end + "\"\n" +
                    kDemand + kAccelerator + kSuppliers + kSite);
  };
  EXPECT_EQ(horizon("2026Q1", "2026Q1"), "no error");
  EXPECT_EQ(horizon("2026Q1", "2045Q4"), "no error");  // 80 quarters
  EXPECT_EQ(horizon("2026Q1", "2046Q1"),
            "s.toml:4: scenario.end: given 2046Q1: 81 quarters; allowed: a horizon of at most 80 "
            "quarters");
  EXPECT_EQ(horizon("2019Q4", "2026Q1"),
            "s.toml:3: scenario.start: given 2019Q4; allowed: a quarter not before 2020Q1");
  EXPECT_EQ(horizon("2026Q1", "2025Q4"),
            "s.toml:4: scenario.end: given 2025Q4, before the start: an empty horizon; allowed: a "
            "quarter not before 2026Q1");
}

TEST(ScenarioCheckTest, AcceptsTheSmallestFile) { EXPECT_EQ(check_error_of(small()), "no error"); }

TEST(ScenarioCheckTest, ExistingPowerBecomesACount) {
  const TinyCatalog data;
  Scenario s = parse_scenario(small("[[existing]]\nsite = \"town\"\naccelerator = \"chip\"\n"
                                    "it_power_mw = 3\ninstalled = \"2025Q1\"\n"),
                              "s.toml");
  check_scenario(&s, catalog::Catalog::load(data.dir()));
  EXPECT_DOUBLE_EQ(s.existing[0].accelerators, 1500);  // 3 MW / 2 kW
}

TEST(ScenarioCheckTest, NothingStandsBeforeItsLaunch) {
  EXPECT_EQ(check_error_of(small("[[existing]]\nsite = \"town\"\naccelerator = \"chip\"\n"
                                 "accelerators = 8\ninstalled = \"2024Q2\"\n")),
            "s.toml:32: existing.installed: given 2024Q2; allowed: a quarter from the launch of "
            "chip, 2024Q3");
}

TEST(ScenarioCheckTest, UnknownNamesComeWithTheNearestOfTheirKind) {
  EXPECT_EQ(check_error_of(small("[[fund]]\nname = \"prse\"\n")),
            "s.toml:29: fund.name: given the unknown name prse (nearest known: purse); allowed: "
            "one of funds: purse");
  EXPECT_EQ(check_error_of(small("[[fund]]\nname = \"town\"\n")),
            "s.toml:29: fund.name: given town of sites; allowed: one of funds: purse");
  EXPECT_EQ(check_error_of(small("[[commitment]]\nvendor = \"Acne\"\nit_power_mw = 1\nby = "
                                 "\"2026Q4\"\n")),
            "s.toml:29: commitment.vendor: given the unknown name Acne (nearest known: Acme); "
            "allowed: the vendor of a listed accelerator: Acme");
}

TEST(ScenarioCheckTest, CyclicSupplyIsNamedWhole) {
  std::string text = std::string(kScenario) + kDemand + kAccelerator + kSite + R"([[supplier]]
line = "node"
share_percent = 50
needs = ["cowos"]
[[supplier]]
line = "cowos"
share_percent = 50
needs = ["dram"]
[[supplier]]
line = "dram"
share_percent = 50
)";
  EXPECT_EQ(check_error_of(text), "no error");
  EXPECT_EQ(check_error_of(text + "needs = [\"node\"]\n"),
            "s.toml:30: supplier.needs: given the cycle node -> cowos -> dram -> node; allowed: "
            "lines that do not need themselves");
  EXPECT_EQ(check_error_of(text + "needs = [\"dram\"]\n"),
            "s.toml:30: supplier.needs: given the cycle dram -> dram; allowed: lines that do not "
            "need themselves");
}

TEST(ScenarioCheckTest, AnAcceleratorNeedsItsLines) {
  const std::string text = std::string(kScenario) + kDemand + kAccelerator + kSite +
                           "[[supplier]]\nline = \"dram\"\nshare_percent = 1\n";
  EXPECT_EQ(check_error_of(text),
            "s.toml:16: accelerator.name: given chip, whose process_node node no [[supplier]] "
            "lists; allowed: an accelerator of listed lines, or [[supplier]] line = \"node\"");
}

TEST(ScenarioFileTest, RefusesWhatIsNoScenario) {
  const TinyCatalog data;
  const auto message = [&](const std::string& path) -> std::string {
    try {
      read_scenario(path, data.dir());
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string good = data.write("good.toml", small());
  EXPECT_EQ(message(good), "no error");
  const std::string empty = data.write("empty.toml", " \n");
  EXPECT_EQ(message(empty), empty + ": given an empty file; allowed: a readable text file");
  const std::string large = data.write("large.toml", std::string(kMaxScenarioBytes + 1, '#'));
  EXPECT_EQ(message(large), large +
                                ": given a file of 4194305 bytes; allowed: at most 4194304 "
                                "bytes");
  const std::string latin = data.write("latin.toml", "# \xE9t\xE9\n" + small());
  EXPECT_NE(message(latin).find(latin + ":1: given text that is not TOML"), std::string::npos);
  EXPECT_EQ(message("/nowhere.toml"),
            "/nowhere.toml: given No such file or directory; allowed: a readable text file");
}

TEST(ScenarioSchemaTest, EveryKeyIsInTheGuide) {
  const std::string guide = read_text_file(ASTROLABE_SOURCE_DIR "/docs/guide.md");
  for (const TableSpec& table : scenario_tables()) {
    if (table.name.empty()) continue;
    const std::size_t at = guide.find("### `" + table.header() + "`");
    ASSERT_NE(at, std::string::npos) << table.header();
    const std::string section = guide.substr(at, guide.find("\n### ", at + 4) - at);
    for (const KeySpec& key : table.keys) {
      EXPECT_NE(section.find("| `" + key.key() + "` |"), std::string::npos)
          << table.name << "." << key.key();
    }
  }
}

}  // namespace
}  // namespace astrolabe::study
