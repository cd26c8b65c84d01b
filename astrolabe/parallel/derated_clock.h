#pragma once

// Times of operators and collectives of a chip without tables, from its data sheet and measured
// fractions of other chips: device::DeratedTime and network::collectives, corrected by what kernels
// of measured chips take over theirs. Results that rest on it are marked "derated roofline", and
// their bands are wide.

#include "astrolabe/device/operator_time.h"
#include "astrolabe/network/collectives.h"
#include "astrolabe/parallel/kernel_clock.h"
#include "astrolabe/parallel/roofline_correction.h"

namespace astrolabe::parallel {

class DeratedClock final : public KernelClock {
 public:
  DeratedClock(const device::Accelerator& accelerator, const device::Derating& derating,
               const RooflineCorrection& correction = {});

  Duration time(const workload::Operator& op) const override;

 private:
  Duration collective(const workload::Operator& op) const;
  Duration derated(const workload::Operator& op) const;

  device::DeratedTime times_;
  network::Fabric fabric_;
  RooflineCorrection correction_;
  Bandwidth stream_;  // of elementwise kernels
};

network::Fabric make_fabric(const device::Accelerator& accelerator,
                            const device::Derating& derating);

}  // namespace astrolabe::parallel
