#include "astrolabe/catalog/fact_tables.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <set>
#include <tuple>

#include "astrolabe/base/table.h"

namespace astrolabe::catalog {

namespace {

const std::vector<std::string> kSchemaColumns = {"kind",      "attribute",  "type", "unit",
                                                 "required",  "dated",      "min",  "max",
                                                 "reference", "description"};
const std::vector<std::string> kSourceColumns = {"id", "title", "url", "grade", "note"};
const std::vector<std::string> kFactColumns = {"entity", "attribute", "value",  "unit",    "low",
                                               "high",   "as_of",     "source", "locator", "note"};
const std::vector<std::string> kGrades = {"A", "B", "C", "estimate"};

std::string in_quotes(std::string_view text) { return "'" + std::string(text.substr(0, 60)) + "'"; }

// "x, y or z", led by the nearest of them to `word`.
std::string allowed_names(std::string_view word, const std::vector<std::string>& names) {
  const std::string nearest = nearest_word(word, names);
  std::string s = nearest.empty() ? "" : "did you mean '" + nearest + "'? ";
  return s + join_alternatives(names, 40);
}

void check_columns(const CsvTable& table, const std::vector<std::string>& expected) {
  if (table.columns() == expected) return;
  throw InputError({table.file(), 1}, "columns", join_alternatives(table.columns()),
                   "exactly " + join_alternatives(expected));
}

const std::string& require_text(const CsvTable& table, const CsvTable::Row& row,
                                const std::string& column) {
  const std::string& text = table.cell(row, column);
  if (text.empty()) throw InputError(table.position(row), column, "nothing", "a text");
  return text;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::islower(c) || std::isdigit(c) || c == '_';
  });
}

const std::string& require_name(const CsvTable& table, const CsvTable::Row& row,
                                const std::string& column) {
  const std::string& text = table.cell(row, column);
  if (is_name(text)) return text;
  throw InputError(table.position(row), column, in_quotes(text),
                   "a name of lower-case letters, digits and '_'");
}

bool read_flag(const CsvTable& table, const CsvTable::Row& row, const std::string& column) {
  const std::string& text = table.cell(row, column);
  if (text == "0" || text == "1") return text == "1";
  throw InputError(table.position(row), column, in_quotes(text), "0 or 1");
}

ValueType read_type(const CsvTable& table, const CsvTable::Row& row) {
  const std::string& text = table.cell(row, "type");
  if (text == "number") return ValueType::kNumber;
  if (text == "text") return ValueType::kText;
  if (text == "date") return ValueType::kDate;
  if (text == "reference") return ValueType::kReference;
  throw InputError(table.position(row), "type", in_quotes(text), "number, text, date or reference");
}

std::optional<double> read_bound(const CsvTable& table, const CsvTable::Row& row,
                                 const std::string& column) {
  const std::string& text = table.cell(row, column);
  if (text.empty()) return std::nullopt;
  return parse_number(text, table.position(row), column);
}

AttributeSchema read_schema_row(const CsvTable& table, const CsvTable::Row& row) {
  AttributeSchema s;
  s.position = table.position(row);
  s.kind = require_name(table, row, "kind");
  s.attribute = require_name(table, row, "attribute");
  s.type = read_type(table, row);
  s.unit_text = table.cell(row, "unit");
  s.is_required = read_flag(table, row, "required");
  s.is_dated = read_flag(table, row, "dated");
  s.min = read_bound(table, row, "min");
  s.max = read_bound(table, row, "max");
  s.reference_kind = table.cell(row, "reference");
  s.description = require_text(table, row, "description");
  const std::string key = s.kind + "." + s.attribute;
  if (s.type != ValueType::kNumber) {
    if (!s.unit_text.empty() || s.min || s.max) {
      throw InputError(s.position, key, "a unit or bounds", "neither, for a type without them");
    }
  } else if (s.accepts_any_unit()) {
    if (s.min || s.max) throw InputError(s.position, key, "bounds", "none, as the unit is 'any'");
  } else {
    const auto unit = parse_unit(s.unit_text);
    if (!unit) throw InputError(s.position, key, "unit " + in_quotes(s.unit_text), "a known unit");
    s.unit = *unit;
  }
  if ((s.type == ValueType::kReference) == s.reference_kind.empty()) {
    throw InputError(s.position, key, "reference " + in_quotes(s.reference_kind),
                     "a kind for references, nothing for others");
  }
  return s;
}

Fact read_fact_texts(const CsvTable& table, const CsvTable::Row& row) {
  Fact f;
  f.position = table.position(row);
  f.entity = require_name(table, row, "entity");
  f.attribute = require_text(table, row, "attribute");
  f.text = table.cell(row, "value");
  f.unit_text = table.cell(row, "unit");
  f.low_text = table.cell(row, "low");
  f.high_text = table.cell(row, "high");
  f.as_of = table.cell(row, "as_of");
  f.source = require_text(table, row, "source");
  f.locator = table.cell(row, "locator");
  f.note = table.cell(row, "note");
  if (!is_date(f.as_of)) {
    throw InputError(f.position, f.key() + " as_of", in_quotes(f.as_of),
                     "a date YYYY, YYYY-MM or YYYY-MM-DD");
  }
  if (f.is_missing() && f.note.empty()) {
    throw InputError(f.position, f.key(), "no value and no note",
                     "a value, or a note that says why it is missing");
  }
  return f;
}

