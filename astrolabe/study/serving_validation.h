#pragma once

// Scores predictions of measured serving runs: TPOT and TTFT apart, over the primary rows and by
// mode, system, model, framework, precision and source, and how well layouts are ranked.
//
// Rows that are not primary (uncertain layout, work in progress, speculative decoding) are scored
// in a group of their own and are not in `overall`. A row without a prediction counts under its
// reason. Rank: Spearman's correlation of output tokens a second and accelerator,
//   C O / (TTFT + O TPOT) / n   (Little),
// measured against predicted, over the aggregated primary rows of one model on one system.

#include <nlohmann/json_fwd.hpp>

#include "astrolabe/study/accuracy.h"
#include "astrolabe/study/serving_prediction.h"

namespace astrolabe::study {

// What predictions of serving rest on, read once: catalogue, tables of kernels and collectives.
class ServingWorld {
 public:
  // `without`: a system to predict from its siblings' tables; empty: none. InputError when it is
  // unknown or a file is damaged.
  ServingWorld(const std::string& data_dir, const std::string& without);
  ServingWorld(const ServingWorld&) = delete;
  ServingWorld& operator=(const ServingWorld&) = delete;

  const catalog::Catalog& catalog() const { return catalog_; }
  const parallel::MeasuredSources& sources() const { return sources_; }

 private:
  catalog::Catalog catalog_;
  std::vector<device::TiledChip> tiled_chips_;
  std::vector<device::Chip> chips_;
  device::MeasuredTables tables_;
  device::TiledTime tiled_;  // where nothing near was measured
  device::MeasuredTime times_;
  network::NetworkPredictor network_;
  parallel::MeasuredSources sources_;
};

struct RankAgreement {
  std::string model, system;
  long rows = 0;
  double correlation = 0;
};

struct ServingReport {
  AccuracyReport tpot, ttft;
  std::vector<RankAgreement> ranks;  // of at least kFewestRanked rows
  double rank_correlation = 0;       // their mean, weighted by rows
};

inline constexpr long kFewestRanked = 5;

ServingReport validate_serving(const std::vector<ServingMeasurement>& runs,
                               ServingPredictor* predictor);

// {"tpot": ..., "ttft": ..., "rank": {"rows", "correlation", "by": [...]}}.
nlohmann::json to_json(const ServingReport& report);
std::string to_text(const ServingReport& report, bool markdown = false);

}  // namespace astrolabe::study
