// Fits what kernels of measured chips take over their derated rooflines (roofline_correction.h),
// with a share of the memory's peak and with the simulated memory, and writes
// data/fitted/roofline_correction.csv and coupled_correction.csv; prints how well each chip is
// predicted by the others.
//
//   fit_roofline [--write] [DATA_DIR]
//
// Operators of decode steps and prompts of several models, cut in two to four ways over eight
// accelerators, are timed by the tables of a chip and by its derated rooflines. The line of a kind
// is the one with the least mean absolute error in log, each kind of operator of a graph weighing
// by what it takes of its step.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/coupled_clock.h"
#include "astrolabe/parallel/engine_iteration.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/parallel/roofline_correction.h"

namespace astrolabe::fit {
namespace {

using namespace astrolabe::parallel;

constexpr const char* kChips[] = {"h100_sxm", "h200_sxm", "b200_sxm", "gb200_nvl72"};
constexpr const char* kModels[] = {"llama_3_1_70b",   "deepseek_r1",  "gpt_oss_120b",
                                   "qwen3_235b_a22b", "minimax_m2_5", "qwen3_32b"};
constexpr double kSequences[] = {4, 16, 64, 256}, kPrompts[] = {1024, 8192};
constexpr double kContext = 4000;
constexpr const char* kFiles[] = {"roofline_correction", "coupled_correction"};
constexpr const char* kRooflines[] = {"their derated rooflines",
                                      "their derated rooflines on a simulated memory"};

struct Sample {
  std::size_t chip = 0;
  KernelKind kind = KernelKind::kProducts;
  double predicted[2] = {};  // us, by roofline
  double measured = 0;       // us
  double weight = 0;         // share of its step
  double count = 0;          // in its step
  std::size_t step = 0;
};

void add_step(const workload::OperatorList& operators, std::size_t chip, const KernelClock& tables,
              const KernelClock& derated, const KernelClock& coupled,
              std::vector<Sample>* samples) {
  const std::size_t first = samples->size();
  const std::size_t step = samples->empty() ? 0 : samples->back().step + 1;
  double all = 0;
  for (const workload::Operator& op : operators) {
    const double measured = tables.time(op).in(units::microsecond);
    all += op.count * measured;
    if (!is_corrected(op) || measured <= 0) continue;
    samples->push_back(
        {chip,
         kernel_kind(op),
         {derated.time(op).in(units::microsecond), coupled.time(op).in(units::microsecond)},
         measured,
         op.count * measured,
         op.count,
         step});
  }
  for (std::size_t i = first; i < samples->size(); ++i) (*samples)[i].weight /= all;
}

std::vector<Sample> read_samples(const catalog::Catalog& catalog, const std::string& data_dir) {
  const KernelLibrary library(catalog, data_dir);
  std::vector<Sample> samples;
  for (std::size_t c = 0; c < std::size(kChips); ++c) {
    const ServingChip chip = library.chip(kChips[c], Framework::kTrtllm);
    const DeratedClock derated(chip.accelerator, chip.derating);
    const CoupledClock coupled(
        device::couple_memory(chip.accelerator, chip.derating, data_dir, "own"), chip.derating);
    for (const char* name : kModels) {
      const workload::ModelArchitecture model = workload::read_model(catalog, name);
      const workload::Precision precision =
          checkpoint_precision("fp8", model, Framework::kTrtllm, chip.has_fp4(), {"models", 0});
      std::vector<workload::ShardDegrees> shards = {{.tensor = 8}, {.tensor = 1}};
      if (model.is_moe())
        shards.insert(shards.end(), {{.tensor = 8, .expert = 8}, {.data = 8, .expert = 8}});
      for (const workload::ShardDegrees& shard : shards) {
        const auto add = [&](const workload::Batch& batch) {
          add_step(workload::build_operator_graph(model, precision, shard, batch, kServingRouting),
                   c, *chip.clock, derated, coupled, &samples);
        };
        for (const double b : kSequences) {
          add({.decode_sequences = b, .decode_context = kContext});
        }
        for (const double n : kPrompts) add({.prefill_sequences = 1, .prefill_tokens = n});
      }
    }
  }
  return samples;
}

struct Fit {
  double launch = 0, slope = 1, error = 1e9;
  int rows = 0;
};

// By two passes over a grid: five digits are not in the data. Samples of `without` are left out.
Fit fit_line(const std::vector<Sample>& samples, std::size_t roofline, KernelKind kind,
             std::size_t without) {
  Fit best;
  const auto scan = [&](double launch_low, double launch_high, double slope_low,
                        double slope_high) {
    constexpr int kSteps = 40;
    for (int i = 0; i <= kSteps; ++i) {
      const double launch = launch_low + (launch_high - launch_low) * i / kSteps;
      for (int j = 0; j <= kSteps; ++j) {
        const double slope = slope_low * std::pow(slope_high / slope_low, 1.0 * j / kSteps);
        double sum = 0, weights = 0;
        int rows = 0;
        for (const Sample& s : samples) {
          if (s.kind != kind || s.chip == without) continue;
          sum +=
              s.weight * std::fabs(std::log(s.measured / (launch + slope * s.predicted[roofline])));
          weights += s.weight;
          ++rows;
        }
        if (weights > 0 && sum / weights < best.error) {
          best = {launch, slope, sum / weights, rows};
        }
      }
    }
  };
  scan(0, 40, 0.3, 4);
  scan(std::max(0.0, best.launch - 1), best.launch + 1, best.slope / 1.08, best.slope * 1.08);
  return best;
}

// Each chip by the line of the others: bias and mean error in log, and the bias without a line.
void print_chips(const std::vector<Sample>& samples, std::size_t roofline, KernelKind kind) {
  for (std::size_t c = 0; c < std::size(kChips); ++c) {
    const Fit others = fit_line(samples, roofline, kind, c);
    double sum = 0, error = 0, plain = 0, weights = 0;
    for (const Sample& s : samples) {
      if (s.kind != kind || s.chip != c) continue;
      const double t = s.predicted[roofline];
      const double off = std::log((others.launch + others.slope * t) / s.measured);
      sum += s.weight * off;
      error += s.weight * std::fabs(off);
      plain += s.weight * std::log(t / s.measured);
      weights += s.weight;
    }
    fmt::print(" {} bias {:+.2f}, error {:.2f} (before {:+.2f})", kChips[c], sum / weights,
               error / weights, plain / weights);
  }
  fmt::print("\n");
}

// Steps by the lines of the other chips: mean error in log of the sum of all but collectives.
void print_steps(const std::vector<Sample>& samples, std::size_t roofline) {
  fmt::print("{} whole steps, by the lines of the other chips:", kFiles[roofline]);
  for (std::size_t c = 0; c < std::size(kChips); ++c) {
    std::array<Fit, kKernelKinds> others;
    for (int k = 0; k < kKernelKinds; ++k)
      others[k] = fit_line(samples, roofline, static_cast<KernelKind>(k), c);
    std::map<std::size_t, std::array<double, 2>> steps;  // measured, predicted
    for (const Sample& s : samples) {
      if (s.kind == KernelKind::kCollective || s.chip != c) continue;
      const Fit& line = others[static_cast<std::size_t>(s.kind)];
      steps[s.step][0] += s.count * s.measured;
      steps[s.step][1] += s.count * (line.launch + line.slope * s.predicted[roofline]);
    }
    double error = 0;
    for (const auto& [step, sums] : steps) error += std::fabs(std::log(sums[1] / sums[0]));
    fmt::print(" {} {:.3f}", kChips[c], error / static_cast<double>(steps.size()));
  }
  fmt::print("\n");
}

void run(const std::string& data_dir, bool write) {
  const catalog::Catalog catalog = catalog::Catalog::load(data_dir);
  const std::vector<Sample> samples = read_samples(catalog, data_dir);
  for (std::size_t r = 0; r < std::size(kFiles); ++r) {
    std::string csv = fmt::format(
        "# What kernels of measured chips take over {}: launch + slope x it. Written by "
        "fit/fit_roofline.cc; do not edit.\nkernels,launch_us,slope,mean_abs_log_error,rows\n",
        kRooflines[r]);
    for (int k = 0; k < kKernelKinds; ++k) {
      const auto kind = static_cast<KernelKind>(k);
      const Fit fit = fit_line(samples, r, kind, std::size(kChips));
      csv += fmt::format("{},{:.3g},{:.3g},{:.3f},{}\n", kernel_kind_name(kind), fit.launch,
                         fit.slope, fit.error, fit.rows);
      fmt::print("{} {:<12} launch {:.2f} us, slope {:.2f}, error {:.3f}, {} rows;", kFiles[r],
                 kernel_kind_name(kind), fit.launch, fit.slope, fit.error, fit.rows);
      print_chips(samples, r, kind);
    }
    print_steps(samples, r);
    if (write) write_file_atomically(data_dir + "/fitted/" + kFiles[r] + ".csv", csv);
  }
}

}  // namespace
}  // namespace astrolabe::fit

int main(int argc, char** argv) {
  bool write = false;
  std::string data_dir = ASTROLABE_SOURCE_DIR "/data";
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--write") {
      write = true;
    } else {
      data_dir = argv[i];
    }
  }
  try {
    astrolabe::fit::run(data_dir, write);
  } catch (const astrolabe::InputError& e) {
    std::fprintf(stderr, "fit_roofline: error: %s\n", e.what());
    return 2;
  }
  return 0;
}
