// Fits the power model (device/power.h) on measured board power and writes
// data/power_parameters.csv.
//
//   fit_power [--measurements DIR] [--score]
//
// Tables: data/measurements/power_*.csv.zst, mean board power while a kernel runs back to back.
// The meter (NVML, a sample each 100 ms from the start, for 0.3-1 s but at most 3000 runs) sees a
// short kernel only in part, so while fitting, and in scores of short kernels,
//   P_seen = P_idle + s (P - P_idle),   s = t / (t + tau),   one tau a family and chip;
// tau belongs to the meter and is not written. That form is not all of it (decode attention of H200
// at 80 to 90 % of its bandwidth reads 476 W below 300 us, 542 below 600, 580 above), so a row
// counts t^2 / (t^2 + 300^2 us^2). Kernels of 600 us and more are called settled.
// Left out: rows whose bytes over time exceed the HBM peak (operands from L2), and rows within 1.5
// times the shortest of their table (timed by the host, not by the chip).
// P_idle is the 2nd percentile of a chip's rows. The other parameters minimise the soft-L1 loss of
// log(P_seen / measured), scale 0.05, each family with the same weight, within bounds, by
// Levenberg-Marquardt. One series in 11 (all dimensions but the last, the
// same on every chip) is held out. Standard errors:
// jackknife over 8 groups of series. The loss is robust because repeats of one case scatter by
// 2-25 %: the meter's first sample still shows what ran before. Deterministic.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "astrolabe/base/error.h"
#include "astrolabe/device/measurement_file.h"
#include "astrolabe/device/power.h"

