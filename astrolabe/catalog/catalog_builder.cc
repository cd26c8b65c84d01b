#include "astrolabe/catalog/catalog_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <set>
#include <system_error>

namespace astrolabe::catalog {

namespace {

constexpr const char* kRateEntity = "finance_base";
constexpr const char* kRateAttribute = "krw_per_usd";

std::vector<std::string> csv_files(const std::string& data_dir) {
  std::error_code error;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator it(data_dir, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file() && it->path().extension() == ".csv") {
      files.push_back(it->path().filename().string());
    }
  }
  if (error) throw InputError({data_dir, 0}, "", error.message(), "a directory with schema.csv");
  std::sort(files.begin(), files.end());
  return files;
}

std::string nearest_of(std::string_view word, const std::vector<std::string>& names) {
  const std::string nearest = nearest_word(word, names);
  return nearest.empty() ? join_alternatives(names) : "did you mean '" + nearest + "'?";
}

bool matches(const Choice& c, const Fact& f) {
  return f.attribute == c.attribute && f.source == c.source &&
         (c.locator.empty() || c.locator == f.locator) && (c.as_of.empty() || c.as_of == f.as_of);
}

}  // namespace

CsvTable CatalogBuilder::read_table(const std::string& path) {
  const std::string content = read_text_file(path);
  file_hashes_[std::filesystem::path(path).filename().string()] = content_hash(content);
  return CsvTable::parse(content, path);
}

void CatalogBuilder::read(const std::string& data_dir) {
  schema_ = read_schema(read_table(data_dir + "/schema.csv"));
  const std::vector<std::string> kind_names = kinds();
  std::vector<Choice> choices;
  std::vector<std::string> kind_files;
  for (const std::string& file : csv_files(data_dir)) {
    const std::string path = data_dir + "/" + file;
    const std::string stem = file.substr(0, file.size() - 4);
    if (stem == "schema") continue;
    if (stem.rfind("sources", 0) == 0) {
      for (Source& s : read_sources(read_table(path))) add_source(std::move(s));
    } else if (stem.rfind("choices", 0) == 0) {
      for (Choice& c : read_choices(read_table(path))) choices.push_back(std::move(c));
    } else if (std::find(kind_names.begin(), kind_names.end(), stem) != kind_names.end()) {
      kind_files.push_back(stem);
    } else {
      throw InputError({path, 0}, "kind", "'" + stem + "'",
                       "a kind of schema.csv: " + nearest_of(stem, kind_names));
    }
  }
  for (const std::string& kind : kind_files) {
    add_facts(read_table(data_dir + "/" + kind + ".csv"), kind);
  }
  choose_used_rows(choices);
}

void CatalogBuilder::add_source(Source source) {
  const auto [it, is_new] = sources_.emplace(source.id, source);
  if (is_new) return;
  throw InputError(source.position, "id", "'" + source.id + "' again",
                   "once; it is also at " + it->second.position.text());
}

void CatalogBuilder::add_facts(const CsvTable& table, const std::string& kind) {
  std::vector<std::string> source_ids;
  for (const auto& [id, s] : sources_) source_ids.push_back(id);
  for (ReadFact& read : read_facts(table, kind, schema_)) {
    const Fact& f = read.fact;
    if (!sources_.contains(f.source)) {
      throw InputError(f.position, f.key() + " source", "'" + f.source + "'",
                       "a source of sources*.csv: " + nearest_of(f.source, source_ids));
    }
    const auto [it, is_new] = kind_of_.emplace(f.entity, kind);
    if (!is_new && it->second != kind) {
      throw InputError(f.position, "entity", "'" + f.entity + "' in kind " + kind,
                       "a name of its own: kind " + it->second + " has it at " +
                           rows_.at(f.entity).front().fact.position.text());
    }
    rows_[f.entity].push_back(std::move(read));
  }
}

std::vector<std::string> CatalogBuilder::kinds() const {
  std::set<std::string> names;
  for (const AttributeSchema& s : schema_) names.insert(s.kind);
  return {names.begin(), names.end()};
}

