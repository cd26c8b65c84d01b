#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "astrolabe/base/unit.h"
#include "astrolabe/report/page.h"

namespace astrolabe::report {

using catalog::Catalog;
using catalog::Fact;

namespace {

std::string before(const std::string& text, char mark) { return text.substr(0, text.find(mark)); }

std::optional<double> whole_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// Base units per unit of the row. The row's own value tells it, the exchange rate of won included;
// a value of zero leaves the unit's factor.
double base_per_unit(const Fact& fact) {
  const std::optional<double> written = whole_number(fact.text);
  if (written && *written != 0 && fact.value) return *fact.value / *written;
  const std::optional<Unit> unit = parse_unit(fact.unit_text);
  return unit ? unit->factor : 1;
}

// The last two parts of the path, so that the same catalogue gives the same page wherever it lies.
std::string short_position(const SourcePosition& position) {
  std::string file = position.file;
  const std::size_t last = file.rfind('/');
  if (last != std::string::npos && last > 0) {
    const std::size_t folder = file.rfind('/', last - 1);
    if (folder != std::string::npos) file = file.substr(folder + 1);
  }
  return SourcePosition{file, position.line}.text();
}

std::string meaning_of(const Catalog& catalog, const Fact& fact) {
  const std::string& kind = catalog.kind_of(fact.entity);
  const std::string attribute = before(fact.attribute, '@');
  for (const catalog::AttributeSchema& s : catalog.schema()) {
    if (s.kind == kind && s.attribute == attribute) return s.description;
  }
  return "";
}

FactRow fact_row(const Catalog& catalog, const Fact& fact) {
  FactRow row;
  row.key = fact.key();
  row.meaning = meaning_of(catalog, fact);
  row.value = fact.text;
  row.unit = fact.unit_text == "1" ? "" : fact.unit_text;
  const double scale = base_per_unit(fact);
  if (fact.low) row.low = format_number(*fact.low / scale);
  if (fact.high) row.high = format_number(*fact.high / scale);
  row.as_of = fact.as_of;
  row.source = fact.source;
  const auto source = catalog.sources().find(fact.source);
  if (source != catalog.sources().end()) {
    row.source_title = source->second.title;
    row.source_url = source->second.url;
    row.source_grade = source->second.grade;
  }
  row.locator = fact.locator;
  row.note = fact.note;
  row.position = short_position(fact.position);
  row.is_used = fact.is_used;
  row.reason = fact.reason;
  return row;
}

bool is_asked(const std::string& attribute, const std::string& asked) {
  return attribute == asked ||
         (asked.find('@') == std::string::npos && before(attribute, '@') == asked);
}

}  // namespace

std::vector<FactRow> page_facts(const Catalog& catalog, const std::vector<std::string>& keys) {
  std::vector<FactRow> rows;
  std::set<const Fact*> shown;
  for (const std::string& key : std::set<std::string>(keys.begin(), keys.end())) {
    const std::string entity = before(key, '.');
    const std::string attribute = entity.size() < key.size() ? key.substr(entity.size() + 1) : "";
    std::vector<const Fact*> found;
    if (catalog.has_entity(entity)) {
      for (const Fact* f : catalog.facts_of(entity)) {
        if (is_asked(f->attribute, attribute)) found.push_back(f);
      }
    }
    if (found.empty()) {
      FactRow row;
      row.key = key;
      row.note = "not in the catalogue";
      rows.push_back(row);
      continue;
    }
    std::stable_sort(found.begin(), found.end(), [](const Fact* a, const Fact* b) {
      if (a->attribute != b->attribute) return a->attribute < b->attribute;
      return a->is_used && !b->is_used;
    });
    for (const Fact* f : found) {
      if (shown.insert(f).second) rows.push_back(fact_row(catalog, *f));
    }
  }
  return rows;
}

}  // namespace astrolabe::report
