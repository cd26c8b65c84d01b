#include "astrolabe/catalog/queries.h"

#include <algorithm>
#include <map>
#include <set>

#include "astrolabe/catalog/fact_tables.h"

namespace astrolabe::catalog {

namespace {

Table make_table(const std::string& name, const std::string& title,
                 const std::vector<std::string>& columns) {
  Table table;
  table.name = name;
  table.title = title;
  for (const std::string& c : columns) table.columns.push_back({c, c, {}});
  return table;
}

std::string cell_text(const Table::Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) return format_number(*number);
  return std::get<std::string>(cell);
}

// Characters, not bytes: names may hold UTF-8.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t n, bool right) {
  const std::string space(n > width(text) ? n - width(text) : 0, ' ');
  return right ? space + text : text + space;
}

// `text` in lines of at most `columns` characters, broken at spaces, and long paths at slashes.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string line;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    std::string word = text.substr(at, end - at);
    if (!line.empty() && width(line) + 1 + width(word) > columns) {
      lines.push_back(line);
      line.clear();
    }
    // A path longer than a line breaks at a slash; an address stays whole.
    while (line.empty() && width(word) > columns && word.find("://") == std::string::npos) {
      const std::size_t slash = word.rfind('/', columns - 1);
      if (slash == std::string::npos) break;
      lines.push_back(word.substr(0, slash + 1));
      word.erase(0, slash + 1);
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  if (!line.empty() || lines.empty()) lines.push_back(line);
  return lines;
}

// Aligned columns; the last one is wrapped so that no line is wider than kAnswerWidth.
std::string aligned(const Table& table) {
  const std::size_t n = table.columns.size();
  std::vector<std::size_t> widths(n, 0);
  std::vector<bool> is_number(n, !table.rows.empty());
  for (std::size_t i = 0; i < n; ++i) {
    widths[i] = width(table.columns[i].title);
    for (const auto& row : table.rows) {
      widths[i] = std::max(widths[i], width(cell_text(row[i])));
      is_number[i] = is_number[i] && std::holds_alternative<double>(row[i]);
    }
  }
  std::size_t indent = 0;
  for (std::size_t i = 0; i + 1 < n; ++i) indent += widths[i] + 2;
  const std::size_t last = kAnswerWidth > indent + 20 ? kAnswerWidth - indent : 20;
  std::string out;
  const auto add_line = [&](auto text_of) {
    std::string line;
    for (std::size_t i = 0; i + 1 < n; ++i) {
      line += padded(text_of(i), widths[i], is_number[i]) + "  ";
    }
    const std::vector<std::string> tail = wrapped(text_of(n - 1), last);
    for (std::size_t i = 0; i < tail.size(); ++i) {
      std::string full = (i == 0 ? line : std::string(indent, ' ')) + tail[i];
      full.erase(full.find_last_not_of(' ') + 1);
      out += full + "\n";
    }
  };
  add_line([&](std::size_t i) { return table.columns[i].title; });
  for (const auto& row : table.rows) {
    add_line([&](std::size_t i) { return cell_text(row[i]); });
  }
  return out;
}

struct Count {
  double facts = 0, missing = 0, estimates = 0;
};

void count_facts(const Catalog& catalog, const std::string& entity, Count* count) {
  for (const Fact* f : catalog.facts_of(entity)) {
    if (!f->is_used) continue;
    count->facts += f->is_missing() ? 0 : 1;
    count->missing += f->is_missing() ? 1 : 0;
    const bool is_estimate = catalog.sources().at(f->source).grade == "estimate";
    count->estimates += is_estimate && !f->is_missing() ? 1 : 0;
  }
}

const AttributeSchema& schema_of(const Catalog& catalog, std::string_view entity,
                                 std::string_view attribute) {
  return catalog.schema()[find_schema(catalog.schema(), catalog.kind_of(entity), attribute, {})];
}

std::string value_text(const Fact& f) {
  if (f.is_missing()) return "(missing)";
  return f.text + (f.unit_text.empty() || f.unit_text == "1" ? "" : " " + f.unit_text);
}

std::string range_text(const Fact& f) {
  if (f.low_text.empty() && f.high_text.empty()) return "";
  return f.low_text + ".." + f.high_text;
}

Table list_kinds(const Catalog& catalog) {
  Table table = make_table("catalog_kinds", "Kinds of the catalogue",
                           {"kind", "entities", "facts", "missing", "estimates"});
  for (const std::string& kind : catalog.kinds()) {
    Count count;
    const std::vector<std::string> entities = catalog.entities(kind);
    for (const std::string& e : entities) count_facts(catalog, e, &count);
    table.add_row(
        {kind, static_cast<double>(entities.size()), count.facts, count.missing, count.estimates});
  }
  return table;
}

// All rows of an attribute, those of every quarter for a dated one without a quarter.
std::vector<const Fact*> rows_of(const Catalog& catalog, std::string_view entity,
                                 std::string_view attribute) {
  const AttributeSchema& s = schema_of(catalog, entity, attribute);
  if (!s.is_dated || s.attribute != attribute) return catalog.facts(entity, attribute);
  std::map<std::string, std::vector<const Fact*>> by_quarter;
  for (const Fact* f : catalog.facts_of(entity)) {
    if (attribute_name(f->attribute) == attribute && !by_quarter.contains(f->attribute)) {
      by_quarter[f->attribute] = catalog.facts(entity, f->attribute);
    }
  }
  std::vector<const Fact*> rows;
  for (const auto& [name, facts] : by_quarter) rows.insert(rows.end(), facts.begin(), facts.end());
  return rows;
}

