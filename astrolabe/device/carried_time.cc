#include "astrolabe/device/carried_time.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace astrolabe::device {
namespace {

constexpr double kMostResidual = 1;    // of log(measured / tiled)
constexpr double kMostVariance = 1;    // of what tables say
constexpr double kMostDifference = 9;  // in kind, that widens the band
constexpr double kFarthest = 5;        // distance beyond which all is as far
constexpr double kLeastShare = 0.02;   // of the heaviest weight: lighter donors say nothing

Categories views(const std::array<std::string, kMaxCategories>& categories) {
  Categories c;
  for (std::size_t i = 0; i < kMaxCategories; ++i) c[i] = categories[i];
  return c;
}

bool has_wider(Family family) {
  return family == Family::kGemm || family == Family::kExperts || family == Family::kWideExperts;
}

// Of the pool's format itself, or of the next wider one where that says something.
bool is_pool_near(const std::string& donor, const std::string& wanted, Family family) {
  if (donor == wanted) return true;
  return has_wider(family) && !wanted.ends_with(" fp8") && donor == wider_pool(wanted);
}

template <class T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const T& t) { return t.name == name; });
  return at == all.end() ? nullptr : &*at;
}

bool is_same_kernel(const CarriedDonor& a, const CarriedDonor& b) {
  return a.table->key.framework == b.table->key.framework &&
         a.table->key.kernel == b.table->key.kernel;
}

// For tables of a wider format: the pairs of tables of their kernel on one chip of yet another
// architecture, in the format itself and in a wider one.
void add_format_steps(std::vector<CarriedDonor>* donors) {
  const std::vector<CarriedDonor> all = *donors;
  for (CarriedDonor& d : *donors) {
    if (!d.other_format) continue;
    for (const CarriedDonor& narrow : all) {
      if (narrow.other_format || narrow.chip->architecture == d.chip->architecture ||
          !is_same_kernel(narrow, d)) {
        continue;
      }
      for (const CarriedDonor& wide : all) {
        if (wide.other_format && wide.chip == narrow.chip && is_same_kernel(wide, d)) {
          d.narrow.push_back(narrow);
          d.wide.push_back(wide);
        }
      }
    }
  }
}

}  // namespace

void keep_heaviest(const CarriedWeights& w, std::vector<CarriedDonor>* donors) {
  if (donors->empty()) return;
  for (CarriedDonor& d : *donors) {
    d.difference = w.framework * d.other_framework + w.library * d.other_library +
                   w.kernel * d.other_kernel + w.format * d.other_format +
                   w.tensor_cores * d.other_tensor_cores;
    d.weight = std::exp(-d.difference) / d.chips_of_architecture;
  }
  std::stable_sort(
      donors->begin(), donors->end(),
      [](const CarriedDonor& a, const CarriedDonor& b) { return a.weight > b.weight; });
  if (donors->size() > kMostDonors) donors->resize(kMostDonors);
  const double least = kLeastShare * donors->front().weight;
  std::erase_if(*donors, [least](const CarriedDonor& d) { return d.weight < least; });
}

void CarriedMean::add(const CarriedWeights& w, const CarriedDonor& donor,
                      const CarriedAnswer& answer) {
  const double weight = donor.weight * std::exp(-w.reach * std::min(answer.distance, kFarthest));
  const double above = answer.log_us - first_;
  weights_ += weight;
  sum_ += weight * above;
  squares_ += weight * above * above;
}

double CarriedMean::log_us(const CarriedWeights& w, const CarriedFamily& family) const {
  const double mean = sum_ / weights_, variance = squares_ / weights_ - mean * mean;
  return first_ + mean - family.shift - w.disagreement * std::clamp(variance, 0.0, kMostVariance);
}

double band_factor(const CarriedWeights& weights, const std::vector<CarriedDonor>& donors) {
  double least = kMostDifference;
  for (const CarriedDonor& d : donors) least = std::min(least, d.difference);
  return 1 + weights.widening * least;
}

CarriedTime::CarriedTime(const MeasuredTables& tables, const std::vector<Chip>& chips,
                         const TiledTime& tiled, const std::vector<std::string>& without)
    : tables_(tables), chips_(chips), tiled_(tiled), without_(without) {}

std::optional<CarriedDonor> CarriedTime::donor(const MeasuredTable& table,
                                               const TableRequest& request, TiledFormula formula,
                                               const TiledChip& chip) const {
  const TableKey& key = table.key;
  if (key.family != request.family) return std::nullopt;
  const std::size_t first = has_wider(request.family) ? 1 : 0;  // after the format
  for (std::size_t i = first; i < kMaxCategories; ++i) {
    if (key.categories[i] != request.categories[i]) return std::nullopt;
  }
  if (std::find(without_.begin(), without_.end(), key.system) != without_.end()) {
    return std::nullopt;
  }
  CarriedDonor d;
  d.table = &table;
  d.chip = find_named(chips_, key.system);
  d.tiled_chip = find_named(tiled_.chips, key.system);
  if (d.chip == nullptr || d.tiled_chip == nullptr) return std::nullopt;
  const std::string& architecture = d.tiled_chip->architecture;
  if (architecture == chip.architecture || is_other_make(architecture)) return std::nullopt;

  const TiledTable wanted =
      tiled_table(request.family, request.framework, request.kernel, request.categories);
  const TiledTable own = tiled_table(key.family, key.framework, key.kernel, views(key.categories));
  if (!is_pool_near(own.pool, wanted.pool, request.family)) return std::nullopt;
  const TiledSet* set = tiled_.model.find_set(own, formula, architecture);
  if (set == nullptr) return std::nullopt;
  d.parameters = set->values;
  d.other_framework = key.framework != request.framework;
  d.host_us = tiled_.model.host_us(wanted, formula, chip.architecture);
  if (!request.kernel.empty()) {
    d.other_kernel = key.family != Family::kGemm && key.kernel != request.kernel;
    d.other_library = kernel_library(key.family, key.framework, key.kernel, *d.tiled_chip) !=
                      kernel_library(key.family, request.framework, request.kernel, chip);
  }
  // What a framework's host does says nothing of another library's kernels.
  d.other_framework |= d.other_library && is_host_time(formula, set->values);
  d.other_format = own.pool != wanted.pool;
  d.other_tensor_cores = d.tiled_chip->tensor_cores != chip.tensor_cores;
  return d;
}

