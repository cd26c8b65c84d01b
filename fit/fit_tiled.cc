// Fits the parameters of the tiled fidelity and writes data/fitted/tiled_parameters.csv.
//
//   fit_tiled [--measurements DIR] [--without ARCHITECTURE | --score] [--output FILE]
//
// For each family and format: one set on all architectures and frameworks together (shrunk towards
// the priors), from it one set for each framework and class of kernel, from that one for each
// architecture. Each architecture and table weighs the same, each set sees at most kFitRows rows of
// a chip, chosen by hash; other rows, also by hash, score it. Architectures of another make
// (battlemage) have sets of their own and are in no pooled one.
// --score leaves out each architecture in turn, predicts its rows from its data sheet, prints the
// errors, and takes from them the bands of what is carried to an unmeasured architecture.
// --limit gemm=25: with --without, exit 1 when the mean error of that family is above 25 %.
// Deterministic.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/device/tiled_model.h"
#include "fit/tiled_calibration.h"

namespace {

using namespace astrolabe;
using namespace astrolabe::device;
using fit::Calibration, fit::Group, fit::Sample, fit::fit_all, fit::read_calibration;

// Errors of a set of predictions; each counts for the rows of its table that it stands for.
struct Score {
  std::vector<std::pair<double, double>> log_ratios;  // measured over computed, weight
  double inside = 0;

