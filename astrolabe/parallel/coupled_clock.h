#pragma once

// Times of operators on an accelerator whose memory is simulated (device/coupled_time.h), with the
// correction that was fitted on such rooflines (data/fitted/coupled_correction.csv); collectives as
// derated. For memories without tables of kernels, built or not.

#include "astrolabe/device/coupled_time.h"
#include "astrolabe/parallel/derated_clock.h"

namespace astrolabe::parallel {

class CoupledClock final : public KernelClock {
 public:
  CoupledClock(const device::CoupledTime& times, const device::Derating& derating,
               const RooflineCorrection& correction = {})
      : times_(times),
        derated_(times.accelerator(), derating, correction),
        correction_(correction) {}

  Duration time(const workload::Operator& op) const override;

 private:
  device::CoupledTime times_;
  DeratedClock derated_;  // of collectives
  RooflineCorrection correction_;
};

}  // namespace astrolabe::parallel
