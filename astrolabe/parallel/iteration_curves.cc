#include "astrolabe/parallel/iteration_curves.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
LogCurve::LogCurve(double largest, const std::function<double(double)>& f) {
  const auto n = static_cast<std::size_t>(std::ceil(2 * std::log2(std::max(largest, 2.0)))) + 1;
  bool is_zero = true;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = f(std::exp2(static_cast<double>(i) / 2));
    is_zero = is_zero && value <= 0;
    log_values_.push_back(log2_of(value));
  }
  if (is_zero) log_values_.clear();
}

double LogCurve::at(double x) const {
  if (log_values_.empty() || x <= 0) return 0;
  const double u = 2 * std::log2(std::max(x, 1.0));
  const auto last = static_cast<double>(log_values_.size() - 1);
  if (u >= last) return std::exp2(log_values_.back() + (u - last) / 2);
  const auto i = static_cast<std::size_t>(u);
  const double f = u - static_cast<double>(i);
  return std::exp2(log_values_[i] + f * (log_values_[i + 1] - log_values_[i]));
}

IterationCurves::IterationCurves(const EngineIteration& it, double most_tokens,
                                 double most_outputs) {
  const auto seconds = [](Duration t) { return t.in(units::second); };
  const double most_of_all = most_tokens * it.shard().data;
  dense_ = LogCurve(most_tokens, [&](double m) { return seconds(it.dense(m)); });
  experts_ = LogCurve(most_of_all, [&](double t) { return seconds(it.experts(t)); });
  exchange_ = LogCurve(most_of_all, [&](double t) { return seconds(it.exchange(t)); });
  head_ = LogCurve(most_outputs, [&](double s) { return seconds(it.head(s)); });
  set_overheads(seconds(it.fixed()), seconds(it.engine().constants.sequence),
                seconds(it.prompt_host()));
  launch_ =
      seconds(it.engine().constants.eager_layer) * it.model().n_layers() / it.shard().pipeline;
  lent_ = it.engine().schedule.exchange_share;
  can_overlap_ = it.engine().schedule.two_batch_overlap > 0 && !exchange_.is_zero();
}

double IterationCurves::overlapped(double tokens, double all_tokens, double core, double outputs,
                                   bool has_prompts) const {
  const double half = dense_.at(tokens / 2) + experts_.at(all_tokens / 2) + core / 2 + fixed_;
  const double compute = half / (1 - (has_prompts ? lent_ : 0));
  return 2 * std::max(compute, exchange_.at(all_tokens / 2)) + head_.at(outputs);
}

}  // namespace astrolabe::parallel
