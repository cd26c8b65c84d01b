#pragma once

// The report: one HTML file with everything it needs inside. A Page holds what is shown (headlines,
// tables, notes, facts with their sources); web/ holds how it is shown (charts, source panel,
// print).
//
// Nothing is computed here: a figure of the page stands in a Page already, except sums that stack
// the rows of one table. Numbers carry 9 significant digits, as in the CSV files, so that the same
// Page and template give the same bytes.
//
// The page knows these tables by name and columns (docs/theory/report.md) and draws them: summary,
// demand, flows, timeline, fleet, power, bottlenecks, costs, cost_summary, funds, sites, supply,
// orders, bandwidth_curve. All are optional; any other table is shown as a table.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe::report {

struct Headline {
  std::string label, value, unit, detail;
  std::vector<std::string> facts;  // "entity.attribute" of the catalogue
};

// One row of the catalogue as a reader sees it: figures in the unit in which they were published.
struct FactRow {
  std::string key;      // "abilene.contracted_power@2025Q2"
  std::string meaning;  // what the attribute means, from the schema
  std::string value, unit, low, high, as_of;
  std::string source, source_title, source_url, source_grade;
  std::string locator, note;
  std::string position;  // file:line
  bool is_used = false;
  std::string reason;  // why this row is used where sources disagree
};

struct Page {
  std::string title, subtitle;
  std::vector<std::pair<std::string, std::string>> run;  // version, data hash, seed, solver, ...
  std::vector<Headline> headlines;
  std::vector<std::string> notes;  // assumptions and warnings
  std::vector<Table> tables;
  std::vector<FactRow> facts;
};

// Where the data goes in the template; it occurs there exactly once.
inline constexpr std::string_view kDataPlaceholder = "/*DATA*/";

// The page as JSON. No '<' occurs in it, so that no text of a table can end or open an HTML
// element.
std::string to_json(const Page& page);

// The template (web/dist/report.html) with the page's JSON in place of kDataPlaceholder.
// Throws InputError when the placeholder is missing or occurs twice.
std::string to_html(const Page& page, const std::string& template_html,
                    const std::string& template_name = "report template");

// Every fact that a headline or a table column names, once, in alphabetical order.
std::vector<std::string> fact_keys(const Page& page);

// The rows behind the keys, those that are not used included; the used row of an attribute first. A
// dated attribute without its quarter ("abilene.contracted_power") stands for all of its quarters.
// A key that the catalogue does not have gets a row without value that says so: the reader of a
// figure is told that its source is not known.
std::vector<FactRow> page_facts(const catalog::Catalog& catalog,
                                const std::vector<std::string>& keys);

}  // namespace astrolabe::report