namespace {

using namespace astrolabe;
using namespace astrolabe::device;

constexpr Family kFitted[] = {Family::kGemm, Family::kAttentionPrefill, Family::kAttentionDecode,
                              Family::kExperts};
constexpr std::size_t kNFitted = 4;
constexpr double kSettledUs = 600;
constexpr double kHalfUs = 300;  // a kernel this long counts half
constexpr int kGroups = 8;

struct ChipName {
  const char *system, *entity;
};
constexpr ChipName kChips[] = {
    {"h200_sxm", "h200_sxm"}, {"b200_sxm", "b200_sxm"}, {"gb200", "gb200_nvl72"}};
constexpr std::size_t kNChips = 3;

// Chips without power tables that run the kernels of one that has them.
struct Sister {
  const char* entity;
  std::size_t of;
};
constexpr Sister kSisters[] = {
    {"h100_sxm", 0}, {"h800_sxm", 0}, {"b300_sxm", 1}, {"gb300_nvl72", 2}};

// Fitted, in the order of PowerParameters::names() from its second on, then tau of each family.
constexpr std::size_t kNModel = 8, kNFit = kNModel + kNFitted;
using Vector = std::array<double, kNFit>;
constexpr Vector kStart = {0.2, 0.2, 0.3, 0.7, 0.7, 0.6, 1, 0.5, 30, 20, 60, 40};
constexpr Vector kLowest = {0, 0, 0, 0.2, 0.2, 0.2, 0.5, 0.15, 0, 0, 0, 0};
constexpr Vector kHighest = {0.7, 0.7, 0.7, 1.2, 1.2, 1.2, 2, 0.8, 500, 500, 500, 500};

struct Row {
  Load load;
  double us = 0, watts = 0;
  std::size_t family = 0;
  int group = 0;
  bool is_held_out = false;
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

struct Chip {
  Accelerator accelerator;
  double idle_share = 0;
  std::vector<Row> rows;
  std::vector<double> watts;  // of all rows, also those left out
  std::map<std::string, long> left_out;
};

WorkKind kind_of(Family family) {
  if (family == Family::kExperts) return WorkKind::kExperts;
  return family == Family::kGemm ? WorkKind::kProduct : WorkKind::kAttention;
}

// One file; rows of a table within 1.5 times its shortest are dropped.
void read_family(const std::string& directory, std::size_t family, std::vector<Chip>* chips) {
  struct Pending {
    std::size_t chip;
    Row row;
  };
  std::map<std::string, std::vector<Pending>> tables;
  const char* name = columns_of(kFitted[family]).name;
  const MeasurementFile file = read_measurements(
      fmt::format("{}/power_{}.csv.zst", directory, name), [&](const Measurement& m) {
        const auto it = std::find_if(std::begin(kChips), std::end(kChips),
                                     [&](const ChipName& c) { return m.system == c.system; });
        if (it == std::end(kChips)) return;
        const auto c = static_cast<std::size_t>(it - std::begin(kChips));
        Chip& chip = (*chips)[c];
        if (!(m.power_w > 0)) return static_cast<void>(++chip.left_out["no power"]);
        chip.watts.push_back(m.power_w);
        const Work work = work_of(m.family, m.categories, m.dims);
        const Duration time = m.latency_us * units::microsecond;
        Row row;
        const auto format = static_cast<workload::NumberFormat>(work.format);
        row.load = {work.flops * units::flop / time, chip.accelerator.executed_format(format),
                    work.bytes * units::byte / time, kind_of(m.family)};
        row.us = m.latency_us;
        row.watts = m.power_w;
        row.family = family;
        std::uint64_t series = 0;
        const auto n = columns_of(m.family).dims.size();
        for (std::size_t i = 0; i + 1 < n; ++i) {
          series = 31 * series + static_cast<std::uint64_t>(m.dims[i]);
        }
        row.is_held_out = series % 11 == 0;
        row.group = static_cast<int>(series / 11 % kGroups);
        tables[fmt::format("{} {} {}", m.system, m.framework, m.categories[0])].push_back({c, row});
      });
  if (file.excluded.rows() > 0) fmt::print("{}: {} rows unusable\n", name, file.excluded.rows());
  for (const auto& [key, pending] : tables) {
    std::vector<double> times;
    for (const Pending& p : pending) times.push_back(p.row.us);
    const double floor = 1.5 * quantile(times, 0.02);
    for (const Pending& p : pending) {
      Chip& chip = (*chips)[p.chip];
      if (p.row.us < floor) {
        ++chip.left_out["timed by the host"];
      } else if (p.row.load.byte_rate > 1.02 * chip.accelerator.hbm_bandwidth) {
        ++chip.left_out["more bytes than the HBM peak"];
      } else {
        chip.rows.push_back(p.row);
      }
    }
  }
}

PowerParameters parameters_of(const Chip& chip, const Vector& x) {
  PowerParameters p;
  p.idle = chip.idle_share;
  const auto values = p.values();
  for (std::size_t i = 0; i < kNModel; ++i) *values[i + 1] = x[i];
  return p;
}

// What the meter shows.
double seen(const PowerModel& model, const Row& row, const Vector& x) {
  const PowerEstimate p = model.at(row.load);
  const double tau = x[kNModel + row.family];
  return (p.idle + row.us / (row.us + tau) * p.dynamic).in(units::watt);
}

// Levenberg-Marquardt with bounds on sum_i w_i rho(r_i).
class Fit {
 public:
  // Rows of `group` are left out (jackknife); -1: none.
  Fit(const Chip& chip, int group) : chip_(chip) {
    std::array<double, kNFitted> count{};
    for (const Row& row : chip.rows) {
      if (row.is_held_out || row.group == group) continue;
      rows_.push_back(&row);
      weights_.push_back(row.us * row.us / (row.us * row.us + kHalfUs * kHalfUs));
      count[row.family] += weights_.back();
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) weights_[i] /= count[rows_[i]->family];
  }

  Vector run(Vector x) {
    double lambda = 1e-3;
    double loss = evaluate(x, &residuals_);
    for (int step = 0; step < 60 && lambda < 1e8; ++step) {
      linearise(x);
      while (lambda < 1e8) {
        const Vector tried = stepped(x, lambda);
        const double now = evaluate(tried, &scratch_);
        if (!(now < loss)) {
          lambda *= 5;
          continue;
        }
        const bool is_done = loss - now < 1e-6 * loss;
        x = tried;
        loss = now;
        residuals_.swap(scratch_);
        lambda = std::max(lambda / 5, 1e-9);
        if (is_done) return x;
        break;
      }
    }
    return x;
  }

  std::size_t size() const { return rows_.size(); }

 private:
  static constexpr double kScale = 0.05;

  double evaluate(const Vector& x, std::vector<double>* residuals) const {
    const PowerModel model(chip_.accelerator, parameters_of(chip_, x));
    residuals->resize(rows_.size());
    double loss = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const double r = std::log(seen(model, *rows_[i], x) / rows_[i]->watts);
      (*residuals)[i] = r;
      loss += weights_[i] * (std::sqrt(1 + r * r / (kScale * kScale)) - 1);
    }
    return loss;
  }

