#include "astrolabe/parallel/coupled_clock.h"

namespace astrolabe::parallel {

Duration CoupledClock::time(const workload::Operator& op) const {
  if (workload::is_collective(op.kind)) return derated_.time(op);
  if (!is_corrected(op)) return op.bytes() / times_.sustained(op);
  return correction_.apply(kernel_kind(op), times_.cost(op).time);
}

}  // namespace astrolabe::parallel
