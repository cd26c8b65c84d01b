#include "astrolabe/parallel/measured_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

namespace astrolabe::parallel {

using device::Categories;
using device::Dims;
using device::Family;
using workload::GemmFormat;
using workload::NumberFormat;
using workload::OperatorKind;

namespace {

constexpr double kStreamShare = 0.7;  // of the bandwidth, elementwise kernels
constexpr double kIndexShare = 0.3;   // of the fp8 rate, scores of the indexer
constexpr double kSparseShare = 0.6;  // of the bf16 rate, prompts over their top-k (estimate)
// Query heads that its kernel multiplies at least (FlashMLA; vLLM, flashmla_sparse.py).
constexpr double kSparseRowsHopper = 64, kSparseRows = 128;
constexpr double kTopkLaunch = 5;    // us, each of the two kernels of the indexer
constexpr double kBandSlack = 2;     // kernels known this much worse than the best known are out
constexpr double kNarrowBand = 0.3;  // or this well, in log

float f(double x) { return static_cast<float>(x); }

const char* dtype_name(GemmFormat format) {
  switch (format) {
    case GemmFormat::kBf16:
      return "bfloat16";
    case GemmFormat::kFp8:
    case GemmFormat::kFp8Weights:
      return "fp8";
    case GemmFormat::kFp8Block:
      return "fp8_block";
    case GemmFormat::kNvfp4:
    case GemmFormat::kMxfp4:
      return "nvfp4";
    case GemmFormat::kInt8:
      return "sq";
    case GemmFormat::kMxfp4Mxfp8:
      return "w4a8_mxfp4_mxfp8";
    case GemmFormat::kInt8Weights:
      return "int8_wo";
    case GemmFormat::kInt4Weights:
    case GemmFormat::kNvfp4Weights:  // Marlin's kernels, too
      return "int4_wo";
    case GemmFormat::kMxfp4Weights:
      return "w4a16_mxfp4";
  }
  return "bfloat16";
}

const char* dtype_name(NumberFormat format) {
  return format == NumberFormat::kFp8 ? "fp8" : "bfloat16";
}

const device::Chip& chip_of(const std::vector<device::Chip>& chips, std::string_view system) {
  std::vector<std::string> names;
  for (const device::Chip& chip : chips) {
    if (chip.name == system) return chip;
    names.push_back(chip.name);
  }
  throw InputError({"data/chips.csv", 0}, "system", std::string(system),
                   join_alternatives(names, names.size()));
}

}  // namespace

MeasuredClock::MeasuredClock(const MeasuredSources& sources, std::string_view system,
                             Framework framework, std::string_view version,
                             std::string_view experts)
    : sources_(sources),
      chip_(chip_of(sources.chips, system)),
      fabric_(chip_.name.substr(0, chip_.name.find(kChangedMark))),
      version_(version),
      experts_(experts),
      framework_(framework),
      is_hopper_(chip_.architecture == "hopper"),
      is_known_(has_sister_tables()) {}

bool MeasuredClock::has_own_tables() const {
  const auto& tables = sources_.tables.tables();
  return !sources_.is_left_out(chip_.name) &&
         std::any_of(tables.begin(), tables.end(), [&](const device::MeasuredTable& table) {
           return table.key.system == chip_.name;
         });
}

bool MeasuredClock::has_sister_tables() const {
  const auto& tables = sources_.tables.tables();
  return std::any_of(tables.begin(), tables.end(), [&](const device::MeasuredTable& table) {
    const device::Chip* other = find_chip(sources_.chips, table.key.system);
    return other != nullptr && other->architecture == chip_.architecture &&
           !sources_.is_left_out(table.key.system);
  });
}

const MeasuredClock::Keys& MeasuredClock::kernels(Family family, const Categories& categories,
                                                  const std::string& prefix) const {
  std::string name = std::to_string(static_cast<int>(family)) + "|" + prefix;
  for (const std::string_view c : categories) name += "|" + std::string(c);
  const auto [found, is_new] = kernels_.try_emplace(name);
  if (!is_new) return found->second;
  double nearest = 1e9;
  for (const device::MeasuredTable& table : sources_.tables.tables()) {
    const device::TableKey& key = table.key;
    // Of systems without tables the names remain: which kernels a framework has is no measurement.
    if (key.family != family || !key.has_categories(categories) ||
        !key.kernel.starts_with(prefix)) {
      continue;
    }
    const device::Chip* other = find_chip(sources_.chips, key.system);
    if (other == nullptr) continue;
    double distance = key.system == chip_.name ? 0 : 1;
    if (other->architecture != chip_.architecture) {
      distance = 2 + std::abs(other->generation - chip_.generation);
    }
    if (distance < nearest) found->second.clear();
    nearest = std::min(nearest, distance);
    if (distance == nearest) found->second.push_back(&key);
  }
  return found->second;
}

// Own: those of the framework, or all when it has none.
MeasuredClock::Keys MeasuredClock::of_frameworks(const Keys& keys, Choice choice) const {
  Keys out;
  for (const device::TableKey* key : keys) {
    if (choice == Choice::kFastest || key->framework == framework_name(framework_)) {
      out.push_back(key);
    }
  }
  return out.empty() ? keys : out;
}

MeasuredClock::Keys MeasuredClock::of_release(const Keys& keys, std::string_view dtype) const {
  const std::string_view part = experts_.empty()
                                    ? sources_.expert_kernels.of(framework_, version_, dtype)
                                    : std::string_view(experts_);
  Keys out = keys;
  std::erase_if(out, [&](const device::TableKey* key) {
    return key->kernel.find(part) == std::string::npos;
  });
  return out.empty() ? keys : out;
}

MeasuredClock::Keys MeasuredClock::of_model(const Keys& keys, const Layer& layer) const {
  Keys measured;
  std::map<std::string_view, std::set<Layer>> layers;  // by kernel, of all chips
  std::size_t most = 0;
  for (const device::TableKey* key : keys) {
    const std::vector<Layer> own = sources_.tables.expert_layers(*key);
    if (std::find(own.begin(), own.end(), layer) != own.end()) measured.push_back(key);
    std::set<Layer>& of_kernel = layers[key->kernel];
    std::copy_if(own.begin(), own.end(), std::inserter(of_kernel, of_kernel.end()),
                 [&](const Layer& one) { return one.is_spread == layer.is_spread; });
    most = std::max(most, of_kernel.size());
  }
  if (!measured.empty()) return measured;
  Keys usual = keys;
  std::erase_if(usual,
                [&](const device::TableKey* key) { return layers[key->kernel].size() < most; });
  return usual;
}

const MeasuredClock::Keys& MeasuredClock::expert_kernels(const Categories& categories,
                                                         Choice choice, bool is_gated,
                                                         const Layer& layer) const {
  std::string name = fmt::format("{}|{}|{}", categories[0], categories[1], is_gated);
  if (choice == Choice::kOwn) {
    name += fmt::format("|{}|{}|{}|{}", layer.hidden, layer.topk, layer.experts, layer.is_spread);
  }
  const auto [found, is_new] = expert_kernels_.try_emplace(name);
  if (!is_new) return found->second;
  Keys keys =
      of_frameworks(of_release(kernels(Family::kExperts, categories, ""), categories[0]), choice);
  // Kernels of two products, and one measured in place of another activation.
  std::erase_if(keys, [&](const device::TableKey* k) {
    return k->kernel.ends_with("situ_as_silu") ||
           (is_gated && k->kernel.find("nongated") != std::string::npos);
  });
  found->second = choice == Choice::kOwn ? of_model(keys, layer) : keys;
  return found->second;
}

double MeasuredClock::pick(const Keys& keys, Choice choice, Family family,
                           const Categories& categories, const Dims& dims,
                           bool is_dispatched) const {
  struct Known {
    double us, band;
  };
  std::vector<Known> known;
  double best_band = 1e9;
  const auto ask = [&](std::string_view framework, std::string_view version,
                       std::string_view kernel, const Categories& of_kernel) {
    const device::TimeEstimate t = sources_.times.estimate(
        {family, chip_.name, framework, version, kernel, of_kernel, is_dispatched}, chip_, dims);
    known.push_back({t.us, std::log(t.high_us / t.low_us)});
    best_band = std::min(best_band, known.back().band);
  };
  for (const device::TableKey* key : keys) {
    Categories own;
    std::copy(key->categories.begin(), key->categories.end(), own.begin());
    ask(key->framework, key->version, key->kernel, own);
  }
  if (keys.empty()) ask(framework_name(framework_), "", "", categories);
  if (choice == Choice::kOwn) {
    return std::min_element(known.begin(), known.end(),
                            [](const Known& a, const Known& b) { return a.band < b.band; })
        ->us;
  }
  double us = 1e12;
  for (const Known& k : known) {
    if (k.band <= std::max(kBandSlack * best_band, kNarrowBand)) us = std::min(us, k.us);
  }
  return us;
}

double MeasuredClock::product(const workload::GemmShape& s) const {
  if (s.m <= 0) return 0;
  const Categories categories{dtype_name(s.format)};
  Keys keys = of_frameworks(kernels(Family::kGemm, categories, ""), Choice::kFastest);
  if (s.format == GemmFormat::kFp8Block) {
    std::erase_if(keys, [](const device::TableKey* k) { return k->framework == "vllm"; });
  }
  return pick(keys, Choice::kFastest, Family::kGemm, categories, {f(s.n), f(s.k), f(s.m)});
}

double MeasuredClock::experts(const workload::ExpertsShape& s) const {
  if (s.tokens <= 0) return 0;
  // Copies of hot experts are made by a balancer of load.
  const Categories categories{dtype_name(s.format),
                              s.slots > s.experts ? "balanced" : "power_law_1.2"};
  const bool is_trtllm = framework_ == Framework::kTrtllm;
  const bool is_any = is_trtllm ? s.tokens > kPlentyTokens : s.moe_ep > domain();
  // Its engines run DeepGEMM beside attention-DP, others where attention is tensor-parallel.
  const bool is_deep_gemm =
      is_trtllm && !is_hopper_ && s.format == GemmFormat::kFp8Block && s.token_ranks > 1;
  const bool has_own = is_hopper_ || (!is_trtllm && s.token_ranks == 1);
  const bool is_own = is_known_ && (is_deep_gemm || (has_own && !is_any));
  const Choice choice = is_own ? Choice::kOwn : Choice::kFastest;
  // vLLM gathers the tokens of all ranks on each (allgather_reducescatter), the others send them.
  const bool is_dispatched = s.token_ranks > 1 && has_exchange_kernels();
  const Dims dims{f(s.hidden), f(s.expert_ffn), f(s.topk),  f(s.experts),
                  f(s.moe_tp), f(s.moe_ep),     f(s.tokens)};
  const Keys& keys = expert_kernels(categories, choice, s.is_gated, device::expert_layer_of(dims));
  return pick(keys, choice, Family::kExperts, categories, dims, is_dispatched);
}

double MeasuredClock::attention(const workload::AttentionShape& s, bool is_decode) const {
  if (s.sequences <= 0) return 0;
  const Family family = is_decode ? Family::kAttentionDecode : Family::kAttentionPrefill;
  const Categories categories{"bfloat16", dtype_name(s.kv_cache)};
  Keys all = kernels(family, categories, "");
  if (!is_decode && categories[1] == "fp8") {
    const Keys& cast = kernels(family, {"fp8", "fp8"}, "");
    all.insert(all.end(), cast.begin(), cast.end());
  }
  const Keys keys = of_frameworks(all, is_known_ ? Choice::kOwn : Choice::kFastest);
  const auto at = [&](double length) {
    Dims dims{f(s.head_dim),
              f(std::max(1.0, s.heads)),
              f(std::max(1.0, s.kv_heads)),
              f(s.window),
              f(s.sequences),
              f(length)};
    return pick(keys, Choice::kFastest, family, categories, dims);
  };
  const double whole = at(s.kv_length());
  if (is_decode || s.context <= 0) return whole;
  // At least half of its share of the whole, where two estimates nearly cancel.
  return std::max(whole - at(s.context), 0.5 * whole * s.query_tokens / s.kv_length());
}

double MeasuredClock::shared(const workload::Operator& op) const {
  const auto& s = op.get<workload::AttentionShape>();
  if (op.kind == OperatorKind::kAttentionPrefill) {
    return std::max(absorbed(op.flops.in(units::flop), s.heads), stream(op.bytes()));
  }
  workload::LatentShape core;
  core.sequences = s.sequences;
  core.heads = s.heads;
  core.kv_cache = s.kv_cache;
  double entries = s.kv_length() / s.entry_tokens;
  if (s.window > 0) entries = std::min(entries, s.window);
  core.context = std::max(0.0, entries - 1);
  return latent(core, true);
}

// Prompts over the entries that each query chose.
double MeasuredClock::absorbed(double flops, double heads) const {
  const double least = is_hopper_ ? kSparseRowsHopper : kSparseRows;
  const double rows = std::ceil(std::max(1.0, heads) / least) * least;
  return flops * rows / std::max(1.0, heads) /
         (kSparseShare * chip_.peak_tflops(device::MathFormat::kBf16) * 1e6);
}

double MeasuredClock::latent(const workload::LatentShape& s, bool is_decode) const {
  if (s.sequences <= 0) return 0;
  const Family family = is_decode ? Family::kLatentDecode : Family::kLatentPrefill;
  const Categories categories{"bfloat16", dtype_name(s.kv_cache)};
  Keys keys = kernels(family, categories, "");
  const char* own = framework_ == Framework::kSglang ? "sglang" : "trtllm";
  std::erase_if(keys, [&](const device::TableKey* k) {
    return is_decode && is_known_ ? k->framework != own : k->framework == "vllm";
  });
  const auto at = [&](double length) {
    return pick(keys, Choice::kFastest, family, categories,
                {f(std::max(1.0, s.heads)), f(s.sequences), f(length)});
  };
  const double whole = at(s.kv_length());
  if (is_decode || s.context <= 0) return whole;
  return std::max(whole - at(s.context), 0.5 * whole * s.query_tokens / s.kv_length());
}

double MeasuredClock::sparse(const workload::LatentShape& s) const {
  workload::LatentShape core = s;
  const double seen = std::min(s.kv_length(), s.topk);
  if (s.query_tokens <= 1) {
    core.query_tokens = 1;
    core.context = seen - 1;
    return latent(core, true);
  }
  if (s.kv_length() <= s.topk) return latent(core, false);
  const double heads = std::max(1.0, s.heads);
  return absorbed(2 * s.sequences * s.query_tokens * s.topk * heads * (2 * s.kv_rank + s.rope_dim),
                  heads);
}

double MeasuredClock::absorb(const workload::AbsorbShape& s, bool is_query) const {
  if (s.tokens <= 0) return 0;
  const Categories categories{is_query ? "mla_gen_pre" : "mla_gen_post", "bfloat16"};
  const Keys keys =
      of_frameworks(kernels(Family::kLatentProjection, categories, ""), Choice::kFastest);
  return pick(keys, Choice::kFastest, Family::kLatentProjection, categories,
              {f(std::max(1.0, s.heads)), f(s.tokens)});
}

double MeasuredClock::indexer(const workload::IndexerShape& s) const {
  const double pairs =
      s.sequences * s.query_tokens * (s.context + (s.query_tokens + 1) / 2) / s.entry_tokens;
  const double flops = 2 * pairs * s.heads * s.dim;
  const double rate = kIndexShare * chip_.peak_tflops(device::MathFormat::kFp8) * 1e6;
  const double keys = s.sequences * (s.context + s.query_tokens) / s.entry_tokens * s.dim;
  // Scores are written in fp32 and read by the choice of the top-k.
  return 2 * kTopkLaunch + std::max(flops / rate, stream(keys * units::byte)) +
         stream(2 * 4 * pairs * units::byte);
}

double MeasuredClock::linear(const workload::LinearShape& s, bool is_convolution) const {
  if (s.sequences <= 0) return 0;
  const Categories categories{s.is_decode ? "generation" : "context"};
  if (s.is_mamba) {
    if (!is_convolution) {
      const double state = s.sequences * s.v_heads * s.v_dim * s.k_dim * 4;
      const double tokens = s.sequences * s.query_tokens * s.v_heads * s.v_dim * 2 * 3;
      return kTopkLaunch + stream((2 * state + tokens) * units::byte);
    }
    const Keys keys = of_frameworks(kernels(Family::kMamba, categories, ""), Choice::kFastest);
    return pick(keys, Choice::kFastest, Family::kMamba, categories,
                {f(s.hidden), f(s.k_dim), f(s.v_heads), f(s.k_heads), f(s.chunk), f(s.sequences),
                 f(s.query_tokens)});
  }
  const char* prefix = is_convolution ? "causal_conv1d"
                       : s.is_decode  ? "fused_recurrent"
                                      : "chunk_gated";
  const Keys keys = of_frameworks(kernels(Family::kGatedDelta, categories, prefix), Choice::kOwn);
  return pick(keys, Choice::kFastest, Family::kGatedDelta, categories,
              {f(s.hidden), f(std::max(1.0, s.k_heads)), f(std::max(1.0, s.v_heads)),
               f(s.sequences), f(s.query_tokens)});
}

double MeasuredClock::stream(Bytes bytes) const {
  return bytes.in(units::byte) / (kStreamShare * chip_.hbm_gbps * 1e3);
}

Duration MeasuredClock::time(const workload::Operator& op) const {
  double us = 0;
  switch (op.kind) {
    case OperatorKind::kGemm:
      us = product(op.get<workload::GemmShape>());
      break;
    case OperatorKind::kExperts:
      us = experts(op.get<workload::ExpertsShape>());
      break;
    case OperatorKind::kAttentionPrefill:
    case OperatorKind::kAttentionDecode: {
      const auto& s = op.get<workload::AttentionShape>();
      us = s.is_shared ? shared(op) : attention(s, op.kind == OperatorKind::kAttentionDecode);
      break;
    }
    case OperatorKind::kLatentPrefill:
    case OperatorKind::kLatentDecode:
      us = latent(op.get<workload::LatentShape>(), op.kind == OperatorKind::kLatentDecode);
      break;
    case OperatorKind::kSparseLatent:
      us = sparse(op.get<workload::LatentShape>());
      break;
    case OperatorKind::kAbsorbQuery:
    case OperatorKind::kAbsorbValue:
      us = absorb(op.get<workload::AbsorbShape>(), op.kind == OperatorKind::kAbsorbQuery);
      break;
    case OperatorKind::kIndexer:
      us = indexer(op.get<workload::IndexerShape>());
      break;
    case OperatorKind::kConvolution:
    case OperatorKind::kLinearAttention:
      us = linear(op.get<workload::LinearShape>(), op.kind == OperatorKind::kConvolution);
      break;
    default:
      us = workload::is_collective(op.kind) ? collective(op) : stream(op.bytes());
  }
  return us * units::microsecond;
}

}  // namespace astrolabe::parallel
