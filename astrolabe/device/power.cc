#include "astrolabe/device/power.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::device {
namespace {

using workload::NumberFormat;

constexpr double kOccupancy = 0.002;  // of a peak, at which half of the activity is drawn
constexpr double kSharpness = 16;
constexpr double kCeiling = 0.99;  // of the limit, where boards regulate

constexpr std::size_t index(NumberFormat format) { return static_cast<std::size_t>(format); }

}  // namespace

WorkKind work_kind(workload::OperatorKind kind) {
  using workload::OperatorKind;
  switch (kind) {
    case OperatorKind::kExperts:
      return WorkKind::kExperts;
    case OperatorKind::kAttentionPrefill:
    case OperatorKind::kAttentionDecode:
    case OperatorKind::kLatentPrefill:
    case OperatorKind::kLatentDecode:
    case OperatorKind::kSparseLatent:
    case OperatorKind::kLinearAttention:
      return WorkKind::kAttention;
    default:
      return WorkKind::kProduct;
  }
}

std::array<const char*, PowerParameters::kCount> PowerParameters::names() {
  return {"idle",         "activity_product", "activity_attention", "activity_experts",
          "compute_bf16", "compute_fp8",      "compute_fp4",        "attention_factor",
          "memory",       "dynamic_low",      "dynamic_high"};
}

std::array<double*, PowerParameters::kCount> PowerParameters::values() {
  return {&idle,
          &activity[0],
          &activity[1],
          &activity[2],
          &compute[index(NumberFormat::kBf16)],
          &compute[index(NumberFormat::kFp8)],
          &compute[index(NumberFormat::kFp4)],
          &attention_factor,
          &memory,
          &dynamic_low,
          &dynamic_high};
}

PowerParameters read_power_parameters(const catalog::Catalog& catalog,
                                      std::string_view accelerator) {
  PowerParameters p;
  const std::string own = "power_" + std::string(accelerator);
  const bool has_own = catalog.has_entity(own);
  const auto names = PowerParameters::names();
  const auto values = p.values();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_own = has_own && catalog.has_value(own, names[i]);
    *values[i] = catalog.get_number(is_own ? own : "power_default", names[i]);
  }
  p.compute[index(NumberFormat::kInt8)] = p.compute[index(NumberFormat::kFp8)];
  return p;
}

PowerModel::PowerModel(const Accelerator& accelerator, const PowerParameters& parameters)
    : parameters_(parameters), limit_(accelerator.tdp), bandwidth_(accelerator.hbm_bandwidth) {
  for (int i = 0; i < workload::kNumberFormats; ++i) {
    const auto format = static_cast<NumberFormat>(i);
    peak_[index(format)] = accelerator.peak(format);
    compute_[index(format)] = parameters.compute[index(accelerator.executed_format(format))];
  }
}

PowerEstimate PowerModel::at(const Load& load) const {
  const std::size_t format = index(load.format);
  const bool is_attention = load.kind == WorkKind::kAttention;
  const double arithmetic = std::clamp(load.flop_rate / peak_[format], 0.0, 1.0);
  const double traffic = std::clamp(load.byte_rate / bandwidth_, 0.0, 1.0);
  const double occupied = std::max(arithmetic, traffic);
  const double drawn =
      parameters_.activity[static_cast<std::size_t>(load.kind)] * occupied /
          (occupied + kOccupancy) +
      (is_attention ? parameters_.attention_factor : 1) * compute_[format] * arithmetic +
      parameters_.memory * traffic;
  const double head = kCeiling - parameters_.idle;
  const double z = drawn / head;
  const double dynamic =
      z > 0 ? head / std::pow(1 + std::pow(z, -kSharpness), 1 / kSharpness) : 0.0;
  PowerEstimate e;
  e.idle = idle();
  e.dynamic = dynamic * limit_;
  e.p10 = e.idle + parameters_.dynamic_low * e.dynamic;
  e.p90 = std::min(e.idle + parameters_.dynamic_high * e.dynamic, limit_);
  return e;
}

EnergyEstimate PowerModel::energy(Flop flops, NumberFormat format, Bytes bytes, WorkKind kind,
                                  Duration time) const {
  if (!(time > Duration())) return {};
  const PowerEstimate p = at({flops / time, format, bytes / time, kind});
  return {p.idle * time, p.dynamic * time, p.p10 * time, p.p90 * time};
}

}  // namespace astrolabe::device
