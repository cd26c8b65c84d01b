#pragma once

// What one accelerator of a layout holds in HBM, and how many sequences fit beside the weights.
//
//   usable = share * capacity - runtime reserve
//   weights + activations(tokens) + b * KV(context)  <=  usable
// Activations: the widest pair of live tensors of a layer, input and output, in bf16, of the
// largest iteration. KV of b sequences at their mean context: engines that reserve the longest
// answer for every sequence hold fewer; the mean is right for paged caches with many sequences.
// Fails when few long sequences share a rank (fluctuations) or prefixes are shared (fewer bytes).

#include <string>

#include "astrolabe/device/accelerator.h"
#include "astrolabe/device/derating.h"
#include "astrolabe/parallel/layout.h"

namespace astrolabe::parallel {

struct Footprint {
  Bytes usable, weights, activations, kv_per_sequence;
  double sequences = 0;  // that fit on one attention-DP rank, all pipeline stages together

  bool fits() const { return sequences >= 1; }
  Bytes missing() const;                    // to hold one sequence; zero when it fits
  Bytes used(double held_sequences) const;  // reserve not counted
  std::string reason() const;               // why it does not fit, in GB; empty when it fits
};

// context: tokens held by a sequence; iteration_tokens: of the largest iteration on a rank.
Footprint compute_footprint(const workload::ModelArchitecture& model,
                            const workload::Precision& precision,
                            const device::Accelerator& accelerator,
                            const device::Derating& derating, const Layout& layout, double context,
                            double iteration_tokens);

}  // namespace astrolabe::parallel
