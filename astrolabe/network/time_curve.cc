#include "astrolabe/network/time_curve.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

constexpr double kSamePoint = 1e-9;     // octaves
constexpr double kOffsetReach = 1.0;    // octaves over which offsets are averaged
constexpr double kInsideFalloff = 1.0;  // octaves to a point that cost a factor e
constexpr double kOutsideFalloff = 0.35;
constexpr double kDense = 0.12;          // octaves between points below which they are averaged
constexpr std::size_t kMedianReach = 4;  // points on each side
constexpr double kOwnAdvantage = 0.7;    // of the own curve over a neighbour at distance 0

// Median of the ratios of the nearest points of a dense curve: repetitions scatter.
double median_near(const MeasuredCurve& c, std::size_t hi) {
  const std::size_t first = hi < kMedianReach ? 0 : hi - kMedianReach;
  const std::size_t last = std::min(c.x.size(), hi + kMedianReach);
  std::vector<double> near(c.ratio.begin() + static_cast<std::ptrdiff_t>(first),
                           c.ratio.begin() + static_cast<std::ptrdiff_t>(last));
  std::sort(near.begin(), near.end());
  return 0.5 * (near[(near.size() - 1) / 2] + near[near.size() / 2]);
}

struct Reading {
  double ratio = 0, weight = 0;
  bool is_point = false;
};

Reading read(const MeasuredCurve& c, double x) {
  const auto above = std::lower_bound(c.x.begin(), c.x.end(), x - kSamePoint);
  const std::size_t hi = static_cast<std::size_t>(above - c.x.begin());
  if (above == c.x.end()) {
    return {c.ratio.back(), std::exp(-(x - c.x.back()) / kOutsideFalloff)};
  }
  if (*above <= x + kSamePoint) return {c.ratio[hi], 1, true};
  if (hi == 0) return {c.ratio[0], std::exp(-(c.x[0] - x) / kOutsideFalloff)};
  const double left = x - c.x[hi - 1], right = c.x[hi] - x;
  if (left + right < kDense) return {median_near(c, hi), 1};
  const double share = left / (left + right);
  return {c.ratio[hi - 1] + share * (c.ratio[hi] - c.ratio[hi - 1]),
          std::exp(-std::min(left, right) / kInsideFalloff)};
}

// Local mean of own - other around x.
double offset(const MeasuredCurve& own, const MeasuredCurve& other, double x) {
  double sum = 0, weights = 1e-12;
  for (std::size_t i = 0; i < own.x.size(); ++i) {
    const double distance = std::fabs(own.x[i] - x);
    if (distance > 6 * kOffsetReach) continue;
    const Reading r = read(other, own.x[i]);
    const double w = std::exp(-distance / kOffsetReach) * r.weight * (r.is_point ? 1 : 0.3);
    sum += w * (own.ratio[i] - r.ratio);
    weights += w;
  }
  return sum / weights;
}

struct Blend {
  double ratio = 0;
  Evidence evidence = Evidence::kPhysics;
};

Blend blend(const MeasuredCurve* own, const std::vector<Neighbour>& others, double x) {
  double sum = 0, weights = 0, heaviest = 0;
  Evidence evidence = Evidence::kPhysics;
  if (own != nullptr) {
    const Reading r = read(*own, x);
    if (r.is_point) return {r.ratio, Evidence::kMeasured};
    const double w = std::exp(kOwnAdvantage) * r.weight;
    sum += w * r.ratio;
    weights += w;
    heaviest = w;
    evidence = Evidence::kInterpolated;
  }
  for (const Neighbour& n : others) {
    const Reading r = read(*n.curve, x);
    const double w = std::exp(-n.distance) * r.weight;
    const double shift = own != nullptr ? offset(*own, *n.curve, x) : 0;
    sum += w * (r.ratio + shift);
    weights += w;
    if (w > heaviest && own == nullptr) evidence = n.evidence;
    heaviest = std::max(heaviest, w);
  }
  if (weights <= 0) return {};
  return {sum / weights, evidence};
}

