#pragma once

// The best way to serve a class of requests with a model on an accelerator, and what one
// accelerator then delivers and draws: the link from demand to hardware.
//
// Every layout (parallel/layout.h) is tried as an aggregated engine, as a prefill engine and as a
// decode engine. Prefill and decode pools are matched in rate: a request needs 1/r_p accelerators
// of the one for a second and 1/r_d of the other, so one accelerator of the mix serves
//   r = 1 / (1/r_p + 1/r_d).
// The mix of many engines is taken as divisible: true of fleets, not of a single rack.
// Points that are both slower and thirstier than another one are dropped.
// Where it fails: the service level is met on the mean; failures, uneven load between engines and
// load below the peak are not in here (planning's availability and peak-to-average are).

#include <optional>
#include <string>
#include <vector>

#include "astrolabe/parallel/serving_point.h"

namespace astrolabe::parallel {

enum class CapabilityStatus { kOk, kNoLayout, kDoesNotFit, kTtftMissed, kTpotMissed };

// One way to serve. Per accelerator of the mix unless said otherwise.
struct OperatingPoint {
  std::string name;  // "throughput" or "energy"
  bool is_disaggregated = false;
  Layout decode_layout;  // of the aggregated engine when there is one pool
  Layout prefill_layout;
  double decode_batch = 0;                             // sequences on a DP rank
  double prefill_batch = 0;                            // prompts on a DP rank
  double prefill_share = 0;                            // of the accelerators
  BatchLimit limit = BatchLimit::kNone;                // of the decode batch
  device::Resource bound = device::Resource::kMemory;  // largest share of a decode step

  TokenRate output_tokens;
  TokenRate input_tokens;  // cached ones included
  Duration ttft, tpot;
  Power power;              // mean, of the accelerator alone
  Power it_power;           // with its share of the rack: provisioned less (limit - mean)
  Energy energy_per_token;  // of the accelerator, per processed token (input + output)
  Bytes hbm_used;           // on an accelerator of the decode pool
  Bandwidth hbm_bandwidth;  // mean
  double mfu = 0;           // FLOP rate over the dense peak of the format multiplied in

  TokenRate processed_tokens() const { return output_tokens + input_tokens; }
};

struct Capability {
  CapabilityStatus status = CapabilityStatus::kNoLayout;
  std::string reason;  // when not ok
  std::string model, accelerator, work;
  device::Fidelity fidelity = device::Fidelity::kRoofline;
  std::vector<OperatingPoint> points;  // most tokens first; then least energy when another
  int layouts_tried = 0;

  bool is_ok() const { return status == CapabilityStatus::kOk; }
  const OperatingPoint& best() const { return points.front(); }
};

struct CapabilityOptions {
  device::Fidelity fidelity = device::Fidelity::kDerated;
  ServingLimits limits;
  bool allow_aggregated = true, allow_disaggregated = true;
  // Accelerators of one pipeline stage, across scale-up domains; 0 = one domain, but 64 to 256.
  int max_group = 0;
};

Capability find_capability(const workload::ModelArchitecture& model,
                           const workload::Precision& precision,
                           const device::Accelerator& accelerator, const device::Derating& derating,
                           const workload::DemandClass& work,
                           const CapabilityOptions& options = {});

// The same over given layouts, all without conflict.
Capability find_capability_among(const std::vector<Layout>& layouts,
                                 const workload::ModelArchitecture& model,
                                 const workload::Precision& precision,
                                 const device::Accelerator& accelerator,
                                 const device::Derating& derating,
                                 const workload::DemandClass& work,
                                 const CapabilityOptions& options = {});

}  // namespace astrolabe::parallel
