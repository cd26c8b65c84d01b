#pragma once

// Reader of tables of measured operators (CSV, plain or zstd), long or packed.
//
// Long: one measurement a line, with a column latency_us. Packed: one series a line, first line
// "# sweep: NAME", and a column for each value of NAME that holds the latency, or nothing.
// The family is the one that the file's name contains, else the one whose columns it has (dense
// before sparse modules of latent attention, whose columns are the same); its columns are exactly
// those of the family, and what is optional.
// A measurement that cannot be used (cells missing, not a number, a latency that is not between
// 1 ns and 1000 s, a dimension that is not positive or over 1e8) is left out and counted by its
// reason. Throws InputError for: unreadable or damaged file, unknown family, missing, unknown or
// repeated columns, a line of a packed table with a wrong number of cells, no rows.

#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/operator_family.h"

namespace astrolabe::device {

struct Measurement {
  Family family = Family::kGemm;
  int line = 0;
  std::string_view system, framework, version, kernel;  // "" = the table has no such column
  Categories categories;
  Dims dims{};
  double latency_us = 0;
  double power_w = 0, power_limit_w = 0;  // of the board; 0 = not measured
};

// Rows that were left out, by reason: how many, and the first line.
struct Exclusions {
  struct Count {
    long rows = 0;
    int first_line = 0;
  };
  std::map<std::string, Count> by_reason;

  void add(const std::string& reason, int line);
  long rows() const;
};

struct MeasurementFile {
  Family family = Family::kGemm;
  long rows = 0;  // with a latency, used or not
  Exclusions excluded;
};

// Calls `use` for each measurement that can be used; views end with the call.
MeasurementFile read_measurements(const std::string& path,
                                  const std::function<void(const Measurement&)>& use);

// The family of a table with these columns; InputError that names what is missing.
Family family_of_columns(const std::string& path, const std::vector<std::string>& columns);

}  // namespace astrolabe::device
