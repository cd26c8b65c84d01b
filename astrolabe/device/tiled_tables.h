#pragma once

// The fitted parameters of the tiled fidelity, as data/fitted/tiled_parameters.csv holds them: sets
// of parameters by formats (pool), framework and class of kernel (table), and architecture; and how
// they are carried to an architecture that was not measured (written by fit/fit_tiled and
// fit/fit_carried).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/tiled_parameters.h"

namespace astrolabe::device {

inline constexpr std::string_view kAllTables = "all", kAllArchitectures = "all";

// Architectures whose software is of another make: no donors for the others.
bool is_other_make(std::string_view architecture);

struct TiledSet {
  std::string pool, table, architecture;  // "all" for what was fitted together
  TiledFormula formula = TiledFormula::kGemm;
  TiledParameters values{}, standard_errors{};  // errors relative
  int rows = 0;
  double band_low = 0.7, band_high = 1.4;  // 10th and 90th percentile of measured over computed
};

// What is carried to an architecture that was not measured, by family (word of the pool). Bands are
// the 10th and 90th percentile of measured over computed.
struct CarriedFamily {
  std::string family;
  double low = 0.6, high = 1.7;              // of the tiled fidelity alone
  double table_low = 0.6, table_high = 1.7;  // of tables of other architectures (carried_time.h)
  double shift = 0.05;                       // below the mean of what those say
  double tiled_weight = 0.25;                // of the tiled fidelity beside one table alike in all
};

// How much less a table of another architecture counts, each as minus the logarithm of a factor;
// and what their disagreement and difference in kind do to the estimate.
struct CarriedWeights {
  double framework = 1.5;     // it is of another framework
  double library = 5;         // its kernel comes from another library
  double kernel = 0.5;        // its kernel has another name
  double format = 0.5;        // its format is a wider one
  double tensor_cores = 3.5;  // its chip's tensor cores are driven in another way
  double reach = 0.5;         // for each unit of distance to its nearest measurement
  double disagreement = 0.5;  // times the variance of what tables say: below their mean
  double widening = 0.1;      // of the band, for each unit of difference in kind
};

struct TiledTables {
  std::vector<TiledSet> sets;
  std::vector<CarriedFamily> families;
  CarriedWeights weights;

  const CarriedFamily* find_family(std::string_view family) const;
};

// data/fitted/tiled_parameters.csv. InputError for a parameter that is missing, unknown or out of
// bounds.
TiledTables read_tiled_tables(const std::string& path);
std::string to_csv(const TiledTables& tables);

}  // namespace astrolabe::device
