#pragma once

// One row of a table of measurements. A row that cannot be used keeps the first of its problems as
// the reason, and its other cells.

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/base/csv.h"
#include "astrolabe/parallel/engine.h"

namespace astrolabe::study {

// Beyond these a cell is a slip.
inline constexpr double kMostTokens = 1e7, kMostInFlight = 1e5, kMostAccelerators = 10000,
                        kMostMilliseconds = 1e8;

class ServingRow {
 public:
  ServingRow(const CsvTable& table, const CsvTable::Row& row) : table_(table), row_(row) {}

  const std::string& text(std::string_view column) const { return table_.cell(row_, column); }

  // Empty where the file has no such column.
  std::string optional_text(std::string_view column) const {
    return table_.has_column(column) ? text(column) : "";
  }

  // Empty cells are no number; anything else that is none, or out of range, is a problem.
  std::optional<double> number(std::string_view column, double low, double high) {
    const std::string& cell = text(column);
    if (cell.empty()) return std::nullopt;
    double value = 0;
    try {
      value = parse_number(cell, table_.position(row_), std::string(column));
    } catch (const InputError&) {
      fail(std::string(column) + " is no number");
      return std::nullopt;
    }
    if (value < low || value > high) {
      fail(std::string(column) + " is out of range");
      return std::nullopt;
    }
    return value;
  }

  double needed(std::string_view column, double low, double high) {
    const auto value = number(column, low, high);
    if (!value) fail(std::string(column) + " is missing");
    return value.value_or(low);
  }

  double needed_count(std::string_view column, double most) {
    const double value = needed(column, 1, most);
    if (value != std::floor(value)) fail(std::string(column) + " is no count");
    return value;
  }

  const std::string& needed_text(std::string_view column) {
    if (text(column).empty()) fail(std::string(column) + " is missing");
    return text(column);
  }

  // Of an engine; nothing where it is none that is known.
  std::optional<parallel::Framework> framework(std::string_view column) {
    const auto found = parallel::find_framework(needed_text(column));
    if (!found) fail(std::string(column) + " " + text(column) + " is unknown");
    return found;
  }

  void fail(const std::string& reason) {
    if (reason_.empty()) reason_ = reason;
  }
  const std::string& reason() const { return reason_; }

 private:
  const CsvTable& table_;
  const CsvTable::Row& row_;
  std::string reason_;
};

}  // namespace astrolabe::study