std::vector<std::string> CatalogBuilder::entities(const std::string& kind) const {
  std::vector<std::string> names;
  for (const auto& [entity, k] : kind_of_) {
    if (kind.empty() || k == kind) names.push_back(entity);
  }
  return names;
}

void CatalogBuilder::apply_choice(const Choice& choice) {
  const std::string key = choice.entity + "." + choice.attribute;
  const auto it = rows_.find(choice.entity);
  if (it == rows_.end()) {
    throw InputError(choice.position, key, "an entity without facts",
                     "an entity: " + nearest_of(choice.entity, entities("")));
  }
  std::size_t n_matches = 0;
  std::vector<std::string> candidates;
  for (ReadFact& read : it->second) {
    Fact& f = read.fact;
    if (f.attribute != choice.attribute) continue;
    if (f.is_used) throw InputError(choice.position, key, "a second choice", "one choice");
    candidates.push_back(f.source + " " + f.locator + " (" + f.position.text() + ")");
  }
  for (ReadFact& read : it->second) {
    if (!matches(choice, read.fact)) continue;
    ++n_matches;
    read.fact.is_used = true;
    read.fact.reason = choice.reason;
  }
  if (n_matches == 1) return;
  throw InputError(choice.position, key,
                   "source " + choice.source + " " + choice.locator + " " + choice.as_of +
                       " matches " + std::to_string(n_matches) + " rows",
                   "exactly one of " + join_alternatives(candidates));
}

void CatalogBuilder::choose_used_rows(const std::vector<Choice>& choices) {
  for (const Choice& c : choices) apply_choice(c);
  for (auto& [entity, rows] : rows_) {
    std::map<std::string, std::vector<Fact*>> by_attribute;
    for (ReadFact& read : rows) by_attribute[read.fact.attribute].push_back(&read.fact);
    for (auto& [attribute, facts] : by_attribute) {
      if (std::any_of(facts.begin(), facts.end(), [](const Fact* f) { return f->is_used; })) {
        continue;
      }
      if (facts.size() > 1) {
        throw InputError(
            facts[1]->position, facts[1]->key(),
            std::to_string(facts.size()) + " rows (the first at " + facts[0]->position.text() + ")",
            "one row, or a row in choices*.csv that says which is used and why");
      }
      facts[0]->is_used = true;
    }
  }
}

void CatalogBuilder::apply(const std::vector<Override>& overrides) {
  if (overrides.empty()) return;
  sources_.emplace("scenario", Source{"scenario", "Override of the scenario", "", "scenario",
                                      "A what-if value, not a fact", overrides.front().position});
  for (const Override& o : overrides) apply_override(o);
}

void CatalogBuilder::apply_override(const Override& change) {
  const auto dot = change.key.find('.');
  const std::string entity = change.key.substr(0, dot);
  const std::string attribute = dot == std::string::npos ? "" : change.key.substr(dot + 1);
  const auto kind = kind_of_.find(entity);
  if (kind == kind_of_.end()) {
    throw InputError(change.position, change.key, "unknown entity '" + entity + "'",
                     "entity.attribute of the catalogue: " + nearest_of(entity, entities("")));
  }
  ReadFact read;
  read.schema_index = find_schema(schema_, kind->second, attribute, change.position);
  const AttributeSchema& s = schema_[read.schema_index];
  if (s.type != ValueType::kNumber) {
    throw InputError(change.position, change.key, "a number", "no override: it is not a number");
  }
  if (s.is_dated && attribute == s.attribute) {
    throw InputError(change.position, change.key, "no quarter",
                     "'" + change.key + "@2026Q4' and the like, as it is dated");
  }
  if (!std::isfinite(change.value)) {
    throw InputError(change.position, change.key, "no finite number", "a finite number");
  }
  const Unit unit = check_unit(change.unit_text, s, change.position, change.key);
  for (ReadFact& r : rows_.at(entity)) {
    if (r.fact.attribute != attribute) continue;
    if (s.accepts_any_unit() && !r.fact.is_missing()) {
      const Unit given = parse_unit(r.fact.unit_text).value_or(Unit{});
      AttributeSchema of_row = s;
      of_row.unit = given;
      of_row.unit_text = r.fact.unit_text;
      check_unit(change.unit_text, of_row, change.position, change.key);
    }
    r.fact.is_used = false;
  }
  read.krw_exponent = unit.krw_exponent - s.unit.krw_exponent;
  Fact& f = read.fact;
  f.entity = entity;
  f.attribute = attribute;
  f.value = change.value * unit.factor;
  f.text = fmt::format("{}", change.value);
  f.unit_text = change.unit_text;
  f.source = "scenario";
  f.locator = change.position.text();
  f.note = change.why;
  f.position = change.position;
  f.is_used = true;
  f.reason = "override of the scenario" + (change.why.empty() ? "" : ": " + change.why);
  rows_.at(entity).push_back(std::move(read));
}

