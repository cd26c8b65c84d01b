#include "astrolabe/device/measured_time.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::device {
namespace {

// Distances in kind. Up to kNearKind a table says how this kernel behaves; beyond, another
// architecture's does, by its efficiency.
constexpr double kSameTable = 0.5, kNearKind = 10;
constexpr double kOtherVersion = 0.1, kOtherKernel = 2, kOtherFramework = 3, kSisterChip = 1.5,
                 kOtherArchitecture = 12, kPerGeneration = 2;
constexpr double kAlike = 0.75;  // donors this much farther than the nearest still count
constexpr std::size_t kMostSisters = 3;
constexpr double kHostDisagreement = 0.05;
constexpr double kBlind = 2;  // half width (log) of the band of a bare reference time

// Several kernels as one measured time.
bool is_module(Family family) {
  return family == Family::kLatentModulePrefill || family == Family::kLatentModuleDecode ||
         family == Family::kSparseModuleDecode || family == Family::kExperts ||
         family == Family::kWideExperts;
}

// A single kernel whose smallest call takes this many times a launch is host time.
constexpr double kHostFloor = 10;
constexpr double kHostSpread = 2;         // longest host time of a table over its floor
constexpr double kLaunchOverFloor = 1.3;  // what does not follow the clock, over the table's floor
constexpr double kLeastBusy = 0.05;       // of a time, what at least is not launch
constexpr double kBusy = 0.9;             // share of a peak at which a resource is all that counts
constexpr double kSideBySide = 2;         // exponent of resources that work side by side
constexpr double kKeptInL2 = 0.5;         // of the L2, what a loop finds there again
constexpr double kWidening = 0.3;         // of its memory time, where weights are widened to bf16

bool is_host_table(const MeasuredTable& table) {
  const Family family = table.key.family;
  return !is_module(family) && table.floor_us > kHostFloor * launch_us(family);
}

// How much of a time is explained by a resource that alone would take `share` of it: in one kernel
// t^q = sum (F / (0.9 F_peak))^q, so the q-th power of its share (H100 against H200). Several
// kernels follow each other: what a resource takes it explains.
double explained(double share, Family family) {
  return is_module(family) ? std::clamp(share, 0.0, 1.0)
                           : std::pow(std::clamp(share / kBusy, 0.0, 1.0), kSideBySide);
}

// Part of the bytes of a KV cache that comes from HBM though the loop has just read it.
double from_hbm(const Work& work, const Chip& chip, Family family) {
  if (family != Family::kAttentionDecode && family != Family::kLatentDecode) return 1;
  const double kept = kKeptInL2 * chip.l2_bytes;
  const double b4 = std::pow(work.bytes, 4), k4 = std::pow(kept, 4);
  return b4 / (b4 + k4);
}

// From the time on one chip to that on another of the same architecture. Arithmetic, exponentials
// and memory take their shares with their rates; of the rest, `launch` is a time that stays, and
// all else happens on SMs and follows their clock.
double carry_device(double us, double launch, const Work& work, const Chip& from, const Chip& to,
                    Family family) {
  const double from_peak = from.peak_tflops(work.format), to_peak = to.peak_tflops(work.format);
  // The floor of a module holds reads of its weights; one kernel's resources wait for its launch.
  const double busy = is_module(family) ? us : std::max(us - launch, kLeastBusy * us);
  double compute = explained(work.flops / (from_peak * 1e6) / busy, family);
  double memory = explained(work.bytes / (from.hbm_gbps * 1e3) / busy, family) *
                  from_hbm(work, from, family) * (work.widens ? kWidening : 1);
  double softmax = 0;
  if (from.exponentials_per_us > 0 && to.exponentials_per_us > 0) {
    softmax = explained(work.exponentials / from.exponentials_per_us / busy, family);
  }
  const double scale = busy / us / std::max(1.0, compute + memory + softmax);
  compute *= scale, memory *= scale, softmax *= scale;
  double ratio =
      1 + compute * (from_peak / to_peak - 1) + memory * (from.hbm_gbps / to.hbm_gbps - 1);
  if (softmax > 0) {
    ratio += softmax * (from.exponentials_per_us / to.exponentials_per_us - 1);
  }
  const double rest = std::max(0.0, 1 - compute - memory - softmax);
  const double stays = std::min(rest, launch / us);
  if (from.clock_mhz > 0 && to.clock_mhz > 0) {
    ratio += (rest - stays) * (from.clock_mhz / to.clock_mhz - 1);
  }
  return us * ratio;
}

// Of a kernel that is host time: launched back to back, host and device work side by side, so the
// slower of both counts. What lies above the spread of host times is the device's; what lies within
// it is the host's, and the device needs what its roofs say.
double carry_over(double us, const Work& work, const Chip& from, const Chip& to,
                  const MeasuredTable& table) {
  const Family family = table.key.family;
  const double launch = std::min(kLaunchOverFloor * table.floor_us, us);
  if (!is_host_table(table)) {
    return carry_device(us, launch, work, from, to, family);
  }
  const bool is_device = us > kHostSpread * table.floor_us;
  const double host = is_device ? launch : us;
  const double device = is_device ? us : std::min(us, reference_time_us(family, work, from));
  return std::max(host * to.host_time / from.host_time,
                  carry_device(device, launch_us(family), work, from, to, family));
}

// The same for experts: the geometric mean of carry_over, which starts from the time as measured,
// and of the tiled fidelity's ratio, which knows tiles, passes and the number of SMs.
double carry_experts(double us, double carried_us, const MeasuredTable& table, const Dims& dims,
                     const TiledChip* to) {
  const auto ratio = to == nullptr ? std::nullopt : table.reference.ratio_to(*to, dims);
  return ratio ? std::sqrt(carried_us * us * *ratio) : carried_us;
}

// Of what the table of `from` says on `to`, from its residual at the shape.
double log_time(const Work& work, const Chip& from, const Chip& to, const TiledChip* tiled_to,
                double residual, const MeasuredTable& table, const Dims& dims) {
  const Family family = table.key.family;
  const double us = table.reference.us(dims) * std::exp(residual);
  if (from.name == to.name) return std::log(us);
  if (from.architecture == to.architecture) {
    const double carried = carry_over(us, work, from, to, table);
    return std::log(family == Family::kExperts ? carry_experts(us, carried, table, dims, tiled_to)
                                               : carried);
  }
  return std::log(us * reference_time_us(family, work, to) / reference_time_us(family, work, from));
}

}  // namespace

