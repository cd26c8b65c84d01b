#include "astrolabe/catalog/catalog.h"

#include <algorithm>
#include <set>

#include "astrolabe/catalog/catalog_builder.h"
#include "astrolabe/catalog/fact_tables.h"

namespace astrolabe::catalog {

Catalog Catalog::load(const std::string& data_dir, const std::vector<Override>& overrides) {
  CatalogBuilder builder;
  builder.read(data_dir);
  builder.apply(overrides);
  Catalog catalog = builder.finish();
  catalog.data_dir_ = data_dir;
  return catalog;
}

std::vector<std::string> Catalog::kinds() const {
  std::set<std::string> names;
  for (const AttributeSchema& s : schema_) names.insert(s.kind);
  return {names.begin(), names.end()};
}

std::vector<std::string> Catalog::entities(std::string_view kind) const {
  const std::vector<std::string> known = kinds();
  if (std::find(known.begin(), known.end(), kind) == known.end()) {
    throw InputError({}, "kind", "'" + std::string(kind) + "'", join_alternatives(known, 40));
  }
  std::vector<std::string> names;
  for (const auto& [entity, k] : kind_of_) {
    if (k == kind) names.push_back(entity);
  }
  return names;
}

bool Catalog::has_entity(std::string_view entity) const { return kind_of_.contains(entity); }

const std::string& Catalog::kind_of(std::string_view entity) const {
  const auto it = kind_of_.find(entity);
  if (it != kind_of_.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [name, kind] : kind_of_) names.push_back(name);
  const std::string nearest = nearest_word(entity, names);
  throw InputError({}, "entity", "'" + std::string(entity) + "'",
                   nearest.empty() ? "an entity of the catalogue (catalog list)"
                                   : "did you mean '" + nearest + "'?");
}

std::vector<const Fact*> Catalog::facts_of(std::string_view entity) const {
  kind_of(entity);
  std::vector<const Fact*> rows;
  for (const Fact& f : facts_.find(entity)->second) rows.push_back(&f);
  return rows;
}

std::vector<const Fact*> Catalog::facts(std::string_view entity, std::string_view attribute) const {
  find_schema(schema_, kind_of(entity), attribute, {});
  std::vector<const Fact*> rows;
  for (const Fact& f : facts_.find(entity)->second) {
    if (f.attribute == attribute) rows.push_back(&f);
  }
  std::stable_partition(rows.begin(), rows.end(), [](const Fact* f) { return f->is_used; });
  return rows;
}

const Fact* Catalog::find_fact(std::string_view entity, std::string_view attribute) const {
  const std::vector<const Fact*> rows = facts(entity, attribute);
  return rows.empty() ? nullptr : rows.front();
}

bool Catalog::has_value(std::string_view entity, std::string_view attribute) const {
  const AttributeSchema& s = schema_[find_schema(schema_, kind_of(entity), attribute, {})];
  for (const Fact& f : facts_.find(entity)->second) {
    if (!f.is_used || f.is_missing()) continue;
    if (f.attribute == attribute) return true;
    if (s.is_dated && attribute_name(f.attribute) == attribute) return true;
  }
  return false;
}

const Fact* Catalog::used_fact(std::string_view entity, std::string_view attribute, ValueType type,
                               const Dim* dim) const {
  const AttributeSchema& s = schema_[find_schema(schema_, kind_of(entity), attribute, {})];
  const std::string key = std::string(entity) + "." + std::string(attribute);
  const bool is_text =
      type == ValueType::kText && (s.type == ValueType::kText || s.type == ValueType::kReference);
  if (s.type != type && !is_text) {
    throw InputError(s.position, key, "a question for another type", "the type of the schema");
  }
  const Fact* fact = find_fact(entity, attribute);
  if (fact == nullptr || fact->is_missing()) return nullptr;
  if (dim != nullptr) {
    const Unit unit = s.accepts_any_unit() ? *parse_unit(fact->unit_text) : s.unit;
    if (unit.dim != *dim) {
      throw InputError(fact->position, key, dim_text(unit.dim), dim_text(*dim) + ", as asked");
    }
  }
  return fact;
}

void Catalog::throw_missing(std::string_view entity, std::string_view attribute) const {
  const std::string key = std::string(entity) + "." + std::string(attribute);
  const Fact* fact = find_fact(entity, attribute);
  if (fact != nullptr) {
    throw InputError(fact->position, key, "no value (" + fact->note + ")",
                     "a value in the table or an override in the scenario");
  }
  throw InputError(facts_.find(entity)->second.front().position, key, "no row",
                   "a row in " + kind_of(entity) + ".csv");
}

std::optional<double> Catalog::find_base(std::string_view entity, std::string_view attribute,
                                         const Dim& dim) const {
  const Fact* fact = used_fact(entity, attribute, ValueType::kNumber, &dim);
  return fact == nullptr ? std::nullopt : fact->value;
}

double Catalog::get_base(std::string_view entity, std::string_view attribute,
                         const Dim& dim) const {
  const auto v = find_base(entity, attribute, dim);
  if (!v) throw_missing(entity, attribute);
  return *v;
}

double Catalog::get_number(std::string_view entity, std::string_view attribute) const {
  return get_base(entity, attribute, Dim{});
}

std::optional<double> Catalog::find_number(std::string_view entity,
                                           std::string_view attribute) const {
  return find_base(entity, attribute, Dim{});
}

const std::string& Catalog::get_text(std::string_view entity, std::string_view attribute) const {
  const Fact* fact = used_fact(entity, attribute, ValueType::kText, nullptr);
  if (fact == nullptr) throw_missing(entity, attribute);
  return fact->text;
}

std::optional<std::string> Catalog::find_text(std::string_view entity,
                                              std::string_view attribute) const {
  const Fact* fact = used_fact(entity, attribute, ValueType::kText, nullptr);
  if (fact == nullptr) return std::nullopt;
  return fact->text;
}

std::optional<Quarter> Catalog::find_quarter(std::string_view entity,
                                             std::string_view attribute) const {
  const Fact* fact = used_fact(entity, attribute, ValueType::kDate, nullptr);
  return fact == nullptr ? std::nullopt : Quarter::parse(fact->text);
}

Quarter Catalog::get_quarter(std::string_view entity, std::string_view attribute) const {
  const auto q = find_quarter(entity, attribute);
  if (!q) throw_missing(entity, attribute);
  return *q;
}

std::vector<std::pair<Quarter, double>> Catalog::path(std::string_view entity,
                                                      std::string_view attribute,
                                                      const Dim& dim) const {
  const AttributeSchema& s = schema_[find_schema(schema_, kind_of(entity), attribute, {})];
  const std::string key = std::string(entity) + "." + std::string(attribute);
  if (!s.is_dated || s.unit.dim != dim) {
    throw InputError(s.position, key, "a path of " + dim_text(dim),
                     s.is_dated ? dim_text(s.unit.dim) : "no path: the attribute is not dated");
  }
  std::vector<std::pair<Quarter, double>> points;
  for (const Fact& f : facts_.find(entity)->second) {
    if (!f.is_used || !f.value || attribute_name(f.attribute) != attribute) continue;
    points.emplace_back(*Quarter::parse(f.attribute.substr(attribute.size() + 1)), *f.value);
  }
  if (points.empty()) throw_missing(entity, attribute);
  std::sort(points.begin(), points.end());
  return points;
}

}  // namespace astrolabe::catalog
