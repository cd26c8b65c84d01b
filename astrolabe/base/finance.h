#pragma once

// Money over time: discounting, annuities, residual values, real and nominal rates, cost per token.
//
//   annuity factor          a(r, n) = (1 - (1+r)^-n) / r          (n for r = 0)
//   present value           PV = sum_t c_t (1+r)^-((t + s) / 4),  s = 0, 1/2, 1: start, middle, end
//   real rate (Fisher)      1 + r_real = (1 + r_nominal) / (1 + inflation)
//   WACC                    r = e r_e + (1 - e) r_d (1 - tax)
//   residual value          straight line V (1 - (1-z) min(a, L)/L); declining V (1-d)^a
//   cost per token          (K (1 - salvage (1+r)^-L) / a(r, L) + O) / N
//
// Rates are per year as fractions (0.066), lives and ages are durations, money is constant USD of
// the base year. Constant USD must be discounted at a real rate: mixing them with a nominal rate
// counts inflation twice. Straight line follows the books; resale prices of accelerators fall
// faster at first, which the declining balance follows; neither knows of a new generation.
// Source: any text of engineering economics (annuities, depreciation); Fisher 1930, The Theory of
// Interest (real rate); Modigliani and Miller 1963 (WACC with the tax shield).

#include <span>

#include "astrolabe/base/quantity.h"

namespace astrolabe {

using MoneyRate = Quantity<Dim{.second = -1, .usd = 1}>;

enum class CashTiming { kStartOfQuarter, kMidQuarter, kEndOfQuarter };

// Present value of one unit a period for n periods, paid at the end of each. rate > -1, n >= 0.
double annuity_factor(double rate_per_period, double periods);
// Level payment a period that repays one unit: 1 / annuity_factor.
double capital_recovery_factor(double rate_per_period, double periods);

double quarterly_rate(double yearly_rate);  // (1 + r)^(1/4) - 1
double discount_factor(double yearly_rate, Duration delay);
Money present_value(std::span<const Money> by_quarter, double yearly_rate,
                    CashTiming timing = CashTiming::kMidQuarter);

double real_rate(double nominal_rate, double inflation);
double nominal_rate(double real_rate, double inflation);
double wacc(double equity_share, double cost_of_equity, double cost_of_debt, double tax_rate = 0);

// Value at `age` of an asset bought for `price`. Straight line stays at the salvage share after
// its life; the declining balance loses the same share of what is left every year.
Money straight_line_value(Money price, Duration age, Duration life, double salvage_share = 0);
Money declining_value(Money price, Duration age, double yearly_loss);
// The yearly loss that leaves `share_left` of the price at `age` (30 % after 3 years: 0.331).
double declining_rate(double share_left, Duration age);

// Level real cost of a token from an asset that earns at a constant rate over its life.
struct TokenCostInputs {
  Money capital;
  Duration life;
  double yearly_rate = 0;    // real
  double salvage_share = 0;  // of capital, at the end of life
  MoneyRate operations;      // energy, staff, maintenance
  TokenRate tokens;          // mean over the life, downtime and idle hours included
};
TokenPrice cost_per_token(const TokenCostInputs& in);

}  // namespace astrolabe