double CatalogBuilder::krw_per_usd(const SourcePosition& needed_at) const {
  if (const auto it = rows_.find(kRateEntity); it != rows_.end()) {
    for (const ReadFact& r : it->second) {
      if (r.fact.attribute == kRateAttribute && r.fact.is_used && r.fact.value) {
        return *r.fact.value;
      }
    }
  }
  throw InputError(needed_at, "unit", "KRW without an exchange rate",
                   std::string("KRW once ") + kRateEntity + "." + kRateAttribute + " has a value");
}

void CatalogBuilder::convert_money() {
  for (auto& [entity, rows] : rows_) {
    for (ReadFact& read : rows) {
      Fact& f = read.fact;
      const AttributeSchema& s = schema_[read.schema_index];
      if (read.krw_exponent != 0) {
        const double factor = std::pow(krw_per_usd(f.position), -read.krw_exponent);
        for (std::optional<double>* v : {&f.value, &f.low, &f.high}) {
          if (*v) **v *= factor;
        }
        read.krw_exponent = 0;
      }
      const std::string unit = f.unit_text == "1" ? "" : " " + f.unit_text;
      if (f.value) check_bounds(*f.value, f.text + unit, s, f.position, f.key());
      if (f.low) check_bounds(*f.low, "a low out of range", s, f.position, f.key() + " low");
      if (f.high) check_bounds(*f.high, "a high out of range", s, f.position, f.key() + " high");
    }
  }
}

void CatalogBuilder::check_required() const {
  for (const auto& [entity, rows] : rows_) {
    std::set<std::string_view> present;
    for (const ReadFact& r : rows) present.insert(attribute_name(r.fact.attribute));
    for (const AttributeSchema& s : schema_) {
      if (!s.is_required || s.kind != kind_of_.at(entity) || present.contains(s.attribute))
        continue;
      throw InputError(rows.front().fact.position, entity + "." + s.attribute, "no row",
                       "a value, or a row without one whose note says why it is missing (" +
                           s.description + ")");
    }
  }
}

void CatalogBuilder::check_references() const {
  for (const auto& [entity, rows] : rows_) {
    for (const ReadFact& r : rows) {
      const std::string& kind = schema_[r.schema_index].reference_kind;
      if (kind.empty() || r.fact.is_missing()) continue;
      const auto it = kind_of_.find(r.fact.text);
      if (it != kind_of_.end() && it->second == kind) continue;
      const std::string given =
          it == kind_of_.end() ? "which does not exist" : "of kind " + it->second;
      throw InputError(
          r.fact.position, r.fact.key(), "'" + r.fact.text + "', " + given,
          "an entity of kind " + kind + ": " + nearest_of(r.fact.text, entities(kind)));
    }
  }
}

Catalog CatalogBuilder::finish() {
  convert_money();
  check_required();
  check_references();
  Catalog catalog;
  catalog.schema_ = std::move(schema_);
  catalog.sources_ = std::move(sources_);
  catalog.kind_of_.insert(kind_of_.begin(), kind_of_.end());
  for (auto& [entity, rows] : rows_) {
    std::vector<Fact>& facts = catalog.facts_[entity];
    for (ReadFact& r : rows) facts.push_back(std::move(r.fact));
  }
  catalog.file_hashes_ = std::move(file_hashes_);
  return catalog;
}

}  // namespace astrolabe::catalog