std::vector<double> node_positions(const MeasuredCurve* own, const std::vector<Neighbour>& others) {
  std::vector<double> xs;
  if (own != nullptr) xs = own->x;
  for (const Neighbour& n : others) xs.insert(xs.end(), n.curve->x.begin(), n.curve->x.end());
  std::sort(xs.begin(), xs.end());
  const auto same = [](double a, double b) { return b - a < 1e-6; };
  xs.erase(std::unique(xs.begin(), xs.end(), same), xs.end());
  return xs;
}

}  // namespace

const char* evidence_name(Evidence e) {
  constexpr const char* kNames[] = {"measured", "interpolated", "system",
                                    "sibling",  "generation",   "physics"};
  return kNames[static_cast<std::size_t>(e)];
}

TimeCurve::TimeCurve(PhysicsCurve physics, const MeasuredCurve* own,
                     const std::vector<Neighbour>& others, const Bands& bands)
    : physics_(std::move(physics)), bound_(physics_.bound(1)) {
  for (std::size_t i = 0; i < bands.size(); ++i) {
    factors_[i] = {std::exp(std::min(0.0, bands[i].p10)), std::exp(std::max(0.0, bands[i].p90))};
  }
  for (const double x : node_positions(own, others)) {
    const double size = std::exp2(x), model = std::log(physics_.time(size));
    const Blend b = blend(own, others, x);
    nodes_.push_back({x, model + b.ratio, 0, b.evidence});
  }
  make_monotone();
  for (Node& n : nodes_) n.ratio = n.log_time - std::log(physics_.time(std::exp2(n.x)));
}

// Pool adjacent violators: blocks of equal mean log time.
void TimeCurve::make_monotone() {
  struct Block {
    double sum = 0;
    std::size_t count = 0;
    double mean() const { return sum / static_cast<double>(count); }
  };
  std::vector<Block> blocks;
  for (const Node& n : nodes_) {
    blocks.push_back({n.log_time, 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().sum += last.sum;
      blocks.back().count += last.count;
    }
  }
  std::size_t i = 0;
  for (const Block& b : blocks) {
    for (std::size_t k = 0; k < b.count; ++k) nodes_[i++].log_time = b.mean();
  }
}

NetworkEstimate TimeCurve::estimate(double seconds, double bound, Evidence evidence) const {
  const LogBand factor = factors_[static_cast<std::size_t>(evidence)];
  const double time = std::max(seconds, bound);
  NetworkEstimate e;
  e.time = Duration::from_base(time);
  e.p10 = Duration::from_base(std::max(bound, time * factor.p10));
  e.p90 = Duration::from_base(time * factor.p90);
  e.evidence = evidence;
  return e;
}

NetworkEstimate TimeCurve::at(double size) const {
  if (!(size > 0)) return {};
  const double bound = bound_ * size;
  if (nodes_.empty()) return estimate(physics_.time(size), bound, Evidence::kPhysics);
  const double x = std::log2(size);
  const auto above =
      std::lower_bound(nodes_.begin(), nodes_.end(), x,
                       [](const Node& n, double at) { return n.x < at - kSamePoint; });
  if (above == nodes_.end() || (above == nodes_.begin() && x < above->x - kSamePoint)) {
    const Node& last = above == nodes_.end() ? nodes_.back() : nodes_.front();
    return estimate(physics_.time(size) * std::exp(last.ratio), bound,
                    std::max(Evidence::kSystem, last.evidence));
  }
  if (above->x <= x + kSamePoint)
    return estimate(std::exp(above->log_time), bound, above->evidence);
  const Node &left = above[-1], &right = *above;
  const double share = (x - left.x) / (right.x - left.x);
  const double log_time = left.log_time + share * (right.log_time - left.log_time);
  const Evidence worse = std::max({left.evidence, right.evidence, Evidence::kInterpolated});
  return estimate(std::exp(log_time), bound, worse);
}

}  // namespace astrolabe::network
