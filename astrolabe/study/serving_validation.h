#pragma once

// Scores predictions of measured serving runs: TPOT, TTFT and, where a file has them, output tokens
// a second and accelerator, power of an accelerator and energy of an output token apart, over the
// primary rows and by mode, system, model, framework, precision and source, and how well layouts
// are ranked. Each request of a replay counts alone.
//
// Rows that are not primary (uncertain layout, work in progress, speculative decoding) are scored
// in a group of their own and are not in `overall`. A row without a prediction counts under its
// reason. Rank: Spearman's correlation of output tokens a second and accelerator,
//   C O / (TTFT + O TPOT) / n   (Little),
// measured against predicted, over the aggregated primary rows of one model on one system.

#include <array>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/study/accuracy.h"
#include "astrolabe/study/serving_prediction.h"

namespace astrolabe::study {

// TPOT, TTFT, output rate, power, energy.
inline constexpr std::size_t kServingMetrics = 5;

struct RankAgreement {
  std::string model, system;
  long rows = 0;
  double correlation = 0;
};

struct ServingReport {
  std::array<AccuracyReport, kServingMetrics> metrics;
  std::map<std::string, long> other_metrics;  // rows of figures that are none of these, by reason
  std::vector<RankAgreement> ranks;           // of at least kFewestRanked rows
  double rank_correlation = 0;                // their mean, weighted by rows
  Table rows;  // each run: measured, predicted, 10-90 % band, or why not
};

inline constexpr long kFewestRanked = 5;

ServingReport validate_serving(const std::vector<ServingMeasurement>& runs,
                               ServingPredictor* predictor);

// {"tpot": ..., "ttft": ..., "rank": {"rows", "correlation", "by": [...]}}, and where a file has
// them "output_rate", "power", "energy" and "other_metrics": {reason: rows}.
nlohmann::json to_json(const ServingReport& report);
std::string to_text(const ServingReport& report, bool markdown = false);

}  // namespace astrolabe::study
