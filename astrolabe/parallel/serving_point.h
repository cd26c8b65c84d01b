#pragma once

// What an engine of one layout delivers for a class of requests, in three roles.
//
// Prefill engine: s prompts on each DP rank take t. Utilisation rho is as high as the mean time to
// first token allows (Pollaczek-Khinchine, M/G/1, cv^2 of the prompt lengths):
//   TTFT = t + KV transfer + rho/(1-rho) (1+cv^2)/2 t  <=  limit;   rate = rho s dp / t.
// Decode engine: b sequences on each DP rank, one token a step: TPOT = p t(b/p) with p pipeline
// stages; rate = b dp / (TPOT O). The step grows slower than b, so the best b is the largest that
// the memory and the TPOT limit allow.
// Aggregated engine: a prompt stops the others while it is computed, so every step carries b/O
// prefills:  cycle = t_decode(b) + (b/O) t_prefill,  TPOT = t_decode + ((b-1)/O) t_prefill, and the
// prefills queue with rho = (b/O) t_prefill / cycle.
// Assumes Poisson arrivals at the engine, a saturated decode batch, means (not percentiles) as
// limits, and prompts computed one after the other in aggregated engines: mixing chunks of prompts
// into decode steps saves reading the weights twice when prompts are short.
// Source: Little's law; Kleinrock, Queueing Systems 1, 5.6.

#include <string>

#include "astrolabe/parallel/footprint.h"
#include "astrolabe/parallel/iteration.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::parallel {

enum class PointStatus { kOk, kDoesNotFit, kTtftMissed, kTpotMissed };
const char* point_status_name(PointStatus status);

// What keeps the batch from growing further.
enum class BatchLimit { kNone, kHbmCapacity, kTpot, kTtft, kSearchBound };
const char* batch_limit_name(BatchLimit limit);  // "HBM capacity", "TPOT", ...

// All rates and amounts are per accelerator of the engine.
struct ServingPoint {
  PointStatus status = PointStatus::kOk;
  Layout layout;
  double batch = 0;  // sequences (prefill: prompts) on a DP rank
  BatchLimit limit = BatchLimit::kNone;
  Frequency requests;         // per second and accelerator
  Duration ttft, tpot;        // of the part this engine does; the nearest miss when missed
  Energy energy_per_request;  // of all accelerators
  Flop flops_per_request;
  Bytes traffic_per_request;
  Bytes hbm_used;           // on one accelerator, runtime reserve included
  Bytes missing;            // when it does not fit
  IterationCost iteration;  // one decode step, or one prefill

  bool is_ok() const { return status == PointStatus::kOk; }
};

struct ServingLimits {
  double token_budget = 8192;  // tokens of a prefill iteration on one DP rank (engine setting)
  double max_batch = 1024;     // sequences on one DP rank (engine setting)
};

ServingPoint prefill_point(const IterationModel& engine, const Layout& layout,
                           const workload::DemandClass& work, const ServingLimits& limits);
ServingPoint decode_point(const IterationModel& engine, const Layout& layout,
                          const workload::DemandClass& work, const ServingLimits& limits);
ServingPoint aggregated_point(const IterationModel& engine, const Layout& layout,
                              const workload::DemandClass& work, const ServingLimits& limits);

}  // namespace astrolabe::parallel
