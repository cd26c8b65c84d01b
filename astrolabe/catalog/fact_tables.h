#pragma once

// The tables under data/ as they stand in their files, each row checked on its own: schema.csv,
// sources*.csv, choices*.csv and one <kind>.csv per kind of the schema. What needs more than one
// row (which value is used, references, required attributes, exchange rate) is catalog.cc.
//
// Conversion: base value = written value * unit factor / (KRW per USD)^k, where k is how often KRW
// occurs in the row's unit beyond the schema's own unit. It is left to catalog.cc (`krw_exponent`),
// since the rate is itself a fact.
// Every function throws InputError with file:line.

#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/csv.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe::catalog {

// One row of choices*.csv: among the rows of entity.attribute, the one with this source (and
// locator and as_of, where given) is used.
struct Choice {
  std::string entity, attribute, source, locator, as_of, reason;
  SourcePosition position;
};

// A fact row on its way into the catalogue.
struct ReadFact {
  Fact fact;                     // value, low, high without the KRW conversion
  std::size_t schema_index = 0;  // of the attribute without its quarter
  int krw_exponent = 0;
};

std::vector<AttributeSchema> read_schema(const CsvTable& table);
std::vector<Source> read_sources(const CsvTable& table);
std::vector<Choice> read_choices(const CsvTable& table);
std::vector<ReadFact> read_facts(const CsvTable& table, std::string_view kind,
                                 const std::vector<AttributeSchema>& schema);

// "capacity@2026Q4" -> "capacity"; a name without '@' stays as it is.
std::string_view attribute_name(std::string_view attribute);

// Row of `schema` for an attribute of a kind (with or without quarter); InputError at `where` with
// the nearest attribute when there is none, or when a quarter is given and none is allowed.
std::size_t find_schema(const std::vector<AttributeSchema>& schema, std::string_view kind,
                        std::string_view attribute, const SourcePosition& where);

// Unit of a number of this attribute; InputError that names the given unit with its dimension and
// the dimension and canonical unit that are allowed.
Unit check_unit(std::string_view unit_text, const AttributeSchema& schema,
                const SourcePosition& where, const std::string& key);

// Range of the schema, in its canonical unit. `base` is in base units.
void check_bounds(double base, const std::string& given, const AttributeSchema& schema,
                  const SourcePosition& where, const std::string& key);

// YYYY, YYYY-MM or YYYY-MM-DD of a day that exists.
bool is_date(std::string_view text);

}  // namespace astrolabe::catalog
