#include "fit/l1_fit.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::fit {
namespace {

constexpr int kReweightings = 60, kSweeps = 50;
constexpr double kSmallestResidual = 0.02;  // below, errors count as squares

// Coordinate descent on sum w (A c - b)^2 / n + sum (strength (c - prior) / prior)^2, c >= 0.
void solve(const std::vector<std::vector<double>>& normal, const std::vector<double>& right,
           std::vector<double>* c) {
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (std::size_t j = 0; j < c->size(); ++j) {
      double rest = right[j];
      for (std::size_t k = 0; k < c->size(); ++k) {
        if (k != j) rest -= normal[j][k] * (*c)[k];
      }
      (*c)[j] = std::max(0.0, rest / normal[j][j]);
    }
  }
}

}  // namespace

double Sample::predicted(const std::vector<double>& coefficients) const {
  double p = base;
  for (std::size_t j = 0; j < features.size(); ++j) p += coefficients[j] * features[j];
  return p;
}

std::vector<double> fit_l1(const std::vector<const Sample*>& samples,
                           const std::vector<double>& priors, double strength) {
  const std::size_t n = priors.size();
  std::vector<double> c = priors;
  for (int i = 0; i < kReweightings; ++i) {
    std::vector<double> weights;
    double sum = 0;
    for (const Sample* s : samples) {
      const double r = std::fabs(s->predicted(c) / s->measured - 1);
      weights.push_back(1 / std::max(r, kSmallestResidual));
      sum += weights.back();
    }
    std::vector<std::vector<double>> normal(n, std::vector<double>(n, 0));
    std::vector<double> right(n, 0);
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const Sample& sample = *samples[s];
      const double w = weights[s] / sum / sample.measured / sample.measured;
      for (std::size_t j = 0; j < n; ++j) {
        right[j] += w * sample.features[j] * (sample.measured - sample.base);
        for (std::size_t k = 0; k < n; ++k) {
          normal[j][k] += w * sample.features[j] * sample.features[k];
        }
      }
    }
    for (std::size_t j = 0; j < n; ++j) {
      const double pull = strength * strength / priors[j] / priors[j];
      normal[j][j] += pull;
      right[j] += pull * priors[j];
    }
    solve(normal, right, &c);
  }
  return c;
}

Error error_of(std::vector<double> errors) {
  if (errors.empty()) return {};
  double sum = 0;
  for (const double e : errors) sum += e;
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  return {sum / static_cast<double>(errors.size()), *middle};
}

}  // namespace astrolabe::fit
