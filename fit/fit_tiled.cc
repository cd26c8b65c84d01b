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
#include "astrolabe/device/measurement_file.h"
#include "astrolabe/device/tiled_model.h"
#include "fit/robust_fit.h"

namespace {

using namespace astrolabe;
using namespace astrolabe::device;

constexpr int kFitRows = 250, kScoreRows = 500;  // of a chip and table
constexpr double kShrinkPool = 0.025, kShrinkTable = 0.025, kShrinkArchitecture = 0.006;
constexpr std::string_view kApart = "battlemage";

struct Sample {
  int chip = 0;
  TiledShape shape;
  double log_seconds = 0;
  double stands_for = 1;  // rows of its table, per scored row
};

// Rows of one pool, formula and table.
struct Group {
  TiledTable table;
  TiledFormula formula = TiledFormula::kGemm;
  std::vector<Sample> fit, score;
  std::string family() const { return table.pool.substr(0, table.pool.find(' ')); }
};

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
  h ^= h >> 31;
  h *= 0xbf58476d1ce4e5b9u;
  return h ^ (h >> 29);
}

struct Kept {
  std::uint64_t hash;
  Sample sample;
  bool operator<(const Kept& o) const { return hash < o.hash; }
};

struct Calibration {
  std::vector<TiledChip> chips;
  std::vector<Group> groups;

  const std::string& architecture(const Sample& s) const {
    return chips[static_cast<std::size_t>(s.chip)].architecture;
  }
};

class Collector {
 public:
  explicit Collector(const std::vector<TiledChip>& chips) : chips_(chips) {}

  void add(Family family, const Measurement& m) {
    const int chip = find_chip(m.system);
    if (chip < 0) return;
    const TiledKernel kernel = tiled_kernel(family, m.framework, m.kernel, m.categories, m.dims);
    const TiledTable table = tiled_table(family, m.framework, m.kernel, m.categories);
    std::uint64_t hash = 5;
    for (float d : m.dims) hash = mix(hash, static_cast<std::uint64_t>(d * 16));
    for (char c : table.table) hash = mix(hash, static_cast<std::uint64_t>(c));
    auto& [kept, count] = rows_[{table.pool, table.table, kernel.formula, chip}];
    ++count;
    kept.push_back({hash, {chip, kernel.shape, std::log(m.latency_us * 1e-6)}});
    constexpr std::size_t kMost = kFitRows + kScoreRows;
    if (kept.size() < 8 * kMost) return;
    std::nth_element(kept.begin(), kept.begin() + kMost, kept.end());
    kept.resize(kMost);
  }

  std::vector<Group> groups() {
    std::map<std::tuple<std::string, std::string, TiledFormula>, Group> by_table;
    for (auto& [key, rows] : rows_) {
      const auto& [pool, table, formula, chip] = key;
      auto& [kept, count] = rows;
      Group& group = by_table[{pool, table, formula}];
      group.table = {pool, table};
      group.formula = formula;
      std::sort(kept.begin(), kept.end());
      // Half at most, so that small tables are scored on rows of their own as well.
      const std::size_t n_fit =
          std::min<std::size_t>(kFitRows, std::max<std::size_t>(kept.size() / 2, 1));
      const std::size_t n = std::min<std::size_t>(kept.size(), n_fit + kScoreRows);
      for (std::size_t i = 0; i < n; ++i) {
        kept[i].sample.stands_for =
            static_cast<double>(count) / static_cast<double>(std::max<std::size_t>(1, n - n_fit));
        (i < n_fit ? group.fit : group.score).push_back(kept[i].sample);
      }
    }
    std::vector<Group> groups;
    for (auto& [key, group] : by_table) groups.push_back(std::move(group));
    return groups;
  }

 private:
  int find_chip(std::string_view system) const {
    for (std::size_t i = 0; i < chips_.size(); ++i) {
      if (chips_[i].name == system) return static_cast<int>(i);
    }
    return -1;
  }

  const std::vector<TiledChip>& chips_;
  using Rows = std::pair<std::vector<Kept>, long>;  // a sample by hash, and how many there are
  std::map<std::tuple<std::string, std::string, TiledFormula, int>, Rows> rows_;
};

Calibration read_calibration(const std::string& folder, const std::string& data) {
  Calibration calibration;
  calibration.chips = read_tiled_chips(catalog::Catalog::load(data));
  Collector collector(calibration.chips);
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const std::string stem = name.substr(0, name.find('.'));
    if (find_family(stem) && stem != "wideep_moe") files.insert(entry.path().string());
  }
  for (const std::string& file : files) {
    const std::string name = std::filesystem::path(file).filename().string();
    const Family family = *find_family(name.substr(0, name.find('.')));
    read_measurements(file, [&](const Measurement& m) { collector.add(family, m); });
    fmt::print(stderr, "read {}\n", name);
  }
  calibration.groups = collector.groups();
  return calibration;
}

// One fit: the rows of some groups of one formula, each architecture of each table with equal
// weight.
class SetFit {
 public:
  SetFit(const Calibration& calibration, TiledFormula formula)
      : calibration_(calibration), formula_(formula) {}

  template <class Keep>
  void add(const Group& group, Keep keep) {
    std::map<std::string, int> counts;
    for (const Sample& s : group.fit) counts[calibration_.architecture(s)] += keep(s);
    for (const Sample& s : group.fit) {
      if (!keep(s)) continue;
      samples_.push_back(&s);
      measured_.push_back(s.log_seconds);
      weights_.push_back(1.0 / counts[calibration_.architecture(s)]);
    }
  }

