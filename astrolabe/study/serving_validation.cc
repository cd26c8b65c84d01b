#include "astrolabe/study/serving_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace astrolabe::study {
namespace {

struct Pair {
  double measured = 0, predicted = 0;
};

std::vector<GroupKeys> groups_of(const ServingMeasurement& run) {
  const std::string mode = run.is_disaggregated ? "disaggregated" : "aggregated";
  if (!run.is_primary) return {{{"primary", "0"}, {"mode", mode}}};
  const std::string framework = parallel::framework_name(run.framework);
  return {{{"mode", mode}},
          {{"mode", mode}, {"system", run.system}},
          {{"mode", mode}, {"model", run.model}},
          {{"mode", mode}, {"framework", framework}},
          {{"mode", mode}, {"precision", run.precision}},
          {{"mode", mode}, {"source", run.source}}};
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

void score(AccuracyScorer* scorer, const std::vector<GroupKeys>& groups,
           const std::optional<double>& measured, double predicted, double band,
           const std::string& reason) {
  if (!reason.empty() || !measured) {
    scorer->add_unscored(groups, reason.empty() ? "not measured" : reason);
    return;
  }
  scorer->add(groups, *measured, predicted, predicted * std::exp(-band),
              predicted * std::exp(band));
}

Table empty_rows() {
  Table table{"rows", "Serving runs", {}, {}};
  for (const char* name : {"line",
                           "group",
                           "model",
                           "system",
                           "framework",
                           "version",
                           "precision",
                           "mode",
                           "primary",
                           "prompt_tokens",
                           "answer_tokens",
                           "concurrency",
                           "accelerators",
                           "ttft_ms",
                           "predicted_ttft_ms",
                           "predicted_ttft_low_ms",
                           "predicted_ttft_high_ms",
                           "tpot_ms",
                           "predicted_tpot_ms",
                           "predicted_tpot_low_ms",
                           "predicted_tpot_high_ms",
                           "output_tokens_per_s",
                           "predicted_output_tokens_per_s",
                           "not_predicted"}) {
    table.columns.push_back({name, name, {}});
  }
  return table;
}

void append_times(std::vector<Table::Cell>* cells, const std::optional<double>& measured,
                  double predicted, double band, bool is_predicted) {
  cells->push_back(measured ? Table::Cell(*measured) : "");
  for (const double sign : {0., -1., 1.}) {
    cells->push_back(is_predicted ? Table::Cell(predicted * std::exp(sign * band)) : "");
  }
}

// What one row of a file measured, with its prediction.
struct Outcome {
  int line = 0;
  double prompt = 0, answer = 0;  // tokens
  std::optional<double> ttft_ms, tpot_ms, output_rate;
  double predicted_ttft_ms = 0, predicted_tpot_ms = 0, predicted_rate = 0;
  std::string reason;
};

std::vector<Outcome> outcomes_of(const ServingMeasurement& run, const ServingPrediction& p) {
  if (run.load != ServingLoad::kReplay) {
    return {{run.line, run.prompt, run.answer, run.ttft_ms, run.tpot_ms, run.output_rate, p.ttft_ms,
             p.tpot_ms, p.output_rate, p.reason}};
  }
  std::vector<Outcome> outcomes;
  auto predicted = p.requests.begin();
  for (const MeasuredRequest& r : run.requests) {
    Outcome o;
    o.line = r.line;
    o.prompt = r.request.prompt;
    o.answer = r.request.answer;
    o.ttft_ms = r.ttft_ms;
    o.tpot_ms = r.tpot_ms;
    o.reason = p.reason.empty() ? r.reason : p.reason;
    if (o.reason.empty()) {
      o.predicted_ttft_ms = predicted->ttft.in(units::millisecond);
      o.predicted_tpot_ms = predicted->tpot.in(units::millisecond);
      ++predicted;
    }
    outcomes.push_back(std::move(o));
  }
  return outcomes;
}

std::vector<Table::Cell> row_of(const ServingMeasurement& run, const ServingPrediction& p,
                                const Outcome& o) {
  const bool is_predicted = o.reason.empty();
  std::vector<Table::Cell> cells = {double(o.line),
                                    run.group,
                                    run.model,
                                    run.system,
                                    parallel::framework_name(run.framework),
                                    run.version,
                                    run.precision,
                                    run.is_disaggregated ? "disaggregated" : "aggregated",
                                    run.is_primary ? 1. : 0.,
                                    o.prompt,
                                    o.answer,
                                    run.concurrency,
                                    run.accelerators()};
  append_times(&cells, o.ttft_ms, o.predicted_ttft_ms, p.ttft_band, is_predicted);
  append_times(&cells, o.tpot_ms, o.predicted_tpot_ms, p.tpot_band, is_predicted);
  cells.push_back(o.output_rate ? Table::Cell(*o.output_rate) : "");
  cells.push_back(is_predicted && o.predicted_rate > 0 ? Table::Cell(o.predicted_rate) : "");
  cells.emplace_back(o.reason);
  return cells;
}

void append_groups(AccuracyReport* report, const AccuracyReport& more) {
  report->by.insert(report->by.end(), more.by.begin(), more.by.end());
  for (const auto& [reason, rows] : more.unscored) {
    report->unscored["not primary: " + reason] += rows;
  }
}

}  // namespace

ServingReport validate_serving(const std::vector<ServingMeasurement>& runs,
                               ServingPredictor* predictor) {
  AccuracyScorer tpot[2], ttft[2], output_rate[2];  // primary rows, the others
  std::map<std::pair<std::string, std::string>, std::vector<Pair>> layouts;
  std::map<std::string, long> other_metrics;
  Table rows = empty_rows();
  for (const ServingMeasurement& run : runs) {
    const ServingPrediction p = predictor->predict(run);
    const auto groups = groups_of(run);
    const std::size_t i = run.is_primary ? 0 : 1;
    for (const Outcome& o : outcomes_of(run, p)) {
      rows.add_row(row_of(run, p, o));
      if (o.tpot_ms || !run.has_one_metric) {
        score(&tpot[i], groups, o.tpot_ms, o.predicted_tpot_ms, p.tpot_band, o.reason);
      }
      if (o.ttft_ms || !run.has_one_metric) {
        score(&ttft[i], groups, o.ttft_ms, o.predicted_ttft_ms, p.ttft_band, o.reason);
      }
      if (o.output_rate) {
        score(&output_rate[i], groups, o.output_rate, o.predicted_rate, p.tpot_band, o.reason);
      } else if (run.has_one_metric && !o.tpot_ms && !o.ttft_ms) {
        ++other_metrics[o.reason];
      }
    }
    if (run.is_primary && !run.is_disaggregated && p.reason.empty() && run.tpot_ms && run.ttft_ms) {
      layouts[{run.model, run.system}].push_back(
          {throughput(run, *run.ttft_ms, *run.tpot_ms), throughput(run, p.ttft_ms, p.tpot_ms)});
    }
  }
  ServingReport report{
      tpot[0].report(), ttft[0].report(), output_rate[0].report(), std::move(other_metrics), {}, 0,
      std::move(rows)};
  append_groups(&report.tpot, tpot[1].report());
  append_groups(&report.ttft, ttft[1].report());
  append_groups(&report.output_rate, output_rate[1].report());
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

namespace {

bool has_rates(const ServingReport& report) { return report.output_rate.overall.rows > 0; }

}  // namespace

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
      {"tpot", to_json(report.tpot)},
      {"ttft", to_json(report.ttft)},
      {"rank", {{"rows", rows}, {"correlation", report.rank_correlation}, {"by", by}}}};
  if (has_rates(report)) out["output_rate"] = to_json(report.output_rate);
  if (!report.other_metrics.empty()) out["other_metrics"] = report.other_metrics;
  return out;
}

std::string to_text(const ServingReport& report, bool markdown) {
  const char* heading = markdown ? "### " : "";
  std::string text =
      fmt::format("{}TPOT\n\n{}\n{}TTFT\n\n{}\n", heading, to_text(report.tpot, markdown), heading,
                  to_text(report.ttft, markdown));
  if (has_rates(report)) {
    text += fmt::format("{}Output tokens a second and accelerator\n\n{}\n", heading,
                        to_text(report.output_rate, markdown));
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
