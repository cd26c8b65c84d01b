#pragma once

// Kernels of a later software stack on the same hardware: each `speedup` times as fast as today,
// but no faster than the data sheet allows:  t = min(today, max(roofline, today / speedup)). Links:
// bytes over their bandwidth in rings, which multicast in the switch can beat today already. The
// speed-up is an input; nothing here predicts it.

#include <algorithm>

#include "astrolabe/parallel/derated_clock.h"

namespace astrolabe::parallel {

class ImprovedClock final : public KernelClock {
 public:
  // `today` must outlive this.
  ImprovedClock(const KernelClock& today, const device::Accelerator& accelerator, double speedup)
      : today_(today), roofline_(accelerator, device::Derating()), speedup_(speedup) {}

  Duration time(const workload::Operator& op) const override {
    const Duration today = today_.time(op);
    return std::min(today, std::max(roofline_.time(op), today / speedup_));
  }

 private:
  const KernelClock& today_;
  DeratedClock roofline_;
  double speedup_;
};

}  // namespace astrolabe::parallel