std::vector<CarriedDonor> CarriedTime::all_donors(const TableRequest& request, TiledFormula formula,
                                                  const TiledChip& chip) const {
  std::vector<CarriedDonor> donors;
  std::map<std::string, std::set<std::string>> systems;  // by architecture
  for (const MeasuredTable& table : tables_.tables()) {
    const auto d = donor(table, request, formula, chip);
    if (!d) continue;
    donors.push_back(*d);
    donors.back().index = donors.size() - 1;
    systems[d->chip->architecture].insert(d->chip->name);
  }
  add_format_steps(&donors);
  for (CarriedDonor& d : donors) {
    d.chips_of_architecture = static_cast<int>(systems[d.chip->architecture].size());
  }
  return donors;
}

const std::vector<CarriedDonor>& CarriedTime::donors_of(const TableRequest& request,
                                                        TiledFormula formula,
                                                        const TiledChip& chip) const {
  std::string name = joined(request);
  name += static_cast<char>('a' + static_cast<int>(formula));
  const auto [at, is_new] = donors_.try_emplace(name);
  if (is_new) {
    at->second = all_donors(request, formula, chip);
    keep_heaviest(tiled_.model.tables().weights, &at->second);
  }
  return at->second;
}

CarriedAnswer CarriedTime::own_answer(const CarriedDonor& donor, const TableRequest& request,
                                      const TiledChip& chip, const Dims& dims) const {
  const auto log_us = [&](const TiledChip& on, const TiledParameters& p,
                          const TiledKernel& kernel) {
    return std::log(
        tiled_time(kernel.formula, on, p, kernel.shape, Residency::kWarm).in(units::microsecond));
  };
  const TableKey& key = donor.table->key;
  const Interpolation& how = tables_.interpolation(request.family);
  const LocalEstimate local =
      kept_.at(donor.table->tree(), donor.table->residuals,
               tables_.coordinates(request.family, dims), how.neighbours, how.place_share);
  const double measured = std::log(donor.table->reference.us(dims)) + local.value;
  const double residual = measured - log_us(*donor.tiled_chip, donor.parameters,
                                            tiled_kernel(request.family, key.framework, key.kernel,
                                                         views(key.categories), dims));
  const TiledKernel kernel = tiled_kernel(request, dims);
  TiledParameters p = donor.parameters;
  if (donor.host_us > 0 && is_host_time(kernel.formula, p)) p[0] = donor.host_us;
  double carried = log_us(chip, p, kernel) + std::clamp(residual, -kMostResidual, kMostResidual);
  if (donor.host_us > 0) carried = std::max(carried, std::log(donor.host_us * chip.host_time));
  return {carried, local.distance};
}

CarriedAnswer CarriedTime::answer(const CarriedDonor& donor, const TableRequest& request,
                                  const TiledChip& chip, const Dims& dims) const {
  CarriedAnswer answer = own_answer(donor, request, chip, dims);
  if (donor.narrow.empty()) return answer;
  double sum = 0;
  for (const CarriedDonor& d : donor.narrow) sum += own_answer(d, request, chip, dims).log_us;
  for (const CarriedDonor& d : donor.wide) sum -= own_answer(d, request, chip, dims).log_us;
  answer.log_us +=
      std::clamp(sum / static_cast<double>(donor.narrow.size()), -kMostResidual, kMostResidual);
  return answer;
}

std::optional<TimeEstimate> CarriedTime::estimate(const TableRequest& request,
                                                  const TiledChip& chip, const Dims& dims,
                                                  const TiledEstimate& tiled) const {
  const TiledKernel kernel = tiled_kernel(request, dims);
  const std::vector<CarriedDonor>& donors = donors_of(request, kernel.formula, chip);
  if (donors.empty()) return std::nullopt;
  const TiledTables& fitted = tiled_.model.tables();
  const CarriedFamily* family = fitted.find_family(columns_of(request.family).name);
  const CarriedFamily carried = family == nullptr ? CarriedFamily{} : *family;
  CarriedMean mean(carried.tiled_weight, std::log(tiled.time.in(units::microsecond)));
  for (const CarriedDonor& d : donors) {
    mean.add(fitted.weights, d, answer(d, request, chip, dims));
  }
  const double factor = band_factor(fitted.weights, donors);
  TimeEstimate estimate;
  estimate.source = EstimateSource::kFar;
  estimate.us = std::exp(mean.log_us(fitted.weights, carried));
  estimate.low_us = estimate.us * std::pow(carried.table_low, factor);
  estimate.high_us = estimate.us * std::pow(carried.table_high, factor);
  return estimate;
}

}  // namespace astrolabe::device
