#pragma once

// Board power and energy of one accelerator by what it is doing. Board power is that of the
// accelerator module (GPU, HBM, regulators), what its power limit limits; not server power
// (catalogue `it_power`: with its share of host, fans, network) nor facility power (times PUE).
//
//   P = P_idle + H z / (1 + z^16)^(1/16),   H = 0.99 P_limit - P_idle,   z = D / H
//   D / P_limit = a_kind r / (r + 0.002) + c_format (F / F_peak) + m (B / B_peak)
// F, B: FLOP and HBM byte rate while it runs; r = max(F / F_peak, B / B_peak), no more than 1.
// P_idle: clocks up, nothing runs. a: schedulers, registers, shared memory and L2 of a chip that a
// kernel occupies, also while its tensor cores wait; experts draw more than dense products (tiles
// padded for few rows, gathering). c, m: power of arithmetic in a format at its dense peak, of HBM
// and the way from it at peak bandwidth; c P_limit / F_peak is energy per FLOP. Attention spends
// c times a factor (softmax, operands from shared memory). Where the limit binds the clock falls,
// so P saturates (sharply: fits of the exponent end at their bound). Energy = P t, idle and dynamic
// apart. Assumes rates of the whole operator, operands in HBM (from L2 they cost less), and links
// and collectives that draw nothing above idle. int8 is taken for fp8, streaming kernels for
// products without FLOP. Temperature is not modelled. p10 and p90: quantiles of measured over
// estimated dynamic power of kernels long enough for the meter. Chips without power tables have a
// sister's energies (same architecture) or the shares of the limit of `power_default`, so they
// scale by limit and peaks, with wider bands. Source: catalogue kind `power_parameters`, written by
// fit/fit_power.

#include <array>

#include "astrolabe/base/quantity.h"
#include "astrolabe/device/accelerator.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::device {

enum class WorkKind : unsigned char { kProduct, kAttention, kExperts };
inline constexpr int kWorkKinds = 3;
WorkKind work_kind(workload::OperatorKind kind);

// Shares of the power limit, but for the factor and the band.
struct PowerParameters {
  static constexpr std::size_t kCount = 11;
  double idle = 0.2;
  std::array<double, kWorkKinds> activity{};               // by WorkKind
  std::array<double, workload::kNumberFormats> compute{};  // by NumberFormat, at the dense peak
  double attention_factor = 1;                             // on `compute`
  double memory = 0;                                       // at peak bandwidth
  double dynamic_low = 1, dynamic_high = 1;  // p10, p90 of measured over estimated dynamic power

  static std::array<const char*, kCount> names();
  std::array<double*, kCount> values();  // in that order
};

// Of power_<accelerator>, else of power_default. InputError when neither has a figure.
PowerParameters read_power_parameters(const catalog::Catalog& catalog,
                                      std::string_view accelerator);

// What an accelerator does while an operator runs.
struct Load {
  FlopRate flop_rate;
  workload::NumberFormat format = workload::NumberFormat::kBf16;
  Bandwidth byte_rate;
  WorkKind kind = WorkKind::kProduct;
};

struct PowerEstimate {
  Power idle, dynamic;
  Power p10, p90;  // of the total
  Power total() const { return idle + dynamic; }
};

struct EnergyEstimate {
  Energy idle, dynamic;
  Energy p10, p90;  // of the total
  Energy total() const { return idle + dynamic; }
};

class PowerModel {
 public:
  PowerModel(const Accelerator& accelerator, const PowerParameters& parameters);

  Power idle() const { return parameters_.idle * limit_; }
  PowerEstimate at(const Load& load) const;
  // Of an operator of this work that takes this long; a time of zero takes no energy.
  EnergyEstimate energy(Flop flops, workload::NumberFormat format, Bytes bytes, WorkKind kind,
                        Duration time) const;

 private:
  PowerParameters parameters_;
  Power limit_;
  std::array<FlopRate, workload::kNumberFormats> peak_;  // of the executed format
  std::array<double, workload::kNumberFormats> compute_;
  Bandwidth bandwidth_;
};

}  // namespace astrolabe::device
