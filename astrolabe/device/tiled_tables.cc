#include "astrolabe/device/tiled_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"

namespace astrolabe::device {
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

constexpr std::string_view kCarried = "carried";  // in place of a formula

struct FamilyNumber {
  const char* name;
  double CarriedFamily::*member;
};
constexpr FamilyNumber kFamilyNumbers[] = {{"band_low", &CarriedFamily::low},
                                           {"band_high", &CarriedFamily::high},
                                           {"table_band_low", &CarriedFamily::table_low},
                                           {"table_band_high", &CarriedFamily::table_high},
                                           {"shift", &CarriedFamily::shift},
                                           {"tiled_weight", &CarriedFamily::tiled_weight}};
struct WeightNumber {
  const char* name;
  double CarriedWeights::*member;
};
constexpr WeightNumber kWeightNumbers[] = {{"other_framework", &CarriedWeights::framework},
                                           {"other_library", &CarriedWeights::library},
                                           {"other_kernel", &CarriedWeights::kernel},
                                           {"other_format", &CarriedWeights::format},
                                           {"other_tensor_cores", &CarriedWeights::tensor_cores},
                                           {"reach", &CarriedWeights::reach},
                                           {"disagreement", &CarriedWeights::disagreement},
                                           {"widening", &CarriedWeights::widening}};

// Where a row of what is carried belongs: pool "all" for the weights, else a family.
double* carried_number(const CsvTable& file, const CsvTable::Row& row, TiledTables* tables) {
  const std::string& pool = file.cell(row, "pool");
  const std::string& name = file.cell(row, "parameter");
  std::vector<std::string> known;
  if (pool == kAllTables) {
    for (const WeightNumber& n : kWeightNumbers) {
      if (name == n.name) return &(tables->weights.*n.member);
      known.emplace_back(n.name);
    }
  } else {
    for (const FamilyNumber& n : kFamilyNumbers) {
      known.emplace_back(n.name);
      if (name != n.name) continue;
      auto& families = tables->families;
      const auto at = std::find_if(families.begin(), families.end(),
                                   [&](const CarriedFamily& f) { return f.family == pool; });
      if (at != families.end()) return &((*at).*n.member);
      families.push_back({pool});
      return &(families.back().*n.member);
    }
  }
  throw InputError(file.position(row), "parameter", name, join_alternatives(known));
}

}  // namespace

bool is_other_make(std::string_view architecture) { return architecture == "battlemage"; }

const CarriedFamily* TiledTables::find_family(std::string_view family) const {
  for (const CarriedFamily& f : families) {
    if (f.family == family) return &f;
  }
  return nullptr;
}

TiledTables read_tiled_tables(const std::string& path) {
  const CsvTable file = CsvTable::read(path);
  std::map<SetKey, std::pair<std::size_t, unsigned>> index;
  TiledTables tables;
  for (const CsvTable::Row& row : file.rows()) {
    const std::string& name = file.cell(row, "formula");
    const SetKey key{file.cell(row, "pool"), file.cell(row, "table"),
                     file.cell(row, "architecture"), name};
    if (name == kCarried) {
      *carried_number(file, row, &tables) =
          parse_number(file.cell(row, "value"), file.position(row), "value");
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
  for (const CarriedFamily& f : tables.families) {
    for (const FamilyNumber& n : kFamilyNumbers) {
      text +=
          fmt::format("{},all,all,{},{},{:.4g},1,0,,,\n", f.family, kCarried, n.name, f.*n.member);
    }
  }
  for (const WeightNumber& n : kWeightNumbers) {
    text += fmt::format("all,all,all,{},{},{:.4g},1,0,,,\n", kCarried, n.name,
                        tables.weights.*n.member);
  }
  return text;
}

}  // namespace astrolabe::device
