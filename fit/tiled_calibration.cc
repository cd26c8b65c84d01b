#include "fit/tiled_calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "astrolabe/device/measurement_file.h"
#include "fit/robust_fit.h"

namespace astrolabe::fit {

using namespace astrolabe::device;

namespace {

constexpr int kFitRows = 250, kScoreRows = 500;  // of a chip and table
constexpr double kShrinkPool = 0.025, kShrinkTable = 0.025, kShrinkArchitecture = 0.006;

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
    RobustFit solver(log_times, measured_, weights_, parameters_of(formula_), prior, shrink);
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

}  // namespace

std::uint64_t hash_of(const Measurement& m) {
  std::uint64_t hash = 99;
  for (float d : m.dims) hash = mix(hash, static_cast<std::uint64_t>(d * 16));
  for (std::string_view text : {m.system, m.framework, m.kernel}) {
    for (char c : text) hash = mix(hash, static_cast<std::uint64_t>(c));
  }
  for (std::string_view text : m.categories) {
    for (char c : text) hash = mix(hash, static_cast<std::uint64_t>(c));
  }
  return hash;
}

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

TiledTables fit_all(const Calibration& calibration, std::string_view without) {
  TiledTables tables;
  const auto& groups = calibration.groups;
  const auto pooled = [&](const Sample& s) {
    const std::string& a = calibration.architecture(s);
    return a != without && !is_other_make(a);
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

}  // namespace astrolabe::fit
