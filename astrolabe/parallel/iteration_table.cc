#include "astrolabe/parallel/iteration_table.h"

#include <algorithm>

namespace astrolabe::parallel {
namespace {

constexpr double kShortestContext = 128, kShortestPrompt = 16;

}  // namespace

LogSurface::LogSurface(double largest_x, double y0, double largest_y,
                       const std::function<double(double, double)>& f)
    : log_y0_(std::log2(y0)) {
  n_x_ = static_cast<std::size_t>(std::ceil(std::log2(std::max(largest_x, 2.0)))) + 1;
  n_y_ = static_cast<std::size_t>(std::ceil(2 * std::log2(std::max(largest_y / y0, 2.0)))) + 1;
  bool is_zero = true;
  for (std::size_t i = 0; i < n_x_; ++i) {
    for (std::size_t j = 0; j < n_y_; ++j) {
      const double value =
          f(std::exp2(static_cast<double>(i)), y0 * std::exp2(static_cast<double>(j) / 2));
      is_zero = is_zero && value <= 0;
      log_values_.push_back(log2_of(value));
    }
  }
  if (is_zero) log_values_.clear();
}

double LogSurface::at(double x, double y) const {
  if (log_values_.empty() || x <= 0) return 0;
  // Beyond the grid the last interval goes on; below it the first point holds.
  const double u = std::log2(std::max(x, 1.0));
  const double v = std::max(0.0, 2 * (std::log2(y) - log_y0_));
  const auto i = std::min(static_cast<std::size_t>(u), n_x_ - 2);
  const auto j = std::min(static_cast<std::size_t>(v), n_y_ - 2);
  const double p = u - static_cast<double>(i), q = v - static_cast<double>(j);
  const double* low = &log_values_[i * n_y_ + j];
  const double* high = low + n_y_;
  const double a = low[0] + q * (low[1] - low[0]);
  const double b = high[0] + q * (high[1] - high[0]);
  return std::exp2(a + p * (b - a));
}

IterationTable::IterationTable(const EngineIteration& it, const TableLimits& limits)
    : curves_(it, limits.tokens, limits.sequences),
      ranks_(it.shard().data),
      is_moe_(it.model().is_moe()) {
  const auto seconds = [](Duration t) { return t.in(units::second); };
  decode_ = LogSurface(limits.sequences, kShortestContext, limits.context,
                       [&](double b, double l) { return seconds(it.decode(b, l)); });
  prefill_ = LogSurface(limits.context, kContextShift, limits.context, [&](double n, double c) {
    return seconds(it.prefill(n, c - kContextShift));
  });
  shortest_prefill_ = prefill(kShortestPrompt, 0);
}

double IterationTable::decode_iteration(double sequences, double context) const {
  return step(sequences, sequences * ranks_, decode(sequences, context), sequences, false);
}

}  // namespace astrolabe::parallel
