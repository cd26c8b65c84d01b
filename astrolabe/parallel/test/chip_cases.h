#pragma once

// The small accelerator as a chip that engines run on, timed by its derated roofline.

#include <utility>

#include "astrolabe/parallel/derated_clock.h"
#include "astrolabe/parallel/serving_candidate.h"
#include "astrolabe/parallel/test/serving_cases.h"

namespace astrolabe::parallel {

class SmallChip {
 public:
  explicit SmallChip(Bytes hbm = 8.0 * units::GB, int domain = 8)
      : clock_(accelerator(hbm, domain), plain_derating()), kept_(clock_) {
    chip_.accelerator = accelerator(hbm, domain);
    chip_.derating = plain_derating();
    chip_.clock = &kept_;
    chip_.engine = plain_engine(Framework::kTrtllm);
  }
  const ServingChip& chip() const { return chip_; }

 private:
  static device::Accelerator accelerator(Bytes hbm, int domain) {
    device::Accelerator a = small_accelerator();
    a.hbm_capacity = hbm;
    a.scale_up_domain = domain;
    return a;
  }

  DeratedClock clock_;
  KeptClock kept_;
  ServingChip chip_;
};

inline ServingRequest request_of(workload::ModelArchitecture model, workload::DemandClass work) {
  return {std::move(model), {}, std::move(work), {}};
}

}  // namespace astrolabe::parallel
