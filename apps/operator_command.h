#pragma once

// What `astrolabe operator` graph and time share.

#include <string>

#include "apps/commands.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe {

struct TimeOptions {
  std::string accelerator, memory, cache;
};

// Fidelity `coupled`: roofline, derated, and the time with the bandwidth of a simulated memory.
int print_coupled_times(const workload::OperatorList& operators, const TimeOptions& options,
                         const Invocation& invocation);

}  // namespace astrolabe
