#include "astrolabe/workload/expert_routing.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::workload {
namespace {

// Truncated power law with density ~ x^-alpha on [low, high].
class PowerLaw {
 public:
  PowerLaw(double alpha, double low, double high)
      : alpha_(alpha),
        low_(std::pow(low, 1 - alpha)),
        span_(std::pow(high, 1 - alpha) - low_),
        low_end_(low),
        high_end_(high) {}

  double quantile(double u) const { return std::pow(low_ + u * span_, 1 / (1 - alpha_)); }
  double share_above(double x) const {
    if (x <= low_end_) return 1;
    if (x >= high_end_) return 0;
    return 1 - (std::pow(x, 1 - alpha_) - low_) / span_;
  }
  double moment(int order) const {
    const double e = order + 1 - alpha_;
    const double integral = std::abs(e) < 1e-9
                                ? std::log(high_end_ / low_end_)
                                : (std::pow(high_end_, e) - std::pow(low_end_, e)) / e;
    return integral * (1 - alpha_) / span_;
  }

 private:
  double alpha_, low_, span_, low_end_, high_end_;
};

PowerLaw benchmark_law(double alpha, double experts, double topk, double tokens) {
  if (tokens * topk > experts) return {alpha, 1, std::max(0.8 * tokens, 1.0 + 1e-6)};
  return {alpha, 0.01, 2};
}

double power_law_ratio(double alpha, double experts, double topk, double tokens, int ranks) {
  const PowerLaw law = benchmark_law(alpha, experts, topk, tokens);
  const double each = experts / ranks;
  const double mean = law.moment(1);
  const double deviation = std::sqrt(std::max(0.0, law.moment(2) - mean * mean));
  const double all_tokens = experts * mean / topk;  // in the scale of the law
  const double single = std::min(law.quantile(1 - 0.5 / experts), all_tokens) - mean;
  const double many = deviation * std::sqrt(each) * (std::sqrt(2 * std::log(ranks)) - 0.6);
  const double excess = std::cbrt(single * single * single + many * many * many);
  // A token chooses an expert once, and makes k choices in all.
  const double limit = std::min(each, topk) * ranks / topk;
  return std::clamp(1 + excess / (each * mean), 1.0, std::max(1.0, limit));
}

}  // namespace

double expected_distinct_experts(double experts, double topk, double tokens) {
  if (experts <= 0) return 0;
  return experts * (1 - std::pow(1 - topk / experts, tokens));
}

double hottest_rank_ratio(const Routing& routing, double experts, double topk, double tokens,
                          int ranks) {
  if (ranks <= 1) return 1;
  switch (routing.model) {
    case RoutingModel::kBalanced:
      return 1;
    case RoutingModel::kUniform:
      return routing.imbalance;
    case RoutingModel::kPowerLaw:
      return power_law_ratio(routing.alpha, experts, topk, tokens, ranks);
  }
  return 1;
}

RankLoad hottest_rank_load(const Routing& routing, double experts, double topk, double tokens,
                           int ranks) {
  RankLoad load;
  const double rows = tokens * topk / ranks;
  load.rows = rows * hottest_rank_ratio(routing, experts, topk, tokens, ranks);
  const double each = experts / ranks;
  switch (routing.model) {
    case RoutingModel::kBalanced:
      load.experts = std::min(each, rows);
      break;
    case RoutingModel::kUniform:
      load.experts = expected_distinct_experts(experts, topk, tokens) / ranks;
      break;
    case RoutingModel::kPowerLaw: {
      const PowerLaw law = benchmark_law(routing.alpha, experts, topk, tokens);
      const double scale = tokens * topk / (experts * law.moment(1));
      const double ratio = rows > 0 ? load.rows / rows : 1;
      load.experts =
          std::min({each, each * law.share_above(0.5 / scale) * std::sqrt(ratio), load.rows});
      break;
    }
  }
  return load;
}

}  // namespace astrolabe::workload
