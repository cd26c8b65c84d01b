#include "astrolabe/study/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "astrolabe/base/table.h"
#include "astrolabe/base/unit.h"

namespace astrolabe::study {

namespace {

using Type = TomlValue::Type;

int line_of(const toml::source_region& region) { return static_cast<int>(region.begin.line); }

TomlValue convert(const toml::node& node) {
  TomlValue v;
  v.line = line_of(node.source());
  if (const auto* table = node.as_table()) {
    v.type = Type::kTable;
    for (const auto& [key, child] : *table) {
      v.keys.emplace_back(key.str());
      v.key_lines.push_back(line_of(key.source()));
      v.children.push_back(convert(child));
    }
  } else if (const auto* array = node.as_array()) {
    v.type = Type::kArray;
    for (const toml::node& child : *array) v.children.push_back(convert(child));
  } else if (const auto* text = node.as_string()) {
    v.type = Type::kText;
    v.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    v.type = Type::kInteger;
    v.integer = integer->get();
    v.number = static_cast<double>(v.integer);
  } else if (const auto* number = node.as_floating_point()) {
    v.type = Type::kNumber;
    v.number = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    v.type = Type::kBool;
    v.integer = flag->get() ? 1 : 0;
  } else {
    v.type = Type::kDate;
    std::ostringstream out;
    if (const auto* date = node.as_date()) out << date->get();
    if (const auto* time = node.as_time()) out << time->get();
    if (const auto* date_time = node.as_date_time()) out << date_time->get().date;
    v.text = out.str();
  }
  return v;
}

std::string quoted(const std::string& text) {
  constexpr std::size_t kShown = 60;
  return text.size() <= kShown ? "\"" + text + "\"" : "\"" + text.substr(0, kShown) + "...\"";
}

bool is_number(const TomlValue& v) { return v.type == Type::kInteger || v.type == Type::kNumber; }

std::optional<Quarter> to_quarter(const TomlValue& v) {
  if (v.type != Type::kText && v.type != Type::kDate) return std::nullopt;
  return Quarter::parse(v.text);
}

double factor_of(const KeySpec& spec) {
  if (spec.unit.empty()) return 1;
  const auto unit = parse_unit_suffix(spec.unit);
  ASTROLABE_DEMAND(unit.has_value(), "unit of key " + spec.key());
  return unit->factor;
}

const char* const kQuarterForm = "a quarter such as \"2028Q3\" or a date";

std::string number_form(const KeySpec& spec) {
  if (std::isinf(spec.min)) return "a finite number";
  std::string s = spec.min_is_allowed ? "a number >= " : "a number > ";
  s += format_number(spec.min);
  if (std::isfinite(spec.max)) s += " and <= " + format_number(spec.max);
  return s;
}

std::string type_form(const KeySpec& spec) {
  switch (spec.type) {
    case KeyType::kText:
      return spec.choices.empty() ? "a text in quotes, not empty" : join_alternatives(spec.choices);
    case KeyType::kTextList:
      return "a list of texts, not empty";
    case KeyType::kNumber:
      return number_form(spec);
    case KeyType::kInteger:
      return "a whole number >= " + format_number(spec.min);
    case KeyType::kBool:
      return "true or false";
    case KeyType::kQuarter:
      return kQuarterForm;
    case KeyType::kPath:
      return number_form(spec) + ", or a path such as [[\"2026Q1\", 20], [\"2030Q4\", 300]]";
    case KeyType::kShares:
      return "a table such as { KR = 2 }";
  }
  return "";
}

}  // namespace

std::string TomlValue::describe() const {
  switch (type) {
    case Type::kText:
      return text.empty() ? "an empty text" : "the text " + quoted(text);
    case Type::kInteger:
      return std::to_string(integer);
    case Type::kNumber:
      if (std::isnan(number)) return "nan";
      if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
      return format_number(number);
    case Type::kBool:
      return integer != 0 ? "true" : "false";
    case Type::kDate:
      return "the date or time " + text;
    case Type::kArray:
      if (children.empty()) return "an empty list";
      return children[0].type == Type::kTable ? "a list of tables" : "a list";
    case Type::kTable:
      return "a table";
  }
  return "";
}

TomlValue parse_toml(const std::string& text, const std::string& file) {
  try {
    return convert(toml::parse(text, file));
  } catch (const toml::parse_error& error) {
    throw InputError({file, line_of(error.source())}, "",
                     "text that is not TOML (" + std::string(error.description()) + ")",
                     "TOML 1.0 in UTF-8");
  }
}

std::string TableSpec::header() const {
  if (name.empty()) return "the file";
  return is_list ? "[[" + name + "]]" : "[" + name + "]";
}

TomlTable::TomlTable(const TomlValue& value, const std::string& file,
                     const std::vector<TableSpec>& specs, const std::string& name)
    : value_(&value), file_(&file), specs_(&specs), spec_(nullptr) {
  for (const TableSpec& s : specs) {
    if (s.name == name) spec_ = &s;
  }
  ASTROLABE_DEMAND(spec_ != nullptr, "no table is described as " + name);
  for (std::size_t i = 0; i < value.keys.size(); ++i) {
    match_key(value.keys[i], value.key_lines[i], value.children[i]);
  }
  for (const KeySpec& k : spec_->keys) {
    if (k.is_required && !has(k.stem)) {
      throw InputError(position(), label(k.key()), "nothing", type_form(k));
    }
  }
  for (const KeySpec& k : spec_->keys) {
    if (has(k.stem)) check_entry(entry(k.stem));
  }
  check_children();
}

std::string TomlTable::label(const std::string& written) const {
  return spec_->name.empty() ? written : spec_->name + "." + written;
}

const TableSpec* TomlTable::child(std::string_view name) const {
  const std::string full = label(std::string(name));
  for (const TableSpec& s : *specs_) {
    if (s.name == full) return &s;
  }
  return nullptr;
}

void TomlTable::match_key(const std::string& written, int line, const TomlValue& value) {
  if (child(written) != nullptr) return;  // check_children reads these
  for (const KeySpec& k : spec_->keys) {
    if (k.unit.empty() ? written != k.stem : written.rfind(k.stem, 0) != 0) continue;
    Entry e{&k, &value, written, 1};
    if (!k.unit.empty()) {
      const auto wanted = parse_unit_suffix(k.unit);
      ASTROLABE_DEMAND(wanted.has_value(), "unit of key " + k.key());
      if (written == k.stem) {
        throw InputError({*file_, line}, label(written), "no unit",
                         dim_text(wanted->dim) + " such as " + k.key());
      }
      if (written[k.stem.size()] != '_') continue;
      const auto unit = parse_unit_suffix(written.substr(k.stem.size() + 1));
      if (!unit) continue;
      if (unit->dim != wanted->dim) {
        throw InputError({*file_, line}, label(written), dim_text(unit->dim),
                         dim_text(wanted->dim) + " such as " + k.key());
      }
      if (unit->krw_exponent != 0) {
        throw InputError({*file_, line}, label(written), "money in KRW",
                         "USD such as " + k.key() + " (data may be in KRW, scenarios may not)");
      }
      e.factor = unit->factor;
    }
    const auto [at, is_new] = entries_.emplace(k.stem, e);
    if (!is_new) {
      throw InputError({*file_, line}, label(written), "a second time, after " + at->second.written,
                       "one of the two");
    }
    return;
  }
  fail_unknown_key(written, line);
}

void TomlTable::fail_unknown_key(const std::string& written, int line) const {
  std::vector<std::string> known;
  for (const KeySpec& k : spec_->keys) known.push_back(k.key());
  const std::string prefix = spec_->name.empty() ? "" : spec_->name + ".";
  for (const TableSpec& s : *specs_) {
    const bool is_inside = s.name.rfind(prefix, 0) == 0 && s.name.size() > prefix.size();
    if (is_inside && s.name.find('.', prefix.size()) == std::string::npos) {
      known.push_back(s.header());
    }
  }
  std::vector<std::string> bare = known;
  for (std::string& b : bare) {
    b.erase(std::remove_if(b.begin(), b.end(), [](char c) { return c == '[' || c == ']'; }),
            b.end());
    b.erase(0, b.rfind(prefix, 0) == 0 ? prefix.size() : 0);
  }
  const std::string nearest = nearest_word(written, bare);
  std::string given = "an unknown key";
  if (!nearest.empty()) given += " (nearest known: " + nearest + ")";
  throw InputError({*file_, line}, label(written), given, join_alternatives(known, 16));
}

void TomlTable::check_number(const Entry& e, const TomlValue& value) const {
  const KeySpec& k = *e.spec;
  const SourcePosition where{*file_, value.line};
  if (!is_number(value) || !std::isfinite(value.number)) {
    throw InputError(where, label(e.written), value.describe(), type_form(k));
  }
  const double in_unit = value.number * e.factor / factor_of(k);
  constexpr double kRounding = 1e-12;
  const bool is_low = k.min_is_allowed ? in_unit < k.min : in_unit <= k.min;
  if (is_low || in_unit > k.max * (1 + kRounding)) {
    throw InputError(where, label(e.written), value.describe(), number_form(k));
  }
}

void TomlTable::check_path(const Entry& e) const {
  if (e.value->type != Type::kArray) return check_number(e, *e.value);
  if (e.value->children.empty()) fail(e.spec->stem, "an empty list", type_form(*e.spec));
  std::optional<Quarter> last;
  for (const TomlValue& point : e.value->children) {
    const SourcePosition where{*file_, point.line};
    if (point.type != Type::kArray || point.children.size() != 2) {
      throw InputError(where, label(e.written),
                       point.type == Type::kArray
                           ? "a point of " + std::to_string(point.children.size()) + " values"
                           : point.describe(),
                       "points such as [\"2026Q1\", 20]");
    }
    const auto quarter = to_quarter(point.children[0]);
    if (!quarter) {
      throw InputError(where, label(e.written), point.children[0].describe(), kQuarterForm);
    }
    if (last && *quarter <= *last) {
      throw InputError(where, label(e.written), quarter->text() + " after " + last->text(),
                       "quarters that increase");
    }
    last = quarter;
    check_number(e, point.children[1]);
  }
}

void TomlTable::check_entry(const Entry& e) const {
  const KeySpec& k = *e.spec;
  const TomlValue& v = *e.value;
  const auto demand_that = [&](bool holds, const TomlValue& at) {
    if (!holds) {
      throw InputError({*file_, at.line}, label(e.written), at.describe(), type_form(k));
    }
  };
  switch (k.type) {
    case KeyType::kText: {
      demand_that(v.type == Type::kText && v.text.find_first_not_of(" \t\r\n") != std::string::npos,
                  v);
      const bool is_choice = k.choices.empty() || std::find(k.choices.begin(), k.choices.end(),
                                                            v.text) != k.choices.end();
      demand_that(is_choice, v);
      break;
    }
    case KeyType::kTextList:
      demand_that(v.type == Type::kArray && !v.children.empty(), v);
      for (const TomlValue& c : v.children)
        demand_that(c.type == Type::kText && !c.text.empty(), c);
      break;
    case KeyType::kNumber:
      check_number(e, v);
      break;
    case KeyType::kInteger:
      demand_that(v.type == Type::kInteger, v);
      check_number(e, v);
      break;
    case KeyType::kBool:
      demand_that(v.type == Type::kBool, v);
      break;
    case KeyType::kQuarter:
      demand_that(to_quarter(v).has_value(), v);
      break;
    case KeyType::kPath:
      check_path(e);
      break;
    case KeyType::kShares:
      demand_that(v.type == Type::kTable && !v.children.empty(), v);
      for (const TomlValue& c : v.children) check_number(e, c);
      break;
  }
}

void TomlTable::check_children() const {
  const std::string prefix = spec_->name.empty() ? "" : spec_->name + ".";
  for (const TableSpec& s : *specs_) {
    if (s.name.empty() || s.name.rfind(prefix, 0) != 0) continue;
    const std::string name = s.name.substr(prefix.size());
    if (name.find('.') != std::string::npos) continue;
    const auto at = std::find(value_->keys.begin(), value_->keys.end(), name);
    if (at == value_->keys.end()) {
      if (s.is_required) throw InputError(position(), s.name, "nothing", "a table " + s.header());
      continue;
    }
    const TomlValue& v = value_->children[static_cast<std::size_t>(at - value_->keys.begin())];
    const bool is_list_of_tables =
        v.type == Type::kArray && !v.children.empty() &&
        std::all_of(v.children.begin(), v.children.end(),
                    [](const TomlValue& c) { return c.type == Type::kTable; });
    if (s.is_list ? !is_list_of_tables : v.type != Type::kTable) {
      const int line = value_->key_lines[static_cast<std::size_t>(at - value_->keys.begin())];
      throw InputError({*file_, line}, s.name, v.describe(),
                       (s.is_list ? "tables " : "one table ") + s.header());
    }
  }
}

const TomlTable::Entry& TomlTable::entry(std::string_view stem) const {
  const auto at = entries_.find(stem);
  ASTROLABE_DEMAND(at != entries_.end(), "key " + std::string(stem) + " of " + spec_->name);
  return at->second;
}

bool TomlTable::has(std::string_view stem) const { return entries_.find(stem) != entries_.end(); }

SourcePosition TomlTable::position(std::string_view stem) const {
  if (!has(stem)) return position();
  return {*file_, entry(stem).value->line};
}

std::map<std::string, int> TomlTable::key_lines() const {
  std::map<std::string, int> lines;
  for (const auto& [stem, e] : entries_) lines[stem] = e.value->line;
  return lines;
}

std::string TomlTable::key(std::string_view stem) const {
  return label(has(stem) ? entry(stem).written : std::string(stem));
}

void TomlTable::fail(std::string_view stem, const std::string& given,
                     const std::string& allowed) const {
  throw InputError(position(stem), key(stem), given, allowed);
}

const std::string& TomlTable::text(std::string_view stem) const { return entry(stem).value->text; }

std::string TomlTable::text_or(std::string_view stem, const std::string& fallback) const {
  return has(stem) ? text(stem) : fallback;
}

std::vector<std::pair<std::string, SourcePosition>> TomlTable::texts(std::string_view stem) const {
  std::vector<std::pair<std::string, SourcePosition>> result;
  if (!has(stem)) return result;
  for (const TomlValue& c : entry(stem).value->children) {
    result.emplace_back(c.text, SourcePosition{*file_, c.line});
  }
  return result;
}

bool TomlTable::flag(std::string_view stem, bool fallback) const {
  return has(stem) ? entry(stem).value->integer != 0 : fallback;
}

std::int64_t TomlTable::integer(std::string_view stem) const { return entry(stem).value->integer; }

double TomlTable::number(std::string_view stem) const {
  return entry(stem).value->number * entry(stem).factor;
}

std::optional<double> TomlTable::find_number(std::string_view stem) const {
  if (!has(stem)) return std::nullopt;
  return number(stem);
}

void TomlTable::demand_dimension(std::string_view stem, const Dim& dim) const {
  const auto unit = parse_unit_suffix(entry(stem).spec->unit);
  ASTROLABE_DEMAND(unit && unit->dim == dim, "dimension of key " + std::string(stem));
}

Quarter TomlTable::quarter(std::string_view stem) const { return *to_quarter(*entry(stem).value); }

std::optional<Quarter> TomlTable::find_quarter(std::string_view stem) const {
  if (!has(stem)) return std::nullopt;
  return quarter(stem);
}

std::vector<TomlTable::PathPoint> TomlTable::path(std::string_view stem) const {
  const Entry& e = entry(stem);
  if (is_number(*e.value)) {
    return {{std::nullopt, e.value->number * e.factor, {*file_, e.value->line}}};
  }
  std::vector<PathPoint> points;
  for (const TomlValue& p : e.value->children) {
    points.push_back(
        {to_quarter(p.children[0]), p.children[1].number * e.factor, {*file_, p.line}});
  }
  return points;
}

std::vector<std::pair<std::string, double>> TomlTable::shares(std::string_view stem) const {
  std::vector<std::pair<std::string, double>> result;
  if (!has(stem)) return result;
  const Entry& e = entry(stem);
  for (std::size_t i = 0; i < e.value->children.size(); ++i) {
    result.emplace_back(e.value->keys[i], e.value->children[i].number * e.factor);
  }
  return result;
}

std::vector<TomlTable> TomlTable::tables(const std::string& name) const {
  std::vector<TomlTable> result;
  const TableSpec* spec = child(name);
  ASTROLABE_DEMAND(spec != nullptr, "no table is described as " + label(name));
  for (std::size_t i = 0; i < value_->keys.size(); ++i) {
    if (value_->keys[i] != name) continue;
    const TomlValue& v = value_->children[i];
    if (!spec->is_list) {
      result.emplace_back(v, *file_, *specs_, spec->name);
    } else {
      for (const TomlValue& c : v.children) result.emplace_back(c, *file_, *specs_, spec->name);
    }
  }
  return result;
}

}  // namespace astrolabe::study
