#pragma once

// Coefficients >= 0 that make measured = base + sum coefficients * features hold best in the mean
// absolute relative error, drawn towards priors where the data say little:
//   min  1/n sum | (base + X c) / measured - 1 | + (strength (c - prior) / prior)^2
// by iteratively reweighted least squares; each step by coordinate descent.

#include <vector>

namespace astrolabe::fit {

struct Sample {
  double measured = 0, base = 0;
  std::vector<double> features;

  double predicted(const std::vector<double>& coefficients) const;
};

std::vector<double> fit_l1(const std::vector<const Sample*>& samples,
                           const std::vector<double>& priors, double strength);

// Mean and median of |predicted / measured - 1|.
struct Error {
  double mean = 0, median = 0;
};
Error error_of(std::vector<double> relative_errors);

}  // namespace astrolabe::fit
