#include "astrolabe/parallel/coupled_clock.h"

namespace astrolabe::parallel {

Duration CoupledClock::time(const workload::Operator& op) const {
  if (workload::is_collective(op.kind)) return derated_.time(op);
  if (workload::is_elementwise(op.kind) || op.kind == workload::OperatorKind::kQuantize) {
    return op.bytes() / times_.sustained(op);
  }
  return times_.cost(op).time;
}

}  // namespace astrolabe::parallel
