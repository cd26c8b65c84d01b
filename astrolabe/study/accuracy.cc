#include "astrolabe/study/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace astrolabe::study {
namespace {

std::string text_of(const GroupKeys& keys) {
  std::string text;
  for (const auto& [name, value] : keys) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  return text.empty() ? "all rows" : text;
}

double share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

nlohmann::json to_json(const Accuracy& a) {
  nlohmann::json keys = nlohmann::json::object();
  for (const auto& [name, value] : a.keys) keys[name] = value;
  return {{"keys", keys},
          {"rows", a.rows},
          {"scored", a.scored},
          {"mean_ape_percent", a.mean_ape_percent},
          {"median_ape_percent", a.median_ape_percent},
          {"bias_percent", a.bias_percent},
          {"within_10_percent", a.within_10_percent},
          {"within_20_percent", a.within_20_percent},
          {"band_coverage_percent", a.band_coverage_percent}};
}

}  // namespace

void AccuracyScorer::add(const std::vector<GroupKeys>& groups, double measured, double predicted,
                         double low, double high) {
  const double error = predicted / measured - 1;
  const bool within = low <= measured && measured <= high;
  const auto count = [&](Group* group) {
    ++group->rows;
    group->errors.push_back(error);
    group->within_band += within ? 1 : 0;
  };
  count(&all_);
  for (const GroupKeys& keys : groups) count(&groups_[keys]);
}

void AccuracyScorer::add_unscored(const std::vector<GroupKeys>& groups, const std::string& reason) {
  ++all_.rows;
  for (const GroupKeys& keys : groups) ++groups_[keys].rows;
  ++unscored_[reason];
}

Accuracy AccuracyScorer::summarise(const GroupKeys& keys, const Group& group) {
  Accuracy a;
  a.keys = keys;
  a.rows = group.rows;
  a.scored = static_cast<long>(group.errors.size());
  if (group.errors.empty()) return a;
  std::vector<double> absolute;
  double sum = 0, sum_absolute = 0;
  for (double e : group.errors) {
    absolute.push_back(std::abs(e));
    sum += e;
    sum_absolute += std::abs(e);
  }
  std::sort(absolute.begin(), absolute.end());
  const std::size_t n = absolute.size();
  const auto within = [&](double limit) {
    return share(static_cast<std::size_t>(
                     std::upper_bound(absolute.begin(), absolute.end(), limit) - absolute.begin()),
                 n);
  };
  a.mean_ape_percent = 100 * sum_absolute / static_cast<double>(n);
  a.median_ape_percent = 50 * (absolute[(n - 1) / 2] + absolute[n / 2]);
  a.bias_percent = 100 * sum / static_cast<double>(n);
  a.within_10_percent = within(0.1);
  a.within_20_percent = within(0.2);
  a.band_coverage_percent = share(static_cast<std::size_t>(group.within_band), n);
  return a;
}

AccuracyReport AccuracyScorer::report() const {
  AccuracyReport report;
  report.overall = summarise({}, all_);
  for (const auto& [keys, group] : groups_) report.by.push_back(summarise(keys, group));
  report.unscored = unscored_;
  return report;
}

nlohmann::json to_json(const AccuracyReport& report) {
  nlohmann::json by = nlohmann::json::array();
  for (const Accuracy& a : report.by) by.push_back(to_json(a));
  return {{"overall", to_json(report.overall)}, {"by", by}, {"unscored", report.unscored}};
}

std::string to_text(const AccuracyReport& report, bool markdown, long least) {
  std::size_t width = 10;
  for (const Accuracy& a : report.by) {
    if (a.scored >= least) width = std::max(width, text_of(a.keys).size());
  }
  const char* const bar = markdown ? " | " : "  ";
  const char* const edge = markdown ? "| " : "";
  const char* const end = markdown ? " |\n" : "\n";
  std::string text =
      fmt::format("{}{:{}}{}   rows{} scored{}  mean{}median{}  bias{}<=10 %{}<=20 %{} in band{}",
                  edge, "", width, bar, bar, bar, bar, bar, bar, bar, bar, end);
  if (markdown) {
    text += "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
  }
  const auto cell = [&](double value, int columns, int digits, bool is_scored) {
    return is_scored ? fmt::format("{:{}.{}f}{}", value, columns, digits, bar)
                     : fmt::format("{:>{}}{}", "-", columns, bar);
  };
  const auto line = [&](const Accuracy& a) {
    const bool any = a.scored > 0;
    text += fmt::format("{}{:{}}{}{:7}{}{:7}{}", edge, text_of(a.keys), width, bar, a.rows, bar,
                        a.scored, bar);
    text += cell(a.mean_ape_percent, 6, 2, any) + cell(a.median_ape_percent, 6, 2, any) +
            cell(a.bias_percent, 6, 1, any) + cell(a.within_10_percent, 6, 1, any) +
            cell(a.within_20_percent, 6, 1, any);
    text +=
        (any ? fmt::format("{:8.1f}", a.band_coverage_percent) : fmt::format("{:>8}", "-")) + end;
  };
  line(report.overall);
  for (const Accuracy& a : report.by) {
    if (a.scored >= least) line(a);
  }
  for (const auto& [reason, rows] : report.unscored) {
    text += fmt::format("{}not predicted: {} rows: {}\n", markdown ? "\n" : "", rows, reason);
  }
  return text;
}

}  // namespace astrolabe::study
