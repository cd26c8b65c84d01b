#pragma once

// What the iteration model of an engine needs to know of a chip and its software: the time of one
// execution of any operator of a graph, collectives included. Tables of kernels, formulas or times
// made by hand can stand behind it.
//
// Elementwise and quantise operators: the time that their traffic takes. Launching them is counted
// apart (engine_iteration.h), since engines fuse them in different ways.

#include "astrolabe/base/quantity.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::parallel {

class KernelClock {
 public:
  virtual ~KernelClock() = default;
  virtual Duration time(const workload::Operator& op) const = 0;
};

}  // namespace astrolabe::parallel
