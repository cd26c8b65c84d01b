#include "astrolabe/parallel/memory_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

Bytes MemoryFit::missing() const {
  if (!holds_weights()) return tokens_of_sequence * kv_per_token - kv_cache;
  return std::max(Bytes(), (tokens_of_sequence - kv_tokens) * kv_per_token);
}

std::string MemoryFit::reason() const {
  if (fits()) return {};
  const auto gb = [](Bytes b) { return b.in(units::GB); };
  if (!holds_weights()) {
    return fmt::format(
        "does not fit: weights {:.1f} GB and reserves {:.1f} GB exceed the usable "
        "{:.1f} GB by {:.1f} GB",
        gb(weights), gb(activations + graph_capture + other_reserve), gb(usable), gb(-kv_cache));
  }
  return fmt::format(
      "KV cache for no sequence: {:.0f} tokens fit, a sequence has {:.0f} "
      "({:.1f} GB missing)",
      kv_tokens, tokens_of_sequence, gb(missing()));
}

MemoryFit memory_fit(const workload::ModelArchitecture& model, const workload::Precision& precision,
                     const workload::ShardDegrees& shard, const Engine& engine, Bytes hbm,
                     double tokens_of_sequence, std::optional<double> block_count,
                     const DraftMemory& drafts) {
  const EngineConstants& c = engine.constants;
  MemoryFit f;
  f.capacity = hbm;
  f.usable = c.memory_share * hbm;
  f.weights = workload::weight_bytes_per_accelerator(model, precision, shard) + drafts.weights;
  f.activations = engine.schedule.token_budget * widest_pair(model, shard) *
                  workload::bytes_per_element(workload::NumberFormat::kBf16);
  f.graph_capture = c.graph_capture;
  f.other_reserve = std::max(Bytes(), c.runtime_reserve - f.activations - f.graph_capture);
  f.kv_cache = f.usable - f.weights - f.activations - f.graph_capture - f.other_reserve;
  f.tokens_of_sequence = tokens_of_sequence;
  f.block_tokens = engine.schedule.block_tokens;
  const Bytes sequence =
      workload::kv_bytes_per_accelerator(model, precision, shard, tokens_of_sequence);
  f.kv_per_token = sequence / tokens_of_sequence + drafts.kv_per_token;
  if (f.kv_cache > Bytes()) {
    f.kv_cache = c.kv_share * f.kv_cache;
    f.kv_blocks =
        f.kv_per_token > Bytes() ? std::floor(f.kv_cache / f.kv_per_token / f.block_tokens) : 0;
    if (block_count) f.kv_blocks = *block_count;
    f.kv_tokens = f.kv_blocks * f.block_tokens;
  }
  return f;
}

}  // namespace astrolabe::parallel
