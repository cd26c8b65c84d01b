#pragma once

// Accuracy of predictions against measurements, over all rows and by group.
//
//   APE = |predicted / measured - 1|, bias = mean of predicted / measured - 1, in percent;
//   band coverage = share of measurements within the 10-90 % band (80 % when bands are honest).
// A row that could not be predicted counts in `rows`, not in `scored`, under its reason.

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace astrolabe::study {

using GroupKeys = std::vector<std::pair<std::string, std::string>>;  // {"system", "h100_sxm"}

struct Accuracy {
  GroupKeys keys;  // empty: over all rows
  long rows = 0, scored = 0;
  double mean_ape_percent = 0, median_ape_percent = 0, bias_percent = 0;
  double within_10_percent = 0, within_20_percent = 0;  // shares, in percent
  double band_coverage_percent = 0;
};

struct AccuracyReport {
  Accuracy overall;
  std::vector<Accuracy> by;              // sorted by keys
  std::map<std::string, long> unscored;  // rows by reason
};

class AccuracyScorer {
 public:
  // Each row counts once overall and once for every group it is in.
  void add(const std::vector<GroupKeys>& groups, double measured, double predicted, double low,
           double high);
  void add_unscored(const std::vector<GroupKeys>& groups, const std::string& reason);
  AccuracyReport report() const;

 private:
  struct Group {
    long rows = 0, within_band = 0;
    std::vector<double> errors;  // signed, fractions
  };
  static Accuracy summarise(const GroupKeys& keys, const Group& group);

  Group all_;
  std::map<GroupKeys, Group> groups_;
  std::map<std::string, long> unscored_;
};

// {"overall": {...}, "by": [...], "unscored": {reason: rows}}; the contract of `validate --json`.
nlohmann::json to_json(const AccuracyReport& report);

// A table for a terminal or, with `markdown`, for a page. Groups of fewer than `least` scored rows
// are left out.
std::string to_text(const AccuracyReport& report, bool markdown = false, long least = 1);

}  // namespace astrolabe::study
