#include "astrolabe/study/serving_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace astrolabe::study {
namespace {

struct Pair {
  double measured = 0, predicted = 0;
};

const char* mode_of(const ServingMeasurement& run) {
  if (run.load == ServingLoad::kSearched) return "best layout";
  return run.is_disaggregated ? "disaggregated" : "aggregated";
}

std::vector<GroupKeys> groups_of(const ServingMeasurement& run) {
  const std::string mode = mode_of(run);
  if (!run.is_primary) return {{{"primary", "0"}, {"mode", mode}}};
  const std::string framework = parallel::framework_name(run.framework);
  std::vector<GroupKeys> groups = {{{"mode", mode}},
                                   {{"mode", mode}, {"system", run.system}},
                                   {{"mode", mode}, {"model", run.model}},
                                   {{"mode", mode}, {"framework", framework}},
                                   {{"mode", mode}, {"precision", run.precision}},
                                   {{"mode", mode}, {"source", run.source}}};
  if (run.load == ServingLoad::kSearched) {
    groups.push_back({{"mode", mode}, {"scenario", run.searched.scenario}});
  }
  return groups;
}

// Ranks from 0, ties at their mean.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j < order.size() && values[order[j]] == values[order[i]]) ++j;
    for (std::size_t k = i; k < j; ++k) ranks[order[k]] = static_cast<double>(i + j - 1) / 2;
    i = j;
  }
  return ranks;
}

