#include "astrolabe/base/finance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace astrolabe {
namespace {

using namespace units;

TEST(Annuity, MatchesTheSumOfItsPayments) {
  // 1/1.1 + 1/1.21 + 1/1.331 = 2.486851991...
  EXPECT_NEAR(annuity_factor(0.1, 3), 1 / 1.1 + 1 / 1.21 + 1 / 1.331, 1e-14);
  EXPECT_DOUBLE_EQ(annuity_factor(0, 7), 7);
  // First order in r: n - r n (n+1) / 2 = 10 - 1e-9 * 55.
  EXPECT_NEAR(annuity_factor(1e-9, 10), 10 - 55e-9, 1e-13);
  EXPECT_NEAR(capital_recovery_factor(0.1, 3), 1 / 2.48685199098, 1e-11);
}

TEST(PresentValue, DiscountsEachQuarterAtItsTime) {
  const std::vector<Money> cash = {100 * usd, 0 * usd, 0 * usd, 0 * usd, 121 * usd};
  // Start of quarter: 100 now, 121 after exactly one year at 10 %: 100 + 110.
  EXPECT_NEAR(present_value(cash, 0.1, CashTiming::kStartOfQuarter).in(usd), 210, 1e-9);
  // Shifting every payment by half a quarter divides by 1.1^(1/8), by a quarter 1.1^(1/4).
  EXPECT_NEAR(present_value(cash, 0.1).in(usd), 210 / std::pow(1.1, 0.125), 1e-9);
  EXPECT_NEAR(present_value(cash, 0.1, CashTiming::kEndOfQuarter).in(usd),
              210 / std::pow(1.1, 0.25), 1e-9);
  EXPECT_NEAR(std::pow(1 + quarterly_rate(0.1), 4), 1.1, 1e-14);
}

TEST(Rates, RealAndNominalFollowFisher) {
  // 1.09 / 1.0225 = 1.066015: the WACC of 9 % nominal at 2.25 % inflation is 6.6 % real.
  EXPECT_NEAR(real_rate(0.09, 0.0225), 0.066015, 1e-6);
  EXPECT_NEAR(nominal_rate(real_rate(0.09, 0.0225), 0.0225), 0.09, 1e-15);
  // 0.3 * 14 % + 0.7 * 8 % * (1 - 0.25) = 4.2 % + 4.2 %.
  EXPECT_NEAR(wacc(0.3, 0.14, 0.08, 0.25), 0.084, 1e-15);
}

TEST(ResidualValue, StraightLineAndDecliningBalance) {
  const Money price = 1000 * usd;
  EXPECT_NEAR(straight_line_value(price, 2.0 * year, 5.0 * year).in(usd), 600, 1e-9);
  EXPECT_NEAR(straight_line_value(price, 9.0 * year, 5.0 * year, 0.1).in(usd), 100, 1e-9);
  EXPECT_NEAR(declining_value(price, 2.0 * year, 0.3).in(usd), 490, 1e-9);
  // 30 % left after three years: 1 - 0.3^(1/3) = 0.33057.
  EXPECT_NEAR(declining_rate(0.3, 3.0 * year), 0.33057, 1e-5);
  EXPECT_NEAR(declining_value(price, 3.0 * year, declining_rate(0.3, 3.0 * year)).in(usd), 300,
              1e-9);
}

TEST(CostPerToken, IsTheLevelPaymentOverTheTokens) {
  TokenCostInputs in;
  in.capital = 1000 * usd;
  in.life = 4.0 * year;
  in.operations = 50 * usd / year;
  in.tokens = 300e6 * token / year;
  // Without interest: (1000/4 + 50) / 300 million = 1 USD per million tokens.
  EXPECT_NEAR(cost_per_token(in).in(usd / million_tokens), 1, 1e-12);
  // At 10 %: annuity 3.16986545, so 315.4708 + 50 USD a year over 300 million.
  in.yearly_rate = 0.1;
  EXPECT_NEAR(cost_per_token(in).in(usd / million_tokens), 365.4708 / 300, 1e-7);
  // Salvage of 20 % takes 200 / 1.4641 off the capital.
  in.salvage_share = 0.2;
  EXPECT_NEAR(cost_per_token(in).in(usd / million_tokens),
              ((1000 - 200 / 1.4641) / 3.16986545 + 50) / 300, 1e-7);
}

}  // namespace
}  // namespace astrolabe
