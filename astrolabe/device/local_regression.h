#pragma once

// Robust local regression in a few dimensions: the value at a point from its nearest neighbours.
//
// The k nearest points x_i, scaled by the caller, have weights w_i = exp(-(9/2) (d_i / h)^2) with h
// a little more than the distance of the k-th. A plane y = a + b (x_i - x) is fitted to them by
// least absolute percentage deviations (iteratively reweighted least squares; y is a logarithm, so
// one that lies e above the plane counts for e^-e), so that a measurement that went wrong does not
// move it, and of two times that kernels take here the faster counts more. The answer is a, and
// `place_share` of what a measurement at x itself lies above it. `spread` is the weighted mean
// absolute deviation. Fails far outside the points, where the plane is carried on: the distance
// tells. Source: Cleveland, Robust locally weighted regression, JASA 74, 1979.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace astrolabe::device {

inline constexpr int kMaxCoordinates = 8;
using Coordinates = std::array<float, kMaxCoordinates>;

// Points in an implicit balanced k-d tree: the median of a range along its widest axis is its
// middle element, and a short range is a leaf.
class PointTree {
 public:
  // `points`: rows of `dims` floats in tree order; `axes`: of each point, the axis that it splits
  // (any number in a leaf). Not owned.
  PointTree(std::span<const float> points, std::span<const std::uint8_t> axes, int dims)
      : points_(points), axes_(axes), dims_(dims) {}

  struct Arrangement {
    std::vector<std::uint32_t> from;  // the row that each place came from
    std::vector<std::uint8_t> axes;
  };
  // Orders `points` (rows of `dims` floats) as a tree.
  static Arrangement arrange(std::span<float> points, int dims);

  struct Neighbour {
    float distance2;
    std::uint32_t row;
  };
  // The k nearest, in no order; fewer when there are fewer points. Returns how many.
  int nearest(const Coordinates& at, std::span<Neighbour> out) const;

  std::size_t size() const { return points_.size() / dims(); }
  const float* row(std::uint32_t i) const { return points_.data() + std::size_t{i} * dims(); }
  std::size_t axis(std::uint32_t i) const { return axes_[i]; }
  std::size_t dims() const { return static_cast<std::size_t>(dims_); }

 private:
  std::span<const float> points_;
  std::span<const std::uint8_t> axes_;
  int dims_;
};

struct LocalEstimate {
  double value = 0;
  double spread = 0;    // mean absolute deviation of the neighbours from the plane
  double distance = 0;  // to the nearest neighbour
  int neighbours = 0;   // used; 0 = no estimate
};

// Values that are NaN are left out. At most 96 neighbours.
LocalEstimate regress_locally(const PointTree& tree, std::span<const float> values,
                              const Coordinates& at, int neighbours, float place_share = 0.5f);

}  // namespace astrolabe::device
