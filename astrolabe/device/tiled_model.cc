#include "astrolabe/device/tiled_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace astrolabe::device {
namespace {

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }
std::string_view after_first_word(std::string_view text) {
  const auto at = text.find(' ');
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
}

bool carries_the_fastest(TiledFormula formula) {
  return formula == TiledFormula::kGemm || formula == TiledFormula::kExperts;
}

// The operator whose calls a host prepares in one way: products of each format, attention over all
// formats of the cache.
std::string_view prepared_operator(std::string_view pool, TiledFormula formula) {
  return formula == TiledFormula::kGemm ? pool : first_word(pool);
}

bool is_triton_table(std::string_view table) { return table.ends_with(" triton"); }

constexpr std::size_t kFewDonors = 2;

std::size_t count_architectures(const std::vector<const TiledSet*>& sets) {
  std::set<std::string_view> names;
  for (const TiledSet* set : sets) {
    if (set->architecture != kAllArchitectures) names.insert(set->architecture);
  }
  return names.size();
}

}  // namespace

TiledEstimate TiledTimer::estimate(const TiledShape& shape, Residency residency) const {
  Duration best = tiled_time(formula_, chip_, sets_[0], shape, residency);
  for (int i = 1; i < n_sets_; ++i) {
    best = std::min(
        best, tiled_time(formula_, chip_, sets_[static_cast<std::size_t>(i)], shape, residency));
  }
  best = std::max(best, host_);
  return {best, best * low_, best * high_, is_carried_};
}

TiledModel::TiledModel(TiledTables tables, const std::vector<TiledChip>& chips)
    : tables_(std::move(tables)) {
  for (const TiledChip& chip : chips) years_.emplace_back(chip.architecture, chip.year);
  triton_ratio_ = triton_ratio();
}

double TiledModel::year(std::string_view architecture) const {
  for (const auto& [name, year] : years_) {
    if (name == architecture) return year;
  }
  return 0;
}

TiledModel::Sets TiledModel::matching(std::string_view pool, TiledFormula formula) const {
  Sets sets;
  for (const TiledSet& set : tables_.sets) {
    if (set.pool == pool && set.formula == formula) sets.push_back(&set);
  }
  return sets;
}

const TiledSet* TiledModel::find_set(const TiledTable& table, TiledFormula formula,
                                     std::string_view architecture) const {
  for (const TiledSet& set : tables_.sets) {
    if (set.architecture == architecture && set.table == table.table && set.pool == table.pool &&
        set.formula == formula) {
      return &set;
    }
  }
  return nullptr;
}

double TiledModel::triton_ratio() const {
  struct Logs {
    double sum = 0;
    int n = 0;
    double mean() const { return sum / n; }
  };
  std::map<std::pair<std::string, TiledFormula>, std::array<Logs, 2>> by_operator;
  for (const TiledSet& set : tables_.sets) {
    if (set.architecture == kAllArchitectures || is_other_make(set.architecture) ||
        !is_host_time(set.formula, set.values)) {
      continue;
    }
    std::string key(prepared_operator(set.pool, set.formula));
    (key += '|') += first_word(set.table);
    Logs& logs = by_operator[{key, set.formula}][is_triton_table(set.table)];
    logs.sum += std::log(set.values[0]);
    ++logs.n;
  }
  double sum = 0;
  int n = 0;
  for (const auto& [key, logs] : by_operator) {
    const auto& [compiled, triton] = logs;
    if (compiled.n > 0 && triton.n > 0) sum += triton.mean() - compiled.mean(), ++n;
  }
  return n == 0 ? 1 : std::exp(sum / n);
}

double TiledModel::host_us(const TiledTable& table, TiledFormula formula,
                           std::string_view architecture) const {
  const bool is_product = formula == TiledFormula::kGemm, triton = is_triton_table(table.table);
  if (is_product && table.is_native()) return 0;
  const std::string_view wanted = prepared_operator(table.pool, formula);
  double logs = 0;
  int n = 0;
  for (const TiledSet& set : tables_.sets) {
    if (set.formula != formula || set.architecture == kAllArchitectures ||
        set.architecture == architecture || is_other_make(set.architecture) ||
        first_word(set.table) != first_word(table.table) ||
        prepared_operator(set.pool, formula) != wanted) {
      continue;
    }
    if (is_product && !triton && set.table != table.table) continue;
    if (!is_host_time(formula, set.values)) return 0;
    logs +=
        std::log(set.values[0]) + (triton - is_triton_table(set.table)) * std::log(triton_ratio_);
    ++n;
  }
  return n == 0 ? 0 : std::exp(logs / n);
}

