#pragma once

// Time of one operator on one accelerator. Every fidelity passes the same contract (see the test):
//   no operator is faster than its roofline;  time does not shrink when work grows.
//
// kRoofline: t = max(F / F_peak, B / B_peak), the lower bound and the reference.
// kDerated:  t = t_launch + max(F / (f F_peak), B / (b B_peak)), f and b measured fractions by kind
//            of operator (device/derating.h). One constant for all sizes: too fast for GEMMs of a
//            few tiles, wave quantisation is not seen, and unfused kernels are each charged a
//            launch.
// kMeasured: reserved for tables of measured kernels behind this interface.
// kCoupled:  as kDerated with b from a simulated memory (coupled_time.h).
// Collectives are not timed here (network/collectives.h).
// Source: Williams, Waterman, Patterson, Roofline, CACM 52(4), 2009.

#include <memory>

#include "astrolabe/base/quantity.h"
#include "astrolabe/device/accelerator.h"
#include "astrolabe/device/derating.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::device {

enum class Fidelity { kRoofline, kDerated, kMeasured, kCoupled };
// "roofline", "derated roofline", "measured", "coupled to memory"
const char* fidelity_name(Fidelity fidelity);

enum class Resource { kCompute, kMemory, kNetwork, kOverhead };
inline constexpr int kResources = 4;
const char* resource_name(Resource resource);  // "compute", "memory bandwidth", ...

// Of one execution.
struct OperatorCost {
  Duration time;
  Resource bound = Resource::kOverhead;  // what takes most of the time
};

class OperatorTime {
 public:
  virtual ~OperatorTime() = default;
  virtual Fidelity fidelity() const = 0;
  virtual OperatorCost cost(const workload::Operator& op) const = 0;
};

class RooflineTime final : public OperatorTime {
 public:
  explicit RooflineTime(const Accelerator& accelerator) : accelerator_(accelerator) {}
  Fidelity fidelity() const override { return Fidelity::kRoofline; }
  OperatorCost cost(const workload::Operator& op) const override;

 private:
  Accelerator accelerator_;
};

class DeratedTime final : public OperatorTime {
 public:
  DeratedTime(const Accelerator& accelerator, const Derating& derating)
      : accelerator_(accelerator), derating_(derating) {}
  Fidelity fidelity() const override { return Fidelity::kDerated; }
  OperatorCost cost(const workload::Operator& op) const override;
  // The same with b given.
  OperatorCost cost(const workload::Operator& op, double bandwidth_fraction) const;

 private:
  double compute_fraction(const workload::Operator& op) const;

  Accelerator accelerator_;
  Derating derating_;
};

// kMeasured is not available yet, kCoupled needs a memory: asking for them is a bug.
std::unique_ptr<OperatorTime> make_operator_time(Fidelity fidelity, const Accelerator& accelerator,
                                                 const Derating& derating);

}  // namespace astrolabe::device
