#pragma once

// The time of an operator from measured ones.
//
//   log t = log t_reference(chip) + r,   r by local regression (local_regression.h) in
//   1. the table of this chip and kernel: r_sister + difference, or r itself;
//   2. else the tables nearest in kind (donors): the same kernel on a chip of the same
//   architecture,
//      another kernel on this chip, ..., another architecture. The reference time of the chip that
//      is asked for carries what its rates and bandwidth explain.
// Each answer has a band in which 80 % of measurements should fall, wider the farther it was
// carried (source), and the spread of the neighbours around their plane.
// Fails where engines switch kernels by a rule that the neighbours do not show, and for chips whose
// bottleneck is one that the reference time does not know (clocks under a power limit).

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "astrolabe/device/measured_tables.h"
#include "astrolabe/device/tiled_model.h"

namespace astrolabe::device {

enum class EstimateSource : unsigned char { kTable, kNear, kTiled, kFar, kReference };
const char* estimate_source_name(EstimateSource source);

struct TimeEstimate {
  double us = 0, low_us = 0, high_us = 0;  // low and high: 10th and 90th percentile
  EstimateSource source = EstimateSource::kReference;
};

// Names of the table that is wanted; an empty kernel or version: whichever is nearest.
struct TableRequest {
  Family family = Family::kGemm;
  std::string_view system, framework, version, kernel;
  Categories categories;
};

// The tiled fidelity of chips by their names, for what no table covers.
struct TiledTime {
  std::vector<TiledChip> chips;
  TiledModel model;

  // The parameters of `tables` that were fitted on the architectures `without` are not used (but in
  // those that were fitted on all architectures together they have a part).
  TiledTime(TiledTables tables, std::vector<TiledChip> chips,
            const std::vector<std::string>& without = {});
  const TiledChip* find(std::string_view name) const;
};

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
  std::optional<TimeEstimate> tiled_estimate(const TableRequest& request, const Chip& chip,
                                             const Dims& dims) const;

  const MeasuredTables& tables_;
  const std::vector<Chip>& chips_;
  std::vector<std::string> without_;
  const TiledTime* tiled_;
  mutable std::unordered_map<std::string, Donors> donors_;      // by request
  mutable std::unordered_map<std::string, TiledTimer> timers_;  // by request and formula
};

}  // namespace astrolabe::device
