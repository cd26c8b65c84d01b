#include "astrolabe/parallel/footprint.h"

#include <algorithm>
#include <cstdio>

namespace astrolabe::parallel {
namespace {

// Widest input plus output of one operator, elements per token.
double widest_pair(const workload::ModelArchitecture& m, const workload::ShardDegrees& s) {
  const double tp = s.tensor;
  const double head = m.attention == workload::AttentionKind::kLatent
                          ? m.nope_dim + m.rope_dim + m.value_dim
                          : m.head_dim + m.value_width();
  const double dense = m.n_dense_ffn > 0 ? 3 * m.dense_ffn / tp : 0;
  const double expert =
      m.is_moe() ? m.topk * s.data * (m.expert_width() + 3 * m.expert_ffn * s.expert / s.group()) /
                       s.expert
                 : 0;
  return m.hidden + std::max({dense, expert, m.heads * head / tp});
}

}  // namespace

Bytes Footprint::missing() const {
  return std::max(weights + activations + kv_per_sequence - usable, Bytes());
}

Bytes Footprint::used(double held_sequences) const {
  return weights + activations + held_sequences * kv_per_sequence;
}

std::string Footprint::reason() const {
  if (fits()) return {};
  char text[160];
  std::snprintf(
      text, sizeof text,
      "does not fit: weights %.1f GB, activations %.1f GB and one sequence %.1f GB exceed "
      "the usable %.1f GB by %.1f GB",
      weights.in(units::GB), activations.in(units::GB), kv_per_sequence.in(units::GB),
      usable.in(units::GB), missing().in(units::GB));
  return text;
}

Footprint compute_footprint(const workload::ModelArchitecture& model,
                            const workload::Precision& precision,
                            const device::Accelerator& accelerator,
                            const device::Derating& derating, const Layout& layout, double context,
                            double iteration_tokens) {
  Footprint f;
  f.usable = derating.hbm_usable * accelerator.hbm_capacity - derating.runtime_reserve;
  f.weights = workload::weight_bytes_per_accelerator(model, precision, layout.shard);
  f.activations = iteration_tokens * widest_pair(model, layout.shard) *
                  workload::bytes_per_element(workload::NumberFormat::kBf16);
  f.kv_per_sequence = workload::kv_bytes_per_accelerator(model, precision, layout.shard, context);
  const Bytes left = f.usable - f.weights - f.activations;
  f.sequences = left > Bytes() ? left / f.kv_per_sequence : 0;
  return f;
}

}  // namespace astrolabe::parallel
