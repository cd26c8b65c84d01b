#pragma once

// A result table: named columns (units in the names), rows of numbers and texts, and for every
// column the facts its figures rest on. Written as CSV and JSON; the report shows tables and
// computes nothing. Numbers are written with 9 significant digits, so same inputs give same bytes.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace astrolabe {

struct Table {
  using Cell = std::variant<std::string, double>;
  struct Column {
    std::string name;                // e.g. "it_power_mw"
    std::string title;               // e.g. "IT power"
    std::vector<std::string> facts;  // "entity.attribute" of the catalogue
  };

  std::string name;  // file name without extension, e.g. "fleet"
  std::string title;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;

  void add_row(std::vector<Cell> row);  // as many cells as columns
};

std::string format_number(double value);  // 9 significant digits, shortest form, "-0" as "0"
std::string to_csv(const Table& table);

// Writes to `path`.partial, syncs, and renames: a reader sees the old file or the whole new one.
// Throws InputError naming the path when the disk is full or the path is not writable.
void write_file_atomically(const std::string& path, const std::string& content);

// InputError (`option`) when `path`, to be written, is the file `input` by whatever name.
void require_not_input(std::string_view option, const std::string& path, const std::string& input);

}  // namespace astrolabe
