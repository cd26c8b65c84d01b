// Chooses how measured operators are interpolated and writes data/fitted/interpolation.csv.
//
//   fit_measured [--family NAME]... [--score | --bands] [--share 0.1]
//                [--page validation/operators/README.md]
//
// Withholds 6 % of the shapes (the same on every chip) and 6 % of the other measurements, by hash,
// and chooses for each family the scales of the coordinates, the numbers of neighbours, what the
// residuals stand on and what counts of a measurement of the very place, so that they predict those
// best (coordinate search on the mean absolute percentage error of a sample, half of it with the
// chip's own tables, half without them). Then, from all that is withheld, the bands: the factor on
// the neighbours' spread within which 80 % fall, for tables of the chip itself and for chips whose
// own tables are left out. An architecture that is left out takes no part in the tiled fidelity it
// is predicted with; its bands are those of fit_carried. Deterministic: samples are chosen by hash.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

#include "astrolabe/base/error.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/measured_tables.h"
#include "astrolabe/device/measured_time.h"
#include "astrolabe/study/accuracy.h"
#include "astrolabe/study/chain_validation.h"
#include "fit/tiled_calibration.h"

namespace {

using namespace astrolabe::device;
using astrolabe::study::AccuracyReport;
using astrolabe::study::AccuracyScorer;
using astrolabe::study::to_text;

constexpr double kWithheld = 0.06;

std::uint64_t mix(std::uint64_t h, double v) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof bits);
  h ^= bits + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
  h ^= h >> 31;
  h *= 0xbf58476d1ce4e5b9u;
  return h ^ (h >> 29);
}

double unit(std::uint64_t h) { return static_cast<double>(h % 1000003) / 1000003.0; }

std::uint64_t shape_hash(Family family, const Dims& dims) {
  std::uint64_t h = 7 + static_cast<std::uint64_t>(family);
  for (int i = 0; i < columns_of(family).n_shape; ++i) {
    h = mix(h, static_cast<double>(dims[static_cast<std::size_t>(i)]));
  }
  return h;
}

std::uint64_t row_hash(Family family, const Measurement& m) {
  std::uint64_t h = 11 + static_cast<std::uint64_t>(family);
  for (float d : m.dims) h = mix(h, static_cast<double>(d));
  for (std::string_view s : {m.system, m.framework, m.kernel, m.categories[0], m.categories[1]}) {
    for (char c : s) h = mix(h, c);
  }
  return h;
}

enum class Part { kTrain, kShape, kPoint };

Part part_of(Family family, const Measurement& m) {
  const bool has_shapes = columns_of(family).n_shape > 1;
  if (has_shapes && unit(shape_hash(family, m.dims)) < kWithheld) return Part::kShape;
  return unit(row_hash(family, m)) < kWithheld ? Part::kPoint : Part::kTrain;
}

struct Row {
  std::string system, framework, version, kernel;
  std::array<std::string, kMaxCategories> categories;
  Dims dims;
  double latency_us;
  Part part;

  TableRequest request(Family family) const {
    TableRequest r{family, system, framework, version, kernel, {}};
    for (std::size_t i = 0; i < kMaxCategories; ++i) r.categories[i] = categories[i];
    return r;
  }
};

// By source: error (log) over half width of the band.
using BandRatios = std::map<EstimateSource, std::vector<double>>;

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

class Fit {
 public:
  Fit(std::string directory, const std::string& data)
      : directory_(std::move(directory)),
        data_(data),
        tiled_chips_(read_tiled_chips(astrolabe::catalog::Catalog::load(data))),
        chips_(chips_of(tiled_chips_)),
        tiled_tables_(read_tiled_tables(data + "/fitted/tiled_parameters.csv")),
        tiled_(tiled_tables_, tiled_chips_) {}

  // Withheld rows of the family, at most `most` of each table system, chosen by hash.
  std::vector<Row> withheld(Family family, double share) const {
    std::vector<Row> rows;
    read_measurements(directory_ + "/" + columns_of(family).name + ".csv.zst",
                      [&](const Measurement& m) {
                        const Part part = part_of(family, m);
                        if (part == Part::kTrain) return;
                        if (unit(mix(row_hash(family, m), 3)) > share) return;
                        Row row{std::string(m.system),
                                std::string(m.framework),
                                std::string(m.version),
                                std::string(m.kernel),
                                {},
                                m.dims,
                                m.latency_us,
                                part};
                        for (std::size_t i = 0; i < kMaxCategories; ++i) {
                          row.categories[i] = m.categories[i];
                        }
                        rows.push_back(std::move(row));
                      });
    return rows;
  }

