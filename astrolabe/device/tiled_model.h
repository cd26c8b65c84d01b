#pragma once

// The tiled fidelity with its fitted parameters: which set holds for a kernel on a chip, and the
// time that follows, with a band in which 80 % of measurements should fall.
//
// A chip whose architecture was measured takes the set of its framework and class of kernel, else
// of another framework on the same architecture. For an architecture that was never measured:
//   products: the fastest of the same framework's sets of other architectures, experts: the fastest
//     of the older ones, evaluated with this chip's figures, since kernels of a new generation are
//     seldom worse than the best before it; the pooled set when the chip is older than all
//     measured;
//   attention, modules, streams: the set fitted on all architectures together.
// A format that no architecture was measured in takes the set of the next wider one.
// The rule for each was chosen by leaving out generations in turn (docs/theory/device.md).

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/tiled_kernels.h"
#include "astrolabe/device/tiled_tables.h"

namespace astrolabe::device {

struct TiledEstimate {
  Duration time, low, high;
  bool is_carried = false;  // from other architectures
};

// What holds for one kind of kernel on one chip; prepared once, evaluated often.
class TiledTimer {
 public:
  TiledTimer(const TiledChip& chip, TiledFormula formula) : chip_(chip), formula_(formula) {}

  TiledEstimate estimate(const TiledShape& shape, Residency residency) const;
  TiledFormula formula() const { return formula_; }
  bool is_carried() const { return is_carried_; }

 private:
  friend class TiledModel;
  static constexpr int kMost = 16;

  TiledChip chip_;
  TiledFormula formula_;
  std::array<TiledParameters, kMost> sets_{};
  int n_sets_ = 0;
  double low_ = 0.6, high_ = 1.7;
  bool is_carried_ = false;
  Duration host_;  // what a carried time is at least
};

class TiledModel {
 public:
  // `architectures`: their years, for the order of generations.
  TiledModel(TiledTables tables, const std::vector<TiledChip>& chips);

  TiledTimer timer(const TiledTable& table, TiledFormula formula, const TiledChip& chip) const;
  const TiledTables& tables() const { return tables_; }
  // Microseconds that the host takes for a call of this table's framework, where all its sets of
  // the operator on other architectures are host time; 0 otherwise. A host prepares the same calls
  // for all chips and formats of a cache; through Triton's launcher, which is Python, they take
  // longer than to compiled kernels, by the mean ratio of where a framework has both.
  double host_us(const TiledTable& table, TiledFormula formula,
                 std::string_view architecture) const;
  const TiledSet* find_set(const TiledTable& table, TiledFormula formula,
                           std::string_view architecture) const;

 private:
  using Sets = std::vector<const TiledSet*>;
  Sets matching(std::string_view pool, TiledFormula formula) const;
  void use_measured(const Sets& sets, const TiledTable& table, TiledTimer* timer) const;
  double triton_ratio() const;
  void carry(const Sets& sets, const TiledTable& table, TiledTimer* timer) const;
  double year(std::string_view architecture) const;

  TiledTables tables_;
  std::vector<std::pair<std::string, double>> years_;
  double triton_ratio_ = 1;
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

}  // namespace astrolabe::device
