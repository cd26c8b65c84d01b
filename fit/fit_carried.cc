// Fits how tables of other architectures count for a chip whose own was never measured, and the
// bands of that, and writes them into data/fitted/tiled_parameters.csv.
//
//   fit_carried [--rows 400] [--score]
//
// Leaves out each architecture in turn: fits the tiled fidelity on the others (fit_tiled), takes
// the tables of the others, and predicts a sample of its measurements by hash. The weights
// (CarriedWeights, one set for all families, and w_0 and the shift of each family) are those of the
// least mean absolute percentage error by coordinate search: mean over the families of kFitted, in
// each over the architectures. The bands hold 80 % of the errors, each architecture counting alike;
// how they widen is chosen by how near to 80 % they come for an architecture that is left out.
// Prints mean and median error of each architecture, alone by the tiled fidelity and carried, and
// the share inside bands that were taken from the other architectures.
// --score: changes nothing. Deterministic.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <list>
#include <map>
#include <set>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/device/carried_time.h"
#include "fit/tiled_calibration.h"

namespace {

using namespace astrolabe;
using namespace astrolabe::device;

// The families whose errors choose the weights: not streams, whose tables hold nanoseconds.
constexpr std::string_view kFitted[] = {
    "gemm",       "attention_prefill", "attention_decode",   "attention_encoder", "mla_prefill",
    "mla_decode", "mla_bmm",           "mla_module_prefill", "mla_module_decode", "dsa_decode",
    "moe"};

bool is_fitted(std::string_view family) {
  return std::find(std::begin(kFitted), std::end(kFitted), family) != std::end(kFitted);
}

struct Case {
  double log_us = 0, tiled_log_us = 0;
  std::vector<CarriedAnswer> answers;  // of donors, in the order of all_donors
  const std::vector<CarriedDonor>* donors = nullptr;
};

// Predictions of one family on one architecture, from the others.
struct Cases {
  std::string family, architecture;
  std::map<std::string, std::vector<CarriedDonor>> donors;  // by request
  std::vector<Case> all;
};

// log(computed / measured) of each case, and the factor on the half widths of its band.
struct Errors {
  std::vector<double> logs, factors;
};
Errors errors(const Cases& cases, const CarriedWeights& weights, const CarriedFamily& family) {
  std::map<const std::vector<CarriedDonor>*, std::vector<CarriedDonor>> heaviest;
  Errors result;
  for (const Case& c : cases.all) {
    auto [at, is_new] = heaviest.try_emplace(c.donors);
    const std::vector<CarriedDonor>& donors = at->second;
    if (is_new) {
      at->second = *c.donors;
      keep_heaviest(weights, &at->second);
    }
    CarriedMean mean(family.tiled_weight, c.tiled_log_us);
    for (const CarriedDonor& d : donors) mean.add(weights, d, c.answers[d.index]);
    const double log_us = donors.empty() ? c.tiled_log_us : mean.log_us(weights, family);
    result.logs.push_back(log_us - c.log_us);
    result.factors.push_back(band_factor(weights, donors));
  }
  return result;
}

double mean_ape(const std::vector<double>& logs) {
  double sum = 0;
  for (double e : logs) sum += std::abs(std::exp(e) - 1);
  return 100 * sum / static_cast<double>(logs.size());
}

double quantile(const std::vector<double>& values, double q) {  // sorted
  return values[static_cast<std::size_t>(std::lround(q * static_cast<double>(values.size() - 1)))];
}

class Fit {
 public:
  Fit(const std::string& data, const std::string& folder, int rows)
      : folder_(folder),
        rows_(rows),
        calibration_(fit::read_calibration(folder, data)),
        chips_(chips_of(calibration_.chips)),
        how_(read_interpolations(data + "/fitted/interpolation.csv")),
        all_tiled_(read_tiled_tables(data + "/fitted/tiled_parameters.csv"), calibration_.chips) {
    std::set<std::string> architectures;
    for (const auto& group : calibration_.groups) {
      for (const auto& s : group.fit) architectures.insert(calibration_.architecture(s));
    }
    for (const std::string& architecture : architectures) {
      if (is_other_make(architecture)) continue;
      tiled_.emplace(architecture,
                     TiledTime(fit::fit_all(calibration_, architecture), calibration_.chips));
      fmt::print(stderr, "left out {}\n", architecture);
    }
    for (int f = 0; f < kFamilies; ++f) {
      if (static_cast<Family>(f) != Family::kWideExperts) add(static_cast<Family>(f));
    }
  }

