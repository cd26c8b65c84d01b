// A page with every table it knows, to look at and to check in a browser (tests/page). Its figures
// are made up by formulas of the row number: they show the page, not a plan. It is written next to
// the test binary as report_sample.html when web/dist/report.html has been built.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "astrolabe/base/csv.h"
#include "astrolabe/report/page.h"

namespace astrolabe::report {
namespace {

const std::vector<std::string> kClasses = {"chat",        "reasoning",     "agents_coding",
                                           "api_general", "deep_research", "voice"};
const std::vector<std::string> kAccelerators = {"gb200_nvl72", "gb300_nvl72", "vr200_nvl72",
                                                "mi455x"};
struct SampleSite {
  std::string site, name, country;
  double latitude, longitude, announced;
};
const std::vector<SampleSite> kSites = {
    {"abilene", "Abilene, Texas", "US", 32.45, -99.73, 1200},
    {"lordstown", "Lordstown, Ohio", "US", 41.16, -80.85, 300},
    {"milam", "Milam County, Texas", "US", 30.79, -96.98, 1000},
    {"abu_dhabi", "Stargate UAE", "AE", 24.33, 54.5, 1000},
    {"pohang", "Pohang", "KR", 35.97, 129.37, 40},
    {"jeonnam_sk", "Jeonnam (SK)", "KR", 34.57, 126.6, 20},
    {"ulsan", "Ulsan", "KR", 35.5, 129.37, 100},
};
constexpr int kQuarters = 40;

std::string quarter(int t) { return (Quarter(2026, 1) + t).text(); }
double wave(int i, int t) { return 1 + 0.2 * std::sin(i + 0.3 * t); }
double rise(int t, int from, int ramp) {
  return t < from ? 0.0 : std::min(1.0, (t - from + 1.0) / ramp);
}

Table demand_table() {
  Table t{"demand",
          "Demand and what is served",
          {{"quarter", "Quarter", {}},
           {"class", "Class of work", {}},
           {"demand_ttokens_per_day", "Demand", {}},
           {"served_ttokens_per_day", "Served", {}},
           {"unserved_ttokens_per_day", "Unserved", {}}},
          {}};
  for (int q = 0; q < kQuarters; ++q) {
    for (int c = 0; c < 6; ++c) {
      const double demand = (2 + c) * std::pow(1.12, q);
      const double served = demand * (c == 2 && q > 4 && q < 20 ? 0.8 : 1.0);
      t.add_row(
          {quarter(q), kClasses[static_cast<std::size_t>(c)], demand, served, demand - served});
    }
  }
  return t;
}

Table fleet_table() {
  Table t{"fleet",
          "Fleet in service",
          {{"quarter", "Quarter", {}},
           {"accelerator", "Accelerator", {}},
           {"site", "Site", {}},
           {"accelerators_thousand", "Accelerators", {}},
           {"it_power_mw", "Provisioned IT power", {}}},
          {}};
  for (const char* a : {"gb200_nvl72", "gb300_nvl72", "vr200_nvl72"}) {
    t.columns[4].facts.push_back(std::string(a) + ".it_power");
  }
  for (int q = 0; q < kQuarters; ++q) {
    for (int a = 0; a < 4; ++a) {
      for (int s = 0; s < 7; ++s) {
        const double mw = kSites[static_cast<std::size_t>(s)].announced *
                          rise(q, 3 * s + 6 * a, 8) * (a == 3 ? 0.3 : 0.5) * wave(a, 0);
        if (mw <= 0) continue;
        t.add_row({quarter(q), kAccelerators[static_cast<std::size_t>(a)],
                   kSites[static_cast<std::size_t>(s)].site, mw / 2, mw});
      }
    }
  }
  return t;
}

Table power_table() {
  Table t{"power",
          "Facility power by site",
          {{"quarter", "Quarter", {}},
           {"site", "Site", {}},
           {"facility_power_mw", "Facility power of the fleet", {"abilene.pue"}},
           {"built_power_mw", "Facility power built", {}},
           {"grid_limit_mw", "Grid power energised", {}}},
          {}};
  for (const SampleSite& s : kSites) t.columns[4].facts.push_back(s.site + ".contracted_power");
  for (int q = 0; q < kQuarters; ++q) {
    for (int s = 0; s < 7; ++s) {
      const SampleSite& site = kSites[static_cast<std::size_t>(s)];
      const double built = site.announced * rise(q, 3 * s, 10);
      t.add_row({quarter(q), site.site, built * 0.9, built,
                 site.announced * (q > 20 ? 1.5 : (q >= 3 * s ? 1.0 : 0.0))});
    }
  }
  return t;
}

Table flows_table() {
  Table t{"flows",
          "From wafers to tokens",
          {{"year", "Year", {}},
           {"source", "From", {}},
           {"target", "To", {}},
           {"stage", "Stage", {}},
           {"ttokens_per_day", "Tokens that go this way", {}}},
          {}};
  for (int y = 2026; y <= 2035; ++y) {
    const double total = 20 * std::pow(1.7, y - 2026);
    const std::string year = std::to_string(y);
    auto add = [&](const char* from, const char* to, const char* stage, double share) {
      t.add_row({year, std::string(from), std::string(to), std::string(stage), total * share});
    };
    add("skhynix_dram", "hbm3e_12h", "DRAM line to HBM", 0.3);
    add("skhynix_dram", "hbm4_12h", "DRAM line to HBM", 0.3);
    add("samsung_dram", "hbm4_12h", "DRAM line to HBM", 0.4);
    add("hbm3e_12h", "gb300_nvl72", "HBM to accelerator", 0.3);
    add("hbm4_12h", "vr200_nvl72", "HBM to accelerator", 0.6);
    add("hbm4_12h", "mi455x", "HBM to accelerator", 0.1);
    add("gb300_nvl72", "abilene", "accelerator to site", 0.3);
    add("vr200_nvl72", "milam", "accelerator to site", 0.45);
    add("vr200_nvl72", "pohang", "accelerator to site", 0.15);
    add("mi455x", "pohang", "accelerator to site", 0.1);
    add("abilene", "chat", "site to class of work", 0.3);
    add("milam", "agents_coding", "site to class of work", 0.35);
    add("milam", "reasoning", "site to class of work", 0.1);
    add("pohang", "voice", "site to class of work", 0.05);
    add("pohang", "agents_coding", "site to class of work", 0.2);
  }
  return t;
}

Table timeline_table() {
  Table t{"timeline",
          "When construction and grid work must start",
          {{"item", "Item", {}},
           {"kind", "Kind", {}},
           {"place", "Place", {}},
           {"order_quarter", "Start", {}},
           {"ready_quarter", "Ready", {"abilene.grid_lead_time", "pohang.grid_lead_time"}},
           {"amount", "Amount", {}},
           {"unit", "Unit", {}},
           {"detail", "Detail", {}}},
          {}};
  for (int s = 0; s < 7; ++s) {
    const SampleSite& site = kSites[static_cast<std::size_t>(s)];
    t.add_row({site.name + " building", std::string("site_block"), site.site, quarter(s),
               quarter(s + 6), site.announced, std::string("MW"), std::string("phases of 150 MW")});
    t.add_row({site.name + " grid", std::string("grid_connection"), site.site, quarter(s - 3),
               quarter(s + 9), site.announced / 2, std::string("MW"),
               std::string("grid power beyond the contracted")});
  }
  t.add_row({std::string("samsung_dram"), std::string("fab_module"), std::string("KR"), quarter(2),
             quarter(14), 2.0, std::string("modules"), std::string("60000 wafers/month each")});
  t.add_row({std::string("cowos_l"), std::string("packaging_module"), std::string("TW"), quarter(4),
             quarter(9), 3.0, std::string("modules"), std::string("10000 wafers/month each")});
  t.add_row({std::string("jeonnam offshore wind"), std::string("renewable"), std::string("kr_grid"),
             quarter(6), quarter(20), 800.0, std::string("MW"), std::string("offshore wind")});
  return t;
}

Table bottlenecks_table() {
  Table t{"bottlenecks",
          "What binds, and what one more unit is worth",
          {{"quarter", "Quarter", {}},
           {"family", "Constraint family", {}},
           {"entity", "Where", {}},
           {"constraint", "Constraint", {}},
           {"used_percent", "Used", {}},
           {"shadow_price", "Worth of one more unit", {"sk_hynix.capacity"}},
           {"shadow_unit", "Unit", {}},
           {"rent_musd", "Worth times use in the quarter", {}},
           {"sentence", "In words", {}}},
          {}};
  struct Row {
    std::string family, entity, unit;
    double price;
  };
  const std::vector<Row> rows = {{"hbm_wafers", "skhynix_dram", "USD/wafer", 41000},
                                 {"hbm_wafers", "samsung_dram", "USD/wafer", 30000},
                                 {"packaging_wafers", "cowos_l", "USD/wafer", 90000},
                                 {"logic_wafers", "n3", "USD/wafer", 20000},
                                 {"site_power", "abilene", "USD/MW", 2.1e6},
                                 {"site_power", "milam", "USD/MW", 1.4e6},
                                 {"site_grid", "pohang", "USD/MW", 5.2e6},
                                 {"site_grid", "jeonnam_sk", "USD/MW", 3.1e6},
                                 {"fund_year", "softbank", "USD/USD", 0.12},
                                 {"renewable_energy", "kr_grid", "USD/MW", 8.0e5}};
  for (int q = 0; q < kQuarters; ++q) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double strength = std::sin(0.35 * q + static_cast<double>(i) * 1.3);
      if (strength < 0) continue;
      const double price = std::round(rows[i].price * strength * 1000) / 1000;
      const std::string where = rows[i].family + "[" + rows[i].entity + "," + quarter(q) + "]";
      t.add_row({quarter(q), rows[i].family, rows[i].entity, where, 100.0, price, rows[i].unit,
                 strength * 900 / (static_cast<double>(i) + 1),
                 quarter(q) + ": " + rows[i].family + " at " + rows[i].entity +
                     " is full; one more unit is worth " + format_number(price) + " " +
                     rows[i].unit});
    }
  }
  return t;
}

