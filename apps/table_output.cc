#include "apps/table_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace astrolabe {

namespace {

std::string cell_text(const Table::Cell& cell) {
  if (const std::string* text = std::get_if<std::string>(&cell)) return *text;
  return fmt::format("{:.6g}", std::get<double>(cell));
}

}  // namespace

std::string aligned_text(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t width = table.columns[c].title.size();
    for (const auto& row : table.rows) width = std::max(width, cell_text(row[c]).size());
    widths.push_back(width);
  }
  std::string text;
  const auto add_row = [&](const auto& text_of, bool is_heading) {
    for (std::size_t c = 0; c + 1 < table.columns.size(); ++c) {
      const bool is_left = c < 2 || is_heading;
      text += is_left ? fmt::format("{:<{}}  ", text_of(c), widths[c])
                      : fmt::format("{:>{}}  ", text_of(c), widths[c]);
    }
    text += text_of(table.columns.size() - 1) + "\n";
  };
  add_row([&](std::size_t c) { return table.columns[c].title; }, true);
  for (const auto& row : table.rows)
    add_row([&](std::size_t c) { return cell_text(row[c]); }, false);
  return text;
}

nlohmann::ordered_json to_json(const Table& table) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::visit([&](const auto& value) { object[table.columns[i].name] = value; }, row[i]);
    }
    rows.push_back(object);
  }
  return {{"name", table.name}, {"title", table.title}, {"rows", rows}};
}

std::string json_text(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void print_json(const nlohmann::ordered_json& document) {
  std::fputs(json_text(document).c_str(), stdout);
}

}  // namespace astrolabe
