#include "astrolabe/device/measured_curve.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::device {
namespace {

constexpr double kKnotsPerOctave = 2;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

}  // namespace

MeasuredCurve::Axis MeasuredCurve::axis_of(const Sweep& sweep) {
  if (sweep.to <= 0) return {};
  ASTROLABE_ASSERT(sweep.from > 0 && sweep.to >= sweep.from, "a sweep from more to less");
  const double octaves = std::log2(sweep.to / sweep.from);
  return {std::log2(sweep.from), 1 + static_cast<int>(std::ceil(octaves * kKnotsPerOctave - 1e-9))};
}

int MeasuredCurve::Axis::place(double value, double* part) const {
  const double at = (std::log2(value) - log_from) * kKnotsPerOctave;
  const int last = std::max(0, knots - 2);
  const int knot = std::clamp(static_cast<int>(std::floor(at)), 0, last);
  *part = knots == 1 ? 0 : std::clamp(at - knot, 0.0, 1.0);
  return knot;
}

MeasuredCurve MeasuredCurve::prepare(const MeasuredTime& time, const TableRequest& request,
                                     const Chip& chip, const Dims& dims, const Sweep& first,
                                     const Sweep& second) {
  MeasuredCurve curve;
  curve.first_ = axis_of(first);
  curve.second_ = axis_of(second);
  const int columns = curve.second_.knots;
  curve.log_us_.resize(index(curve.first_.knots * columns));
  const auto value = [](const Axis& axis, int knot) {
    return static_cast<float>(std::round(std::exp2(axis.log_from + knot / kKnotsPerOctave)));
  };
  for (int i = 0; i < curve.first_.knots; ++i) {
    for (int j = 0; j < columns; ++j) {
      Dims at = dims;
      at[index(first.dim)] = value(curve.first_, i);
      if (second.to > 0) at[index(second.dim)] = value(curve.second_, j);
      const TimeEstimate e = time.estimate(request, chip, at);
      const double floor =
          roofline_us(work_of(request.family, request.categories, at, request.kernel), chip);
      float log_us = static_cast<float>(std::log(std::max(e.us, floor)));
      if (i > 0) log_us = std::max(log_us, curve.log_us_[index((i - 1) * columns + j)]);
      if (j > 0) log_us = std::max(log_us, curve.log_us_[index(i * columns + j - 1)]);
      curve.log_us_[index(i * columns + j)] = log_us;
      if (i == curve.first_.knots / 2 && j == columns / 2) curve.band_ = e.high_us / e.us;
    }
  }
  return curve;
}

double MeasuredCurve::us(double first, double second) const {
  double u = 0, v = 0;
  const int i = first_.place(first, &u), j = second_.place(second, &v);
  const int columns = second_.knots;
  const float* row = log_us_.data() + index(i * columns + j);
  const float* next = first_.knots > 1 ? row + columns : row;
  const int right = columns > 1 ? 1 : 0;
  const double low = (1 - v) * static_cast<double>(row[0]) + v * static_cast<double>(row[right]);
  const double high = (1 - v) * static_cast<double>(next[0]) + v * static_cast<double>(next[right]);
  return std::exp((1 - u) * low + u * high);
}

}  // namespace astrolabe::device