  void add(double log_ratio, double weight, bool is_inside) {
    log_ratios.emplace_back(log_ratio, weight);
    inside += is_inside ? weight : 0;
  }
  void add(const Score& o) {
    log_ratios.insert(log_ratios.end(), o.log_ratios.begin(), o.log_ratios.end());
    inside += o.inside;
  }
  double rows() const {
    double sum = 0;
    for (const auto& [ratio, weight] : log_ratios) sum += weight;
    return sum;
  }
  static double quantile(std::vector<std::pair<double, double>> values, double q) {
    std::sort(values.begin(), values.end());
    double total = 0, sum = 0;
    for (const auto& [value, weight] : values) total += weight;
    for (const auto& [value, weight] : values) {
      if ((sum += weight) >= q * total) return value;
    }
    return values.back().first;
  }
  double mean_ape() const {
    double sum = 0;
    for (const auto& [r, w] : log_ratios) sum += w * std::abs(std::exp(-r) - 1);
    return 100 * sum / rows();
  }
  double median_ape() const {
    auto ape = log_ratios;
    for (auto& [r, w] : ape) r = std::abs(std::exp(-r) - 1);
    return 100 * quantile(std::move(ape), 0.5);
  }
  double bias() const { return 100 * (std::exp(-quantile(log_ratios, 0.5)) - 1); }
  double coverage() const { return 100 * inside / rows(); }
};

using Scores = std::map<std::array<std::string, 4>, Score>;  // family, pool, table, chip

// Predicts the scoring rows of `architecture` ("" = of all).
Scores score(const Calibration& calibration, const TiledTables& tables,
             std::string_view architecture) {
  const TiledModel model(tables, calibration.chips);
  Scores scores;
  for (const Group& group : calibration.groups) {
    std::map<int, TiledTimer> timers;
    for (const Sample& s : group.score) {
      const TiledChip& chip = calibration.chips[static_cast<std::size_t>(s.chip)];
      if (!architecture.empty() && chip.architecture != architecture) continue;
      const auto [at, is_new] =
          timers.try_emplace(s.chip, model.timer(group.table, group.formula, chip));
      const TiledEstimate e = at->second.estimate(s.shape, Residency::kWarm);
      Score& to = scores[{group.family(), group.table.pool, group.table.table, chip.name}];
      const double measured = std::exp(s.log_seconds);
      to.add(s.log_seconds - std::log(e.time.base()), s.stands_for,
             measured >= e.low.base() && measured <= e.high.base());
    }
  }
  return scores;
}

void print(const Scores& scores, const char* title, bool detail) {
  std::map<std::array<std::string, 2>, Score> families;
  for (const auto& [key, s] : scores) {
    families[{key[0], key[3]}].add(s);
    families[{key[0], "all"}].add(s);
    if (detail) {
      fmt::print("  {:34} {:22} {:20} {:8.0f} {:7.1f} {:7.1f} {:+7.1f} {:5.0f}\n", key[1], key[2],
                 key[3], s.rows(), s.mean_ape(), s.median_ape(), s.bias(), s.coverage());
    }
  }
  fmt::print("{}\n{:24} {:20} {:>8} {:>7} {:>7} {:>7} {:>5}\n", title, "family", "chip", "rows",
             "mean %", "median", "bias", "band");
  for (const auto& [key, s] : families) {
    fmt::print("{:24} {:20} {:8.0f} {:7.1f} {:7.1f} {:+7.1f} {:5.0f}\n", key[0], key[1], s.rows(),
               s.mean_ape(), s.median_ape(), s.bias(), s.coverage());
  }
}

// How many families exceed their limit ("gemm=25": mean error in percent), each printed.
int count_exceeded(const Scores& scores, const std::vector<std::string>& limits) {
  std::map<std::string, Score> families;
  for (const auto& [key, s] : scores) families[key[0]].add(s);
  int exceeded = 0;
  for (const std::string& limit : limits) {
    const auto equals = limit.find('=');
    const auto family = families.find(limit.substr(0, equals));
    if (equals == std::string::npos || family == families.end()) {
      throw InputError({"", 0}, "--limit", limit, "FAMILY=PERCENT of a family with scores");
    }
    const double most = parse_number(limit.substr(equals + 1), {"", 0}, "--limit");
    const double mean = family->second.mean_ape();
    fmt::print("{}: {:.1f} % mean error, at most {} allowed\n", family->first, mean, most);
    exceeded += mean > most;
  }
  return exceeded;
}

// The bands of a family from the errors of architectures that were left out.
std::vector<CarriedFamily> bands_of(const std::map<std::string, Scores>& left_out,
                                    std::string_view but) {
  std::map<std::string, std::vector<std::pair<double, double>>> ratios;  // log ratio, weight
  for (const auto& [architecture, scores] : left_out) {
    if (architecture == but || is_other_make(architecture)) continue;
    std::map<std::string, double> rows;
    for (const auto& [key, s] : scores) rows[key[0]] += s.rows();
    for (const auto& [key, s] : scores) {
      for (const auto& [r, w] : s.log_ratios) ratios[key[0]].emplace_back(r, w / rows[key[0]]);
    }
  }
  std::vector<CarriedFamily> bands;
  for (auto& [family, r] : ratios) {
    std::sort(r.begin(), r.end());
    double total = 0, sum = 0;
    for (const auto& [value, weight] : r) total += weight;
    CarriedFamily band{family, 0, 0};
    for (const auto& [value, weight] : r) {
      sum += weight;
      if (band.low <= 0 && sum >= 0.1 * total) band.low = std::min(1.0, std::exp(value));
      if (band.high <= 0 && sum >= 0.9 * total) band.high = std::max(1.0, std::exp(value));
    }
    bands.push_back(band);
  }
  return bands;
}

// Leaves out each architecture in turn; bands of each from the errors of the others.
std::vector<CarriedFamily> leave_one_out(const Calibration& calibration, bool detail) {
  std::set<std::string> architectures;
  for (const Group& group : calibration.groups) {
    for (const Sample& s : group.fit) architectures.insert(calibration.architecture(s));
  }
  std::map<std::string, TiledTables> fits;
  std::map<std::string, Scores> left_out;
  for (const std::string& architecture : architectures) {
    fits[architecture] = fit_all(calibration, architecture);
    left_out[architecture] = score(calibration, fits[architecture], architecture);
    fmt::print(stderr, "left out {}\n", architecture);
  }
  for (auto& [architecture, tables] : fits) {
    tables.families = bands_of(left_out, architecture);
    print(score(calibration, tables, architecture), ("without " + architecture).c_str(), detail);
  }
  return bands_of(left_out, "");
}

// Those of tables stay as fit_carried left them.
void set_bands(const std::vector<CarriedFamily>& bands, TiledTables* tables) {
  for (const CarriedFamily& band : bands) {
    auto& families = tables->families;
    const auto at = std::find_if(families.begin(), families.end(),
                                 [&](const auto& f) { return f.family == band.family; });
    if (at == families.end()) {
      families.push_back(band);
    } else {
      at->low = band.low, at->high = band.high;
    }
  }
}

int run(int argc, char** argv) {
  std::string data = ASTROLABE_SOURCE_DIR "/data";
  std::string folder = data + "/measurements", output = data + "/fitted/tiled_parameters.csv";
  std::string without;
  std::vector<std::string> limits;
  bool do_score = false, detail = false;
  CLI::App app("Fits the parameters of the tiled fidelity");
  app.add_option("--data", data, "folder of the catalogue");
  app.add_option("--measurements", folder, "folder of tables of measured operators");
  app.add_option("--output", output, "file of parameters to write");
  app.add_option("--without", without, "predict this architecture from the others; write nothing");
  app.add_option("--limit", limits, "FAMILY=PERCENT, with --without");
  app.add_flag("--score", do_score, "leave out each architecture in turn, set the carried bands");
  app.add_flag("--detail", detail, "errors by format, framework and class of kernel");
  CLI11_PARSE(app, argc, argv);

  const Calibration calibration = read_calibration(folder, data);
  if (!without.empty()) {
    TiledTables others = fit_all(calibration, without);
    if (std::filesystem::exists(output)) others.families = read_tiled_tables(output).families;
    const Scores scores = score(calibration, others, without);
    print(scores, ("without " + without).c_str(), detail);
    return count_exceeded(scores, limits) > 0 ? 1 : 0;
  }
  TiledTables tables = fit_all(calibration, "");
  if (std::filesystem::exists(output)) {
    const TiledTables old = read_tiled_tables(output);
    tables.families = old.families, tables.weights = old.weights;
  }
  if (do_score) set_bands(leave_one_out(calibration, detail), &tables);
  write_file_atomically(output, to_csv(tables));
  print(score(calibration, tables, ""), "with all", detail);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const astrolabe::InputError& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
}
