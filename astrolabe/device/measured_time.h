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
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "astrolabe/device/measured_tables.h"

namespace astrolabe::device {

enum class EstimateSource : unsigned char { kTable, kNear, kFar, kReference };
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

class MeasuredTime {
 public:
  // Tables of the systems `without` are not used, nor, when it is not empty, anything of the
  // architecture `without_architecture`. `tables` and `chips` must outlive this.
  MeasuredTime(const MeasuredTables& tables, const std::vector<Chip>& chips,
               std::vector<std::string> without = {}, std::string without_architecture = {});

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

  const MeasuredTables& tables_;
  const std::vector<Chip>& chips_;
  std::vector<std::string> without_;
  std::string without_architecture_;
  mutable std::unordered_map<std::string, Donors> donors_;  // by request
};

}  // namespace astrolabe::device