  const std::vector<Cases>& cases() const { return cases_; }

 private:
  struct Row {
    std::uint64_t hash = 0;
    std::string system, framework, version, kernel;
    std::array<std::string, kMaxCategories> categories;
    Dims dims{};
    double latency_us = 0;
  };

  // A sample of the rows of each system.
  std::map<std::string, std::vector<Row>> sample(Family family) const {
    std::map<std::string, std::vector<Row>> rows;
    const auto few = static_cast<std::size_t>(rows_);
    const auto cut = [few](std::vector<Row>* all) {
      const auto less = [](const Row& a, const Row& b) { return a.hash < b.hash; };
      if (all->size() <= few) return;
      std::nth_element(all->begin(), all->begin() + static_cast<std::ptrdiff_t>(few), all->end(),
                       less);
      all->resize(few);
      std::sort(all->begin(), all->end(), less);
    };
    read_measurements(folder_ + "/" + columns_of(family).name + ".csv.zst",
                      [&](const Measurement& m) {
                        Row row{fit::hash_of(m),
                                std::string(m.system),
                                std::string(m.framework),
                                std::string(m.version),
                                std::string(m.kernel),
                                {},
                                m.dims,
                                m.latency_us};
                        for (std::size_t i = 0; i < kMaxCategories; ++i)
                          row.categories[i] = m.categories[i];
                        std::vector<Row>& all = rows[row.system];
                        all.push_back(std::move(row));
                        if (all.size() > 50 * few) cut(&all);
                      });
    for (auto& [system, all] : rows) cut(&all);
    return rows;
  }

  void add(Family family) {
    tables_.push_back(MeasuredTables::compile(folder_, how_, chips_, &all_tiled_, {}, family));
    std::map<std::string, Cases> by_architecture;
    for (const auto& [system, rows] : sample(family)) {
      const auto chip = std::find_if(calibration_.chips.begin(), calibration_.chips.end(),
                                     [&name = system](const auto& c) { return c.name == name; });
      if (chip == calibration_.chips.end() || is_other_make(chip->architecture)) continue;
      Cases& cases = by_architecture[chip->architecture];
      const TiledTime& tiled = tiled_.at(chip->architecture);
      const CarriedTime carried(tables_.back(), chips_, tiled, {});
      for (const Row& row : rows) add(family, row, *chip, tiled, carried, &cases);
    }
    for (auto& [architecture, cases] : by_architecture) {
      cases.family = columns_of(family).name;
      cases.architecture = architecture;
      cases_.push_back(std::move(cases));
    }
  }

  static void add(Family family, const Row& row, const TiledChip& chip, const TiledTime& tiled,
                  const CarriedTime& carried, Cases* cases) {
    TableRequest request{family, row.system, row.framework, row.version, row.kernel, {}};
    for (std::size_t i = 0; i < kMaxCategories; ++i) request.categories[i] = row.categories[i];
    const TiledKernel kernel =
        tiled_kernel(family, row.framework, row.kernel, request.categories, row.dims);
    const TiledTimer timer = tiled.model.timer(
        tiled_table(family, row.framework, row.kernel, request.categories), kernel.formula, chip);
    Case c;
    c.log_us = std::log(row.latency_us);
    c.tiled_log_us =
        std::log(timer.estimate(kernel.shape, Residency::kWarm).time.in(units::microsecond));
    const auto [at, is_new] =
        cases->donors.try_emplace(joined(request) + tiled_formula_name(kernel.formula));
    if (is_new) at->second = carried.all_donors(request, kernel.formula, chip);
    c.donors = &at->second;
    for (const CarriedDonor& d : at->second) {
      c.answers.push_back(carried.answer(d, request, chip, row.dims));
    }
    cases->all.push_back(std::move(c));
  }