std::vector<Table> money_tables() {
  const std::vector<std::string> items = {"accelerators",     "buildings",
                                          "grid connections", "fab and packaging expansions",
                                          "electricity",      "operations"};
  Table costs{
      "costs",
      "Spending by year (undiscounted)",
      {{"year", "Year", {}}, {"item", "Item", {}}, {"musd", "Spending", {"gb300_nvl72.price"}}},
      {}};
  Table summary{"cost_summary",
                "Net present cost",
                {{"item", "Item", {}},
                 {"npv_musd", "Net present cost", {}},
                 {"share_percent", "Share of what is spent", {}}},
                {}};
  Table funds{"funds",
              "Money drawn by fund",
              {{"year", "Year", {}},
               {"fund", "Fund", {}},
               {"drawn_musd", "Drawn", {}},
               {"ceiling_musd", "Ceiling", {}}},
              {}};
  for (int y = 2026; y <= 2035; ++y) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      costs.add_row({std::to_string(y), items[i],
                     30000 / (static_cast<double>(i) + 1) * wave(static_cast<int>(i), y)});
    }
    for (int f = 0; f < 3; ++f) {
      funds.add_row(
          {std::to_string(y), "fund_" + std::to_string(f + 1), 15000 * wave(f, y), 20000.0});
    }
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    summary.add_row(
        {items[i], 200000 / (static_cast<double>(i) + 1), 40 / (static_cast<double>(i) + 1)});
  }
  return {costs, summary, funds};
}