  // Weighted normal equations, derivatives by differences into the box.
  void linearise(const Vector& x) {
    std::vector<std::vector<double>> columns(kNFit);
    for (std::size_t j = 0; j < kNFit; ++j) {
      Vector moved = x;
      const double h = 1e-4 * std::max(std::abs(kStart[j]), 1e-3);
      moved[j] += x[j] + h > kHighest[j] ? -h : h;
      evaluate(moved, &columns[j]);
      const double per = 1 / (moved[j] - x[j]);
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        columns[j][i] = (columns[j][i] - residuals_[i]) * per;
      }
    }
    for (std::size_t a = 0; a < kNFit; ++a) {
      gradient_[a] = 0;
      normal_[a].fill(0);
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const double r = residuals_[i];
      const double w = weights_[i] / std::sqrt(1 + r * r / (kScale * kScale));
      for (std::size_t a = 0; a < kNFit; ++a) {
        gradient_[a] += w * columns[a][i] * r;
        for (std::size_t b = 0; b <= a; ++b) normal_[a][b] += w * columns[a][i] * columns[b][i];
      }
    }
    for (std::size_t a = 0; a < kNFit; ++a) {
      for (std::size_t b = 0; b < a; ++b) normal_[b][a] = normal_[a][b];
    }
  }

  // Parameters at a bound that the gradient pushes against stay there.
  Vector stepped(const Vector& x, double lambda) const {
    auto matrix = normal_;
    Vector right{};
    for (std::size_t a = 0; a < kNFit; ++a) {
      const bool is_stuck = (x[a] <= kLowest[a] && gradient_[a] > 0) ||
                            (x[a] >= kHighest[a] && gradient_[a] < 0) || normal_[a][a] <= 0;
      right[a] = is_stuck ? 0 : -gradient_[a];
      matrix[a][a] *= 1 + lambda;
      if (!is_stuck) continue;
      for (std::size_t b = 0; b < kNFit; ++b) matrix[a][b] = matrix[b][a] = 0;
      matrix[a][a] = 1;
    }
    Vector moved = x;
    const Vector step = solved(matrix, right);
    for (std::size_t a = 0; a < kNFit; ++a) {
      moved[a] = std::clamp(x[a] + step[a], kLowest[a], kHighest[a]);
    }
    return moved;
  }

  // Gauss-Jordan; the matrix is symmetric positive definite.
  static Vector solved(std::array<Vector, kNFit> m, Vector v) {
    for (std::size_t a = 0; a < kNFit; ++a) {
      const double pivot = m[a][a];
      for (std::size_t b = 0; b < kNFit; ++b) m[a][b] /= pivot;
      v[a] /= pivot;
      for (std::size_t c = 0; c < kNFit; ++c) {
        if (c == a) continue;
        const double f = m[c][a];
        for (std::size_t b = 0; b < kNFit; ++b) m[c][b] -= f * m[a][b];
        v[c] -= f * v[a];
      }
    }
    return v;
  }

  const Chip& chip_;
  std::vector<const Row*> rows_;
  std::vector<double> weights_;
  std::vector<double> residuals_, scratch_;
  std::array<Vector, kNFit> normal_;
  Vector gradient_{};
};

struct Fitted {
  Vector x{}, error{};
  std::size_t rows = 0;
  PowerParameters parameters;
  double residual = 0;  // median error of settled held-out rows, %
};

struct Scores {
  std::vector<double> error[kNFitted], all;  // %
  std::vector<double> ratio;                 // measured over estimated dynamic power
  std::vector<double> inside;                // 0 or 1
  double mean() const {
    double sum = 0;
    for (double e : all) sum += e;
    return all.empty() ? 0 : sum / static_cast<double>(all.size());
  }
};

// Of held-out rows, settled or short.
Scores score(const Chip& chip, const PowerParameters& p, const Vector& x, bool is_settled) {
  Scores s;
  const PowerModel model(chip.accelerator, p);
  for (const Row& row : chip.rows) {
    if (!row.is_held_out || (row.us >= kSettledUs) != is_settled) continue;
    const PowerEstimate e = model.at(row.load);
    const double error = 100 * std::abs(seen(model, row, x) / row.watts - 1);
    const Power measured = row.watts * units::watt;
    s.error[row.family].push_back(error);
    s.all.push_back(error);
    s.ratio.push_back((measured - e.idle) / e.dynamic);
    // Boards overshoot the limit by 1-2 %; the estimate never does.
    const Power counted = std::min(measured, chip.accelerator.tdp);
    s.inside.push_back(counted >= e.p10 && counted <= e.p90 ? 1 : 0);
  }
  return s;
}

