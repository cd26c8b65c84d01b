#pragma once

// The time of an operator from measured ones.
//
//   log t = log t_reference(chip) + r,   r by local regression (local_regression.h) in
//   1. the table of this chip and kernel: r_sister + difference, or r itself;
//   2. else the tables nearest in kind (donors): the same kernel on a chip of the same
//      architecture, another kernel on this chip, ...
//   3. for an architecture that was not measured: carried_time.h.
// Each answer has a band in which 80 % of measurements should fall, wider the farther it was
// carried (source), and the spread of the neighbours around their plane.
// Fails where engines switch kernels by a rule that the neighbours do not show, and for chips whose
// bottleneck is one that the reference time does not know (clocks under a power limit).

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "astrolabe/device/carried_time.h"
#include "astrolabe/device/kept_regression.h"
#include "astrolabe/device/measured_tables.h"
#include "astrolabe/device/tiled_model.h"

namespace astrolabe::device {

class MeasuredTime {
 public:
  // Tables of the systems `without` are not used. Without `tiled`, an architecture that was not
  // measured takes the tables of another one, scaled by the reference time, which is far worse.
  // What is passed by reference must outlive this.
  MeasuredTime(const MeasuredTables& tables, const std::vector<Chip>& chips,
               std::vector<std::string> without = {}, const TiledTime* tiled = nullptr);

  TimeEstimate estimate(const TableRequest& request, const Chip& chip, const Dims& dims) const;

 private:
  struct Donor {
    const MeasuredTable* table;
    const Chip* chip;
    double distance;  // in kind: 0 = this chip and kernel
  };
  using Donors = std::vector<Donor>;

  const Donors& donors_of(const TableRequest& request, const Chip& chip) const;
  double distance_in_kind(const TableKey& key, const TableRequest& request, const Chip& chip) const;
  bool is_left_out(const std::string& system) const;
  LocalEstimate residual(const MeasuredTable& table, const Coordinates& at) const;
  const TiledTimer& timer(const TableRequest& request, TiledFormula formula,
                          const TiledChip& chip) const;
  // A time of a table of experts, whose kernels pass over the pairs of all ranks, where tokens were
  // sent to their experts: by the ratio that the tiled fidelity gives, not below its time.
  double dispatched_us(double us, const TableRequest& request, const TiledChip& chip,
                       const Dims& dims) const;
  std::optional<TimeEstimate> tiled_estimate(const TableRequest& request, const Chip& chip,
                                             const Dims& dims) const;

  const MeasuredTables& tables_;
  const std::vector<Chip>& chips_;
  std::vector<std::string> without_;
  const TiledTime* tiled_;
  std::optional<CarriedTime> carried_;                          // with tiled_
  mutable std::unordered_map<std::string, Donors> donors_;      // by request
  mutable std::unordered_map<std::string, TiledTimer> timers_;  // by request and formula
  mutable KeptRegression kept_;
};

}  // namespace astrolabe::device
