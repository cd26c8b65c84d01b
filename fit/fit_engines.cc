// Fits the constants of serving engines (data/fitted/engines.csv) on half of the groups of a file
// of measured serving runs and scores them on the other half, on models and on systems left out.
//
//   fit_engines --measurements validation/serving/runs.csv --figures validation/figures/figures.csv
//
// prints constants and scores; with --write it replaces the rows of source fit_engines. From the
// published figures comes the band of power alone, from half of their models and systems.
//
// TPOT is nearly linear in the constants: kernel x launches + prefill_slow x TPOT x share of the
// time that prompts add + prompt_layer x layers of steps with prompts x (1 + prefill_slow, as it
// was known before) + sampling x sequences x logits + sequence x sequences + host, on top of the
// simulation without them.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/random.h"
#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/study/serving_validation.h"
#include "fit/l1_fit.h"

namespace astrolabe {
namespace {

constexpr int kHalves = 8;          // random splits for the range of each constant
constexpr double kStrength = 0.02;  // of the priors
constexpr double kBandShare = 0.8;  // of the rows inside the 10-90 % band
struct Constant {
  const char *framework, *name;
  double prior;
};
// What was known of each before: about 2 us a kernel in published traces; a few per cent of
// prefill; one millisecond of Python a step; sorting 1e5 logits; a few microseconds of Python for
// each sequence of a step; some forty launches of a layer from Python, 50 us each.
constexpr Constant kConstants[] = {
    {"any", "kernel", 2.3},           {"any", "prefill_slow_dense", 0.1},
    {"any", "prefill_slow_moe", 0.2}, {"any", "host", 1.3},
    {"any", "sampling", 20},          {"any", "sequence", 5},
    {"sglang", "prompt_layer", 2}};

std::vector<double> priors() {
  std::vector<double> out;
  for (const Constant& c : kConstants) out.push_back(c.prior);
  return out;
}
const std::vector<double> kPriors = priors();

struct Options {
  std::string measurements, figures, data = ASTROLABE_SOURCE_DIR "/data";
  bool writes = false;
};

struct Row {
  study::ServingMeasurement run;
  fit::Sample sample;
};

struct Fitted {
  double value = 0, low = 0, high = 0;
};
// (framework or "any", constant)
using Constants = std::map<std::pair<std::string, std::string>, Fitted>;

bool in_first_half(const std::string& group, std::uint64_t split) {
  std::uint64_t state = split;
  for (const char c : group) state = state * 1099511628211ULL + static_cast<unsigned char>(c);
  return (split_mix_64(&state) & 1) == 0;
}

std::vector<Row> sample_rows(const std::vector<study::ServingMeasurement>& runs,
                             study::ServingPredictor* predictor) {
  std::vector<Row> rows;
  for (const study::ServingMeasurement& run : runs) {
    if (!run.is_primary || run.is_disaggregated || !run.tpot_ms) continue;
    const study::ServingPrediction p = predictor->predict(run);
    if (!p.reason.empty()) continue;
    const double slow = p.tpot_ms * p.prefill_share;
    const bool is_sampled = !run.draws_lengths;
    rows.push_back(
        {run,
         {*run.tpot_ms,
          p.tpot_ms,
          {p.launches / 1e3, p.is_moe ? 0 : slow, p.is_moe ? slow : 0, is_sampled ? 1.0 : 0.0,
           is_sampled ? p.in_flight * p.vocab / 1e5 / 1e3 : 0.0, p.in_flight / 1e3,
           run.framework == parallel::Framework::kSglang
               ? p.prompt_layers * (1 + kPriors[p.is_moe ? 2 : 1])
               : 0.0}}});
  }
  return rows;
}

template <class Keep>
std::vector<const fit::Sample*> select(const std::vector<Row>& rows, const Keep& keep) {
  std::vector<const fit::Sample*> out;
  for (const Row& row : rows) {
    if (keep(row.run)) out.push_back(&row.sample);
  }
  return out;
}

fit::Error score(const std::vector<const fit::Sample*>& samples, const std::vector<double>& c) {
  std::vector<double> errors;
  for (const fit::Sample* s : samples) {
    errors.push_back(std::fabs(s->predicted(c) / s->measured - 1));
  }
  return fit::error_of(std::move(errors));
}

// Each value of `key` is left out of the fit once and scored.
template <class Key>
fit::Error leave_one_out(const std::vector<Row>& rows, const Key& key) {
  std::vector<std::string> values;
  for (const Row& row : rows) values.push_back(key(row.run));
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<double> errors;
  for (const std::string& value : values) {
    const auto c = fit::fit_l1(select(rows, [&](const auto& run) { return key(run) != value; }),
                               kPriors, kStrength);
    for (const fit::Sample* s : select(rows, [&](const auto& run) { return key(run) == value; })) {
      errors.push_back(std::fabs(s->predicted(c) / s->measured - 1));
    }
  }
  return fit::error_of(std::move(errors));
}

void fit_tpot(const std::vector<Row>& rows, Constants* constants) {
  std::vector<double> value, low = kPriors, high = kPriors;
  fit::Error mean;
  for (std::uint64_t split = 0; split < kHalves; ++split) {
    const auto c =
        fit::fit_l1(select(rows, [&](const auto& run) { return in_first_half(run.group, split); }),
                    kPriors, kStrength);
    const fit::Error e =
        score(select(rows, [&](const auto& run) { return !in_first_half(run.group, split); }), c);
    mean.mean += e.mean / kHalves;
    mean.median += e.median / kHalves;
    if (split == 0) value = low = high = c;
    for (std::size_t i = 0; i < c.size(); ++i) {
      low[i] = std::min(low[i], c[i]);
      high[i] = std::max(high[i], c[i]);
    }
  }
  fmt::print("TPOT, aggregated, {} rows; mean / median APE in %\n", rows.size());
  fmt::print("  other half of the groups, {} splits: {:.1f} / {:.1f}\n", kHalves, 100 * mean.mean,
             100 * mean.median);
  const fit::Error model = leave_one_out(rows, [](const auto& run) { return run.model; });
  const fit::Error system = leave_one_out(rows, [](const auto& run) { return run.system; });
  fmt::print("  each model left out: {:.1f} / {:.1f}\n  each system left out: {:.1f} / {:.1f}\n",
             100 * model.mean, 100 * model.median, 100 * system.mean, 100 * system.median);
  for (std::size_t i = 0; i < value.size(); ++i) {
    (*constants)[{kConstants[i].framework, kConstants[i].name}] = {value[i], low[i], high[i]};
  }
}

// Absolute log errors that kBandShare of the rows of the second half do not exceed.
double band_of(std::vector<double> errors) {
  if (errors.empty()) return 0;
  std::sort(errors.begin(), errors.end());
  return errors[static_cast<std::size_t>(kBandShare * static_cast<double>(errors.size() - 1))];
}

// Client and server time before the first token from the first half of the groups, and all bands
// from the second, with the constants of TPOT in use.
void fit_rest(const std::vector<study::ServingMeasurement>& runs,
              study::ServingPredictor* predictor, Constants* constants) {
  std::map<std::pair<std::string, std::string>, std::vector<fit::Sample>> first;
  std::map<std::string, std::vector<double>> errors;  // by band
  const auto samples = [](const study::ServingMeasurement& run, const study::ServingPrediction& p) {
    return fit::Sample{*run.ttft_ms, p.ttft_ms, {1, run.concurrency}};
  };
  // Pools have constants of their own: two servers and a router.
  const auto key = [](const study::ServingMeasurement& run) {
    return std::pair<std::string, std::string>(
        parallel::framework_name(run.framework),
        run.is_disaggregated ? "pool_first_token" : "first_token");
  };
  std::vector<std::pair<const study::ServingMeasurement*, fit::Sample>> second;
  for (const study::ServingMeasurement& run : runs) {
    if (!run.is_primary) continue;
    const study::ServingPrediction p = predictor->predict(run);
    if (!p.reason.empty()) continue;
    const bool is_first = in_first_half(run.group, 0);
    if (run.tpot_ms && !is_first) {
      errors[run.is_disaggregated ? "pool_tpot_band" : "tpot_band"].push_back(
          std::fabs(std::log(p.tpot_ms / *run.tpot_ms)));
    }
    if (!run.ttft_ms) continue;
    if (!is_first) {
      second.emplace_back(&run, samples(run, p));
    } else if (run.draws_lengths) {
      first[key(run)].push_back(samples(run, p));
    }
  }
  std::map<std::pair<std::string, std::string>, std::vector<double>> fitted;
  for (const auto& [name, rows] : first) {
    std::vector<const fit::Sample*> all;
    for (const fit::Sample& s : rows) all.push_back(&s);
    const auto c = fitted[name] = fit::fit_l1(all, {30, 1}, kStrength);
    const fit::Error e = score(all, c);
    fmt::print("TTFT, {} of {}, {} rows: {:.1f} / {:.1f} in sample\n", name.second, name.first,
               all.size(), 100 * e.mean, 100 * e.median);
    (*constants)[name] = {c[0], c[0], c[0]};
    (*constants)[{name.first, name.second + "_per_request"}] = {c[1], c[1], c[1]};
  }
  for (const auto& [run, s] : second) {
    const double predicted = s.predicted(fitted.at(key(*run)));
    errors[run->is_disaggregated ? "pool_ttft_band" : "ttft_band"].push_back(
        std::fabs(std::log(predicted / s.measured)));
  }
  for (auto& [name, values] : errors) {
    const double b = band_of(values);
    (*constants)[{"any", name}] = {b, b, b};
  }
}

// Of one figure: its error, and the half width of the band that it has already, in log.
struct Outcome {
  double error = 0, band = 0;
  std::string group;  // model and system
};

// What such a band lacks: the mean over random halves of the models and systems, each scored on the
// other half.
template <class OutcomeOf>
void fit_added_band(const char* name, const std::vector<study::ServingMeasurement>& figures,
                    study::ServingPredictor* predictor, const OutcomeOf& outcome_of,
                    Constants* constants) {
  std::vector<Outcome> outcomes;
  for (const study::ServingMeasurement& run : figures) {
    if (!outcome_of(run, study::ServingPrediction())) continue;  // of another kind
    const study::ServingPrediction p = predictor->predict(run);
    if (!p.reason.empty()) continue;
    outcomes.push_back(*outcome_of(run, p));
    outcomes.back().group = run.model + " " + run.system;
  }
  Fitted band{0, 1e9, 0};
  double inside = 0, others = 0;
  for (std::uint64_t split = 0; split < kHalves; ++split) {
    std::vector<double> lacking;
    for (const Outcome& o : outcomes) {
      if (!in_first_half(o.group, split)) continue;
      lacking.push_back(std::sqrt(std::max(0.0, o.error * o.error - o.band * o.band)));
    }
    const double b = band_of(lacking);
    band = {band.value + b / kHalves, std::min(band.low, b), std::max(band.high, b)};
    for (const Outcome& o : outcomes) {
      if (in_first_half(o.group, split)) continue;
      ++others;
      inside += o.error <= std::hypot(o.band, b) ? 1 : 0;
    }
  }
  fmt::print("{}: {} figures; of other models and systems {:.0f} % inside\n", name, outcomes.size(),
             100 * inside / std::max(1.0, others));
  (*constants)[{"any", name}] = band;
}

// Of power, beside that of its kernels; and of the layout and software that a submitter of a
// benchmark chose, beside the engine's.
void fit_added_bands(const std::vector<study::ServingMeasurement>& figures,
                     study::ServingPredictor* predictor, Constants* constants) {
  using Measurement = study::ServingMeasurement;
  using Prediction = study::ServingPrediction;
  const auto of_power = [](const Measurement& run, const Prediction& p) -> std::optional<Outcome> {
    if (!run.power_w) return std::nullopt;
    return Outcome{std::fabs(std::log(p.power_w / *run.power_w)), p.power_band, {}};
  };
  const auto of_search = [](const Measurement& run, const Prediction& p) -> std::optional<Outcome> {
    if (run.load != study::ServingLoad::kSearched || !run.output_rate) return std::nullopt;
    return Outcome{std::fabs(std::log(p.output_rate / *run.output_rate)), p.tpot_band, {}};
  };
  fit_added_band("power_band", figures, predictor, of_power, constants);
  fit_added_band("search_band", figures, predictor, of_search, constants);
}

std::vector<std::string> split_cells(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

// Rows of the file keep their place, unit and note; value, low and high are replaced.
void write_constants(const std::string& path, const Constants& constants) {
  std::istringstream in(read_text_file(path));
  std::string out;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells = split_cells(line);
    const auto found = cells.size() > 8 && cells[8] == "fit_engines"
                           ? constants.find({cells[0], cells[2]})
                           : constants.end();
    if (found == constants.end()) {
      out += line + "\n";
      continue;
    }
    const Fitted& f = found->second;
    const std::size_t rest = line.find(cells[7] + ",fit_engines");
    out += fmt::format("{},{},{},{:.3g},{},{:.3g},{:.3g},{}\n", cells[0], cells[1], cells[2],
                       f.value, cells[4], f.low, f.high, line.substr(rest));
  }
  write_file_atomically(path, out);
}

void run(const Options& options) {
  const std::string path = options.data + "/fitted/engines.csv";
  const catalog::Catalog facts = catalog::Catalog::load(options.data);
  const parallel::KernelLibrary library(facts, options.data);
  parallel::EngineTable engines = library.engines();
  for (const Constant& c : kConstants) engines.set(c.framework, c.name, 0);
  for (const char* framework : {"trtllm", "vllm", "sglang"}) {
    for (const char* name : {"first_token", "pool_first_token"}) {
      engines.set(framework, name, 0);
      engines.set(framework, std::string(name) + "_per_request", 0);
    }
  }
  for (const char* name : {"power_band", "search_band"}) engines.set("any", name, 0);
  study::ServingPredictor predictor(facts, library.sources(), engines);
  const study::ServingContext context = study::ServingContext::read(facts, options.data);
  const auto runs = study::read_serving_measurements(options.measurements, context);
  const std::vector<Row> rows = sample_rows(runs, &predictor);
  Constants constants;
  fit_tpot(rows, &constants);
  for (const auto& [key, fitted] : constants) engines.set(key.first, key.second, fitted.value);
  fit_rest(runs, &predictor, &constants);
  if (!options.figures.empty()) {
    fit_added_bands(study::read_serving_measurements(options.figures, context), &predictor,
                    &constants);
  }
  for (const auto& [key, f] : constants) {
    fmt::print("{:8}{:26}{:8.3g}  {:.3g} to {:.3g}\n", key.first, key.second, f.value, f.low,
               f.high);
  }
  if (options.writes) write_constants(path, constants);
}

}  // namespace
}  // namespace astrolabe

int main(int argc, char** argv) {
  CLI::App app("Fits the constants of serving engines");
  astrolabe::Options options;
  app.add_option("--measurements", options.measurements, "Measured serving runs (CSV)")->required();
  app.add_option("--figures", options.figures,
                 "Published figures with power and results of searched layouts (CSV)");
  app.add_option("--data", options.data, "Directory of the fact tables");
  app.add_flag("--write", options.writes, "Replace the fitted rows of fitted/engines.csv");
  CLI11_PARSE(app, argc, argv);
  try {
    astrolabe::run(options);
  } catch (const astrolabe::InputError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
