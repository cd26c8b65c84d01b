#pragma once

// Strict reader of comma-separated tables (RFC 4180 quoting, LF or CRLF, UTF-8). Lines that start
// with '#' are comments. Every cell knows its file and line, so that an error can name it.
// Throws InputError for: unreadable path, directory, empty file, binary content (NUL bytes), a
// file over `kMaxFileBytes`, an unterminated quote, a row with a wrong number of cells, a
// duplicate column.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/error.h"

namespace astrolabe {

inline constexpr std::size_t kMaxFileBytes = 64u << 20;

// The whole file, or InputError (unreadable, empty, binary, larger than max_bytes).
std::string read_text_file(const std::string& path, std::size_t max_bytes = kMaxFileBytes);

// FNV-1a, 64 bit (Fowler, Noll, Vo), in hexadecimal: names what a run read.
std::string content_hash(const std::string& content);

class CsvTable {
 public:
  struct Row {
    int line = 0;
    std::vector<std::string> cells;
  };

  static CsvTable read(const std::string& path);
  static CsvTable parse(const std::string& text, const std::string& file_name);

  const std::string& file() const { return file_; }
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<Row>& rows() const { return rows_; }

  bool has_column(std::string_view name) const;
  // Index of a column; InputError that lists the file's columns when it is missing.
  std::size_t column(std::string_view name) const;
  const std::string& cell(const Row& row, std::string_view column_name) const;
  SourcePosition position(const Row& row) const { return {file_, row.line}; }

 private:
  std::string file_;
  std::vector<std::string> columns_;
  std::vector<Row> rows_;
};

// A finite number, nothing before or after it; InputError otherwise ("nan" and "inf" included).
double parse_number(std::string_view text, const SourcePosition& where, const std::string& key);

}  // namespace astrolabe