void print(const std::string& name, const Scores& s) {
  fmt::print("  {:40} n {:6} mean {:5.1f} median {:5.1f}  ", name, s.all.size(), s.mean(),
             quantile(s.all, 0.5));
  for (std::size_t f = 0; f < kNFitted; ++f) {
    fmt::print("{} {:.1f}  ", columns_of(kFitted[f]).name, quantile(s.error[f], 0.5));
  }
  double inside = 0;
  for (double i : s.inside) inside += i;
  fmt::print("band {:.0f} %\n", 100 * inside / std::max(1.0, static_cast<double>(s.inside.size())));
}

Fitted fit(const Chip& chip) {
  Fitted f;
  Fit whole(chip, -1);
  f.rows = whole.size();
  f.x = whole.run(kStart);
  std::array<Vector, kGroups> without{};
  for (int g = 0; g < kGroups; ++g) without[static_cast<std::size_t>(g)] = Fit(chip, g).run(f.x);
  for (std::size_t j = 0; j < kNFit; ++j) {
    double mean = 0, square = 0;
    for (const Vector& v : without) mean += v[j] / kGroups;
    for (const Vector& v : without) square += (v[j] - mean) * (v[j] - mean);
    f.error[j] = std::sqrt(square * (kGroups - 1) / kGroups);
  }
  f.parameters = parameters_of(chip, f.x);
  // The band comes from the fitted rows, its coverage is checked on those held out.
  std::vector<double> ratio;
  const PowerModel model(chip.accelerator, f.parameters);
  for (const Row& row : chip.rows) {
    if (row.is_held_out || row.us < kSettledUs) continue;
    const PowerEstimate e = model.at(row.load);
    ratio.push_back((row.watts * units::watt - e.idle) / e.dynamic);
  }
  f.parameters.dynamic_low = std::min(1.0, quantile(ratio, 0.1));
  f.parameters.dynamic_high = std::max(1.0, quantile(ratio, 0.9));
  f.residual = quantile(score(chip, f.parameters, f.x, true).all, 0.5);
  return f;
}

// The energies per FLOP and byte of `from`, the other shares as they are.
PowerParameters carried(PowerParameters p, const Accelerator& from, const Accelerator& to) {
  const double memory = (from.tdp / from.hbm_bandwidth) / (to.tdp / to.hbm_bandwidth);
  for (int i = 0; i < workload::kNumberFormats; ++i) {
    const auto format = static_cast<workload::NumberFormat>(i);
    p.compute[static_cast<std::size_t>(i)] *=
        (from.tdp / from.peak(format)) / (to.tdp / to.peak(format));
  }
  p.memory *= memory;
  return p;
}

// Shares of the limit, mean of two.
PowerParameters mean_of(PowerParameters a, PowerParameters b) {
  const auto x = a.values(), y = b.values();
  for (std::size_t i = 0; i < x.size(); ++i) *x[i] = (*x[i] + *y[i]) / 2;
  return a;
}

