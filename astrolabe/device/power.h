#pragma once

// Power of one accelerator by what it is doing.
//
//   P = idle + (compute - idle) u_c + (memory - idle) u_m,  no more than the power limit,
// u_c = FLOP rate over the rate at which `compute` was measured (dense peak times the measured GEMM
// fraction of that format), u_m = byte rate over peak bandwidth times the measured fraction.
// So a large matrix product draws `compute`, pure streaming draws `memory`, waiting draws `idle`.
// Assumes energy per FLOP and per byte constant and additive; voltage and clock changes under the
// limit are not followed, links draw nothing of their own, and the three levels are medians whose
// spread is about 15 % of the limit.
// Source: catalogue kind `derating` (board power beside measured operators).

#include "astrolabe/base/quantity.h"
#include "astrolabe/device/accelerator.h"
#include "astrolabe/device/derating.h"

namespace astrolabe::device {

class PowerModel {
 public:
  PowerModel(const Accelerator& accelerator, const Derating& derating);

  // u in [0, 1] each; their weighted sum is capped at the limit.
  Power at(double compute_utilisation, double memory_utilisation) const;

 private:
  Power limit_, idle_, memory_, compute_;
};

}  // namespace astrolabe::device
