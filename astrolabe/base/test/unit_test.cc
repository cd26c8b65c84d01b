#include "astrolabe/base/unit.h"

#include <gtest/gtest.h>

namespace astrolabe {
namespace {

TEST(Unit, CompoundUnitsMultiplyOut) {
  const auto tb_s = parse_unit("TB/s");
  ASSERT_TRUE(tb_s);
  EXPECT_EQ(tb_s->dim, (Dim{.second = -1, .byte = 1}));
  EXPECT_DOUBLE_EQ(tb_s->factor, 1e12);
  const auto price = parse_unit("KRW/kWh");
  ASSERT_TRUE(price);
  EXPECT_EQ(price->dim, (Dim{.joule = -1, .usd = 1}));
  EXPECT_EQ(price->krw_exponent, 1);
  EXPECT_DOUBLE_EQ(price->factor, 1 / 3.6e6);
  EXPECT_EQ(parse_unit("stacks/accelerator")->dim, Dim{});
  EXPECT_EQ(parse_unit("cm2^-1")->dim, (Dim{.metre = -2}));
  EXPECT_DOUBLE_EQ(parse_unit("1/cm2")->factor, 1e4);
}

TEST(Unit, UnknownSymbolsAndBrokenGrammarHaveNoUnit) {
  for (const char* bad : {"", "GBs", "MW/", "/s", "MW//s", "MW^", "MW^x", "furlong"}) {
    EXPECT_FALSE(parse_unit(bad)) << bad;
  }
}

TEST(Unit, KeySuffixesAreUnitsToo) {
  EXPECT_EQ(parse_unit_suffix("mw")->dim, (Dim{.second = -1, .joule = 1}));
  EXPECT_EQ(parse_unit_suffix("mwh")->dim, (Dim{.joule = 1}));
  EXPECT_EQ(parse_unit_suffix("usd_per_kwh")->dim, (Dim{.joule = -1, .usd = 1}));
  EXPECT_DOUBLE_EQ(parse_unit_suffix("kwafers_per_month")->factor, 1e3 / (365.25 * 86400 / 12));
  EXPECT_DOUBLE_EQ(parse_unit_suffix("percent")->factor, 0.01);
  for (const char* bad : {"", "per", "usd_per", "furlong"}) {
    EXPECT_FALSE(parse_unit_suffix(bad)) << bad;
  }
}

}  // namespace
}  // namespace astrolabe
