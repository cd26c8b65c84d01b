#pragma once

// The chain from wafer to token against published figures: each case computes a quantity with the
// modules of the project from data/, and sets it beside every published row of data/checks.csv.
//
//   error = ours / theirs - 1
//   within = ours lies in the published range (either bound may be open), or, where no range is
//            published, |error| <= the tolerance of the case
//
// Nothing is fitted here. How far a comparison is evidence is said with it: independent; calibrated
// (an input of the catalogue was set to meet this or a closely related figure, so agreement proves
// the arithmetic only); own estimate (the figure compared with is an estimate of the catalogue).
// A figure outside is printed as outside, with the gap that explains it where one is known.
// Assumptions and where they fail: Poisson yield, the model that the defect densities of the
// catalogue were derived with; square dies; sites with the PUE and costs of one named site; the
// stock of H100-equivalents takes the smallest line of each quarter, without stocks in between.
// Sources: data/checks.csv; validation/deepseek_day/deployment.csv for the deployment of that day.

#include <optional>
#include <string>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe::study {

enum class Evidence { kIndependent, kCalibrated, kOwnEstimate };
const char* evidence_name(Evidence evidence);  // "independent", "calibrated", "own estimate"

// One figure of ours beside one of theirs, both in `unit`.
struct ValidationRow {
  std::string quantity, subject, unit;
  double ours = 0, theirs = 0;
  std::optional<double> low, high;  // published
  double tolerance = 0;             // relative; used without a published range
  Evidence evidence = Evidence::kIndependent;
  std::string fact, source, locator;  // of theirs
  std::string known_gap;              // why ours may lie outside; empty: not known

  double error() const { return ours / theirs - 1; }
  bool has_range() const { return low || high; }
  bool is_in_range() const;  // in the published range
  bool is_within() const;
};

struct ValidationCase {
  std::string id, claim;
  double tolerance = 0;
  std::vector<ValidationRow> rows;
  std::vector<std::string> not_computed;  // reasons: a fact is missing

  bool is_within() const;  // every row, and all computed
};

// Every case, in the order of the chain. `cases_dir` holds the folders of validation/.
// InputError for a fact or a file that is absent.
std::vector<ValidationCase> validate_chain(const catalog::Catalog& catalog,
                                           const std::string& cases_dir);

// One row per comparison, for JSON.
Table validation_table(const std::vector<ValidationCase>& cases);
std::string validation_text(const std::vector<ValidationCase>& cases);      // for a terminal
std::string validation_markdown(const std::vector<ValidationCase>& cases);  // for README.md

// `document` with what stands between the marker lines "<!-- begin: AUTHOR -->" and "<!-- end:
// AUTHOR
// -->" replaced; InputError naming `file` when it does not hold both, once and in order.
inline constexpr const char* kChainAuthor = "astrolabe validate chain";
std::string replace_generated(const std::string& document, const std::string& generated,
                              const std::string& file, const std::string& author = kChainAuthor);
// The same in the file itself.
void write_generated(const std::string& file, const std::string& generated,
                     const std::string& author = kChainAuthor);

}  // namespace astrolabe::study
