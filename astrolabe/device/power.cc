#include "astrolabe/device/power.h"

#include <algorithm>

namespace astrolabe::device {

PowerModel::PowerModel(const Accelerator& accelerator, const Derating& derating)
    : limit_(accelerator.tdp),
      idle_(derating.idle_power * accelerator.tdp),
      memory_(derating.memory_power * accelerator.tdp),
      compute_(derating.compute_power * accelerator.tdp) {}

Power PowerModel::at(double compute_utilisation, double memory_utilisation) const {
  const Power p = idle_ + (compute_ - idle_) * std::clamp(compute_utilisation, 0.0, 1.0) +
                  (memory_ - idle_) * std::clamp(memory_utilisation, 0.0, 1.0);
  return std::min(p, limit_);
}

}  // namespace astrolabe::device
