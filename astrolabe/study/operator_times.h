#pragma once

// What `astrolabe operator time` answers: how long each operator of one iteration takes on an
// accelerator under a framework, what the roofline allows, what binds, and the energy. Kernels run
// one after the other: what an engine overlaps and fuses, and its time on the host, come with
// `astrolabe estimate`.

#include "astrolabe/base/table.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::study {

struct OperatorTimes {
  Table table;               // one row an operator, times of one execution and of all
  Duration total, roofline;  // of the iteration; the roofline without collectives
  Duration collectives;      // part of `total`
  Energy energy;             // of the iteration, idle power included
  double band = 0;           // half width of 10-90 % of a kernel, in log, from its source
};

OperatorTimes operator_times(const parallel::ServingChip& chip,
                             const workload::OperatorList& operators);

}  // namespace astrolabe::study
