#pragma once

// Typed reading of a TOML file against a description of its tables. The description (TableSpec) is
// the one place that says which keys exist, their units, bounds and meaning: unknown keys, wrong
// units, wrong types and values out of bounds are found from it, and so is the reference in
// docs/guide.md. Reading a described table checks all of it at once, so the accessors cannot fail.
//
// A key of a quantity is `<stem>_<unit>`: "it_power_mw". Another unit of the same dimension is the
// same key ("it_power_gw"); another dimension is an InputError.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"
#include "astrolabe/base/quarter.h"

namespace astrolabe::study {

// What stands in the file, with the line of every key and value. `children` are the items of an
// array or the values of a table; `keys` and `key_lines` go with the values of a table.
struct TomlValue {
  enum class Type { kText, kInteger, kNumber, kBool, kDate, kArray, kTable };
  Type type = Type::kTable;
  int line = 0;
  std::string text;          // texts and dates
  double number = 0;         // integers too
  std::int64_t integer = 0;  // booleans as 0 or 1
  std::vector<TomlValue> children;
  std::vector<std::string> keys;
  std::vector<int> key_lines;

  std::string describe() const;  // "the text \"abc\"", "a list", "-3"
};

// InputError with the line for anything that is not TOML (bad UTF-8, duplicate keys included).
TomlValue parse_toml(const std::string& text, const std::string& file);

enum class KeyType {
  kText,
  kTextList,
  kNumber,
  kInteger,
  kBool,
  kQuarter,
  kPath,    // a number, or [["2026Q1", 20.0], ["2030Q4", 300.0]]
  kShares,  // { KR = 2, US = 10 }
};

struct KeySpec {
  std::string stem;  // the key without its unit
  KeyType type = KeyType::kText;
  std::string unit;  // suffix of the key, "" for plain numbers and texts
  bool is_required = false;
  double min = 0;  // in `unit`
  double max = std::numeric_limits<double>::infinity();
  bool min_is_allowed = true;
  std::vector<std::string> choices;  // texts: the only ones allowed
  std::string fallback;              // what holds when the key is absent, for the reference
  std::string meaning;

  std::string key() const { return unit.empty() ? stem : stem + "_" + unit; }
};

struct TableSpec {
  std::string name;  // "site.requirement": a table inside [[site]]; "" is the file itself
  bool is_list = false;
  bool is_required = false;
  std::string meaning;
  std::vector<KeySpec> keys;

  std::string header() const;  // "[[site.requirement]]"
};

class TomlTable {
 public:
  // Checks `value` against the table `name` of `specs`. Both must outlive the result.
  TomlTable(const TomlValue& value, const std::string& file, const std::vector<TableSpec>& specs,
            const std::string& name);

  SourcePosition position() const { return {*file_, value_->line}; }
  SourcePosition position(std::string_view stem) const;  // of the key's value, else of the table
  std::map<std::string, int> key_lines() const;          // line of each key's value, by stem
  std::string key(std::string_view stem) const;          // as written, with its table: "site.name"

  bool has(std::string_view stem) const;
  const std::string& text(std::string_view stem) const;
  std::string text_or(std::string_view stem, const std::string& fallback) const;
  std::vector<std::pair<std::string, SourcePosition>> texts(std::string_view stem) const;
  bool flag(std::string_view stem, bool fallback) const;
  std::int64_t integer(std::string_view stem) const;
  double number(std::string_view stem) const;  // base units; percent as a fraction
  std::optional<double> find_number(std::string_view stem) const;
  template <Dim D>
  Quantity<D> get(std::string_view stem) const {
    demand_dimension(stem, D);
    return Quantity<D>::from_base(number(stem));
  }
  Quarter quarter(std::string_view stem) const;
  std::optional<Quarter> find_quarter(std::string_view stem) const;

  struct PathPoint {
    std::optional<Quarter> quarter;  // absent: one number for all time
    double value = 0;                // base units
    SourcePosition position;
  };
  std::vector<PathPoint> path(std::string_view stem) const;
  std::vector<std::pair<std::string, double>> shares(std::string_view stem) const;

  // The tables called `name` inside this one, in file order.
  std::vector<TomlTable> tables(const std::string& name) const;

  [[noreturn]] void fail(std::string_view stem, const std::string& given,
                         const std::string& allowed) const;

 private:
  struct Entry {
    const KeySpec* spec = nullptr;
    const TomlValue* value = nullptr;
    std::string written;  // the key as it stands in the file
    double factor = 1;    // value * factor is in base units
  };

  void match_key(const std::string& written, int line, const TomlValue& value);
  [[noreturn]] void fail_unknown_key(const std::string& written, int line) const;
  void check_entry(const Entry& entry) const;
  void check_number(const Entry& entry, const TomlValue& value) const;
  void check_path(const Entry& entry) const;
  void check_children() const;
  const TableSpec* child(std::string_view name) const;
  const Entry& entry(std::string_view stem) const;
  std::string label(const std::string& written) const;
  void demand_dimension(std::string_view stem, const Dim& dim) const;

  const TomlValue* value_;
  const std::string* file_;
  const std::vector<TableSpec>* specs_;
  const TableSpec* spec_;
  std::map<std::string, Entry, std::less<>> entries_;  // by stem
};

}  // namespace astrolabe::study
