#pragma once

// What a list of operators moves through the memory of one accelerator, as traffic of this module,
// and what comes of it.
//
// Per operator: weights and half of the activations are read front to back, but the weights of
// experts an expert at a time, anywhere; the KV cache is read in pages; the other half of the
// activations is written. The streams of one operator run side by side, operators one after the
// other. Collectives move their payload through memory once in and once out.
// Assumption: an operator says how many bytes of activations it moves, not how many of them it
// writes; half is right for elementwise operators and close for square matrix products.

#include "astrolabe/memory/memory_system.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::memory {

std::vector<OperatorTraffic> operator_traffic(const workload::OperatorList& operators,
                                              Bytes kv_page);

struct OperatorRuns {
  std::vector<RunResult> operators;  // one execution of each; fewer when interrupted
  RunResult all;                     // every execution; latencies are those of one of each
};

OperatorRuns simulate_operators(const MemoryConfig& config,
                                const std::vector<OperatorTraffic>& operators,
                                const RunOptions& options);

}  // namespace astrolabe::memory
