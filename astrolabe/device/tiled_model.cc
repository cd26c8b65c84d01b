#include "astrolabe/device/tiled_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"

namespace astrolabe::device {
namespace {

// Architectures whose software is of another make: no donors for the others.
constexpr std::string_view kOtherMakes[] = {"battlemage"};

bool is_other_make(std::string_view architecture) {
  return std::find(std::begin(kOtherMakes), std::end(kOtherMakes), architecture) !=
         std::end(kOtherMakes);
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }
std::string_view after_first_word(std::string_view text) {
  const auto at = text.find(' ');
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
}

bool carries_the_fastest(TiledFormula formula) {
  return formula == TiledFormula::kGemm || formula == TiledFormula::kExperts;
}

constexpr std::size_t kFewDonors = 2;

std::size_t count_architectures(const std::vector<const TiledSet*>& sets) {
  std::set<std::string_view> names;
  for (const TiledSet* set : sets) {
    if (set->architecture != kAllArchitectures) names.insert(set->architecture);
  }
  return names.size();
}

// The next wider format of a pool, "" when there is none: "gemm nvfp4" -> "gemm fp8".
std::string wider_pool(std::string_view pool) {
  static constexpr std::pair<std::string_view, std::string_view> kWider[] = {
      {" w4a8_mxfp4_mxfp8", " fp8"}, {" w4a16_mxfp4", " int4_wo"}, {" int4_wo", " bfloat16"},
      {" int8_wo", " bfloat16"},     {" nvfp4", " fp8"},           {" fp8_block", " fp8"},
      {" fp8 fp8", " bfloat16 fp8"}, {" fp8", " bfloat16"},        {" sq", " fp8"}};
  for (const auto& [narrow, wide] : kWider) {
    const auto at = pool.find(narrow);
    if (at == std::string_view::npos) continue;
    std::string wider(pool);
    return wider.replace(at, narrow.size(), wide);
  }
  return "";
}

}  // namespace

TiledEstimate TiledTimer::estimate(const TiledShape& shape, Residency residency) const {
  Duration best = tiled_time(formula_, chip_, sets_[0], shape, residency);
  for (int i = 1; i < n_sets_; ++i) {
    best = std::min(
        best, tiled_time(formula_, chip_, sets_[static_cast<std::size_t>(i)], shape, residency));
  }
  return {best, best * low_, best * high_, is_carried_};
}

TiledModel::TiledModel(TiledTables tables, const std::vector<TiledChip>& chips)
    : tables_(std::move(tables)) {
  for (const TiledChip& chip : chips) years_.emplace_back(chip.architecture, chip.year);
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

void TiledModel::use_measured(const Sets& sets, const TiledTable& table, TiledTimer* timer) const {
  const TiledSet* best = nullptr;
  int best_rank = 0;
  for (const TiledSet* set : sets) {
    if (set->architecture != timer->chip_.architecture) continue;
    const int rank = set->table == table.table                                       ? 3
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
  for (const CarriedBand& band : tables_.bands) {
    if (band.family == first_word(table.pool)) timer->low_ = band.low, timer->high_ = band.high;
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
  if (carries_the_fastest(timer->formula_) && has_older) {
    const bool older_only = timer->formula_ == TiledFormula::kExperts;
    const auto take_all = [&](bool same_table) {
      for (const TiledSet* set : donors) {
        if (set->architecture == kAllArchitectures || is_other_make(set->architecture)) continue;
        if (older_only && year(set->architecture) > timer->chip_.year) continue;
        if (!same_table || set->table == table.table) take(*set);
      }
    };
    if (timer->formula_ == TiledFormula::kGemm) take_all(true);
    if (timer->n_sets_ == 0) take_all(false);
    if (timer->n_sets_ > 0) return;
  }
  // Decode and latent attention of all frameworks together say more than one framework's history.
  const bool together = table.is_native() && (timer->formula_ == TiledFormula::kDecode ||
                                              first_word(table.pool) == "mla_prefill");
  const TiledSet* pooled = nullptr;
  for (const TiledSet* set : sets) {
    if (set->architecture != kAllArchitectures) continue;
    const bool wanted = together ? set->table == kAllTables : set->table == table.table;
    if (wanted || (pooled == nullptr && set->table == kAllTables)) pooled = set;
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

namespace {

constexpr std::string_view kHeader =
    "pool,table,architecture,formula,parameter,value,unit,low,high,standard_error,rows";

using SetKey = std::array<std::string, 4>;

std::size_t parameter_index(const CsvTable& file, const CsvTable::Row& row, TiledFormula formula) {
  const auto specs = parameters_of(formula);
  const std::string& name = file.cell(row, "parameter");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (name == specs[i].name) return i;
    names.emplace_back(specs[i].name);
  }
  throw InputError(file.position(row), "parameter", name, join_alternatives(names));
}

void check_complete(const CsvTable& file, const TiledSet& set, unsigned seen) {
  const auto specs = parameters_of(set.formula);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if ((seen >> i & 1u) != 0) continue;
    throw InputError({file.file(), 0}, set.pool + " " + set.table + " " + set.architecture,
                     "no " + std::string(specs[i].name), "all parameters of the formula");
  }
}

void add_row(const CsvTable& file, const CsvTable::Row& row, TiledSet* set, unsigned* seen) {
  const std::string& parameter = file.cell(row, "parameter");
  const double value = parse_number(file.cell(row, "value"), file.position(row), "value");
  if (parameter == "band_low" || parameter == "band_high") {
    if (!(value > 0)) throw InputError(file.position(row), parameter, "not positive", "above 0");
    (parameter == "band_low" ? set->band_low : set->band_high) = value;
    return;
  }
  const std::size_t i = parameter_index(file, row, set->formula);
  const ParameterSpec& spec = parameters_of(set->formula)[i];
  if (!(value >= spec.low * 0.999 && value <= spec.high * 1.001)) {
    throw InputError(file.position(row), parameter, file.cell(row, "value"),
                     fmt::format("{} to {}", spec.low, spec.high));
  }
  set->values[i] = value;
  set->standard_errors[i] =
      parse_number(file.cell(row, "standard_error"), file.position(row), "standard_error");
  set->rows = static_cast<int>(parse_number(file.cell(row, "rows"), file.position(row), "rows"));
  *seen |= 1u << i;
}

}  // namespace

TiledTables read_tiled_tables(const std::string& path) {
  const CsvTable file = CsvTable::read(path);
  std::map<SetKey, std::pair<std::size_t, unsigned>> index;
  TiledTables tables;
  for (const CsvTable::Row& row : file.rows()) {
    const std::string& name = file.cell(row, "formula");
    const SetKey key{file.cell(row, "pool"), file.cell(row, "table"),
                     file.cell(row, "architecture"), name};
    if (name == "carried") {
      if (tables.bands.empty() || tables.bands.back().family != key[0]) {
        tables.bands.push_back({key[0], 1, 1});
      }
      const double value = parse_number(file.cell(row, "value"), file.position(row), "value");
      (file.cell(row, "parameter") == "band_low" ? tables.bands.back().low
                                                 : tables.bands.back().high) = value;
      continue;
    }
    const auto formula = find_tiled_formula(name);
    if (!formula) throw InputError(file.position(row), "formula", name, "a formula of tiled times");
    const auto [at, is_new] = index.try_emplace(key, tables.sets.size(), 0u);
    if (is_new) {
      TiledSet set;
      set.pool = key[0], set.table = key[1], set.architecture = key[2], set.formula = *formula;
      tables.sets.push_back(std::move(set));
    }
    add_row(file, row, &tables.sets[at->second.first], &at->second.second);
  }
  for (const auto& [key, place] : index)
    check_complete(file, tables.sets[place.first], place.second);
  return tables;
}

std::string to_csv(const TiledTables& tables) {
  std::string text(kHeader);
  text += '\n';
  for (const TiledSet& set : tables.sets) {
    const std::string key = fmt::format("{},{},{},{}", set.pool, set.table, set.architecture,
                                        tiled_formula_name(set.formula));
    const auto specs = parameters_of(set.formula);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      text +=
          fmt::format("{},{},{:.4g},{},{:g},{:g},{:.2g},{}\n", key, specs[i].name, set.values[i],
                      specs[i].unit, specs[i].low, specs[i].high, set.standard_errors[i], set.rows);
    }
    text += fmt::format("{},band_low,{:.4g},1,0,,,{}\n", key, set.band_low, set.rows);
    text += fmt::format("{},band_high,{:.4g},1,0,,,{}\n", key, set.band_high, set.rows);
  }
  for (const CarriedBand& band : tables.bands) {
    text += fmt::format("{},all,all,carried,band_low,{:.4g},1,0,,,\n", band.family, band.low);
    text += fmt::format("{},all,all,carried,band_high,{:.4g},1,0,,,\n", band.family, band.high);
  }
  return text;
}

}  // namespace astrolabe::device
