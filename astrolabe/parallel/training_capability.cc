#include "astrolabe/parallel/training_capability.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {

using workload::NumberFormat;

namespace {

// Mixed-precision Adam: bf16 weight and gradient, fp32 master weight and two moments.
constexpr Bytes kStateOfParameter = (2 + 2 + 4 + 4 + 4) * units::byte;

}  // namespace

Flop training_flops_per_token(const workload::ModelArchitecture& m, double sequence_length) {
  const double lookup = m.vocab * m.hidden;  // read, not multiplied
  const double multiplied = m.active_parameters() - (m.has_tied_embeddings ? 0 : lookup);
  const double width = m.attention == workload::AttentionKind::kLatent
                           ? (m.nope_dim + m.rope_dim + m.value_dim) / 2
                           : (m.head_dim + m.value_width()) / 2;
  const double seen = std::min(sequence_length, 2 * m.window);
  const double keys = m.n_full_attention * sequence_length + m.n_window_attention * seen;
  return (6 * multiplied + 6 * keys * m.heads * width) * units::flop;
}

TrainingCapability training_capability(const workload::ModelArchitecture& model,
                                       const workload::Precision& precision,
                                       const device::Accelerator& accelerator,
                                       const device::Derating& derating, double sequence_length) {
  TrainingCapability t;
  const NumberFormat multiplied = workload::traits(precision.ffn).multiplied;
  const NumberFormat wanted =
      multiplied == NumberFormat::kBf16 ? NumberFormat::kBf16 : NumberFormat::kFp8;
  t.format = accelerator.executed_format(wanted);
  t.mfu = t.format == NumberFormat::kBf16 ? derating.training_mfu_bf16 : derating.training_mfu_fp8;
  t.flops_per_token = training_flops_per_token(model, sequence_length);
  if (!(t.flops_per_token > Flop()) || !(derating.hbm_usable > 0)) {
    t.reason = "the model has no arithmetic or the accelerator no usable memory";
    return t;
  }
  const FlopRate rate = t.mfu * accelerator.peak(t.format);
  t.tokens = rate / (t.flops_per_token / units::token);
  const double utilisation = t.mfu / derating.gemm[static_cast<std::size_t>(t.format)];
  const Bandwidth traffic = utilisation * derating.hbm_bandwidth * accelerator.hbm_bandwidth;
  t.power = device::PowerModel(accelerator, derating.power).at({rate, t.format, traffic}).total();
  const Power unused = accelerator.tdp - t.power;
  t.it_power = std::max(accelerator.it_power.value_or(accelerator.tdp) - unused, t.power);
  const Bytes state = model.total_parameters() * kStateOfParameter;
  t.least_accelerators =
      static_cast<int>(std::ceil(state / (derating.hbm_usable * accelerator.hbm_capacity)));
  t.is_ok = true;
  return t;
}

}  // namespace astrolabe::parallel
