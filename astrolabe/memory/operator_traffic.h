#pragma once

// What a list of operators moves through the memory of one accelerator, as traffic of this module.
//
// Per operator and execution: weights and half of the activations are read front to back, the KV
// cache is read in pages, the other half of the activations is written.
// Assumption: an operator says how many bytes of activations it moves, not how many of them it
// writes; half is right for elementwise operators and close for square matrix products. Collectives
// move their payload through memory once in and once out.

#include "astrolabe/memory/traffic.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::memory {

std::vector<OperatorTraffic> operator_traffic(const workload::OperatorList& operators,
                                              Bytes kv_page);

}  // namespace astrolabe::memory
