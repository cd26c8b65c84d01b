#pragma once

// Fit of positive, bounded parameters to positive measurements: minimises
//   mean_i w_i sqrt(e_i^2 + d^2) + shrink sum_k (log p_k - log prior_k)^2,  e = log(model /
//   measured)
// over log p within bounds, by iteratively reweighted Gauss-Newton with Levenberg damping. For
// errors above d = 5 % this is the mean absolute log error, so outliers do not pull.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "astrolabe/device/tiled_parameters.h"

namespace astrolabe::fit {

using device::kMaxTiledParameters;
using device::ParameterSpec;
using device::TiledParameters;

struct FitResult {
  TiledParameters values{}, relative_errors{};
  double loss = 0;
};

inline constexpr double kCore = 0.05;
inline constexpr std::size_t kP = kMaxTiledParameters;
using Matrix = std::array<std::array<double, kP>, kP>;
using Vector = std::array<double, kP>;

// Solves a x = b in place for the leading n (symmetric, positive after damping); Gauss with pivots.
inline bool solve(Matrix a, Vector b, std::size_t n, Vector* x) {
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < n; ++r) {
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    }
    if (std::abs(a[pivot][i]) < 1e-300) return false;
    std::swap(a[i], a[pivot]);
    std::swap(b[i], b[pivot]);
    for (std::size_t r = i + 1; r < n; ++r) {
      const double f = a[r][i] / a[i][i];
      for (std::size_t c = i; c < n; ++c) a[r][c] -= f * a[i][c];
      b[r] -= f * b[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    double sum = b[i];
    for (std::size_t c = i + 1; c < n; ++c) sum -= a[i][c] * (*x)[c];
    (*x)[i] = sum / a[i][i];
  }
  return true;
}

// `log_times(p, out)`: the logarithm of the model at every measurement.
template <class LogTimes>
class RobustFit {
 public:
  RobustFit(LogTimes log_times, std::span<const double> log_measured,
            std::span<const double> weights, std::span<const ParameterSpec> specs,
            const TiledParameters& prior, double shrink)
      : log_times_(log_times),
        measured_(log_measured),
        weights_(weights),
        specs_(specs),
        n_(specs.size()),
        shrink_(shrink),
        residuals_(log_measured.size()) {
    for (std::size_t k = 0; k < n_; ++k) prior_[k] = std::log(prior[k]);
    for (double w : weights) total_ += w;
  }

  FitResult run(int iterations) {
    Vector q = prior_;
    clamp(&q);
    double loss = evaluate(q);
    double damping = 1e-2;
    for (int i = 0; i < iterations; ++i) {
      linearise(q);
      bool improved = false;
      for (int attempt = 0; attempt < 6 && !improved; ++attempt) {
        Vector next = step(q, damping);
        const double next_loss = evaluate(next);
        improved = next_loss < loss;
        damping *= improved ? 0.3 : 4;
        if (!improved) continue;
        const double gain = loss - next_loss;
        q = next, loss = next_loss;
        if (gain < 1e-5 * loss) i = iterations;
      }
      if (!improved) break;
    }
    evaluate(q);
    linearise(q);
    return result(q, loss);
  }

 private:
  void clamp(Vector* q) const {
    for (std::size_t k = 0; k < n_; ++k) {
      (*q)[k] = std::clamp((*q)[k], std::log(specs_[k].low), std::log(specs_[k].high));
    }
  }

  TiledParameters values(const Vector& q) const {
    TiledParameters p{};
    for (std::size_t k = 0; k < n_; ++k) p[k] = std::exp(q[k]);
    return p;
  }

  double evaluate(const Vector& q) {
    log_times_(values(q), std::span<double>(residuals_));
    double sum = 0;
    for (std::size_t i = 0; i < measured_.size(); ++i) {
      residuals_[i] -= measured_[i];
      sum += weights_[i] * std::sqrt(residuals_[i] * residuals_[i] + kCore * kCore);
    }
    double penalty = 0;
    for (std::size_t k = 0; k < n_; ++k) penalty += (q[k] - prior_[k]) * (q[k] - prior_[k]);
    return sum / total_ + shrink_ * penalty;
  }

  // Normal equations around q, whose residuals are those of the last evaluation at q.
  void linearise(const Vector& q) {
    evaluate(q);
    const std::vector<double> base = residuals_;
    std::vector<std::vector<double>> jacobian(n_);
    constexpr double kStep = 1e-3;
    for (std::size_t k = 0; k < n_; ++k) {
      Vector moved = q;
      const double h = q[k] + kStep > std::log(specs_[k].high) ? -kStep : kStep;
      moved[k] += h;
      evaluate(moved);
      jacobian[k].resize(base.size());
      for (std::size_t i = 0; i < base.size(); ++i) jacobian[k][i] = (residuals_[i] - base[i]) / h;
    }
    normal_ = {};
    gradient_ = {};
    for (std::size_t i = 0; i < base.size(); ++i) {
      const double w = weights_[i] / total_ / std::sqrt(base[i] * base[i] + kCore * kCore);
      for (std::size_t k = 0; k < n_; ++k) {
        gradient_[k] += w * jacobian[k][i] * base[i];
        for (std::size_t j = 0; j <= k; ++j) normal_[k][j] += w * jacobian[k][i] * jacobian[j][i];
      }
    }
    for (std::size_t k = 0; k < n_; ++k) {
      for (std::size_t j = 0; j < k; ++j) normal_[j][k] = normal_[k][j];
      normal_[k][k] += 2 * shrink_;
      gradient_[k] += 2 * shrink_ * (q[k] - prior_[k]);
    }
    residuals_ = base;
  }

  Vector step(const Vector& q, double damping) const {
    Matrix damped = normal_;
    for (std::size_t k = 0; k < n_; ++k) damped[k][k] += damping * (normal_[k][k] + 1e-6);
    Vector delta{};
    Vector next = q;
    if (!solve(damped, gradient_, n_, &delta)) return next;
    for (std::size_t k = 0; k < n_; ++k) next[k] -= std::clamp(delta[k], -1.0, 1.0);
    clamp(&next);
    return next;
  }

  // Standard errors of log p from the curvature, the spread of the residuals as the noise.
  FitResult result(const Vector& q, double loss) const {
    FitResult r{values(q), {}, loss};
    double noise = 0;
    for (std::size_t i = 0; i < residuals_.size(); ++i) noise += std::abs(residuals_[i]);
    const auto rows = static_cast<double>(std::max<std::size_t>(1, residuals_.size()));
    noise /= rows;
    for (std::size_t k = 0; k < n_; ++k) {
      Vector unit{}, column{};
      unit[k] = 1;
      if (solve(normal_, unit, n_, &column)) {
        r.relative_errors[k] = std::sqrt(std::max(0.0, column[k]) * noise / rows);
      }
    }
    return r;
  }

  LogTimes log_times_;
  std::span<const double> measured_, weights_;
  std::span<const ParameterSpec> specs_;
  std::size_t n_;
  double shrink_;
  double total_ = 0;
  Vector prior_{};
  std::vector<double> residuals_;
  Matrix normal_{};
  Vector gradient_{};
};

}  // namespace astrolabe::fit