std::vector<Table> value_tables() {
  Table depreciation{"depreciation",
                     "Depreciation and book value by year",
                     {{"year", "Year", {}},
                      {"item", "Item", {}},
                      {"added_musd", "Came into service", {}},
                      {"depreciation_musd", "Depreciation", {"finance_base.accelerator_life"}},
                      {"book_value_musd", "Left at the end of the year", {}}},
                     {}};
  Table water{"water",
              "Cooling water by site",
              {{"quarter", "Quarter", {}},
               {"site", "Site", {}},
               {"it_energy_gwh", "IT energy", {}},
               {"water_megalitres", "Cooling water", {}}},
              {}};
  for (int y = 2026; y <= 2035; ++y) {
    for (int i = 0; i < 2; ++i) {
      depreciation.add_row({std::to_string(y), std::string(i == 0 ? "accelerators" : "buildings"),
                            9000 * wave(i, y), 4000 * wave(i + 1, y), 20000 * wave(i, y)});
    }
  }
  for (int q = 0; q < kQuarters; ++q) {
    for (const char* site : {"abilene", "pohang"}) {
      water.add_row({quarter(q), std::string(site), 400 * wave(0, q), 120 * wave(1, q)});
    }
  }
  Table tokens{"token_costs",
               "What a million tokens costs",
               {{"class", "Class of work", {}},
                {"site", "Site", {}},
                {"served_ttokens", "Tokens served over the horizon", {}},
                {"npv_musd", "Net present cost", {}},
                {"usd_per_mtokens", "Cost", {}},
                {"accelerators_usd_per_mtokens", "of it accelerators", {}},
                {"site_usd_per_mtokens", "buildings and grid", {}},
                {"energy_usd_per_mtokens", "electricity and carbon", {}},
                {"operations_usd_per_mtokens", "operations", {}},
                {"other_usd_per_mtokens", "fabs, stocks, cost of funds", {}}},
               {}};
  tokens.add_row({std::string("chat"), std::string("all sites"), 900.0, 45.0, 0.05, 0.03, 0.01,
                  0.008, 0.004, -0.002});
  tokens.add_row({std::string("agents"), std::string("all sites"), 300.0, 60.0, 0.2, 0.13, 0.04,
                  0.02, 0.015, -0.005});
  tokens.add_row({std::string("all classes"), std::string("abilene"), 1200.0, 105.0, 0.0875, 0.06,
                  0.015, 0.01, 0.005, -0.0025});
  return {depreciation, water, tokens};
}