double spearman(const std::vector<Pair>& pairs) {
  std::vector<double> x, y;
  for (const Pair& p : pairs) {
    x.push_back(p.measured);
    y.push_back(p.predicted);
  }
  const std::vector<double> a = ranks_of(x), b = ranks_of(y);
  const double mean = static_cast<double>(pairs.size() - 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

double throughput(const ServingMeasurement& run, double ttft_ms, double tpot_ms) {
  const double answer = run.mean_length_share() * run.answer;
  return run.concurrency * answer / (ttft_ms + answer * tpot_ms) / run.accelerators();
}

struct MetricRule {
  const char* key;
  const char* title;
  bool is_of_every_run;  // a run without it counts as not measured
};

constexpr std::array<MetricRule, kServingMetrics> kMetrics = {
    {{"tpot", "TPOT", true},
     {"ttft", "TTFT", true},
     {"output_rate", "Output tokens a second and accelerator", false},
     {"power", "Power of an accelerator", false},
     {"energy", "Energy of an output token", false}}};

struct MetricOutcome {
  std::optional<double> measured;
  double predicted = 0, band = 0;  // band: half width in log
};

// What one row of a file measured, with its prediction.
struct Outcome {
  int line = 0;
  double prompt = 0, answer = 0;  // tokens
  std::array<MetricOutcome, kServingMetrics> metrics;
  std::string reason;

  bool has_any() const {
    return std::any_of(metrics.begin(), metrics.end(),
                       [](const MetricOutcome& m) { return m.measured.has_value(); });
  }
};

std::vector<Outcome> outcomes_of(const ServingMeasurement& run, const ServingPrediction& p) {
  if (run.load != ServingLoad::kReplay) {
    return {{run.line,
             run.prompt,
             run.answer,
             {{{run.tpot_ms, p.tpot_ms, p.tpot_band},
               {run.ttft_ms, p.ttft_ms, p.ttft_band},
               {run.output_rate, p.output_rate, p.tpot_band},
               {run.power_w, p.power_w, p.power_band},
               {run.energy_j, p.energy_j, std::hypot(p.power_band, p.tpot_band)}}},
             p.reason}};
  }
  std::vector<Outcome> outcomes;
  auto predicted = p.requests.begin();
  for (const MeasuredRequest& r : run.requests) {
    Outcome o;
    o.line = r.line;
    o.prompt = r.request.prompt;
    o.answer = r.request.answer;
    o.reason = p.reason.empty() ? r.reason : p.reason;
    const parallel::RequestTimes times = o.reason.empty() ? *predicted++ : parallel::RequestTimes{};
    o.metrics = {{{r.tpot_ms, times.tpot.in(units::millisecond), p.tpot_band},
                  {r.ttft_ms, times.ttft.in(units::millisecond), p.ttft_band},
                  {},
                  {},
                  {}}};
    outcomes.push_back(std::move(o));
  }
  return outcomes;
}

void score(AccuracyScorer* scorer, const std::vector<GroupKeys>& groups, const MetricOutcome& m,
           const std::string& reason) {
  if (!reason.empty() || !m.measured) {
    scorer->add_unscored(groups, reason.empty() ? "not measured" : reason);
    return;
  }
  scorer->add(groups, *m.measured, m.predicted, m.predicted * std::exp(-m.band),
              m.predicted * std::exp(m.band));
}

Table empty_rows() {
  Table table{"rows", "Serving runs", {}, {}};
  for (const char* name :
       {"line", "group", "model", "system", "framework", "version", "precision", "mode", "primary",
        "prompt_tokens", "answer_tokens", "concurrency", "accelerators"}) {
    table.columns.push_back({name, name, {}});
  }
  for (const char* metric : {"tpot_ms", "ttft_ms", "output_tokens_per_s", "power_w", "energy_j"}) {
    const std::string name = metric, predicted = "predicted_" + name;
    for (const std::string& column : {name, predicted, predicted + "_low", predicted + "_high"}) {
      table.columns.push_back({column, column, {}});
    }
  }
  table.columns.push_back({"not_predicted", "not_predicted", {}});
  return table;
}

void append(std::vector<Table::Cell>* cells, const MetricOutcome& m, bool is_predicted) {
  cells->push_back(m.measured ? Table::Cell(*m.measured) : "");
  for (const double sign : {0., -1., 1.}) {
    const bool is_known = is_predicted && m.predicted > 0;
    cells->push_back(is_known ? Table::Cell(m.predicted * std::exp(sign * m.band)) : "");
  }
}

std::vector<Table::Cell> row_of(const ServingMeasurement& run, const Outcome& o) {
  std::vector<Table::Cell> cells = {double(o.line),
                                    run.group,
                                    run.model,
                                    run.system,
                                    parallel::framework_name(run.framework),
                                    run.version,
                                    run.precision,
                                    mode_of(run),
                                    run.is_primary ? 1. : 0.,
                                    o.prompt,
                                    o.answer,
                                    run.concurrency,
                                    run.accelerators()};
  for (const MetricOutcome& m : o.metrics) append(&cells, m, o.reason.empty());
  cells.emplace_back(o.reason);
  return cells;
}

void append_groups(AccuracyReport* report, const AccuracyReport& more) {
  report->by.insert(report->by.end(), more.by.begin(), more.by.end());
  for (const auto& [reason, rows] : more.unscored) {
    report->unscored["not primary: " + reason] += rows;
  }
}

// TPOT and TTFT always, as a contract; the others where a file has them.
bool is_shown(const ServingReport& report, std::size_t metric) {
  return kMetrics[metric].is_of_every_run || report.metrics[metric].overall.rows > 0;
}

}  // namespace

ServingReport validate_serving(const std::vector<ServingMeasurement>& runs,
                               ServingPredictor* predictor) {
  std::array<AccuracyScorer, kServingMetrics> scorers[2];  // primary rows, the others
  std::map<std::pair<std::string, std::string>, std::vector<Pair>> layouts;
  ServingReport report;
  report.rows = empty_rows();
  for (const ServingMeasurement& run : runs) {
    const ServingPrediction p = predictor->predict(run);
    const auto groups = groups_of(run);
    for (const Outcome& o : outcomes_of(run, p)) {
      report.rows.add_row(row_of(run, o));
      for (std::size_t i = 0; i < kServingMetrics; ++i) {
        const bool counts = kMetrics[i].is_of_every_run && !run.has_one_metric;
        if (!o.metrics[i].measured && !counts) continue;
        score(&scorers[run.is_primary ? 0 : 1][i], groups, o.metrics[i], o.reason);
      }
      if (run.has_one_metric && !o.has_any()) ++report.other_metrics[o.reason];
    }
    if (run.is_primary && !run.is_disaggregated && p.reason.empty() && run.tpot_ms && run.ttft_ms) {
      layouts[{run.model, run.system}].push_back(
          {throughput(run, *run.ttft_ms, *run.tpot_ms), throughput(run, p.ttft_ms, p.tpot_ms)});
    }
  }
  for (std::size_t i = 0; i < kServingMetrics; ++i) {
    report.metrics[i] = scorers[0][i].report();
    append_groups(&report.metrics[i], scorers[1][i].report());
  }
  long ranked = 0;
  for (const auto& [key, pairs] : layouts) {
    const auto n = static_cast<long>(pairs.size());
    if (n < kFewestRanked) continue;
    report.ranks.push_back({key.first, key.second, n, spearman(pairs)});
    report.rank_correlation += static_cast<double>(n) * report.ranks.back().correlation;
    ranked += n;
  }
  if (ranked > 0) report.rank_correlation /= static_cast<double>(ranked);
  return report;
}

nlohmann::json to_json(const ServingReport& report) {
  nlohmann::json by = nlohmann::json::array();
  long rows = 0;
  for (const RankAgreement& r : report.ranks) {
    by.push_back({{"keys", {{"model", r.model}, {"system", r.system}}},
                  {"rows", r.rows},
                  {"correlation", r.correlation}});
    rows += r.rows;
  }
  nlohmann::json out = {
      {"rank", {{"rows", rows}, {"correlation", report.rank_correlation}, {"by", by}}}};
  for (std::size_t i = 0; i < kServingMetrics; ++i) {
    if (is_shown(report, i)) out[kMetrics[i].key] = to_json(report.metrics[i]);
  }
  if (!report.other_metrics.empty()) out["other_metrics"] = report.other_metrics;
  return out;
}

std::string to_text(const ServingReport& report, bool markdown) {
  const char* heading = markdown ? "### " : "";
  std::string text;
  for (std::size_t i = 0; i < kServingMetrics; ++i) {
    if (!is_shown(report, i)) continue;
    text += fmt::format("{}{}\n\n{}\n", heading, kMetrics[i].title,
                        to_text(report.metrics[i], markdown));
  }
  if (!report.other_metrics.empty()) {
    text += fmt::format("{}Other metrics\n\n", heading);
    for (const auto& [reason, rows] : report.other_metrics) {
      text += fmt::format("{}{} rows: {}\n", markdown ? "- " : "", rows, reason);
    }
    text += "\n";
  }
  if (report.ranks.empty()) return text;
  text += fmt::format(
      "{}Rank correlation of tokens/s/accelerator over the rows of a model and a "
      "system: {:.3f}\n",
      heading, report.rank_correlation);
  for (const RankAgreement& r : report.ranks) {
    text += fmt::format("{}{} on {}: {:.3f} ({} rows)\n", markdown ? "- " : "  ", r.model, r.system,
                        r.correlation, r.rows);
  }
  return text;
}

}  // namespace astrolabe::study