  std::string folder_;
  int rows_;
  fit::Calibration calibration_;
  std::vector<Chip> chips_;
  Interpolations how_;
  TiledTime all_tiled_;
  std::map<std::string, TiledTime> tiled_;  // without each architecture
  std::list<MeasuredTables> tables_;        // what the donors point into
  std::vector<Cases> cases_;
};

// Log of the 10th and 90th percentile of measured over computed, for a factor of 1: in `family`,
// but for one architecture.
struct Band {
  double low = 0, high = 0;
};
Band band_of(const std::vector<Cases>& cases, const CarriedWeights& weights,
             const CarriedFamily& family, std::string_view but) {
  constexpr std::size_t kOfEach = 500;  // quantiles of each architecture, so that all count alike
  std::vector<double> logs;
  for (const Cases& c : cases) {
    if (c.family != family.family || c.architecture == but) continue;
    Errors e = errors(c, weights, family);
    for (std::size_t i = 0; i < e.logs.size(); ++i) e.logs[i] /= e.factors[i];
    std::sort(e.logs.begin(), e.logs.end());
    for (std::size_t i = 0; i < kOfEach; ++i) {
      logs.push_back(-quantile(e.logs, static_cast<double>(i) / (kOfEach - 1)));
    }
  }
  if (logs.empty()) return {std::log(family.table_low), std::log(family.table_high)};
  std::sort(logs.begin(), logs.end());
  return {std::min(-0.01, quantile(logs, 0.1)), std::max(0.01, quantile(logs, 0.9))};
}

// Share of the cases inside the band that the other architectures say.
double coverage(const std::vector<Cases>& all, const Cases& cases, const CarriedWeights& weights,
                const CarriedFamily& family) {
  const Band band = band_of(all, weights, family, cases.architecture);
  const Errors e = errors(cases, weights, family);
  double inside = 0;
  for (std::size_t i = 0; i < e.logs.size(); ++i) {
    const double log = -e.logs[i] / e.factors[i];
    inside += log >= band.low && log <= band.high;
  }
  return inside / static_cast<double>(e.logs.size());
}

// Chooses the weights by coordinate search.
class WeightSearch {
 public:
  WeightSearch(const std::vector<Cases>& cases, TiledTables* fitted)
      : cases_(cases), fitted_(*fitted) {
    for (const Cases& c : cases) {
      if (fitted_.find_family(c.family) == nullptr) fitted_.families.push_back({c.family});
    }
  }

  void run() {
    for (int round = 0; round < 2; ++round) {
      for (CarriedFamily& family : fitted_.families) fit_family(&family);
      for (double CarriedWeights::*member :
           {&CarriedWeights::framework, &CarriedWeights::library, &CarriedWeights::kernel,
            &CarriedWeights::format, &CarriedWeights::tensor_cores, &CarriedWeights::reach,
            &CarriedWeights::disagreement}) {
        fit_weight(member);
      }
      fmt::print(stderr, "round {}: {:.2f} %\n", round, loss());
    }
    for (CarriedFamily& family : fitted_.families) fit_family(&family);
    fit_widening();
  }

 private:
  // Percent, for a change to be made: of a weight of all families; of one family, whose samples
  // do not tell less.
  static constexpr double kGain = 0.02, kFamilyGain = 0.2;

