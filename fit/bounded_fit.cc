#include "fit/bounded_fit.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::fit {
namespace {

constexpr double kHuber = 0.3;      // log residual beyond which the loss is linear
constexpr double kFirstStep = 0.4;  // of the logarithm
constexpr double kLastStep = 1e-3;
constexpr int kMostSweeps = 300;
constexpr double kSensitive = 1e-6;  // change of a residual for 1 % of a parameter

double loss(const std::vector<double>& residuals, const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    const double a = std::fabs(residuals[i]);
    sum += weights[i] * (a < kHuber ? 0.5 * a * a : kHuber * (a - 0.5 * kHuber));
  }
  return sum;
}

// Diagonal of the inverse of a small symmetric positive matrix, by Gauss-Jordan elimination.
std::vector<double> inverse_diagonal(std::vector<std::vector<double>> a) {
  const std::size_t n = a.size();
  std::vector<std::vector<double>> inverse(n, std::vector<double>(n, 0));
  for (std::size_t i = 0; i < n; ++i) inverse[i][i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = a[i][i];
    for (std::size_t j = 0; j < n; ++j) {
      a[i][j] /= pivot;
      inverse[i][j] /= pivot;
    }
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = a[r][i];
      for (std::size_t j = 0; j < n; ++j) {
        a[r][j] -= factor * a[i][j];
        inverse[r][j] -= factor * inverse[i][j];
      }
    }
  }
  std::vector<double> diagonal(n);
  for (std::size_t i = 0; i < n; ++i) diagonal[i] = inverse[i][i];
  return diagonal;
}

class Search {
 public:
  Search(const std::vector<BoundedParameter>& parameters, const std::vector<double>& weights,
         const Residuals& residuals)
      : parameters_(parameters), weights_(weights), residuals_(residuals), out_(weights.size()) {
    for (const BoundedParameter& p : parameters_) values_.push_back(p.value);
  }

  const std::vector<double>& run() {
    std::vector<double> steps(values_.size(), kFirstStep);
    best_ = evaluate(values_);
    for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
      for (std::size_t i = 0; i < values_.size(); ++i) {
        if (steps[i] < kLastStep) continue;
        steps[i] *= try_step(i, steps[i]) || try_step(i, -steps[i]) ? 1.4 : 0.5;
      }
      if (*std::max_element(steps.begin(), steps.end()) < kLastStep) break;
    }
    return values_;
  }

  const std::vector<double>& residuals_at(const std::vector<double>& values) {
    residuals_(values, out_);
    return out_;
  }

 private:
  double evaluate(const std::vector<double>& values) {
    return loss(residuals_at(values), weights_);
  }

  bool try_step(std::size_t i, double step) {
    const BoundedParameter& p = parameters_[i];
    std::vector<double> next = values_;
    next[i] = std::clamp(values_[i] * std::exp(step), p.lower, p.upper);
    if (next[i] == values_[i]) return false;
    const double l = evaluate(next);
    if (!(l < best_)) return false;
    best_ = l;
    values_ = std::move(next);
    return true;
  }

  const std::vector<BoundedParameter>& parameters_;
  const std::vector<double>& weights_;
  const Residuals& residuals_;
  std::vector<double> values_, out_;
  double best_ = 0;
};

}  // namespace

BoundedFit fit_bounded(const std::vector<BoundedParameter>& parameters,
                       const std::vector<double>& weights, const Residuals& residuals) {
  Search search(parameters, weights, residuals);
  const std::vector<double> values = search.run();
  const std::vector<double> at = search.residuals_at(values);
  const std::size_t n = parameters.size(), rows = weights.size();
  BoundedFit fit;
  fit.rows = rows;
  fit.parameters.resize(n);
  double total = 0, squares = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    total += weights[i];
    fit.mean_absolute_residual += weights[i] * std::fabs(at[i]);
    squares += weights[i] * at[i] * at[i];
  }
  fit.mean_absolute_residual /= total;
  // Derivatives by the logarithm of each parameter.
  constexpr double kDelta = 0.01;
  std::vector<std::vector<double>> jacobian(n), normal(n, std::vector<double>(n, 0));
  for (std::size_t p = 0; p < n; ++p) {
    std::vector<double> moved = values;
    moved[p] *= 1 + kDelta;
    jacobian[p] = search.residuals_at(moved);
    for (std::size_t i = 0; i < rows; ++i) {
      const double change = jacobian[p][i] - at[i];
      if (std::fabs(change) > kSensitive) ++fit.parameters[p].rows;
      jacobian[p][i] = change / kDelta;
    }
  }
  for (std::size_t p = 0; p < n; ++p) {
    for (std::size_t q = 0; q < n; ++q) {
      for (std::size_t i = 0; i < rows; ++i) {
        normal[p][q] += weights[i] * jacobian[p][i] * jacobian[q][i];
      }
    }
    normal[p][p] += 1e-9 * total;
  }
  const std::vector<double> variance = inverse_diagonal(normal);
  const double scale = squares / std::max(1.0, static_cast<double>(rows) - static_cast<double>(n));
  for (std::size_t p = 0; p < n; ++p) {
    fit.parameters[p].value = values[p];
    if (fit.parameters[p].rows > 0) {
      fit.parameters[p].standard_error = values[p] * std::sqrt(scale * std::max(0.0, variance[p]));
    }
  }
  return fit;
}

}  // namespace astrolabe::fit
