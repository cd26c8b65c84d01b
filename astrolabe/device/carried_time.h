#pragma once

// The time of an operator on a chip whose architecture was never measured, from the tables of other
// architectures and the tiled fidelity.
//
//   log t = (w_0 log t_0 + sum_i w_i a_i) / (w_0 + sum_i w_i) - c - b variance of log t_0 and a_i
//   a_i = log tiled(chip; p_i) + r_i (+ a'_narrow - a'_wide)
//   r_i = log(measured_i / tiled(chip_i; p_i)) at the same shape, at most +-1
// t_0: the tiled fidelity as it is carried (tiled_model.h). i: tables of the same operator in the
// same format, or the next wider one; p_i: the parameters fitted on the architecture of that table.
// In a wider format: plus the mean difference that tables of the kernel on a third architecture
// make between both formats. So each table says how its kernel falls short of the physics at this
// shape, and the physics says what another chip makes of it. w_i = exp(-d_i) / chips of its
// architecture; d_i: what differs in kind (CarriedWeights): the framework, the library the kernel
// is from, its name, its format (wider than asked for), whether the tensor cores are driven by
// warps or warp groups, and how far away the nearest measurement is. c, b: where tables disagree,
// the estimate of least percentage error lies below their mean. The band is wider the less the
// nearest table is alike: its half widths grow by `widening` d_i. Where the framework's own tables
// are host time, a_i is at least that time (TiledModel::host_us). Fails for kernels of which no
// other architecture has a relative.

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "astrolabe/device/kept_regression.h"
#include "astrolabe/device/measured_tables.h"
#include "astrolabe/device/table_request.h"
#include "astrolabe/device/tiled_model.h"

namespace astrolabe::device {

// A table of another architecture, for one request.
struct CarriedDonor {
  const MeasuredTable* table = nullptr;
  const Chip* chip = nullptr;
  const TiledChip* tiled_chip = nullptr;
  TiledParameters parameters{};
  double difference = 0;  // in kind: d_i without the distance
  double weight = 0;      // before the distance
  std::size_t index = 0;  // among all donors of the request
  double host_us = 0;     // of a call by the framework asked for, 0: no host time (tiled_model.h)

  // What differs in kind, for the fit of the weights.
  bool other_framework = false, other_library = false, other_kernel = false, other_format = false,
       other_tensor_cores = false;
  int chips_of_architecture = 1;
  // Of a table in a wider format: this kernel in the format itself (`narrow`) and in the wider one,
  // pair by pair, each on one chip of a third architecture.
  std::vector<CarriedDonor> narrow, wide;
};

// What a donor says of one shape.
struct CarriedAnswer {
  double log_us = 0;    // log tiled(chip; p) + r
  double distance = 0;  // to the nearest measurement, in coordinates
};

// Weighs the donors, sorts them, and keeps the few that count: kMostDonors at most.
inline constexpr std::size_t kMostDonors = 6;
void keep_heaviest(const CarriedWeights& weights, std::vector<CarriedDonor>* donors);

// The log t of above: w_0 and log t_0 first, then donor by donor.
class CarriedMean {
 public:
  CarriedMean(double weight, double log_us) : first_(log_us), weights_(weight) {}
  void add(const CarriedWeights& w, const CarriedDonor& donor, const CarriedAnswer& answer);
  double log_us(const CarriedWeights& w, const CarriedFamily& family) const;

 private:
  double first_;  // from which the sums are counted
  double weights_, sum_ = 0, squares_ = 0;
};

// Factor on the half widths of a family's band.
double band_factor(const CarriedWeights& weights, const std::vector<CarriedDonor>& donors);

class CarriedTime {
 public:
  // Tables of the systems `without` are not used. What is passed by reference must outlive this.
  CarriedTime(const MeasuredTables& tables, const std::vector<Chip>& chips, const TiledTime& tiled,
              const std::vector<std::string>& without);

  // `tiled`: the answer of the tiled fidelity. nullopt when no other architecture has such a table.
  std::optional<TimeEstimate> estimate(const TableRequest& request, const TiledChip& chip,
                                       const Dims& dims, const TiledEstimate& tiled) const;

  // All tables that could count for a request; and what one of them says. A table in a wider format
  // adds what the step to the format itself is where the kernel was measured in both.
  std::vector<CarriedDonor> all_donors(const TableRequest& request, TiledFormula formula,
                                       const TiledChip& chip) const;
  CarriedAnswer answer(const CarriedDonor& donor, const TableRequest& request,
                       const TiledChip& chip, const Dims& dims) const;

 private:
  CarriedAnswer own_answer(const CarriedDonor& donor, const TableRequest& request,
                           const TiledChip& chip, const Dims& dims) const;
  std::optional<CarriedDonor> donor(const MeasuredTable& table, const TableRequest& request,
                                    TiledFormula formula, const TiledChip& chip) const;

  const std::vector<CarriedDonor>& donors_of(const TableRequest& request, TiledFormula formula,
                                             const TiledChip& chip) const;

  const MeasuredTables& tables_;
  const std::vector<Chip>& chips_;
  const TiledTime& tiled_;
  std::vector<std::string> without_;
  mutable std::unordered_map<std::string, std::vector<CarriedDonor>> donors_;  // by request
  mutable KeptRegression kept_;
};

}  // namespace astrolabe::device
