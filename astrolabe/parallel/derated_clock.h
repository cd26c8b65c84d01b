#pragma once

// Times of operators and collectives of a chip without tables, from its data sheet and measured
// fractions of other chips: device::DeratedTime and network::collectives. Results that rest on it
// are marked "derated roofline", and their bands are wide.

#include "astrolabe/device/operator_time.h"
#include "astrolabe/network/collectives.h"
#include "astrolabe/parallel/kernel_clock.h"

namespace astrolabe::parallel {

class DeratedClock final : public KernelClock {
 public:
  DeratedClock(const device::Accelerator& accelerator, const device::Derating& derating);

  Duration time(const workload::Operator& op) const override;

 private:
  Duration collective(const workload::Operator& op) const;

  device::DeratedTime times_;
  network::Fabric fabric_;
  Bandwidth stream_;  // of elementwise kernels
};

network::Fabric make_fabric(const device::Accelerator& accelerator,
                            const device::Derating& derating);

}  // namespace astrolabe::parallel