  MeasuredTables train(Family family, const Interpolations& how) const {
    return MeasuredTables::compile(
        directory_, how, chips_, &tiled_,
        [&](Family f, const Measurement& m) {
          return f == family && part_of(f, m) == Part::kTrain;
        },
        family);
  }

  // What is left out when a row is predicted.
  enum class Without { kNothing, kSystem, kArchitecture };

  AccuracyReport score(Family family, const MeasuredTables& tables, const std::vector<Row>& rows,
                       Without without = Without::kNothing, BandRatios* ratios = nullptr) const {
    std::map<std::string, std::unique_ptr<TiledTime>> tiled;
    std::map<std::string, std::unique_ptr<MeasuredTime>> times;
    AccuracyScorer scorer;
    for (const Row& row : rows) {
      const Chip& chip = *std::find_if(chips_.begin(), chips_.end(),
                                       [&](const Chip& c) { return c.name == row.system; });
      std::unique_ptr<MeasuredTime>& entry = times[row.system];
      if (entry == nullptr) {
        std::unique_ptr<TiledTime>& fallback = tiled[row.system];
        const bool no_architecture = without == Without::kArchitecture;
        fallback = std::make_unique<TiledTime>(
            no_architecture ? tables_without(chip.architecture) : tiled_tables_, tiled_chips_);
        std::vector<std::string> left_out;
        for (const Chip& c : chips_) {
          if (without == Without::kSystem
                  ? c.name == chip.name
                  : no_architecture && c.architecture == chip.architecture) {
            left_out.push_back(c.name);
          }
        }
        entry = std::make_unique<MeasuredTime>(tables, chips_, left_out, fallback.get());
      }
      const MeasuredTime& time = *entry;
      const TimeEstimate e = time.estimate(row.request(family), chip, row.dims);
      if (ratios != nullptr) {
        (*ratios)[e.source].push_back(std::abs(std::log(e.us / row.latency_us)) /
                                      std::log(e.high_us / e.us));
      }
      const char* part = row.part == Part::kShape ? "shapes" : "points";
      const std::string source = estimate_source_name(e.source);
      scorer.add({{{"withheld", part}},
                  {{"system", row.system}, {"from", source}},
                  {{"framework", row.framework}, {"kernel", row.kernel}}},
                 row.latency_us, e.us, e.low_us, e.high_us);
    }
    return scorer.report();
  }

  const std::vector<Chip>& chips() const { return chips_; }

 private:
  // The tiled fidelity fitted on the other architectures.
  const TiledTables& tables_without(const std::string& architecture) const {
    const auto [at, is_new] = tiled_without_.try_emplace(architecture);
    if (is_new) {
      if (!calibration_) calibration_ = astrolabe::fit::read_calibration(directory_, data_);
      at->second = astrolabe::fit::fit_all(*calibration_, architecture);
      at->second.families = tiled_tables_.families;
      at->second.weights = tiled_tables_.weights;
    }
    return at->second;
  }

  std::string directory_, data_;
  std::vector<TiledChip> tiled_chips_;
  std::vector<Chip> chips_;
  TiledTables tiled_tables_;
  TiledTime tiled_;
  mutable std::optional<astrolabe::fit::Calibration> calibration_;
  mutable std::map<std::string, TiledTables> tiled_without_;  // by architecture
};

// Coordinate search over scales (powers of the square root of two) and neighbours.
Interpolation search(const Fit& fit, Family family, Interpolation start, double share) {
  Interpolations how;
  Interpolation& one = how[static_cast<std::size_t>(family)];
  one = start;
  const std::vector<Row> rows = fit.withheld(family, share);
  const auto evaluate = [&] {
    const MeasuredTables tables = fit.train(family, how);
    return (fit.score(family, tables, rows).overall.mean_ape_percent +
            fit.score(family, tables, rows, Fit::Without::kSystem).overall.mean_ape_percent) /
           2;
  };
  double best = evaluate();
  fmt::print(stderr, "{}: {} rows, start {:.3f}\n", columns_of(family).name, rows.size(), best);
  for (int round = 0; round < 2; ++round) {
    const double before = best;
    for (int i = 0; i < coordinate_count(family); ++i) {
      for (float factor : {2.0f, 0.5f}) {
        while (true) {
          const Interpolation old = one;
          one.scale[static_cast<std::size_t>(i)] *= factor;
          const double now = evaluate();
          if (now < best - 0.01) {
            best = now;
            continue;
          }
          one = old;
          break;
        }
      }
    }
    for (const std::uint32_t is_tiled : {0u, 1u}) {
      for (const float place_share : {0.0f, 0.25f, 0.5f, 0.75f}) {
        const Interpolation old = one;
        one.is_tiled = is_tiled, one.place_share = place_share;
        const double now = evaluate();
        if (now < best - 0.01) {
          best = now;
        } else {
          one = old;
        }
      }
    }
    for (int* k : {&one.neighbours, &one.difference_neighbours}) {
      const int kept = *k;
      int chosen = kept;
      for (int candidate : {12, 20, 32, 48, 80}) {
        if (candidate == kept) continue;
        *k = candidate;
        const double now = evaluate();
        if (now < best - 0.01) best = now, chosen = candidate;
      }
      *k = chosen;
    }
    fmt::print(stderr, "  round {}: {:.3f}\n", round, best);
    if (before - best < 0.05) break;
  }
  return one;
}

