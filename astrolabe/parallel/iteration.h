#pragma once

// Time, traffic and energy of one iteration of an engine: every operator of one accelerator in
// order, with the collectives between them.
//
//   t = t_host + sum_i count_i t_i;   energy = sum_i count_i t_i P_i
// Engines that spread experts can split the batch in two halves and run the exchange of one behind
// the arithmetic of the other:  t = t_host + 2 max(work of a half, exchange of a half).  Each half
// reads the weights again, so this pays for large batches only; the faster way is taken.
// Assumes that nothing else overlaps and that all ranks wait for the slowest one.
// Source for the split: arXiv:2412.19437 (DeepSeek-V3), section 3.4.

#include <array>

#include "astrolabe/device/operator_time.h"
#include "astrolabe/device/power.h"
#include "astrolabe/network/collectives.h"
#include "astrolabe/parallel/layout.h"

namespace astrolabe::parallel {

// Per accelerator (of the fullest pipeline stage).
struct IterationCost {
  Duration time;
  std::array<Duration, device::kResources> by_resource;  // sums to `time` unless halves overlap
  Duration exchange;                                     // of it, expert all-to-all
  Flop flops;
  Bytes hbm_traffic;
  Energy energy;
  bool is_split = false;  // two overlapping halves

  device::Resource bound() const;  // largest share
  IterationCost& operator+=(const IterationCost& o);
  IterationCost scaled(double times) const;
};

class IterationModel {
 public:
  // `times` must outlive the model; the rest is copied.
  IterationModel(const workload::ModelArchitecture& model, const workload::Precision& precision,
                 const device::Accelerator& accelerator, const device::Derating& derating,
                 const device::OperatorTime& times);

  // One iteration with this batch on every attention-DP rank. Pipelines: of one stage.
  IterationCost cost(const Layout& layout, const workload::Batch& batch) const;

  // A whole prompt on every rank in chunks of at most `token_budget` tokens: `prompts` of
  // `new_tokens` after `cached` ones (prompts * new_tokens <= token_budget when prompts > 1).
  IterationCost prefill(const Layout& layout, double prompts, double new_tokens, double cached,
                        double square_ratio, double token_budget) const;

  const workload::ModelArchitecture& model() const { return model_; }
  const workload::Precision& precision() const { return precision_; }
  const device::Accelerator& accelerator() const { return accelerator_; }
  const device::Derating& derating() const { return derating_; }
  const network::Fabric& fabric() const { return fabric_; }
  const device::PowerModel& power() const { return power_; }

 private:
  IterationCost sequential(const Layout& layout, const workload::Batch& batch) const;
  Duration collective_time(const Layout& layout, const workload::Operator& op) const;
  Energy operator_energy(const workload::Operator& op, Duration time) const;

  workload::ModelArchitecture model_;
  workload::Precision precision_;
  device::Accelerator accelerator_;
  device::Derating derating_;
  const device::OperatorTime& times_;
  network::Fabric fabric_;
  device::PowerModel power_;
};

network::Fabric make_fabric(const device::Accelerator& accelerator,
                            const device::Derating& derating);

}  // namespace astrolabe::parallel