  bool empty() const { return samples_.empty(); }

  void fit(const TiledParameters& prior, double shrink, TiledSet* set) const {
    const auto log_times = [this](const TiledParameters& p, std::span<double> out) {
      for (std::size_t i = 0; i < samples_.size(); ++i) {
        const TiledChip& chip = calibration_.chips[static_cast<std::size_t>(samples_[i]->chip)];
        out[i] =
            std::log(tiled_time(formula_, chip, p, samples_[i]->shape, Residency::kWarm).base());
      }
    };
    fit::RobustFit solver(log_times, measured_, weights_, parameters_of(formula_), prior, shrink);
    const auto result = solver.run(20);
    set->formula = formula_;
    set->values = result.values;
    set->standard_errors = result.relative_errors;
    set->rows = static_cast<int>(samples_.size());
    std::vector<double> computed(samples_.size());
    log_times(result.values, computed);
    for (std::size_t i = 0; i < computed.size(); ++i) computed[i] = measured_[i] - computed[i];
    set_band(computed, set);
  }

 private:
  static void set_band(std::vector<double> log_ratios, TiledSet* set) {
    std::sort(log_ratios.begin(), log_ratios.end());
    const auto n = static_cast<double>(log_ratios.size() - 1);
    const auto at = [&](double q) {
      return log_ratios[static_cast<std::size_t>(std::lround(q * n))];
    };
    set->band_low = std::min(0.99, std::exp(at(0.09)));
    set->band_high = std::max(1.01, std::exp(at(0.91)));
  }

  const Calibration& calibration_;
  TiledFormula formula_;
  std::vector<const Sample*> samples_;
  std::vector<double> measured_, weights_;
};

// All sets, without the rows of one architecture ("" = with all).
TiledTables fit_all(const Calibration& calibration, std::string_view without) {
  TiledTables tables;
  const auto& groups = calibration.groups;
  const auto pooled = [&](const Sample& s) {
    const std::string& a = calibration.architecture(s);
    return a != without && a != kApart;
  };
  std::map<std::pair<std::string, TiledFormula>, std::vector<const Group*>> pools;
  for (const Group& group : groups) pools[{group.table.pool, group.formula}].push_back(&group);
  for (const auto& [key, members] : pools) {
    const auto& [pool, formula] = key;
    TiledSet pool_set{pool, std::string(kAllTables), std::string(kAllArchitectures)};
    SetFit pool_fit(calibration, formula);
    const bool has_native = std::any_of(members.begin(), members.end(),
                                        [](const Group* g) { return g->table.is_native(); });
    for (const Group* group : members) {
      if (!has_native || group->table.is_native()) pool_fit.add(*group, pooled);
    }
    TiledParameters prior = prior_parameters(formula);
    if (!pool_fit.empty()) {
      pool_fit.fit(prior, kShrinkPool, &pool_set);
      prior = pool_set.values;
      tables.sets.push_back(pool_set);
    }
    for (const Group* group : members) {
      TiledSet table_set{pool, group->table.table, std::string(kAllArchitectures)};
      SetFit table_fit(calibration, formula);
      table_fit.add(*group, pooled);
      TiledParameters table_prior = prior;
      if (!table_fit.empty()) {
        table_fit.fit(prior, kShrinkTable, &table_set);
        table_prior = table_set.values;
        tables.sets.push_back(table_set);
      }
      std::set<std::string> architectures;
      for (const Sample& s : group->fit) architectures.insert(calibration.architecture(s));
      for (const std::string& architecture : architectures) {
        if (architecture == without) continue;
        TiledSet set{pool, group->table.table, architecture};
        SetFit own_fit(calibration, formula);
        own_fit.add(*group,
                    [&](const Sample& s) { return calibration.architecture(s) == architecture; });
        own_fit.fit(table_prior, kShrinkArchitecture, &set);
        tables.sets.push_back(set);
      }
    }
  }
  return tables;
}

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
std::vector<CarriedBand> bands_of(const std::map<std::string, Scores>& left_out,
                                  std::string_view but) {
  std::map<std::string, std::vector<std::pair<double, double>>> ratios;  // log ratio, weight
  for (const auto& [architecture, scores] : left_out) {
    if (architecture == but || architecture == kApart) continue;
    std::map<std::string, double> rows;
    for (const auto& [key, s] : scores) rows[key[0]] += s.rows();
    for (const auto& [key, s] : scores) {
      for (const auto& [r, w] : s.log_ratios) ratios[key[0]].emplace_back(r, w / rows[key[0]]);
    }
  }
  std::vector<CarriedBand> bands;
  for (auto& [family, r] : ratios) {
    std::sort(r.begin(), r.end());
    double total = 0, sum = 0;
    for (const auto& [value, weight] : r) total += weight;
    CarriedBand band{family, 0, 0};
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
std::vector<CarriedBand> leave_one_out(const Calibration& calibration, bool detail) {
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
    tables.bands = bands_of(left_out, architecture);
    print(score(calibration, tables, architecture), ("without " + architecture).c_str(), detail);
  }
  return bands_of(left_out, "");
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
    if (std::filesystem::exists(output)) others.bands = read_tiled_tables(output).bands;
    const Scores scores = score(calibration, others, without);
    print(scores, ("without " + without).c_str(), detail);
    return count_exceeded(scores, limits) > 0 ? 1 : 0;
  }
  TiledTables tables = fit_all(calibration, "");
  if (do_score) {
    tables.bands = leave_one_out(calibration, detail);
  } else if (std::filesystem::exists(output)) {
    tables.bands = read_tiled_tables(output).bands;
  }
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