class Writer {
 public:
  explicit Writer(const std::string& path) : file_(std::fopen(path.c_str(), "w")) {
    if (file_ == nullptr) throw InputError({path, 0}, "", "not writable", "a file to write");
    fmt::print(file_, "entity,attribute,value,unit,low,high,as_of,source,locator,note\n");
  }
  ~Writer() { std::fclose(file_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void row(const std::string& entity, std::size_t i, double value, const std::string& low,
           const std::string& high, bool is_estimate, const std::string& locator,
           const std::string& note) {
    fmt::print(file_, "power_{},{},{},{},{},{},2026-11-28,{},{},{}\n", entity,
               PowerParameters::names()[i], in_unit(i, value), unit(i), low, high,
               is_estimate ? "derating_estimates" : "aiconfigurator_operators", locator, note);
  }
  static std::string in_unit(std::size_t i, double value) {
    return fmt::format("{:.4g}", is_share(i) ? 100 * value : value);
  }

 private:
  static bool is_share(std::size_t i) { return i != 7; }  // the factor on attention
  static const char* unit(std::size_t i) { return is_share(i) ? "%" : "1"; }

  std::FILE* file_;
};

std::string energies(const PowerParameters& p, const Accelerator& a, std::size_t i) {
  if (i == 8) {
    return fmt::format("{:.0f} pJ a byte", 1e12 * p.memory * (a.tdp / a.hbm_bandwidth).base());
  }
  if (i < 4 || i > 6) return "";
  const auto format = static_cast<workload::NumberFormat>(i == 6 ? 3 : i - 4);
  const double share = p.compute[static_cast<std::size_t>(format)];
  return fmt::format("{:.3f} pJ a FLOP", 1e12 * share * (a.tdp / a.peak(format)).base());
}

void write_own(Writer* out, const Chip& chip, const char* entity, Fitted f) {
  const auto values = f.parameters.values();
  const bool has_fp4 = chip.accelerator.rates[3].has_value();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == 6 && !has_fp4) continue;  // computed in bf16
    const bool is_fitted = i >= 1 && i <= kNModel;
    std::string low, high;
    std::string locator = i == 0 ? "fit_power: 2nd percentile of the board power of all rows"
                                 : "fit_power: quantile over settled rows";
    if (is_fitted) {
      const double spread = 1.2816 * f.error[i - 1];
      low = Writer::in_unit(i, std::max(*values[i] - spread, kLowest[i - 1]));
      high = Writer::in_unit(i, std::min(*values[i] + spread, kHighest[i - 1]));
      const bool is_at_bound =
          *values[i] <= kLowest[i - 1] * 1.001 || *values[i] >= kHighest[i - 1] * 0.999;
      locator =
          fmt::format("fit_power: standard error {}; {}bounds {} to {}",
                      Writer::in_unit(i, f.error[i - 1]), is_at_bound ? "AT ONE OF ITS " : "",
                      Writer::in_unit(i, kLowest[i - 1]), Writer::in_unit(i, kHighest[i - 1]));
    }
    locator += fmt::format("; {} rows; median error of held-out settled rows {:.1f} %", f.rows,
                           f.residual);
    out->row(entity, i, *values[i], low, high, false, locator,
             energies(f.parameters, chip.accelerator, i));
  }
}

// `own`: the fits whose least and greatest value are the range.
void write_carried(Writer* out, const char* entity, PowerParameters p, const Accelerator* to,
                   std::vector<PowerParameters> own, const std::string& locator) {
  const auto values = p.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == 6 && to != nullptr && !to->rates[3].has_value()) continue;
    const std::string energy = to == nullptr ? "" : energies(p, *to, i);
    std::vector<double> range;
    for (PowerParameters& o : own) range.push_back(*o.values()[i]);
    std::sort(range.begin(), range.end());
    const bool has_range = i < 9 && !range.empty();
    out->row(entity, i, *values[i], has_range ? Writer::in_unit(i, range.front()) : "",
             has_range ? Writer::in_unit(i, range.back()) : "", true, locator,
             "ESTIMATE: no power tables of this chip" + (energy.empty() ? "" : "; " + energy));
  }
}

// The band that covers carrying: 10-90 % of measured over estimated dynamic power.
void widen(const std::vector<const Scores*>& carried_to, PowerParameters* p) {
  std::vector<double> low, high;
  for (const Scores* s : carried_to) {
    low.push_back(quantile(s->ratio, 0.1));
    high.push_back(quantile(s->ratio, 0.9));
  }
  p->dynamic_low = std::min(1.0, *std::min_element(low.begin(), low.end()));
  p->dynamic_high = std::max(1.0, *std::max_element(high.begin(), high.end()));
}

void print_fit(const ChipName& name, const Chip& chip, Fitted f) {
  fmt::print("{}: {} rows, fitted on {}; left out:", name.system, chip.rows.size(), f.rows);
  for (const auto& [why, n] : chip.left_out) fmt::print(" {} {};", n, why);
  fmt::print("\n ");
  const auto values = f.parameters.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    fmt::print(" {} {:.3f}", PowerParameters::names()[i], *values[i]);
    if (i >= 1 && i <= kNModel) fmt::print("+-{:.3f}", f.error[i - 1]);
  }
  fmt::print("\n  tau [us]");
  for (std::size_t i = kNModel; i < kNFit; ++i) fmt::print(" {:.0f}", f.x[i]);
  fmt::print("\n");
}