std::vector<Table> place_tables() {
  Table sites{"sites",
              "Sites",
              {{"site", "Site", {}},
               {"name", "Name", {}},
               {"country", "Country", {}},
               {"latitude", "Latitude", {}},
               {"longitude", "Longitude", {}},
               {"announced_mw", "Announced", {}},
               {"contracted_mw", "Contracted", {}},
               {"energised_mw", "Energised", {}},
               {"planned_mw", "Planned", {}},
               {"note", "State", {}}},
              {}};
  for (const SampleSite& s : kSites) {
    sites.add_row({s.site, s.name, s.country, s.latitude, s.longitude, s.announced,
                   s.announced * 0.6, s.announced * 0.2, s.announced * 0.9,
                   std::string("made up for the sample")});
    sites.columns[5].facts.push_back(s.site + ".announced_power");
    sites.columns[6].facts.push_back(s.site + ".contracted_power");
  }
  Table supply{"supply",
               "Wafer starts for this programme",
               {{"quarter", "Quarter", {}},
                {"line", "Line", {}},
                {"product", "Product", {}},
                {"kwafers_per_month", "Wafer starts", {}},
                {"capacity_kwafers_per_month",
                 "Capacity open to the programme",
                 {"sk_hynix.capacity", "samsung.capacity"}}},
               {}};
  Table orders{"orders",
               "What to order when",
               {{"quarter", "Order in", {}},
                {"what", "What", {}},
                {"supplier", "From", {}},
                {"amount", "Amount", {}},
                {"unit", "Unit", {}},
                {"delivery_quarter", "There in", {}},
                {"detail", "How the lead time adds up", {}}},
               {}};
  for (int q = 0; q < kQuarters; ++q) {
    for (const char* line : {"skhynix_dram", "samsung_dram"}) {
      for (const char* product : {"hbm3e_12h", "hbm4_12h", "host DRAM"}) {
        supply.add_row(
            {quarter(q), std::string(line), std::string(product), 20 * wave(q, 3), 80.0 + q});
      }
    }
    orders.add_row({quarter(q - 4), kAccelerators[static_cast<std::size_t>(q % 4)],
                    std::string("vendor"), 1000.0 * (q + 1), std::string("accelerators"),
                    quarter(q), std::string("2 quarters HBM, 2 packaging to rack")});
  }
  return {sites, supply, orders};
}