MeasuredTime::MeasuredTime(const MeasuredTables& tables, const std::vector<Chip>& chips,
                           std::vector<std::string> without, const TiledTime* tiled)
    : tables_(tables), chips_(chips), without_(std::move(without)), tiled_(tiled) {
  if (tiled != nullptr) carried_.emplace(tables, chips, *tiled, without_);
}

bool MeasuredTime::is_left_out(const std::string& system) const {
  return std::find(without_.begin(), without_.end(), system) != without_.end();
}

double MeasuredTime::distance_in_kind(const TableKey& key, const TableRequest& request,
                                      const Chip& chip) const {
  double d = 0;
  if (key.framework != request.framework) {
    d += kOtherFramework;
  } else if (key.version != request.version && !request.version.empty()) {
    d += kOtherVersion;
  }
  if (key.kernel != request.kernel && !request.kernel.empty()) d += kOtherKernel;
  if (key.system == request.system) return d;
  const Chip* other = find_chip(chips_, key.system);
  if (other != nullptr && other->architecture == chip.architecture) return d + kSisterChip;
  const double years = other == nullptr ? 10 : std::abs(other->generation - chip.generation);
  return d + kOtherArchitecture + kPerGeneration * years;
}

const MeasuredTime::Donors& MeasuredTime::donors_of(const TableRequest& request,
                                                    const Chip& chip) const {
  Donors& donors = donors_[joined(request)];
  if (!donors.empty()) return donors;
  for (const MeasuredTable& table : tables_.tables()) {
    if (table.key.family != request.family || !table.key.has_categories(request.categories) ||
        is_left_out(table.key.system)) {
      continue;
    }
    donors.push_back(
        {&table, find_chip(chips_, table.key.system), distance_in_kind(table.key, request, chip)});
  }
  std::stable_sort(donors.begin(), donors.end(),
                   [](const Donor& a, const Donor& b) { return a.distance < b.distance; });
  if (donors.empty()) return donors;
  const double farthest = donors.front().distance < kSameTable ? donors.front().distance
                                                               : donors.front().distance + kAlike;
  const auto end = std::find_if(donors.begin(), donors.end(),
                                [&](const Donor& d) { return d.distance > farthest; });
  donors.erase(end, donors.end());
  if (donors.size() > kMostSisters) donors.resize(kMostSisters);
  return donors;
}

LocalEstimate MeasuredTime::residual(const MeasuredTable& table, const Coordinates& at) const {
  const Interpolation& how = tables_.interpolation(table.key.family);
  // The scatter of a host's times is not that of the place.
  const float place_share = is_host_table(table) ? 0 : how.place_share;
  if (table.sister >= 0) {
    const MeasuredTable& sister = tables_.tables()[static_cast<std::size_t>(table.sister)];
    if (!is_left_out(sister.key.system)) {
      const LocalEstimate base =
          kept_.at(sister.tree(), sister.residuals, at, how.neighbours, place_share);
      LocalEstimate own =
          kept_.at(table.tree(), table.differences, at, how.difference_neighbours, place_share);
      if (own.neighbours > 0 && base.neighbours > 0) {
        own.value += base.value;
        own.spread = std::max(own.spread, base.spread);
        own.distance = std::min(own.distance, base.distance);
        return own;
      }
    }
  }
  return kept_.at(table.tree(), table.residuals, at, how.neighbours, place_share);
}

