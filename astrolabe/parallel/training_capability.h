#pragma once

// Tokens one accelerator trains on per second, from the arithmetic of a token and a published model
// FLOP utilisation (MFU).
//
//   FLOP/token = 6 N_active + 6 s H d_k (full layers; s -> min(s, 2 w) windowed)   [2 forward, 4
//   back] rate = MFU * dense peak / (FLOP/token)
// N_active counts a token's parameters without the embedding lookup; attention of a causal sequence
// of s tokens sees s/2 keys on average (H heads, d_k the mean of key and value widths).
// Assumes the MFU of the published run holds for other models, sizes and interconnects: it does not
// for small models on large clusters or experts spread over slow links (there it is an upper
// bound). No schedule, recomputation or failure is modelled; goodput belongs to the fleet's
// availability. Sources: arXiv:2001.08361 (6 N), arXiv:2204.02311 app. B (MFU); the fractions are
// facts of `derating`.

#include <string>

#include "astrolabe/device/accelerator.h"
#include "astrolabe/device/derating.h"
#include "astrolabe/device/power.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::parallel {

struct TrainingCapability {
  bool is_ok = false;
  std::string reason;  // when not ok
  TokenRate tokens;    // per accelerator
  double mfu = 0;      // used, of the dense peak of `format`
  workload::NumberFormat format = workload::NumberFormat::kBf16;
  Flop flops_per_token;
  Power power;                 // of the accelerator alone
  Power it_power;              // with its share of the rack
  int least_accelerators = 0;  // whose HBM holds weights, gradients and optimiser state
};

Flop training_flops_per_token(const workload::ModelArchitecture& model, double sequence_length);

// Formats: bf16 and fp8 (fp4 is trained at the fp8 rate: no fp4 MFU is published in a source read).
TrainingCapability training_capability(const workload::ModelArchitecture& model,
                                       const workload::Precision& precision,
                                       const device::Accelerator& accelerator,
                                       const device::Derating& derating, double sequence_length);

}  // namespace astrolabe::parallel
