#include "astrolabe/parallel/layout.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>

#include "astrolabe/base/error.h"

namespace astrolabe::parallel {
namespace {

constexpr int kMostRanks = 100000;

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

// Experts spread over several domains are balanced with copies of hot ones, an eighth of the
// experts (DeepSeek's published deployments: 32 of 256); on one domain only where they must divide.
int balancing_copies(const workload::ModelArchitecture& m, const device::Accelerator& a,
                     int ranks) {
  if (ranks <= a.scale_up_domain) return redundant_experts(m.experts, ranks);
  const int copies = m.experts / 8;
  return copies + redundant_experts(m.experts + copies, ranks);
}

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

Layout parse_layout(const workload::ModelArchitecture& m, const device::Accelerator& accelerator,
                    std::string_view text, const std::string& option) {
  const std::string allowed = "degrees such as \"TP8 EP8 DP1 PP1\", each at most once";
  workload::ShardDegrees s;
  std::set<std::string> seen;
  std::istringstream words{std::string(text)};
  std::string word;
  while (words >> word) {
    std::string name = word.substr(0, 2);
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    int* degree = name == "TP"   ? &s.tensor
                  : name == "DP" ? &s.data
                  : name == "EP" ? &s.expert
                  : name == "PP" ? &s.pipeline
                                 : nullptr;
    const char* begin = word.data() + std::min<std::size_t>(2, word.size());
    const char* end = word.data() + word.size();
    int value = 0;
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (degree == nullptr || error != std::errc() || stop != end || value < 1 ||
        value > kMostRanks || !seen.insert(name).second) {
      throw InputError({}, option, word, allowed);
    }
    *degree = value;
  }
  if (seen.empty()) throw InputError({}, option, "nothing", allowed);
  if (1.0 * s.tensor * s.data * s.pipeline > kMostRanks) {
    throw InputError({}, option, std::string(text), "at most 100000 accelerators");
  }
  if (m.is_moe()) s.redundant_experts = balancing_copies(m, accelerator, s.expert);
  return {s};
}

std::vector<Layout> candidate_layouts(const workload::ModelArchitecture& m,
                                      const device::Accelerator& accelerator,
                                      int max_accelerators) {
  std::vector<Layout> layouts;
  for (const int tp : degrees(std::min(accelerator.scale_up_domain, max_accelerators))) {
    for (const int pp : {1, 2, 4, 8}) {
      if (tp * pp > max_accelerators) continue;
      layouts.push_back({{.tensor = tp, .pipeline = pp}});
      if (m.is_moe() && tp > 1) {
        layouts.push_back({{.tensor = tp,
                            .expert = tp,
                            .pipeline = pp,
                            .redundant_experts = redundant_experts(m.experts, tp)}});
      }
    }
    if (!m.is_moe()) continue;
    for (const int dp : degrees(max_accelerators / tp)) {
      const int group = tp * dp;
      if (dp == 1 || group > 2 * m.experts) continue;
      if (group <= accelerator.scale_up_domain) {
        layouts.push_back({{.tensor = tp, .data = dp}});
      }
      layouts.push_back({{.tensor = tp,
                          .data = dp,
                          .expert = group,
                          .redundant_experts = balancing_copies(m, accelerator, group)}});
    }
  }
  return layouts;
}

}  // namespace astrolabe::parallel