void read_number_cells(const CsvTable& table, const CsvTable::Row& row,
                       const AttributeSchema& schema, ReadFact* read) {
  Fact& f = read->fact;
  const std::string& low = table.cell(row, "low");
  const std::string& high = table.cell(row, "high");
  if (f.is_missing()) {
    if (!low.empty() || !high.empty()) {
      throw InputError(f.position, f.key(), "low or high without a value", "a value, or neither");
    }
    if (!f.unit_text.empty()) check_unit(f.unit_text, schema, f.position, f.key());
    return;
  }
  const Unit unit = check_unit(f.unit_text, schema, f.position, f.key());
  read->krw_exponent = unit.krw_exponent - schema.unit.krw_exponent;
  const double value = parse_number(f.text, f.position, f.key());
  f.value = value * unit.factor;
  if (!low.empty()) {
    const double v = parse_number(low, f.position, f.key() + " low");
    if (v > value) {
      throw InputError(f.position, f.key() + " low", low, "at most the value " + f.text);
    }
    f.low = v * unit.factor;
  }
  if (!high.empty()) {
    const double v = parse_number(high, f.position, f.key() + " high");
    if (v < value) {
      throw InputError(f.position, f.key() + " high", high, "at least the value " + f.text);
    }
    f.high = v * unit.factor;
  }
}

void check_plain_cells(const CsvTable& table, const CsvTable::Row& row,
                       const AttributeSchema& schema, const Fact& f) {
  for (const char* column : {"unit", "low", "high"}) {
    if (!table.cell(row, column).empty()) {
      throw InputError(f.position, f.key() + " " + column, in_quotes(table.cell(row, column)),
                       "nothing, as the value is not a number");
    }
  }
  if (schema.type == ValueType::kDate && !f.is_missing() && !Quarter::parse(f.text)) {
    throw InputError(f.position, f.key(), in_quotes(f.text), "a quarter 2028Q3 or a date");
  }
}

}  // namespace

std::string_view attribute_name(std::string_view attribute) {
  return attribute.substr(0, attribute.find('@'));
}

std::size_t find_schema(const std::vector<AttributeSchema>& schema, std::string_view kind,
                        std::string_view attribute, const SourcePosition& where) {
  const std::string_view name = attribute_name(attribute);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (schema[i].kind != kind) continue;
    if (schema[i].attribute != name) {
      names.push_back(schema[i].attribute);
      continue;
    }
    if (name.size() == attribute.size()) return i;
    if (!schema[i].is_dated) {
      throw InputError(where, std::string(attribute), "a quarter",
                       "none: '" + std::string(name) + "' of kind " + std::string(kind) +
                           " is not dated in schema.csv");
    }
    const std::string_view quarter = attribute.substr(name.size() + 1);
    if (quarter.size() != 6 || !Quarter::parse(quarter)) {
      throw InputError(where, std::string(attribute), in_quotes(quarter),
                       "a quarter such as 2026Q4");
    }
    return i;
  }
  throw InputError(where, "attribute", in_quotes(attribute),
                   "an attribute of kind " + std::string(kind) + ": " + allowed_names(name, names));
}

Unit check_unit(std::string_view unit_text, const AttributeSchema& schema,
                const SourcePosition& where, const std::string& key) {
  const auto unit = parse_unit(unit_text);
  const std::string allowed =
      schema.accepts_any_unit()
          ? "any known unit"
          : dim_text(schema.unit.dim) + ", for example '" + schema.unit_text + "'";
  if (!unit) {
    throw InputError(where, key + " unit", "unknown unit " + in_quotes(unit_text), allowed);
  }
  if (schema.accepts_any_unit() || unit->dim == schema.unit.dim) return *unit;
  throw InputError(where, key + " unit", in_quotes(unit_text) + " (" + dim_text(unit->dim) + ")",
                   allowed);
}

void check_bounds(double base, const std::string& given, const AttributeSchema& schema,
                  const SourcePosition& where, const std::string& key) {
  const double v = base / schema.unit.factor;
  constexpr double kRounding = 1e-12;  // of value * factor / factor
  const bool too_low = schema.min && v < *schema.min - kRounding * std::abs(*schema.min);
  const bool too_high = schema.max && v > *schema.max + kRounding * std::abs(*schema.max);
  if (!too_low && !too_high) return;
  const std::string unit = schema.unit_text == "1" ? "" : " " + schema.unit_text;
  std::string allowed;
  if (schema.min) allowed += "at least " + format_number(*schema.min) + unit;
  if (schema.min && schema.max) allowed += " and ";
  if (schema.max) allowed += "at most " + format_number(*schema.max) + unit;
  throw InputError(where, key, given, allowed);
}