  double loss(const CarriedFamily& family) const {
    double sum = 0;
    int n = 0;
    for (const Cases& c : cases_) {
      if (c.family != family.family) continue;
      sum += mean_ape(errors(c, fitted_.weights, family).logs);
      ++n;
    }
    return n == 0 ? 0 : sum / n;
  }
  double loss() const {
    double sum = 0;
    for (const CarriedFamily& f : fitted_.families) {
      if (is_fitted(f.family)) sum += loss(f);
    }
    return sum / static_cast<double>(std::size(kFitted));
  }

  void fit_family(CarriedFamily* family) const {
    double best = loss(*family);
    CarriedFamily tried = *family;
    for (double w : {0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 10.0}) {
      for (double shift : {0.0, 0.05, 0.1}) {
        tried.tiled_weight = w, tried.shift = shift;
        const double now = loss(tried);
        if (now < best - kFamilyGain) best = now, *family = tried;
      }
    }
  }

  void fit_weight(double CarriedWeights::*member) {
    double& weight = fitted_.weights.*member;
    double best = loss(), chosen = weight;
    for (double w : {0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0}) {
      weight = w;
      const double now = loss();
      if (now < best - kGain) best = now, chosen = w;
    }
    weight = chosen;
  }

  // How far the shares inside the bands are from 80 %, mean over the cases.
  double miss_of_bands() const {
    double sum = 0, n = 0;
    for (const Cases& c : cases_) {
      if (!is_fitted(c.family)) continue;
      sum += std::abs(coverage(cases_, c, fitted_.weights, *fitted_.find_family(c.family)) - 0.8);
      ++n;
    }
    return sum / n;
  }

  void fit_widening() {
    constexpr double kLess = 0.005;  // for a change to be made
    double& widening = fitted_.weights.widening;
    double best = miss_of_bands(), chosen = widening;
    for (double w : {0.0, 0.05, 0.1, 0.15, 0.2, 0.3}) {
      widening = w;
      const double now = miss_of_bands();
      if (now < best - kLess) best = now, chosen = w;
    }
    widening = chosen;
  }

  const std::vector<Cases>& cases_;
  TiledTables& fitted_;
};

void print(const std::vector<Cases>& cases, const TiledTables& fitted) {
  fmt::print("{:20} {:20} {:>6} {:>8} {:>8} {:>8} {:>6}\n", "family", "left out", "rows", "tiled %",
             "mean %", "median %", "band");
  for (const Cases& c : cases) {
    const CarriedFamily& family = *fitted.find_family(c.family);
    const std::vector<double> e = errors(c, fitted.weights, family).logs;
    std::vector<double> tiled, apes;
    for (const Case& one : c.all) tiled.push_back(one.tiled_log_us - one.log_us);
    for (double x : e) apes.push_back(100 * std::abs(std::exp(x) - 1));
    std::sort(apes.begin(), apes.end());
    fmt::print("{:20} {:20} {:6} {:8.1f} {:8.1f} {:8.1f} {:6.0f}\n", c.family, c.architecture,
               c.all.size(), mean_ape(tiled), mean_ape(e), quantile(apes, 0.5),
               100 * coverage(cases, c, fitted.weights, family));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string data = ASTROLABE_SOURCE_DIR "/data";
  const std::string output = data + "/fitted/tiled_parameters.csv";
  int rows = 400;
  bool only_score = false;
  CLI::App app("Fits how tables of other architectures count");
  app.add_option("--rows", rows, "of each system and family")->check(CLI::PositiveNumber);
  app.add_flag("--score", only_score, "Fit nothing");
  CLI11_PARSE(app, argc, argv);
  try {
    const Fit fit(data, data + "/measurements", rows);
    TiledTables fitted = read_tiled_tables(output);
    if (!only_score) {
      WeightSearch(fit.cases(), &fitted).run();
      for (CarriedFamily& family : fitted.families) {
        const Band band = band_of(fit.cases(), fitted.weights, family, "");
        family.table_low = std::exp(band.low), family.table_high = std::exp(band.high);
      }
      write_file_atomically(output, to_csv(fitted));
    }
    print(fit.cases(), fitted);
  } catch (const InputError& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
  return 0;
}