constexpr std::pair<Fit::Without, const char*> kModes[] = {
    {Fit::Without::kNothing, "measured chip, measurements withheld"},
    {Fit::Without::kSystem, "chip without tables"},
    {Fit::Without::kArchitecture, "architecture without tables"}};

// Bands that hold 80 % of the withheld rows of each source.
void set_bands(const BandRatios& ratios, Interpolation* one) {
  const auto widen = [&](EstimateSource source, double* band) {
    const auto it = ratios.find(source);
    if (it != ratios.end() && it->second.size() >= 30) *band *= quantile(it->second, 0.8);
  };
  widen(EstimateSource::kTable, &one->band_known);
  widen(EstimateSource::kNear, &one->band_near);
}

// Parts and systems of a report as a table of the page.
void add_to_page(const char* title, AccuracyReport report, std::string* page) {
  std::erase_if(report.by, [](const auto& a) { return a.keys.front().first == "framework"; });
  *page += fmt::format("\n{}\n\n{}", title, to_text(report, true, 10));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Fits how measured operators are interpolated");
  const std::string data = ASTROLABE_SOURCE_DIR "/data";
  std::string directory = data + "/measurements";
  std::string output = ASTROLABE_SOURCE_DIR "/data/fitted/interpolation.csv";
  std::string page_file;
  std::vector<std::string> names;
  bool only_score = false, only_bands = false;
  double share = 0.1;
  app.add_option("--measurements", directory);
  app.add_option("--family", names)->check([](const std::string& name) {
    return find_family(name) ? "" : name + " is no family of operators";
  });
  app.add_option("--share", share, "of the withheld rows that the search uses");
  app.add_flag("--score", only_score, "Fit nothing");
  app.add_flag("--bands", only_bands, "Fit the bands, keep the rest");
  app.add_option("--page", page_file, "Replace the generated part of this file by the scores");
  CLI11_PARSE(app, argc, argv);
  try {
    const Fit fit(directory, data);
    std::string page;
    Interpolations how;
    if (std::FILE* f = std::fopen(output.c_str(), "r")) {
      std::fclose(f);
      how = read_interpolations(output);
    }
    for (int f = 0; f < kFamilies; ++f) {
      const auto family = static_cast<Family>(f);
      if (!names.empty() &&
          std::find(names.begin(), names.end(), columns_of(family).name) == names.end()) {
        continue;
      }
      Interpolation& one = how[static_cast<std::size_t>(f)];
      if (!only_score && !only_bands) one = search(fit, family, one, share);
      fmt::print("{}: neighbours {} {} scales", columns_of(family).name, one.neighbours,
                 one.difference_neighbours);
      for (float s : one.scale) fmt::print(" {:.2f}", s);
      const MeasuredTables tables = fit.train(family, how);
      const std::vector<Row> rows = fit.withheld(family, 1);
      BandRatios ratios;
      page += fmt::format("\n### {}\n", columns_of(family).name);
      for (const auto& [without, title] : kModes) {
        const AccuracyReport report = fit.score(family, tables, rows, without, &ratios);
        fmt::print("\n{}: {}\n{}", columns_of(family).name, title, to_text(report));
        add_to_page(title, report, &page);
      }
      if (!only_score) set_bands(ratios, &one);
      std::fflush(stdout);
    }
    if (!only_score) write_interpolations(output, how);
    if (!page_file.empty()) {
      astrolabe::study::write_generated(page_file, page, "fit_measured");
    }
  } catch (const astrolabe::InputError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
