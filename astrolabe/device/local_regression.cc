#include "astrolabe/device/local_regression.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "astrolabe/base/error.h"

namespace astrolabe::device {
namespace {

constexpr int kMaxNeighbours = 96;
constexpr int kMaxTerms = kMaxCoordinates + 1;
constexpr std::size_t kLeaf = 12;  // points of a range that is not split
constexpr int kReweightings = 4;
constexpr float kRoundingSafe = 1 - 1e-5f;  // of a squared distance to a cell
constexpr double kReach = 1.1;              // h over the distance of the farthest neighbour
constexpr double kSmallDeviation = 0.01;    // below it deviations count alike
constexpr double kRidge = 1e-3;             // of slopes, per unit of weight
constexpr double kMostDeviation = 1;        // beyond which a deviation weighs as this one
constexpr double kMostAtPlace = 0.5;        // that a measurement of the place itself adds
constexpr double kPlaceReach = 0.1;         // how far away a measurement is of the same place

// The axis along which these points lie farthest apart.
std::uint8_t widest_axis(std::span<const std::uint32_t> order, const float* points,
                         std::size_t dims) {
  std::uint8_t widest = 0;
  float extent = -1;
  for (std::size_t axis = 0; axis < dims; ++axis) {
    float low = INFINITY, high = -INFINITY;
    for (const std::uint32_t i : order) {
      low = std::min(low, points[i * dims + axis]);
      high = std::max(high, points[i * dims + axis]);
    }
    if (high - low > extent) {
      extent = high - low;
      widest = static_cast<std::uint8_t>(axis);
    }
  }
  return widest;
}

// Splits a range at its middle along its widest axis, down to leaves.
void arrange_range(std::span<std::uint32_t> order, std::span<std::uint8_t> axes,
                   const float* points, std::size_t dims) {
  if (order.size() <= kLeaf) return;
  const std::size_t half = order.size() / 2;
  const std::size_t axis = axes[half] = widest_axis(order, points, dims);
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(half), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) {
                     const float xa = points[a * dims + axis], xb = points[b * dims + axis];
                     return xa < xb || (xa == xb && a < b);
                   });
  arrange_range(order.subspan(0, half), axes.subspan(0, half), points, dims);
  arrange_range(order.subspan(half + 1), axes.subspan(half + 1), points, dims);
}

// The k smallest so far, as a heap with the largest on top.
class NearestHeap {
 public:
  explicit NearestHeap(std::span<PointTree::Neighbour> out) : out_(out) {}
  float bound() const { return n_ < out_.size() ? INFINITY : out_[0].distance2; }
  void offer(float distance2, std::uint32_t row) {
    if (n_ < out_.size()) {
      out_[n_++] = {distance2, row};
      if (n_ == out_.size()) std::make_heap(out_.begin(), out_.end(), is_nearer);
    } else if (distance2 < out_[0].distance2) {
      replace_farthest({distance2, row});
    }
  }
  int count() const { return static_cast<int>(n_); }

 private:
  static bool is_nearer(const PointTree::Neighbour& a, const PointTree::Neighbour& b) {
    return a.distance2 < b.distance2;
  }
  void replace_farthest(PointTree::Neighbour by) {
    std::size_t at = 0;
    for (std::size_t child = 1; child < n_; child = 2 * at + 1) {
      if (child + 1 < n_ && is_nearer(out_[child], out_[child + 1])) ++child;
      if (!is_nearer(by, out_[child])) break;
      out_[at] = out_[child];
      at = child;
    }
    out_[at] = by;
  }

  std::span<PointTree::Neighbour> out_;
  std::size_t n_ = 0;
};

template <std::size_t kDims>
struct Search {
  const PointTree& tree;
  const Coordinates& at;
  NearestHeap& heap;
  Coordinates offset = {};  // from the point to the cell of the tree that is visited

  void offer(std::uint32_t i) {
    const float* p = tree.row(i);
    float d2 = 0;
    for (std::size_t axis = 0; axis < kDims; ++axis)
      d2 += (p[axis] - at[axis]) * (p[axis] - at[axis]);
    heap.offer(d2, i);
  }

  // cell2: the squared length of `offset`.
  void visit(std::uint32_t first, std::uint32_t last, float cell2) {
    if (last - first <= kLeaf) {
      for (std::uint32_t i = first; i < last; ++i) offer(i);
      return;
    }
    const std::uint32_t middle = first + (last - first) / 2;
    offer(middle);
    const std::size_t axis = tree.axis(middle);
    const float side = at[axis] - tree.row(middle)[axis], nearer = offset[axis];
    const auto visit_low = [&](float d) { visit(first, middle, d); };
    const auto visit_high = [&](float d) { visit(middle + 1, last, d); };
    side < 0 ? visit_low(cell2) : visit_high(cell2);
    const float far2 = cell2 - nearer * nearer + side * side;
    if (far2 * kRoundingSafe >= heap.bound()) return;
    offset[axis] = side;
    side < 0 ? visit_high(far2) : visit_low(far2);
    offset[axis] = nearer;
  }
};

