#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/study/chain_validation.h"

namespace astrolabe::study {

namespace {

// Three significant digits, without an exponent.
std::string figure(double value) {
  const double size = std::abs(value);
  const int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return fmt::format("{:.{}f}", value, digits);
}

std::string range(const ValidationRow& row) {
  if (!row.has_range()) return "none";
  if (row.low && row.high) return figure(*row.low) + "-" + figure(*row.high);
  return row.low ? "from " + figure(*row.low) : "to " + figure(*row.high);
}

const char* verdict(const ValidationRow& row) { return row.is_within() ? "inside" : "outside"; }

std::string percent(double share) { return fmt::format("{:+.0f} %", 100 * share); }

std::string tolerance_text(const ValidationCase& c) {
  if (c.tolerance <= 0) return "the published range";
  return fmt::format("the published range; within {:.0f} % where none is published",
                     100 * c.tolerance);
}

struct Count {
  int inside = 0, all = 0, inside_independent = 0, independent = 0;
};

Count count(const std::vector<ValidationCase>& cases) {
  Count n;
  for (const ValidationCase& c : cases) {
    for (const ValidationRow& row : c.rows) {
      const bool is_independent = row.evidence == Evidence::kIndependent;
      ++n.all;
      n.independent += is_independent;
      n.inside += row.is_within();
      n.inside_independent += row.is_within() && is_independent;
    }
  }
  return n;
}

std::string summary(const std::vector<ValidationCase>& cases) {
  const Count n = count(cases);
  return fmt::format(
      "{} of {} comparisons lie inside; of the {} independent ones {}. Outside is a finding, not "
      "a failure of the run.",
      n.inside, n.all, n.independent, n.inside_independent);
}

// Each gap once, after the quantities that it explains.
std::vector<std::string> gaps(const ValidationCase& c) {
  std::vector<std::pair<std::string, std::string>> found;  // text, quantities
  for (const ValidationRow& row : c.rows) {
    if (row.is_within()) continue;
    const std::string text =
        row.known_gap.empty() ? "outside, cause not known" : "outside, known gap: " + row.known_gap;
    auto at = std::find_if(found.begin(), found.end(),
                           [&](const auto& gap) { return gap.first == text; });
    if (at == found.end()) {
      found.emplace_back(text, row.quantity);
    } else if (at->second.find(row.quantity) == std::string::npos) {
      at->second += "; " + row.quantity;
    }
  }
  std::vector<std::string> lines;
  for (const auto& [text, quantities] : found) lines.push_back(quantities + ": " + text + ".");
  for (const std::string& reason : c.not_computed) lines.push_back("not computed: " + reason + ".");
  return lines;
}

}  // namespace

Table validation_table(const std::vector<ValidationCase>& cases) {
  Table table{"validation",
              "Our figures against published ones",
              {{"case", "Case", {}},
               {"quantity", "Quantity", {}},
               {"subject", "Of", {}},
               {"unit", "Unit", {}},
               {"ours", "Ours", {}},
               {"published", "Published", {}},
               {"published_low", "Published, low", {}},
               {"published_high", "Published, high", {}},
               {"error_percent", "Error", {}},
               {"verdict", "Verdict", {}},
               {"tolerance_percent", "Tolerance without a range", {}},
               {"evidence", "Evidence", {}},
               {"fact", "Fact", {}},
               {"source", "Source", {}},
               {"locator", "Where", {}},
               {"known_gap", "Known gap", {}}},
              {}};
  const auto bound = [](const std::optional<double>& value) {
    return value ? Table::Cell(*value) : Table::Cell(std::string());
  };
  for (const ValidationCase& c : cases) {
    for (const ValidationRow& row : c.rows) {
      table.add_row({c.id, row.quantity, row.subject, row.unit, row.ours, row.theirs,
                     bound(row.low), bound(row.high), 100 * row.error(), std::string(verdict(row)),
                     100 * row.tolerance, std::string(evidence_name(row.evidence)), row.fact,
                     row.source, row.locator, row.is_within() ? std::string() : row.known_gap});
    }
    for (const std::string& reason : c.not_computed) {
      const std::string none;
      table.add_row({c.id, none, none, none, none, none, none, none, none,
                     std::string("not computed"), none, none, none, none, none, reason});
    }
  }
  return table;
}

std::string validation_text(const std::vector<ValidationCase>& cases) {
  std::string text;
  for (const ValidationCase& c : cases) {
    text += fmt::format("{}: {}\n  tolerance: {}\n", c.id, c.claim, tolerance_text(c));
    for (const ValidationRow& row : c.rows) {
      text += fmt::format("  {}, {}\n    {} against {} ({}) {}: {}, {}; {}, {} {}\n", row.quantity,
                          row.subject, figure(row.ours), figure(row.theirs), range(row), row.unit,
                          percent(row.error()), verdict(row), evidence_name(row.evidence),
                          row.source, row.locator);
    }
    for (const std::string& gap : gaps(c)) text += "  " + gap + "\n";
    text += "\n";
  }
  return text + summary(cases) + "\n";
}

std::string validation_markdown(const std::vector<ValidationCase>& cases) {
  std::string text = summary(cases) + "\n";
  for (const ValidationCase& c : cases) {
    text += fmt::format("\n### {}\n\n{}. Tolerance: {}.\n\n", c.id, c.claim, tolerance_text(c));
    text +=
        "| quantity | of | ours | published | range | unit | error | verdict | evidence | "
        "source |\n|---|---|---|---|---|---|---|---|---|---|\n";
    for (const ValidationRow& row : c.rows) {
      text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {}: {} |\n", row.quantity,
                          row.subject, figure(row.ours), figure(row.theirs), range(row), row.unit,
                          percent(row.error()), row.is_within() ? "inside" : "**outside**",
                          evidence_name(row.evidence), row.source, row.locator);
    }
    const std::vector<std::string> known = gaps(c);
    if (!known.empty()) text += "\n";
    for (const std::string& gap : known) text += "- " + gap + "\n";
  }
  return text;
}

std::string replace_generated(const std::string& document, const std::string& generated,
                              const std::string& file, const std::string& author) {
  const std::string begin_mark = "<!-- begin: " + author + " -->";
  const std::string end_mark = "<!-- end: " + author + " -->";
  const std::size_t begin = document.find(begin_mark), end = document.find(end_mark);
  const bool is_once = begin != std::string::npos && end != std::string::npos &&
                       document.find(begin_mark, begin + 1) == std::string::npos &&
                       document.find(end_mark, end + 1) == std::string::npos;
  if (!is_once || end < begin) {
    throw InputError({file, 0}, "markers", "not both, or not once and in order",
                     begin_mark + " and, after it, " + end_mark);
  }
  return document.substr(0, begin) + begin_mark + "\n\n" + generated + "\n" + document.substr(end);
}

void write_generated(const std::string& file, const std::string& generated,
                     const std::string& author) {
  write_file_atomically(file, replace_generated(read_text_file(file), generated, file, author));
}

}  // namespace astrolabe::study
