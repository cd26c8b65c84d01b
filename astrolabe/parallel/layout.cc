#include "astrolabe/parallel/layout.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

bool divides(int part, double whole) { return std::fmod(whole, part) == 0; }

std::string indivisible(const char* what, double size, const char* degree, int ranks) {
  return std::string(what) + " " + std::to_string(static_cast<long long>(size)) +
         " not divisible by " + degree + " degree " + std::to_string(ranks);
}

std::string tensor_conflict(const workload::ModelArchitecture& m, int tp) {
  if (!divides(tp, m.heads)) return indivisible("heads", m.heads, "tensor", tp);
  if (m.attention == workload::AttentionKind::kGrouped && m.n_attention() > 0 &&
      !divides(tp, m.kv_heads) && tp % m.kv_heads != 0) {
    return indivisible("KV heads", m.kv_heads, "tensor", tp);
  }
  // The mean width of pruned blocks need not be whole; each block's own divides.
  const bool is_mean = m.dense_ffn != std::floor(m.dense_ffn);
  if (m.n_dense_ffn > 0 && !is_mean && !divides(tp, m.dense_ffn)) {
    return indivisible("dense ffn width", m.dense_ffn, "tensor", tp);
  }
  if (m.shared_ffn > 0 && !divides(tp, m.shared_ffn)) {
    return indivisible("shared ffn width", m.shared_ffn, "tensor", tp);
  }
  const double mixer_heads = m.mamba_heads > 0 ? m.mamba_heads : m.linear_k_heads;
  if (m.n_linear > 0 && mixer_heads > 0 && !divides(tp, mixer_heads)) {
    return indivisible("linear-attention heads", mixer_heads, "tensor", tp);
  }
  return {};
}

std::string expert_conflict(const workload::ModelArchitecture& m, const workload::ShardDegrees& s) {
  if (!m.is_moe()) {
    if (s.data > 1) return "a dense model is copied, not spread, over data ranks";
    return s.expert > 1 ? "a dense model has no experts to spread" : "";
  }
  if (s.group() % s.expert != 0) {
    return indivisible("ranks of a stage", s.group(), "expert", s.expert);
  }
  if (s.data * s.context > 1 && s.expert != 1 && s.expert != s.group()) {
    return "with attention-DP experts are spread over all ranks of a stage or over none";
  }
  const double slots = m.experts + s.redundant_experts;
  if (!divides(s.expert, slots)) return indivisible("expert slots", slots, "expert", s.expert);
  const int slices = s.group() / s.expert;
  if (!divides(slices, m.expert_ffn)) {
    return indivisible("expert ffn width", m.expert_ffn, "expert-tensor", slices);
  }
  return {};
}

// Slots that make the experts divide.
int redundant_experts(int experts, int ranks) { return (ranks - experts % ranks) % ranks; }

std::vector<int> degrees(int limit) {
  std::vector<int> d;
  for (const int odd : {1, 3, 9}) {
    for (int x = odd; x <= limit; x *= 2) d.push_back(x);
  }
  std::sort(d.begin(), d.end());
  return d;
}

}  // namespace

std::string Layout::text() const {
  std::string t = "TP" + std::to_string(shard.tensor);
  if (shard.data > 1) t += " DP" + std::to_string(shard.data);
  if (shard.expert > 1) t += " EP" + std::to_string(shard.expert);
  if (shard.context > 1) t += " CP" + std::to_string(shard.context);
  if (shard.pipeline > 1) t += " PP" + std::to_string(shard.pipeline);
  return t;
}

std::string layout_conflict(const workload::ModelArchitecture& m,
                            const device::Accelerator& accelerator, const Layout& layout) {
  const workload::ShardDegrees& s = layout.shard;
  if (s.tensor < 1 || s.data < 1 || s.expert < 1 || s.pipeline < 1 || s.context < 1 ||
      s.redundant_experts < 0) {
    return "degrees are counts of at least 1";
  }
  if (s.tensor > accelerator.scale_up_domain) {
    return "tensor degree " + std::to_string(s.tensor) + " exceeds the scale-up domain of " +
           std::to_string(accelerator.scale_up_domain);
  }
  if (s.pipeline > m.n_layers()) return "more pipeline stages than layers";
  std::string conflict = tensor_conflict(m, s.tensor);
  if (conflict.empty()) conflict = expert_conflict(m, s);
  return conflict;
}

std::vector<Layout> enumerate_layouts(const workload::ModelArchitecture& m,
                                      const device::Accelerator& accelerator,
                                      int max_accelerators) {
  std::vector<Layout> layouts;
  const auto add = [&](workload::ShardDegrees s) {
    const Layout layout{s};
    if (layout_conflict(m, accelerator, layout).empty()) layouts.push_back(layout);
  };
  const int group_limit = max_accelerators;
  for (const int tp : degrees(std::min(accelerator.scale_up_domain, group_limit))) {
    for (const int pp : {1, 2, 4, 8}) {
      add({.tensor = tp, .pipeline = pp});
      if (m.is_moe() && tp > 1) {
        add({.tensor = tp,
             .expert = tp,
             .pipeline = pp,
             .redundant_experts = redundant_experts(m.experts, tp)});
      }
    }
    if (!m.is_moe()) continue;
    for (const int dp : degrees(group_limit / tp)) {
      const int group = tp * dp;
      if (dp == 1 || group > 2 * m.experts) continue;
      if (group <= accelerator.scale_up_domain) add({.tensor = tp, .data = dp});
      add({.tensor = tp,
           .data = dp,
           .expert = group,
           .redundant_experts = redundant_experts(m.experts, group)});
    }
  }
  return layouts;
}

}  // namespace astrolabe::parallel