// Symmetric positive definite a x = b in place; false when a is singular.
bool solve(double a[kMaxTerms][kMaxTerms], double* b, int n) {
  for (int j = 0; j < n; ++j) {
    for (int k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
    if (a[j][j] <= 1e-12) return false;
    a[j][j] = std::sqrt(a[j][j]);
    for (int i = j + 1; i < n; ++i) {
      for (int k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
  }
  for (int i = 0; i < n; ++i) {
    for (int k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (int i = n - 1; i >= 0; --i) {
    for (int k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return true;
}

struct Neighbourhood {
  int n = 0, terms = 0;
  double z[kMaxNeighbours][kMaxTerms];  // 1, x_i - x
  double y[kMaxNeighbours], weight[kMaxNeighbours];
  double deviation[kMaxNeighbours];  // above the plane

  // Weighted plane with the current deviations; c holds its coefficients. Values are logarithms: a
  // deviation e is one of e^-e in percent of its measurement.
  bool fit(bool robust, double* c) const {
    double a[kMaxTerms][kMaxTerms] = {};
    std::fill(c, c + terms, 0.0);
    double total = 0;
    for (int i = 0; i < n; ++i) {
      double w = weight[i];
      if (robust) {
        const double e = std::clamp(deviation[i], -kMostDeviation, kMostDeviation);
        w *= std::exp(-e) / std::max(std::abs(deviation[i]), kSmallDeviation);
      }
      total += w;
      for (int r = 0; r < terms; ++r) {
        const double wz = w * z[i][r];
        c[r] += wz * y[i];
        for (int s = 0; s <= r; ++s) a[r][s] += wz * z[i][s];
      }
    }
    for (int r = 1; r < terms; ++r) a[r][r] += kRidge * total;
    return solve(a, c, terms);
  }

  void deviate(const double* c) {
    for (int i = 0; i < n; ++i) {
      double e = y[i];
      for (int r = 0; r < terms; ++r) e -= c[r] * z[i][r];
      deviation[i] = e;
    }
  }

  // Of what measurements of this very place lie above the plane, the share that is theirs (how
  // tiles and splits fit); the rest is noise.
  double above_at_place(double share) const {
    double sum = 0, weights = 0;
    for (int i = 0; i < n; ++i) {
      double d2 = 0;
      for (int r = 1; r < terms; ++r) d2 += z[i][r] * z[i][r];
      const double w = std::exp(-d2 / (kPlaceReach * kPlaceReach));
      sum += w * deviation[i];
      weights += w;
    }
    return std::clamp(share * sum / std::max(1.0, weights), -kMostAtPlace, kMostAtPlace);
  }
};

}  // namespace

PointTree::Arrangement PointTree::arrange(std::span<float> points, int dims) {
  const auto width = static_cast<std::size_t>(dims);
  Arrangement made;
  made.from.resize(points.size() / width);
  made.axes.resize(made.from.size());
  std::iota(made.from.begin(), made.from.end(), 0u);
  arrange_range(made.from, made.axes, points.data(), width);
  const std::vector<float> old(points.begin(), points.end());
  for (std::size_t i = 0; i < made.from.size(); ++i) {
    std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(made.from[i] * width), width,
                points.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  return made;
}

int PointTree::nearest(const Coordinates& at, std::span<Neighbour> out) const {
  NearestHeap heap(out);
  const auto search = [&]<std::size_t... kLess>(std::index_sequence<kLess...>) {
    const auto n = static_cast<std::uint32_t>(size());
    ((dims() == kLess + 1 ? Search<kLess + 1>{*this, at, heap}.visit(0, n, 0) : void()), ...);
  };
  search(std::make_index_sequence<kMaxCoordinates>());
  return heap.count();
}

LocalEstimate regress_locally(const PointTree& tree, std::span<const float> values,
                              const Coordinates& at, int neighbours, float place_share) {
  ASTROLABE_ASSERT(neighbours <= kMaxNeighbours, "too many neighbours");
  std::array<PointTree::Neighbour, kMaxNeighbours> found;
  const int n = tree.nearest(at, std::span(found).first(static_cast<std::size_t>(neighbours)));
  float farthest = 0, closest = INFINITY;
  for (int i = 0; i < n; ++i) {
    farthest = std::max(farthest, found[static_cast<std::size_t>(i)].distance2);
    closest = std::min(closest, found[static_cast<std::size_t>(i)].distance2);
  }
  const double h2 = std::max(1e-12, kReach * kReach * static_cast<double>(farthest));
  Neighbourhood hood;
  hood.terms = static_cast<int>(tree.dims()) + 1;
  double total = 0;
  for (int i = 0; i < n; ++i) {
    const auto& f = found[static_cast<std::size_t>(i)];
    const float y = values[f.row];
    if (std::isnan(y)) continue;
    const auto j = hood.n++;
    hood.y[j] = y;
    hood.weight[j] = std::exp(-4.5 * static_cast<double>(f.distance2) / h2);
    total += hood.weight[j];
    hood.z[j][0] = 1;
    for (std::size_t r = 0; r < tree.dims(); ++r) {
      hood.z[j][r + 1] = static_cast<double>(tree.row(f.row)[r]) - static_cast<double>(at[r]);
    }
  }
  LocalEstimate estimate;
  estimate.neighbours = hood.n;
  estimate.distance = std::sqrt(static_cast<double>(closest));
  if (hood.n == 0) return estimate;
  double c[kMaxTerms];
  bool ok = hood.fit(false, c);
  for (int i = 0; ok && i < kReweightings; ++i) {
    hood.deviate(c);
    ok = hood.fit(true, c);
  }
  if (!ok) {  // all weight on one point: its value
    hood.terms = 1;
    hood.fit(false, c);
  }
  hood.deviate(c);
  estimate.value = c[0] + hood.above_at_place(static_cast<double>(place_share));
  for (int i = 0; i < hood.n; ++i) {
    estimate.spread += hood.weight[i] * std::abs(hood.deviation[i]) / total;
  }
  return estimate;
}

}  // namespace astrolabe::device
