#include "astrolabe/report/page.h"

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "astrolabe/base/error.h"

namespace astrolabe::report {

using nlohmann::ordered_json;

namespace {

ordered_json cell_json(const Table::Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  const double value = std::get<double>(cell);
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(format_number(value).c_str(), nullptr);
}

ordered_json table_json(const Table& table) {
  ordered_json columns = ordered_json::array();
  for (const Table::Column& c : table.columns) {
    columns.push_back({{"name", c.name}, {"title", c.title}, {"facts", c.facts}});
  }
  ordered_json rows = ordered_json::array();
  for (const auto& row : table.rows) {
    ordered_json cells = ordered_json::array();
    for (const Table::Cell& cell : row) cells.push_back(cell_json(cell));
    rows.push_back(std::move(cells));
  }
  return {{"name", table.name},
          {"title", table.title},
          {"columns", std::move(columns)},
          {"rows", std::move(rows)}};
}

ordered_json fact_json(const FactRow& f) {
  return {{"key", f.key},
          {"meaning", f.meaning},
          {"value", f.value},
          {"unit", f.unit},
          {"low", f.low},
          {"high", f.high},
          {"as_of", f.as_of},
          {"source", f.source},
          {"source_title", f.source_title},
          {"source_url", f.source_url},
          {"source_grade", f.source_grade},
          {"locator", f.locator},
          {"note", f.note},
          {"position", f.position},
          {"is_used", f.is_used},
          {"reason", f.reason}};
}

std::string escape_for_html(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string to_json(const Page& page) {
  ordered_json json;
  json["title"] = page.title;
  json["subtitle"] = page.subtitle;
  json["run"] = ordered_json::array();
  for (const auto& [key, value] : page.run) json["run"].push_back({key, value});
  json["headlines"] = ordered_json::array();
  for (const Headline& h : page.headlines) {
    json["headlines"].push_back({{"label", h.label},
                                 {"value", h.value},
                                 {"unit", h.unit},
                                 {"detail", h.detail},
                                 {"facts", h.facts}});
  }
  json["notes"] = page.notes;
  json["tables"] = ordered_json::array();
  for (const Table& t : page.tables) json["tables"].push_back(table_json(t));
  json["facts"] = ordered_json::array();
  for (const FactRow& f : page.facts) json["facts"].push_back(fact_json(f));
  return escape_for_html(json.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

std::string to_html(const Page& page, const std::string& template_html,
                    const std::string& template_name) {
  const std::size_t at = template_html.find(kDataPlaceholder);
  const std::string allowed = std::string(kDataPlaceholder) + " once, as in web/dist/report.html";
  if (at == std::string::npos) {
    throw InputError({template_name, 0}, "placeholder", "none", allowed);
  }
  if (template_html.find(kDataPlaceholder, at + 1) != std::string::npos) {
    throw InputError({template_name, 0}, "placeholder", "more than one", allowed);
  }
  return template_html.substr(0, at) + to_json(page) +
         template_html.substr(at + kDataPlaceholder.size());
}

std::vector<std::string> fact_keys(const Page& page) {
  std::set<std::string> keys;
  for (const Headline& h : page.headlines) keys.insert(h.facts.begin(), h.facts.end());
  for (const Table& t : page.tables) {
    for (const Table::Column& c : t.columns) keys.insert(c.facts.begin(), c.facts.end());
  }
  return {keys.begin(), keys.end()};
}

}  // namespace astrolabe::report
