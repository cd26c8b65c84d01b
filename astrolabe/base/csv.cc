#include "astrolabe/base/csv.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace astrolabe {

std::string read_text_file(const std::string& path, std::size_t max_bytes) {
  const std::string allowed = "a readable text file";
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    throw InputError({path, 0}, "", std::strerror(errno), allowed);
  }
  if (S_ISDIR(st.st_mode)) throw InputError({path, 0}, "", "a directory", allowed);
  if (static_cast<std::size_t>(st.st_size) > max_bytes) {
    throw InputError({path, 0}, "", "a file of " + std::to_string(st.st_size) + " bytes",
                     "at most " + std::to_string(max_bytes) + " bytes");
  }
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw InputError({path, 0}, "", std::strerror(errno), allowed);
  std::string content;
  char buffer[65536];
  std::size_t n = 0;
  while ((n = std::fread(buffer, 1, sizeof buffer, file)) > 0 && content.size() <= max_bytes) {
    content.append(buffer, n);
  }
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) throw InputError({path, 0}, "", "a read error", allowed);
  if (content.size() > max_bytes) {
    throw InputError({path, 0}, "", "an endless or too large file",
                     "at most " + std::to_string(max_bytes) + " bytes");
  }
  if (content.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw InputError({path, 0}, "", "an empty file", allowed);
  }
  if (content.find('\0') != std::string::npos) {
    throw InputError({path, 0}, "", "a binary file (it has NUL bytes)", allowed);
  }
  return content;
}

std::string content_hash(const std::string& content) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // offset basis and prime of the published parameters
  for (const unsigned char c : content) hash = (hash ^ c) * 0x100000001b3u;
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, hash);
  return text;
}

CsvTable CsvTable::read(const std::string& path) { return parse(read_text_file(path), path); }

namespace {

// Splits the text into records; `line` of a record is the line it starts on.
class RecordReader {
 public:
  RecordReader(const std::string& text, const std::string& file) : text_(text), file_(file) {
    if (text_.rfind("\xEF\xBB\xBF", 0) == 0) at_ = 3;
  }

  bool next(CsvTable::Row* row) {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        skip_line();
      } else if (text_[at_] == '\n' || text_.compare(at_, 2, "\r\n") == 0) {
        skip_line();
      } else {
        read_record(row);
        return true;
      }
    }
    return false;
  }

 private:
  void skip_line() {
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string::npos ? text_.size() : end + 1;
    ++line_;
  }

  void read_record(CsvTable::Row* row) {
    row->line = line_;
    row->cells.clear();
    while (true) {
      row->cells.push_back(read_cell());
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      break;
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') {
      ++at_;
      ++line_;
    }
  }

  std::string read_cell() {
    if (at_ < text_.size() && text_[at_] == '"') return read_quoted();
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string cell = text_.substr(at_, end - at_);
    at_ = end;
    return cell;
  }

  std::string read_quoted() {
    const int start = line_;
    std::string cell;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          ++at_;
        } else {
          ++at_;
          if (at_ < text_.size() && std::strchr(",\r\n", text_[at_]) == nullptr) {
            throw InputError({file_, line_}, "", "text after a closing quote",
                             "a comma or the end of the line");
          }
          return cell;
        }
      }
      if (c == '\n') ++line_;
      cell += c;
    }
    throw InputError({file_, start}, "", "a quote that is never closed", "\"...\"");
  }

  const std::string& text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

CsvTable CsvTable::parse(const std::string& text, const std::string& file_name) {
  CsvTable table;
  table.file_ = file_name;
  RecordReader reader(text, file_name);
  Row row;
  if (!reader.next(&row)) throw InputError({file_name, 0}, "", "no header line", "a CSV table");
  table.columns_ = row.cells;
  for (std::size_t i = 0; i < table.columns_.size(); ++i) {
    const auto begin = table.columns_.begin();
    if (std::find(begin, begin + static_cast<long>(i), table.columns_[i]) !=
        begin + static_cast<long>(i)) {
      throw InputError({file_name, row.line}, table.columns_[i], "the column twice", "once");
    }
  }
  while (reader.next(&row)) {
    if (row.cells.size() != table.columns_.size()) {
      throw InputError({file_name, row.line}, "", std::to_string(row.cells.size()) + " cells",
                       std::to_string(table.columns_.size()) + " cells, as in the header");
    }
    table.rows_.push_back(row);
  }
  return table;
}

bool CsvTable::has_column(std::string_view name) const {
  return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto it = std::find(columns_.begin(), columns_.end(), name);
  if (it == columns_.end()) {
    throw InputError({file_, 1}, std::string(name), "no such column",
                     "the columns here are " + join_alternatives(columns_));
  }
  return static_cast<std::size_t>(it - columns_.begin());
}

const std::string& CsvTable::cell(const Row& row, std::string_view column_name) const {
  return row.cells[column(column_name)];
}

double parse_number(std::string_view text, const SourcePosition& where, const std::string& key) {
  double v = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(v)) {
    throw InputError(where, key, "'" + std::string(text.substr(0, 60)) + "'", "a finite number");
  }
  return v;
}

}  // namespace astrolabe
