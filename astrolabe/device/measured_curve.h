#pragma once

// Times of one operator of fixed shape over one or two swept dimensions (tokens; sequences and
// their length), prepared once and then evaluated in nanoseconds.
//
// Knots are powers of the square root of two between the bounds; the time at a knot is that of
// MeasuredTime, raised to the roofline of operands that come from HBM (a model's layers flush the
// cache that a benchmark of one kernel keeps warm) and to the time of every smaller knot, so that
// it never falls when work grows. Between knots log t is (bi)linear in the logarithms; outside, the
// time of the nearest knot stands.
// Hides what kernels do between the knots: a token count that no tile divides may cost 30 % more.

#include <vector>

#include "astrolabe/device/measured_time.h"

namespace astrolabe::device {

class MeasuredCurve {
 public:
  struct Sweep {
    int dim = 0;  // index in Dims
    double from = 1, to = 1;
  };
  // `dims` gives the shape. The second sweep is optional: from = to = 0.
  static MeasuredCurve prepare(const MeasuredTime& time, const TableRequest& request,
                               const Chip& chip, const Dims& dims, const Sweep& first,
                               const Sweep& second = {0, 0, 0});

  // Microseconds at values of the swept dimensions, both positive.
  double us(double first) const { return us(first, 1); }
  double us(double first, double second) const;
  double band() const { return band_; }  // high over median of the middle knot

 private:
  struct Axis {
    double log_from = 0;
    int knots = 1;
    // Knot below `value` and how far it is to the next, in [0, 1].
    int place(double value, double* part) const;
  };
  static Axis axis_of(const Sweep& sweep);

  Axis first_, second_;
  std::vector<float> log_us_;  // first_.knots x second_.knots
  double band_ = 1;
};

}  // namespace astrolabe::device
