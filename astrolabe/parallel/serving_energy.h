#pragma once

// Power of one accelerator while an engine serves a steady load.
//
//   P = idle + (E_decode + c E_chunk) / step,   E = sum_i count_i t_i (P_i - idle)
// over the operators of a decode step and of a chunk of a prompt (c chunks a step and rank), P_i by
// device/power.h. Collectives, launches and waiting draw idle power. Kernels of a mixed step are
// taken to spend what they would apart. `it_power` adds the accelerator's share of its rack: what
// is provisioned less the unused part of its own limit. p10 and p90 by power_band, no more than
// that limit.

#include <optional>

#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/parallel/steady_state.h"

namespace astrolabe::parallel {

struct ServingWork {  // of one accelerator, a second
  Power power, p10, p90;
  std::optional<Power> it_power;  // where the accelerator's is known
  Bandwidth hbm_bandwidth;
  FlopRate flops;
};

// Half width, in log, of the 10-90 % band of a board power: of the kernels' and of what an engine
// adds.
double power_band(const ServingChip& chip, Power power);

// decode_rate, chunk_rate: steps and chunks a second on a rank and stage. Either may be zero.
ServingWork serving_work(const EngineIteration& iteration, const ServingChip& chip,
                         const SteadyLoad& load, double sequences, Frequency decode_rate,
                         double pieces, Frequency chunk_rate);

// Adds what another model does on the same accelerator: all of it but its idle power.
void add_work_of_drafts(const ServingChip& chip, const ServingWork& drafts, ServingWork* work);

}  // namespace astrolabe::parallel