const TiledTimer& MeasuredTime::timer(const TableRequest& request, TiledFormula formula,
                                      const TiledChip& chip) const {
  std::string key = joined(request);
  key += static_cast<char>('a' + static_cast<int>(formula));
  auto it = timers_.find(key);
  if (it == timers_.end()) {
    const TiledTable table =
        tiled_table(request.family, request.framework, request.kernel, request.categories);
    it = timers_.emplace(key, tiled_->model.timer(table, formula, chip)).first;
  }
  return it->second;
}

double MeasuredTime::dispatched_us(double us, const TableRequest& request, const TiledChip& chip,
                                   const Dims& dims) const {
  TableRequest gathered = request;
  gathered.is_dispatched = false;
  const TiledTimer& times = timer(request, TiledFormula::kExperts, chip);
  const auto tiled_us = [&](const TableRequest& r) {
    return times.estimate(tiled_kernel(r, dims).shape, Residency::kWarm)
        .time.in(units::microsecond);
  };
  const double own = tiled_us(request), all = tiled_us(gathered);
  return std::min(us, std::max(own, us * own / all));
}

std::optional<TimeEstimate> MeasuredTime::tiled_estimate(const TableRequest& request,
                                                         const Chip& chip, const Dims& dims) const {
  const TiledChip* found = tiled_ == nullptr ? nullptr : tiled_->find(chip.name);
  if (found == nullptr) return std::nullopt;
  const TiledKernel kernel = tiled_kernel(request, dims);
  const TiledEstimate e =
      timer(request, kernel.formula, *found).estimate(kernel.shape, Residency::kWarm);
  if (e.is_carried) {
    if (const auto carried = carried_->estimate(request, *found, dims, e)) return carried;
  }
  return TimeEstimate{e.time.in(units::microsecond), e.low.in(units::microsecond),
                      e.high.in(units::microsecond), EstimateSource::kTiled};
}

TimeEstimate MeasuredTime::estimate(const TableRequest& request, const Chip& chip,
                                    const Dims& dims) const {
  const Work work = work_of(request.family, request.categories, dims, request.kernel);
  const double reference = reference_time_us(request.family, work, chip);
  const Donors& donors = donors_of(request, chip);
  if (donors.empty() || donors.front().distance >= kNearKind) {
    if (const auto tiled = tiled_estimate(request, chip, dims)) return *tiled;
  }
  if (donors.empty()) {
    return {reference, reference * std::exp(-kBlind), reference * std::exp(kBlind),
            EstimateSource::kReference};
  }
  const Coordinates at = tables_.coordinates(request.family, dims);
  const TiledChip* tiled_chip = tiled_ == nullptr ? nullptr : tiled_->find(chip.name);
  struct Answer {
    double log_us, spread, weight;
    bool same_host;
  };
  std::vector<Answer> answers;
  double same_sum = 0, same_weights = 0;
  for (const Donor& donor : donors) {
    const LocalEstimate local = residual(*donor.table, at);
    Answer a{log_time(work, *donor.chip, chip, tiled_chip, local.value, *donor.table, dims),
             local.spread, std::exp(-donor.distance), donor.chip->host_time == chip.host_time};
    if (a.same_host) same_sum += a.weight * a.log_us, same_weights += a.weight;
    answers.push_back(a);
  }
  double sum = 0, weights = 0, spread = 0;
  for (const Answer& a : answers) {
    double w = a.weight;
    // What chips on two kinds of host disagree on is host time: that of the same host counts.
    if (!a.same_host && same_weights > 0) {
      w *= std::exp(-std::abs(a.log_us - same_sum / same_weights) / kHostDisagreement);
    }
    sum += w * a.log_us;
    spread += w * a.spread;
    weights += w;
  }
  const Interpolation& how = tables_.interpolation(request.family);
  const double nearest = donors.front().distance;
  const double s = spread / weights;
  TimeEstimate estimate;
  double half = 0;
  if (nearest < kSameTable) {
    estimate.source = EstimateSource::kTable;
    half = how.band_known * std::hypot(s, how.floor);
  } else if (nearest < kNearKind) {
    estimate.source = EstimateSource::kNear;
    half = how.band_near * std::hypot(s, how.near_floor);
  } else {
    estimate.source = EstimateSource::kFar;
    half = how.band_far * std::hypot(s, how.far_floor);
  }
  estimate.us = std::exp(sum / weights);
  if (request.is_dispatched && tiled_chip != nullptr) {
    estimate.us = dispatched_us(estimate.us, request, *tiled_chip, dims);
  }
  estimate.low_us = estimate.us * std::exp(-half);
  estimate.high_us = estimate.us * std::exp(half);
  return estimate;
}

}  // namespace astrolabe::device
