#pragma once

// Facts with sources. data/<kind>.csv holds one fact a row (entity, attribute, value, unit, low,
// high, as_of, source, locator, note); data/schema.csv says which attributes a kind has, with type,
// unit, bounds and meaning; data/sources*.csv list the sources; data/choices*.csv say which row is
// used where several disagree, and why.
//
// A row with an empty value says that the fact is missing, and why (note); asking for it is an
// InputError unless find_* is used. A dated attribute carries its quarter: "capacity@2026Q4".
// Money in KRW is converted once, at load, with the used value of "finance_base.krw_per_usd".
// Entity names are unique across kinds, so "entity.attribute" names a fact everywhere.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/quantity.h"
#include "astrolabe/base/quarter.h"
#include "astrolabe/base/unit.h"

namespace astrolabe::catalog {

enum class ValueType { kNumber, kText, kDate, kReference };

// One row of data/schema.csv.
struct AttributeSchema {
  std::string kind, attribute;
  ValueType type = ValueType::kNumber;
  std::string unit_text;  // canonical unit, for display; empty for texts
  Unit unit;
  bool is_required = false;
  bool is_dated = false;           // "attribute@2026Q4" rows are allowed
  std::optional<double> min, max;  // in the canonical unit
  std::string reference_kind;      // for references: the kind they point to
  std::string description;
  SourcePosition position;

  // Unit "any": every row has its own unit, and there are no bounds.
  bool accepts_any_unit() const { return unit_text == "any"; }
};

struct Source {
  std::string id, title, url, grade, note;  // grade A, B, C or "estimate"
  SourcePosition position;
};

// One row of data/<kind>.csv.
struct Fact {
  std::string entity, attribute;
  std::string text;                        // the value as written
  std::optional<double> value, low, high;  // base units (KRW converted); empty for texts or missing
  std::string unit_text, low_text, high_text;  // as written
  std::string as_of, source, locator, note;
  SourcePosition position;
  bool is_used = false;
  std::string reason;  // why this one is used where sources disagree

  bool is_missing() const { return text.empty(); }
  std::string key() const { return entity + "." + attribute; }
};

// A scenario's own value for a fact: "what if". Keeps the fact's dimension.
struct Override {
  std::string key;  // "entity.attribute"
  double value = 0;
  std::string unit_text;
  std::string why;
  SourcePosition position;
};

class Catalog {
 public:
  // Reads every table under `data_dir` and applies the overrides.
  // Throws InputError (file:line) for any row the schema does not allow.
  static Catalog load(const std::string& data_dir, const std::vector<Override>& overrides = {});

  const std::string& data_dir() const { return data_dir_; }  // that it was loaded from
  std::vector<std::string> kinds() const;
  std::vector<std::string> entities(std::string_view kind) const;  // sorted
  bool has_entity(std::string_view entity) const;
  const std::string& kind_of(std::string_view entity) const;  // InputError with nearest name
  const std::vector<AttributeSchema>& schema() const { return schema_; }
  const std::map<std::string, Source>& sources() const { return sources_; }
  std::vector<const Fact*> facts_of(std::string_view entity) const;

  // All rows of one attribute, the used one first. Empty if there is none.
  std::vector<const Fact*> facts(std::string_view entity, std::string_view attribute) const;
  const Fact* find_fact(std::string_view entity,
                        std::string_view attribute) const;  // used, or null

  // The used value. get_* throws InputError when the fact is absent or missing or of another
  // dimension; find_* returns nullopt when it is absent or missing. Both throw InputError, with the
  // nearest name, for an entity nobody listed and an attribute its kind does not have.
  template <Dim D>
  Quantity<D> get(std::string_view entity, std::string_view attribute) const {
    return Quantity<D>::from_base(get_base(entity, attribute, D));
  }
  template <Dim D>
  std::optional<Quantity<D>> find(std::string_view entity, std::string_view attribute) const {
    const auto v = find_base(entity, attribute, D);
    if (!v) return std::nullopt;
    return Quantity<D>::from_base(*v);
  }
  // Whether a used row with a value exists (in any quarter, for a dated attribute without one).
  bool has_value(std::string_view entity, std::string_view attribute) const;
  double get_number(std::string_view entity, std::string_view attribute) const;  // dimensionless
  std::optional<double> find_number(std::string_view entity, std::string_view attribute) const;
  const std::string& get_text(std::string_view entity, std::string_view attribute) const;
  std::optional<std::string> find_text(std::string_view entity, std::string_view attribute) const;
  Quarter get_quarter(std::string_view entity, std::string_view attribute) const;
  std::optional<Quarter> find_quarter(std::string_view entity, std::string_view attribute) const;

  // A dated attribute as (quarter, base value), in order of time. InputError when no quarter has a
  // value, as for get_*; has_value() asks first.
  std::vector<std::pair<Quarter, double>> path(std::string_view entity, std::string_view attribute,
                                               const Dim& dim) const;

  // Every input file with its content hash (FNV-1a 64, hex), for run.json.
  const std::map<std::string, std::string>& file_hashes() const { return file_hashes_; }

 private:
  friend class CatalogBuilder;

  const Fact* used_fact(std::string_view entity, std::string_view attribute, ValueType type,
                        const Dim* dim) const;  // checks type and dimension against the schema
  [[noreturn]] void throw_missing(std::string_view entity, std::string_view attribute) const;
  double get_base(std::string_view entity, std::string_view attribute, const Dim& dim) const;
  std::optional<double> find_base(std::string_view entity, std::string_view attribute,
                                  const Dim& dim) const;

  std::string data_dir_;
  std::vector<AttributeSchema> schema_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::string, std::less<>> kind_of_;      // entity -> kind
  std::map<std::string, std::vector<Fact>, std::less<>> facts_;  // entity -> rows
  std::map<std::string, std::string> file_hashes_;
};

}  // namespace astrolabe::catalog