void write_sisters(const catalog::Catalog& catalog, const std::vector<Chip>& chips,
                   const std::vector<Fitted>& fits, const std::vector<const Scores*>& scores,
                   Writer* out) {
  for (const Sister& sister : kSisters) {
    const Accelerator to = read_accelerator(catalog, sister.entity);
    PowerParameters p = carried(fits[sister.of].parameters, chips[sister.of].accelerator, to);
    widen(scores, &p);
    p.dynamic_low = std::min(p.dynamic_low, fits[sister.of].parameters.dynamic_low);
    p.dynamic_high = std::max(p.dynamic_high, fits[sister.of].parameters.dynamic_high);
    write_carried(
        out, sister.entity, p, &to, {},
        fmt::format("fit_power: energies per FLOP and byte of {}; band of B200 from GB200 "
                    "and back",
                    kChips[sister.of].entity));
  }
}

void run(const std::string& data, const std::string& directory, const std::string& output,
         bool only_score) {
  const catalog::Catalog catalog = catalog::Catalog::load(data);
  std::vector<Chip> chips(kNChips);
  for (std::size_t c = 0; c < kNChips; ++c) {
    chips[c].accelerator = read_accelerator(catalog, kChips[c].entity);
  }
  for (std::size_t f = 0; f < kNFitted; ++f) read_family(directory, f, &chips);
  std::vector<Fitted> fits;
  for (std::size_t c = 0; c < kNChips; ++c) {
    Chip& chip = chips[c];
    chip.idle_share = quantile(chip.watts, 0.02) / chip.accelerator.tdp.in(units::watt);
    fits.push_back(fit(chip));
    print_fit(kChips[c], chip, fits[c]);
    print("held out, settled", score(chip, fits[c].parameters, fits[c].x, true));
    print("held out, short", score(chip, fits[c].parameters, fits[c].x, false));
  }
  // Leave one chip out.
  const auto carry = [&](std::size_t from, std::size_t to) {
    return carried(fits[from].parameters, chips[from].accelerator, chips[to].accelerator);
  };
  const auto left_out = [&](const char* how, std::size_t to, const PowerParameters& p,
                            std::size_t meter) {
    Scores s = score(chips[to], p, fits[meter].x, true);
    print(fmt::format("{} {}", kChips[to].system, how), s);
    return s;
  };
  const PowerParameters blackwell = mean_of(fits[1].parameters, fits[2].parameters);
  fmt::print("without the chip's own power (settled rows):\n");
  const Scores b_of_gb = left_out("from gb200, energies", 1, carry(2, 1), 2);
  const Scores gb_of_b = left_out("from b200_sxm, energies", 2, carry(1, 2), 1);
  const PowerParameters energies_of_b = mean_of(carry(1, 0), carry(2, 0));
  left_out("from Blackwell, energies", 0, energies_of_b, 1);
  const Scores h_of_b = left_out("from Blackwell, shares", 0, blackwell, 1);
  const Scores b_of_h = left_out("from h200_sxm, shares", 1, fits[0].parameters, 0);
  const Scores gb_of_h = left_out("from h200_sxm, shares", 2, fits[0].parameters, 0);
  left_out("from h200_sxm, energies", 1, carry(0, 1), 0);
  left_out("from h200_sxm, energies", 2, carry(0, 2), 0);
  if (only_score) return;
  Writer out(output);
  for (std::size_t c = 0; c < kNChips; ++c) {
    write_own(&out, chips[c], kChips[c].entity, fits[c]);
  }
  write_sisters(catalog, chips, fits, {&b_of_gb, &gb_of_b}, &out);
  PowerParameters any = mean_of(fits[0].parameters, blackwell);
  any.compute[3] = blackwell.compute[3];
  fits[0].parameters.compute[3] = any.compute[3];  // Hopper has no fp4
  widen({&h_of_b, &b_of_h, &gb_of_h}, &any);
  write_carried(&out, "default", any, nullptr,
                {fits[0].parameters, fits[1].parameters, fits[2].parameters},
                "fit_power: mean of Hopper and Blackwell as shares of the limit; band of one from "
                "the other");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Fits the power model");
  std::string data = ASTROLABE_SOURCE_DIR "/data";
  std::string directory = data + "/measurements";
  std::string output = data + "/power_parameters.csv";
  bool only_score = false;
  app.add_option("--data", data, "catalogue, of which rates and limits are read");
  app.add_option("--measurements", directory);
  app.add_option("--output", output);
  app.add_flag("--score", only_score);
  CLI11_PARSE(app, argc, argv);
  try {
    run(data, directory, output, only_score);
  } catch (const InputError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