void TiledModel::use_measured(const Sets& sets, const TiledTable& table, TiledTimer* timer) const {
  const TiledSet* best = nullptr;
  int best_rank = 0;
  for (const TiledSet* set : sets) {
    if (set->architecture != timer->chip_.architecture) continue;
    // Products of a framework are of its make, whichever kernel it is.
    const bool is_make =
        timer->formula_ == TiledFormula::kGemm && first_word(set->table) == first_word(table.table);
    const int rank = set->table == table.table                                       ? 4
                     : is_make                                                       ? 3
                     : after_first_word(set->table) == after_first_word(table.table) ? 2
                                                                                     : 1;
    if (rank > best_rank) best = set, best_rank = rank;
  }
  if (best == nullptr) return;
  timer->sets_[0] = best->values;
  timer->n_sets_ = 1;
  timer->low_ = best->band_low;
  timer->high_ = best->band_high;
}

void TiledModel::carry(const Sets& sets, const TiledTable& table, TiledTimer* timer) const {
  timer->is_carried_ = true;
  timer->host_ = Duration::from_base(host_us(table, timer->formula_, timer->chip_.architecture) *
                                     timer->chip_.host_time * 1e-6);
  if (const CarriedFamily* family = tables_.find_family(first_word(table.pool))) {
    timer->low_ = family->low, timer->high_ = family->high;
  }
  const auto take = [&](const TiledSet& set) {
    if (timer->n_sets_ < TiledTimer::kMost) {
      timer->sets_[static_cast<std::size_t>(timer->n_sets_++)] = set.values;
    }
  };
  Sets donors = sets;
  if (count_architectures(sets) < kFewDonors) {
    const Sets wider = matching(wider_pool(table.pool), timer->formula_);
    donors.insert(donors.end(), wider.begin(), wider.end());
  }
  bool has_older = false;
  for (const TiledSet* set : donors) {
    has_older |= set->architecture != kAllArchitectures && !is_other_make(set->architecture) &&
                 year(set->architecture) <= timer->chip_.year;
  }
  // The fastest kernels are of the make they were written for.
  const bool is_own_make = timer->chip_.tensor_cores != "other";
  if (carries_the_fastest(timer->formula_) && has_older && is_own_make) {
    const bool older_only = timer->formula_ == TiledFormula::kExperts;
    const auto take_all = [&](bool same_table) {
      for (const TiledSet* set : donors) {
        if (set->architecture == kAllArchitectures || is_other_make(set->architecture)) continue;
        if (older_only && year(set->architecture) > timer->chip_.year) continue;
        if (!same_table || first_word(set->table) == first_word(table.table)) take(*set);
      }
    };
    if (timer->formula_ == TiledFormula::kGemm) take_all(true);
    if (timer->n_sets_ == 0) take_all(false);
    if (timer->n_sets_ > 0) return;
  }
  // Decode and latent attention of all frameworks together say more than one framework's history.
  const bool together =
      table.is_native() && !table.is_flash() &&
      (timer->formula_ == TiledFormula::kDecode || first_word(table.pool) == "mla_prefill");
  const TiledSet* pooled = nullptr;
  for (const TiledSet* set : sets) {
    if (set->architecture != kAllArchitectures) continue;
    const bool wanted = together ? set->table == kAllTables : set->table == table.table;
    if (wanted || (pooled == nullptr && set->table == kAllTables)) pooled = set;
  }
  // A cache in another format changes less than another library does.
  if (table.is_flash() && (pooled == nullptr || pooled->table != table.table)) {
    for (const TiledSet* set : matching(wider_pool(table.pool), timer->formula_)) {
      if (set->architecture == kAllArchitectures && set->table == table.table) pooled = set;
    }
  }
  if (pooled != nullptr) take(*pooled);
}

TiledTimer TiledModel::timer(const TiledTable& table, TiledFormula formula,
                             const TiledChip& chip) const {
  TiledTimer timer(chip, formula);
  for (std::string pool = table.pool; !pool.empty(); pool = wider_pool(pool)) {
    const Sets sets = matching(pool, formula);
    use_measured(sets, table, &timer);
    if (timer.n_sets_ > 0 && pool == table.pool) return timer;
    if (timer.n_sets_ > 0) {
      timer.is_carried_ = true;
      return timer;
    }
    carry(sets, table, &timer);
    if (timer.n_sets_ > 0) return timer;
  }
  timer.sets_[0] = prior_parameters(formula);
  timer.n_sets_ = 1;
  timer.is_carried_ = true;
  return timer;
}

TiledTime::TiledTime(TiledTables tables, std::vector<TiledChip> all,
                     const std::vector<std::string>& without)
    : chips(std::move(all)), model([&] {
        std::erase_if(tables.sets, [&](const TiledSet& set) {
          return std::find(without.begin(), without.end(), set.architecture) != without.end();
        });
        return TiledModel(std::move(tables), chips);
      }()) {}

const TiledChip* TiledTime::find(std::string_view name) const {
  const auto it =
      std::find_if(chips.begin(), chips.end(), [&](const auto& c) { return c.name == name; });
  return it == chips.end() ? nullptr : &*it;
}

}  // namespace astrolabe::device