bool is_date(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t n) {
    int v = -1;
    const char* end = text.data() + at + n;
    return std::from_chars(text.data() + at, end, v).ptr == end ? v : -1;
  };
  if (text.size() != 4 && text.size() != 7 && text.size() != 10) return false;
  if ((text.size() > 4 && text[4] != '-') || (text.size() > 7 && text[7] != '-')) return false;
  const int year = number(0, 4);
  const int month = text.size() > 4 ? number(5, 2) : 1;
  const int day = text.size() > 7 ? number(8, 2) : 1;
  if (year < 1900 || month < 1 || day < 1) return false;
  return std::chrono::year_month_day(std::chrono::year(year),
                                     std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
      .ok();
}

std::vector<AttributeSchema> read_schema(const CsvTable& table) {
  check_columns(table, kSchemaColumns);
  std::vector<AttributeSchema> schema;
  std::set<std::pair<std::string, std::string>> seen;
  std::set<std::string> kinds;
  for (const auto& row : table.rows()) {
    schema.push_back(read_schema_row(table, row));
    const AttributeSchema& s = schema.back();
    kinds.insert(s.kind);
    if (!seen.insert({s.kind, s.attribute}).second) {
      throw InputError(s.position, s.kind + "." + s.attribute, "the attribute twice", "once");
    }
  }
  for (const AttributeSchema& s : schema) {
    if (!s.reference_kind.empty() && !kinds.contains(s.reference_kind)) {
      throw InputError(s.position, s.kind + "." + s.attribute,
                       "reference kind " + in_quotes(s.reference_kind),
                       allowed_names(s.reference_kind, {kinds.begin(), kinds.end()}));
    }
  }
  return schema;
}

std::vector<Source> read_sources(const CsvTable& table) {
  check_columns(table, kSourceColumns);
  std::vector<Source> sources;
  for (const auto& row : table.rows()) {
    Source s;
    s.position = table.position(row);
    s.id = require_name(table, row, "id");
    s.title = require_text(table, row, "title");
    s.url = table.cell(row, "url");
    s.grade = table.cell(row, "grade");
    s.note = table.cell(row, "note");
    if (std::find(kGrades.begin(), kGrades.end(), s.grade) == kGrades.end()) {
      throw InputError(s.position, s.id + " grade", in_quotes(s.grade), join_alternatives(kGrades));
    }
    sources.push_back(std::move(s));
  }
  return sources;
}

std::vector<Choice> read_choices(const CsvTable& table) {
  for (const char* column : {"entity", "attribute", "source", "locator", "reason"}) {
    table.column(column);
  }
  const auto& columns = table.columns();
  const bool has_as_of = table.has_column("as_of");
  if (columns.size() != (has_as_of ? 6u : 5u)) {
    throw InputError({table.file(), 1}, "columns", join_alternatives(columns),
                     "entity, attribute, source, locator, reason and at will as_of");
  }
  std::vector<Choice> choices;
  for (const auto& row : table.rows()) {
    Choice c;
    c.position = table.position(row);
    c.entity = require_text(table, row, "entity");
    c.attribute = require_text(table, row, "attribute");
    c.source = require_text(table, row, "source");
    c.locator = table.cell(row, "locator");
    if (has_as_of) c.as_of = table.cell(row, "as_of");
    c.reason = require_text(table, row, "reason");
    choices.push_back(std::move(c));
  }
  return choices;
}

std::vector<ReadFact> read_facts(const CsvTable& table, std::string_view kind,
                                 const std::vector<AttributeSchema>& schema) {
  check_columns(table, kFactColumns);
  std::vector<ReadFact> facts;
  std::set<std::tuple<std::string, std::string, std::string, std::string, std::string>> seen;
  for (const auto& row : table.rows()) {
    ReadFact read;
    read.fact = read_fact_texts(table, row);
    const Fact& f = read.fact;
    read.schema_index = find_schema(schema, kind, f.attribute, f.position);
    const AttributeSchema& s = schema[read.schema_index];
    if (s.is_dated && s.attribute == f.attribute && !f.is_missing()) {
      throw InputError(f.position, f.key(), "a value without a quarter",
                       "'" + s.attribute + "@2026Q4' and the like, as it is dated");
    }
    if (s.type == ValueType::kNumber) {
      read_number_cells(table, row, s, &read);
    } else {
      check_plain_cells(table, row, s, f);
    }
    if (!seen.insert({f.entity, f.attribute, f.source, f.as_of, f.locator}).second) {
      throw InputError(f.position, f.key(), "the same attribute, source, as_of and locator twice",
                       "one row, or locators that tell them apart");
    }
    facts.push_back(std::move(read));
  }
  return facts;
}

}  // namespace astrolabe::catalog
