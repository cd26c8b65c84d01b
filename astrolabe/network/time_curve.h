#pragma once

// Measured curves, and the estimate that is blended from them.
//
// A measured curve is log(measured / physics) over log2 of the buffer (or of the tokens): smooth
// where times are not, so it carries over to neighbours: other versions, payload types, numbers of
// ranks, shapes, systems. At x, with own curve r_0 (perhaps absent) and neighbours r_i at distance
// d_i:
//   r(x) = sum w_i (r_i(x) + o_i(x)) / sum w_i,   w_i = exp(-d_i) g_i(x)
//   o_i(x): local mean of r_0 - r_i over the points of the own curve near x; 0 without own curve
//   g_i(x): 1 on a measured point of curve i, falling off with the distance in octaves to it
// A point of the own curve is taken as measured. The nodes are all points of all curves; there the
// time is exp(r) physics, made monotone (pool adjacent violators) and never below the bound.
// Between nodes log time is linear in log size; outside the nodes r stays that of the last node.
// Assumes that what physics leaves out is alike in neighbours; a switch of protocol between two
// nodes is smeared over one octave.

#include <functional>
#include <vector>

#include "astrolabe/base/quantity.h"
#include "astrolabe/network/parameters.h"

namespace astrolabe::network {

// What an estimate rests on, best first.
enum class Evidence {
  kMeasured,      // a measured point
  kInterpolated,  // between points of its own curve
  kSystem,        // other curves of the same system
  kSibling,       // curves of systems with the same link
  kGeneration,    // curves of systems with another link
  kPhysics,       // no curve
  kCount
};
const char* evidence_name(Evidence e);

struct NetworkEstimate {
  Duration time, p10, p90;
  Evidence evidence = Evidence::kPhysics;
};

struct MeasuredCurve {
  std::vector<double> x;      // log2 size, ascending
  std::vector<double> ratio;  // log(measured / physics)
};

struct Neighbour {
  const MeasuredCurve* curve = nullptr;
  double distance = 0;
  Evidence evidence = Evidence::kGeneration;
};

// Seconds as functions of size (bytes or tokens); the bound is proportional to it.
struct PhysicsCurve {
  std::function<double(double)> time, bound;
};

using Bands = std::array<LogBand, static_cast<std::size_t>(Evidence::kCount)>;

class TimeCurve {
 public:
  TimeCurve(PhysicsCurve physics, const MeasuredCurve* own, const std::vector<Neighbour>& others,
            const Bands& bands);

  // No allocation; a binary search and two exponentials. size > 0; 0 takes no time.
  NetworkEstimate at(double size) const;
  NetworkEstimate at(Bytes buffer) const { return at(buffer.base()); }

 private:
  struct Node {
    double x = 0, log_time = 0, ratio = 0;
    Evidence evidence = Evidence::kPhysics;
  };
  NetworkEstimate estimate(double seconds, double bound, Evidence evidence) const;
  void make_monotone();

  PhysicsCurve physics_;
  double bound_ = 0;  // seconds per unit of size
  Bands factors_;     // exponentials of the bands
  std::vector<Node> nodes_;
};

}  // namespace astrolabe::network
