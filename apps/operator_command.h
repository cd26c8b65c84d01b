#pragma once

// What `astrolabe operator` graph and time share.

#include <string>

#include "apps/commands.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe {

struct TimeOptions {
  std::string accelerator, memory, cache;
};

// Times of the operators on an accelerator: roofline, derated, and coupled to a simulated memory.
int print_operator_times(const workload::OperatorList& operators, const TimeOptions& options,
                         const Invocation& invocation);

}  // namespace astrolabe
