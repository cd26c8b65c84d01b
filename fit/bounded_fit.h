#pragma once

// Fit of a few positive, bounded parameters to many rows: the least sum of Huber losses of
// weighted log residuals, found by pattern search along the logarithm of each parameter. No
// derivative is needed (protocols switch), and the same rows give the same bytes.
//
// Standard error: from the Jacobian at the optimum, sqrt(diag((J'WJ)^-1) s^2), s^2 the weighted
// mean square residual times rows over (rows - parameters). It says how sharply the rows determine
// a parameter, given the model; not how wrong the model is. Zero sensitivity: no error, 0 rows.

#include <cstddef>
#include <functional>
#include <vector>

namespace astrolabe::fit {

struct BoundedParameter {
  double lower, upper, value;
};

struct FittedParameter {
  double value = 0, standard_error = 0;
  std::size_t rows = 0;  // whose residual depends on it
};

struct BoundedFit {
  std::vector<FittedParameter> parameters;
  double mean_absolute_residual = 0;  // weighted, in log
  std::size_t rows = 0;
};

// Fills one residual, log(measured / model), per row.
using Residuals = std::function<void(const std::vector<double>& values, std::vector<double>& out)>;

BoundedFit fit_bounded(const std::vector<BoundedParameter>& parameters,
                       const std::vector<double>& weights, const Residuals& residuals);

}  // namespace astrolabe::fit
