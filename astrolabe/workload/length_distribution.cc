#include "astrolabe/workload/length_distribution.h"

#include <cmath>

namespace astrolabe::workload {

LengthDistribution LengthDistribution::fixed(double tokens) {
  LengthDistribution d;
  d.mean_ = tokens;
  return d;
}

LengthDistribution LengthDistribution::from_mean_and_p90(double mean, std::optional<double> p90,
                                                         const SourcePosition& where,
                                                         const std::string& key,
                                                         const std::string& p90_key) {
  if (!(mean > 0)) throw InputError(where, key, std::to_string(mean), "a mean above 0 tokens");
  LengthDistribution d = fixed(mean);
  if (!p90) return d;
  const double log_ratio = std::log(*p90 / mean);
  const double largest = kNormalP90 * kNormalP90 / 2;
  if (!(log_ratio >= 0) || log_ratio > largest) {
    throw InputError(where, p90_key, std::to_string(*p90),
                     "between the mean and " + std::to_string(std::exp(largest)) +
                         " times the mean (lognormal)");
  }
  d.s_ = kNormalP90 - std::sqrt(kNormalP90 * kNormalP90 - 2 * log_ratio);
  return d;
}

double LengthDistribution::second_moment_ratio() const { return std::exp(s_ * s_); }

double LengthDistribution::second_moment() const { return mean_ * mean_ * second_moment_ratio(); }

double LengthDistribution::quantile(double standard_normal) const {
  return mean_ * std::exp(standard_normal * s_ - s_ * s_ / 2);
}

}  // namespace astrolabe::workload
