#include "astrolabe/study/operator_times.h"

#include "astrolabe/device/operator_time.h"
#include "astrolabe/device/power.h"

namespace astrolabe::study {

OperatorTimes operator_times(const parallel::ServingChip& chip,
                             const workload::OperatorList& operators) {
  const device::RooflineTime bound(chip.accelerator);
  const device::PowerModel power(chip.accelerator, chip.derating.power);
  OperatorTimes out;
  out.band = parallel::kernel_source_band(chip.source);
  out.table = {"operator_times",
               "What each operator takes",
               {{"operator", "operator", {}},
                {"kind", "kind", {}},
                {"times", "times", {}},
                {"roofline_us", "roofline us", {}},
                {"time_us", "time us", {}},
                {"all_ms", "all ms", {}},
                {"energy_mj", "energy mJ", {}},
                {"binds", "the roofline binds on", {}}},
               {}};
  for (const workload::Operator& op : operators) {
    const bool is_collective = workload::is_collective(op.kind);
    const Duration time = chip.clock->time(op);
    const Energy energy =
        power.energy(op.flops, op.format, op.bytes(), device::work_kind(op.kind), time).total();
    Duration least;
    std::string binds = "network";
    if (is_collective) {
      out.collectives += op.count * time;
    } else {
      const device::OperatorCost cost = bound.cost(op);
      least = cost.time;
      binds = device::resource_name(cost.bound);
    }
    out.total += op.count * time;
    out.roofline += op.count * least;
    out.energy += op.count * energy;
    out.table.add_row({op.name, std::string(workload::operator_kind_name(op.kind)), op.count,
                       least.in(units::microsecond), time.in(units::microsecond),
                       (op.count * time).in(units::millisecond), 1e3 * energy.in(units::joule),
                       binds});
  }
  return out;
}

}  // namespace astrolabe::study
