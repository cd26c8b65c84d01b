#pragma once

// Lengths of prompts and answers in tokens: lognormal, given by mean and 90th percentile.
//
//   ln X ~ N(mu, s^2):  E[X] = exp(mu + s^2/2),  p90/E[X] = exp(z s - s^2/2), z = 1.28155,
//   E[X^2] = E[X]^2 exp(s^2).
// The smaller root s of the middle equation is taken. A p90 above exp(z^2/2) = 2.27 means, or below
// the mean, is not lognormal and is an InputError. Without a p90 the length is fixed.
// Assumes one mode and independence of prompt and answer; mixtures (chat and documents in one
// class) have a heavier tail: split them into two classes.
// Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, ch. 14.

#include <optional>
#include <string>

#include "astrolabe/base/error.h"

namespace astrolabe::workload {

class LengthDistribution {
 public:
  LengthDistribution() = default;
  // Tokens. Throws InputError at `where` for `key` (mean not above 0) or `p90_key` (out of range).
  static LengthDistribution from_mean_and_p90(double mean, std::optional<double> p90,
                                              const SourcePosition& where, const std::string& key,
                                              const std::string& p90_key);
  static LengthDistribution fixed(double tokens);

  double mean() const { return mean_; }
  double log_deviation() const { return s_; }
  double second_moment() const;        // E[X^2]
  double second_moment_ratio() const;  // E[X^2] / E[X]^2, at least 1
  double squared_variation() const { return second_moment_ratio() - 1; }
  double quantile(double standard_normal) const;  // exp(mu + z s); z = 1.28155 is p90

 private:
  double mean_ = 0, s_ = 0;
};

inline constexpr double kNormalP90 = 1.2815515655446004;

}  // namespace astrolabe::workload