Table summary_table() {
  Table t{"summary",
          "Year by year",
          {{"year", "Year", {}},
           {"served_percent", "Served", {}},
           {"it_power_gw", "IT power", {"gb300_nvl72.it_power"}},
           {"spending_busd", "Spending", {}},
           {"bottleneck", "What binds most", {}}},
          {}};
  for (int y = 2026; y <= 2035; ++y) {
    t.add_row({std::to_string(y), 100.0 - (y % 3) * 4, 0.7 * (y - 2025), 12.0 * (y - 2025),
               std::string("hbm_wafers at skhynix_dram, 41 kUSD per wafer")});
  }
  return t;
}

Page sample_page() {
  Page page;
  page.title = "Sample page";
  page.subtitle = "SAMPLE: every figure on this page is made up to show the page itself";
  page.run = {{"version", "0.1.0"},       {"scenario", "sample.toml"},  {"seed", "7"},
              {"solver", "HiGHS 1.15.1"}, {"data", "0123456789abcdef"}, {"gap", "0.4 %"}};
  page.headlines = {
      {"Tokens served at the end of 2035",
       "1270",
       "trillion a day",
       "98 % of a demand of 1300",
       {}},
      {"IT power in service at the end of 2035",
       "7.0",
       "GW",
       "7.9 GW of facility power, 3.21 million accelerators",
       {"gb200_nvl72.it_power", "gb300_nvl72.it_power"}},
      {"Most DRAM wafer starts in a year",
       "312",
       "thousand a month",
       "in 2033",
       {"sk_hynix.capacity", "samsung.capacity"}},
      {"Net present cost", "410", "billion USD", "real, at 6.0 % a year", {"gb300_nvl72.price"}},
      {"What binds, year by year",
       "HBM wafers at SK hynix",
       "",
       "2026: HBM wafers at SK hynix; 2027: packaging; 2028: grid at Pohang",
       {}},
      {"Korean sites, last quarter",
       "160",
       "MW IT",
       "pohang: 40 MW; ulsan: 100 MW",
       {"pohang.contracted_power", "nobody.knows"}}};
  page.notes = {"The figures of this page are formulas of the row number.",
                "Text that looks like HTML stays text: </script><b>bold</b> & <!-- comment."};
  page.tables = {summary_table(), demand_table(), flows_table(),      timeline_table(),
                 fleet_table(),   power_table(),  bottlenecks_table()};
  for (Table& t : money_tables()) page.tables.push_back(std::move(t));
  for (Table& t : value_tables()) page.tables.push_back(std::move(t));
  for (Table& t : place_tables()) page.tables.push_back(std::move(t));
  page.tables.push_back(
      Table{"energy",
            "Energy by site zone",
            {{"quarter", "Quarter", {}}, {"zone", "Sites", {}}, {"energy_gwh", "Energy drawn", {}}},
            {{std::string("2026Q1"), std::string("pohang ulsan"), 12.5}}});
  page.facts = page_facts(catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data"), fact_keys(page));
  return page;
}

TEST(SamplePageTest, SamePageGivesSameBytes) {
  EXPECT_EQ(to_json(sample_page()), to_json(sample_page()));
}

TEST(SamplePageTest, OnlyTheFactNobodyKnowsHasNoSource) {
  std::vector<std::string> unknown;
  for (const FactRow& f : sample_page().facts) {
    if (f.source.empty()) unknown.push_back(f.key);
  }
  EXPECT_EQ(unknown, std::vector<std::string>{"nobody.knows"});
}

TEST(SamplePageTest, IsWrittenWhenTheTemplateIsBuilt) {
  const std::filesystem::path source = ASTROLABE_SOURCE_DIR "/web/dist/report.html";
  if (!std::filesystem::exists(source)) GTEST_SKIP() << "web/dist/report.html is not built";
  const auto out =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "report_sample.html";
  const std::string html = to_html(sample_page(), read_text_file(source.string()), source.string());
  write_file_atomically(out.string(), html);
  EXPECT_EQ(read_text_file(out.string()), html);
}

}  // namespace
}  // namespace astrolabe::report
