#include "astrolabe/base/finance.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe {

double annuity_factor(double rate_per_period, double periods) {
  ASTROLABE_DEMAND(rate_per_period > -1 && periods >= 0, "rate > -1, periods >= 0");
  if (rate_per_period == 0) return periods;
  // expm1 and log1p keep the digits that 1 - (1+r)^-n loses when r is small.
  return -std::expm1(-periods * std::log1p(rate_per_period)) / rate_per_period;
}

double capital_recovery_factor(double rate_per_period, double periods) {
  ASTROLABE_DEMAND(periods > 0, "periods > 0");
  return 1 / annuity_factor(rate_per_period, periods);
}

double quarterly_rate(double yearly_rate) { return std::expm1(std::log1p(yearly_rate) / 4); }

double discount_factor(double yearly_rate, Duration delay) {
  ASTROLABE_DEMAND(yearly_rate > -1, "rate > -1");
  return std::exp(-std::log1p(yearly_rate) * delay.in(units::year));
}

Money present_value(std::span<const Money> by_quarter, double yearly_rate, CashTiming timing) {
  const double shift = timing == CashTiming::kStartOfQuarter ? 0
                       : timing == CashTiming::kMidQuarter   ? 0.5
                                                             : 1;
  Money sum;
  for (std::size_t t = 0; t < by_quarter.size(); ++t) {
    const Duration delay = (static_cast<double>(t) + shift) * units::quarter;
    sum += by_quarter[t] * discount_factor(yearly_rate, delay);
  }
  return sum;
}

double real_rate(double nominal_rate, double inflation) {
  return (1 + nominal_rate) / (1 + inflation) - 1;
}

double nominal_rate(double real_rate, double inflation) {
  return (1 + real_rate) * (1 + inflation) - 1;
}

double wacc(double equity_share, double cost_of_equity, double cost_of_debt, double tax_rate) {
  ASTROLABE_DEMAND(equity_share >= 0 && equity_share <= 1, "equity share in [0, 1]");
  return equity_share * cost_of_equity + (1 - equity_share) * cost_of_debt * (1 - tax_rate);
}

Money straight_line_value(Money price, Duration age, Duration life, double salvage_share) {
  ASTROLABE_DEMAND(life > Duration() && age >= Duration(), "life > 0, age >= 0");
  const double used = std::min(1.0, age / life);
  return price * (1 - (1 - salvage_share) * used);
}

Money declining_value(Money price, Duration age, double yearly_loss) {
  ASTROLABE_DEMAND(yearly_loss >= 0 && yearly_loss < 1, "loss in [0, 1)");
  return price * std::pow(1 - yearly_loss, age.in(units::year));
}

double declining_rate(double share_left, Duration age) {
  ASTROLABE_DEMAND(share_left > 0 && age > Duration(), "share > 0, age > 0");
  return 1 - std::pow(share_left, 1 / age.in(units::year));
}

TokenPrice cost_per_token(const TokenCostInputs& in) {
  ASTROLABE_DEMAND(in.tokens > TokenRate() && in.life > Duration(), "tokens > 0, life > 0");
  const double salvage = in.salvage_share * discount_factor(in.yearly_rate, in.life);
  const double recovery = capital_recovery_factor(in.yearly_rate, in.life.in(units::year));
  const MoneyRate capital = in.capital * (1 - salvage) * recovery / units::year;
  return (capital + in.operations) / in.tokens;
}

}  // namespace astrolabe