std::string why_text(const Catalog& catalog, const Fact& f) {
  const Source& s = catalog.sources().at(f.source);
  const std::string margin(9, ' ');
  std::string out = (f.is_used ? "  used   " : "  other  ") + f.attribute + " = " + value_text(f);
  if (!range_text(f).empty()) out += "  [" + range_text(f) + "]";
  out += "  as of " + f.as_of + "\n";
  const auto add = [&](const std::string& label, const std::string& text) {
    if (text.empty()) return;
    for (const std::string& line : wrapped(label + text, kAnswerWidth - margin.size())) {
      out += margin + line + "\n";
    }
  };
  add("source: ", f.source + " (grade " + s.grade + "): " + s.title);
  add("", s.url);
  add("at: ", f.position.text() + (f.locator.empty() ? "" : ", " + f.locator));
  add("note: ", f.note);
  add("why: ", f.is_used && f.reason.empty() ? "the only row" : f.reason);
  return out;
}

}  // namespace

Answer list(const Catalog& catalog, std::string_view kind) {
  Answer answer;
  if (kind.empty()) {
    answer.table = list_kinds(catalog);
  } else {
    answer.table = make_table("catalog_" + std::string(kind), "Entities of " + std::string(kind),
                              {"entity", "facts", "missing", "estimates", "name"});
    for (const std::string& e : catalog.entities(kind)) {
      Count count;
      count_facts(catalog, e, &count);
      std::string name;
      for (const Fact* f : catalog.facts_of(e)) {
        if (f->is_used && (f->attribute == "name" || f->attribute == "description")) name = f->text;
      }
      answer.table.add_row({e, count.facts, count.missing, count.estimates, name});
    }
  }
  answer.text = aligned(answer.table);
  return answer;
}

Answer show(const Catalog& catalog, std::string_view entity) {
  const std::string& kind = catalog.kind_of(entity);
  Answer answer;
  answer.table =
      make_table("catalog_" + std::string(entity), std::string(entity) + " (" + kind + ")",
                 {"attribute", "rows", "range", "as_of", "source", "value"});
  for (const AttributeSchema& s : catalog.schema()) {
    if (s.kind != kind) continue;
    for (const Fact* f : rows_of(catalog, entity, s.attribute)) {
      if (!f->is_used) continue;
      const auto n = static_cast<double>(catalog.facts(entity, f->attribute).size());
      answer.table.add_row({f->attribute, n, range_text(*f), f->as_of, f->source,
                            value_text(*f) + (f->is_missing() ? " " + f->note : "")});
    }
  }
  answer.text = answer.table.title + "\n" + aligned(answer.table);
  return answer;
}

Answer sources(const Catalog& catalog, std::string_view id) {
  std::map<std::string, std::vector<const Fact*>> by_source;
  for (const std::string& kind : catalog.kinds()) {
    for (const std::string& e : catalog.entities(kind)) {
      for (const Fact* f : catalog.facts_of(e)) by_source[f->source].push_back(f);
    }
  }
  Answer answer;
  if (id.empty()) {
    answer.table = make_table("catalog_sources", "Sources", {"source", "grade", "facts", "title"});
    for (const auto& [name, s] : catalog.sources()) {
      answer.table.add_row({name, s.grade, static_cast<double>(by_source[name].size()), s.title});
    }
    answer.text = aligned(answer.table);
    return answer;
  }
  const auto it = catalog.sources().find(std::string(id));
  if (it == catalog.sources().end()) {
    std::vector<std::string> names;
    for (const auto& [name, s] : catalog.sources()) names.push_back(name);
    const std::string nearest = nearest_word(id, names);
    throw InputError({}, "source", "'" + std::string(id) + "'",
                     nearest.empty() ? "a source of the catalogue (catalog sources)"
                                     : "did you mean '" + nearest + "'?");
  }
  const Source& s = it->second;
  answer.table =
      make_table("catalog_source_" + s.id, s.title, {"fact", "used", "locator", "value"});
  for (const Fact* f : by_source[s.id]) {
    answer.table.add_row({f->key(), f->is_used ? "used" : "", f->locator, value_text(*f)});
  }
  answer.text = s.id + " (grade " + s.grade + ", " + s.position.text() + ")\n" + s.title + "\n";
  if (!s.url.empty()) answer.text += s.url + "\n";
  if (!s.note.empty()) answer.text += s.note + "\n";
  answer.text += aligned(answer.table);
  return answer;
}

Answer why(const Catalog& catalog, std::string_view key) {
  const auto dot = key.find('.');
  if (dot == std::string_view::npos) {
    throw InputError({}, "fact", "'" + std::string(key) + "'", "entity.attribute");
  }
  const std::string_view entity = key.substr(0, dot), attribute = key.substr(dot + 1);
  const AttributeSchema& s = schema_of(catalog, entity, attribute);
  const std::vector<const Fact*> rows = rows_of(catalog, entity, attribute);
  Answer answer;
  answer.table = make_table("catalog_why", std::string(key),
                            {"fact", "used", "value", "unit", "low", "high", "as_of", "source",
                             "grade", "title", "url", "locator", "at", "note", "why"});
  answer.text = std::string(key) + ": " + s.description +
                (s.unit_text.empty() || s.unit_text == "1" ? "" : " (" + s.unit_text + ")") + "\n";
  if (rows.empty()) answer.text += "  no row\n";
  for (const Fact* f : rows) {
    const Source& source = catalog.sources().at(f->source);
    answer.table.add_row({f->key(), f->is_used ? "used" : "", f->text, f->unit_text, f->low_text,
                          f->high_text, f->as_of, f->source, source.grade, source.title, source.url,
                          f->locator, f->position.text(), f->note, f->reason});
    answer.text += why_text(catalog, *f);
  }
  return answer;
}

}  // namespace astrolabe::catalog
