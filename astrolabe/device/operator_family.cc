#include "astrolabe/device/operator_family.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::device {
namespace {

constexpr const char* kDtype[] = {"dtype"};
constexpr const char* kAttentionTypes[] = {"attn_dtype", "kv_cache_dtype"};
constexpr const char* kEncoderTypes[] = {"attn_dtype"};
constexpr const char* kLatentTypes[] = {"mla_dtype", "kv_cache_dtype"};
constexpr const char* kProjectionTypes[] = {"op", "dtype"};
constexpr const char* kModuleTypes[] = {"model", "mla_dtype", "kv_cache_dtype", "gemm_type"};
constexpr const char* kExpertTypes[] = {"dtype", "distribution"};
constexpr const char* kStateTypes[] = {"phase"};

constexpr const char* kGemmDims[] = {"n", "k", "m"};
constexpr const char* kPrefillDims[] = {"head_dim", "num_heads", "num_kv_heads", "window",
                                        "batch",    "isl",       "prefix_len"};
constexpr const char* kDecodeDims[] = {"head_dim", "num_heads", "num_kv_heads",
                                       "window",   "batch",     "kv_len"};
constexpr const char* kEncoderDims[] = {"head_dim", "num_heads", "batch", "isl"};
constexpr const char* kLatentPrefillDims[] = {"num_heads", "batch", "isl", "prefix_len"};
constexpr const char* kLatentDecodeDims[] = {"num_heads", "batch", "kv_len"};
constexpr const char* kProjectionDims[] = {"num_heads", "num_tokens"};
constexpr const char* kExpertDims[] = {"hidden", "inter",  "topk",      "experts",
                                       "moe_tp", "moe_ep", "num_tokens"};
constexpr const char* kWideExpertDims[] = {"hidden",    "inter",  "topk",   "experts",
                                           "num_slots", "moe_tp", "moe_ep", "num_tokens"};
constexpr const char* kDeltaDims[] = {"d_model", "num_k_heads", "num_v_heads", "batch", "seq_len"};
constexpr const char* kMambaDims[] = {"d_model",    "d_state", "nheads", "n_groups",
                                      "chunk_size", "batch",   "seq_len"};
constexpr const char* kQuantiseDims[] = {"k", "m"};

const FamilyColumns kColumns[kFamilies] = {
    {"gemm", kDtype, kGemmDims, 2},
    {"attention_prefill", kAttentionTypes, kPrefillDims, 4},
    {"attention_decode", kAttentionTypes, kDecodeDims, 4},
    {"attention_encoder", kEncoderTypes, kEncoderDims, 2},
    {"mla_prefill", kLatentTypes, kLatentPrefillDims, 1},
    {"mla_decode", kLatentTypes, kLatentDecodeDims, 1},
    {"mla_bmm", kProjectionTypes, kProjectionDims, 1},
    {"mla_module_prefill", kModuleTypes, kLatentPrefillDims, 1},
    {"mla_module_decode", kModuleTypes, kLatentDecodeDims, 1},
    {"dsa_decode", kModuleTypes, kLatentDecodeDims, 1},
    {"moe", kExpertTypes, kExpertDims, 6},
    {"wideep_moe", kExpertTypes, kWideExpertDims, 7},
    {"linear_attention_gdn", kStateTypes, kDeltaDims, 3},
    {"mamba2", kStateTypes, kMambaDims, 5},
    {"fp8_quantize", kDtype, kQuantiseDims, 1},
};

float log2p(float x) { return std::log2(std::max(x, 1e-6f)); }

// How well a token count fits the tiles of a kernel: 2 for multiples of 16, 0 for odd ones.
float alignment(float m) {
  if (m <= 16) return 0;
  const auto i = static_cast<long>(m);
  return i % 16 == 0 ? 2.0f : i % 8 == 0 ? 1.5f : i % 4 == 0 ? 1.0f : i % 2 == 0 ? 0.5f : 0.0f;
}

// No window lies as far from one of 8192 tokens as that from one of 128.
float window_coordinate(float window) { return window > 0 ? log2p(window) / 2 : 8.0f; }

struct WeightBytes {
  double weight, activation;
  MathFormat format;

  bool widens() const { return weight < 1 && format == MathFormat::kBf16; }
};

WeightBytes bytes_of(std::string_view dtype) {
  if (dtype == "bfloat16") return {2, 2, MathFormat::kBf16};
  if (dtype == "nvfp4") return {0.5625, 0.5625, MathFormat::kFp4};
  if (dtype == "w4a8_mxfp4_mxfp8") return {0.53125, 1.03, MathFormat::kFp8};
  if (dtype == "w4a16_mxfp4") return {0.53125, 2, MathFormat::kBf16};
  if (dtype == "int4_wo") return {0.5, 2, MathFormat::kBf16};
  if (dtype == "int8_wo") return {1, 2, MathFormat::kBf16};
  if (dtype == "sq") return {1, 1, MathFormat::kInt8};
  return {1, 1, MathFormat::kFp8};  // fp8, fp8_block
}

double cache_bytes(std::string_view dtype) { return dtype == "fp8" ? 1 : 2; }

// Query-key pairs of a causal prompt of n tokens after `prefix` ones, within a window.
double causal_pairs(double n, double prefix, double window) {
  const double all = n * prefix + n * (n + 1) / 2;
  if (window <= 0 || prefix + n <= window) return all;
  if (prefix >= window) return n * window;
  const double full = prefix + n - window;  // queries that see a whole window
  const double ramp = n - full;
  return full * window + ramp * prefix + ramp * (ramp + 1) / 2;
}

Work gemm_work(const Categories& c, const Dims& d) {
  const double n = d[0], k = d[1], m = d[2];
  const WeightBytes b = bytes_of(c[0]);
  return {2 * m * n * k, n * k * b.weight + m * k * b.activation + m * n * 2, b.format, 0,
          b.widens()};
}

Work prefill_work(const Categories& c, const Dims& d) {
  const double head = d[0], heads = d[1], kv_heads = d[2], batch = d[4], n = d[5], prefix = d[6];
  const MathFormat format = c[0] == "fp8" ? MathFormat::kFp8 : MathFormat::kBf16;
  const double pairs = batch * heads * causal_pairs(n, prefix, d[3]);
  return {4 * head * pairs,
          batch * head * (4 * n * heads + 2 * (n + prefix) * kv_heads * cache_bytes(c[1])), format,
          pairs};
}

Work decode_work(const Categories& c, const Dims& d) {
  const double head = d[0], heads = d[1], kv_heads = d[2], batch = d[4];
  const double seen = d[3] > 0 ? std::min(d[5], d[3]) : d[5];
  return {4 * batch * heads * head * seen,
          batch * head * (2 * kv_heads * seen * cache_bytes(c[1]) + 4 * heads), MathFormat::kBf16};
}

Work encoder_work(const Dims& d) {
  const double head = d[0], heads = d[1], batch = d[2], n = d[3];
  const double pairs = batch * heads * n * n;
  return {4 * head * pairs, batch * heads * head * n * 8, MathFormat::kBf16, pairs};
}

// DeepSeek-V3's latent attention: 512 + 64 latent, heads of 128 + 64, values of 128.
constexpr double kLatent = 512, kRope = 64, kNope = 128, kValue = 128;
constexpr double kHidden = 7168, kQueryRank = 1536;

Work latent_prefill_work(const Categories& c, const Dims& d) {
  const double heads = d[0], batch = d[1], n = d[2], prefix = d[3];
  const double pairs = causal_pairs(n, prefix, 0);
  const double width = kNope + kRope + kValue;
  const MathFormat format = c[0] == "fp8" ? MathFormat::kFp8 : MathFormat::kBf16;
  return {2 * batch * heads * width * pairs,
          batch * heads * 2 * (n * (width + kValue) + (n + prefix) * width), format,
          batch * heads * pairs};
}

Work latent_decode_work(double heads, double batch, double seen, double element) {
  return {2 * batch * heads * seen * (2 * kLatent + kRope),
          batch * (seen * (kLatent + kRope) * element + heads * 2 * (2 * kLatent + kRope)),
          MathFormat::kBf16};
}

Work projection_work(const Categories& c, const Dims& d) {
  const WeightBytes b = bytes_of(c[1]);
  const double heads = d[0], m = d[1];
  return {2 * heads * m * kNope * kLatent,
          heads * (kNope * kLatent * b.weight + m * (kNope + kLatent) * 2), b.format};
}

void add_module_projections(const Categories& c, double heads, double tokens, Work* work) {
  const WeightBytes b = bytes_of(c[3]);
  const double weights =
      kHidden * (kQueryRank + kLatent + kRope) +
      heads * (kQueryRank * (kNope + kRope) + kLatent * (kNope + kValue) + kValue * kHidden);
  // FLOP of narrow formats in units of the module's bf16 attention.
  const double speed = b.format == MathFormat::kFp4 ? 4 : b.format == MathFormat::kFp8 ? 2 : 1;
  work->flops += 2 * tokens * weights / speed;
  work->bytes += weights * b.weight + tokens * kHidden * 4;
}

Work latent_module_work(Family family, const Categories& c, const Dims& d) {
  const double heads = d[0], batch = d[1], length = d[2];
  Work work;
  if (family == Family::kLatentModulePrefill) {
    work = latent_prefill_work({c[1], c[2]}, d);
    work.format = MathFormat::kBf16;
    add_module_projections(c, heads, batch * length, &work);
    return work;
  }
  constexpr double kSparseTopk = 2048, kIndexDim = 128, kIndexHeads = 64;
  const bool sparse = family == Family::kSparseModuleDecode;
  const double seen = sparse ? std::min(length, kSparseTopk) : length;
  work = latent_decode_work(heads, batch, seen, cache_bytes(c[2]));
  if (sparse) {
    work.bytes += batch * length * kIndexDim;
    work.flops += batch * length * kIndexDim * kIndexHeads;  // fp8: twice the bf16 rate
  }
  add_module_projections(c, heads, batch, &work);
  return work;
}

struct ExpertCounts {
  double hidden, width, topk, slots, ranks, tokens;
};

ExpertCounts expert_counts(Family family, const Dims& d) {
  if (family == Family::kExperts) return {d[0], d[1] / d[4], d[2], d[3], d[5], d[6]};
  return {d[0], d[1] / d[5], d[2], d[4], d[6], d[7]};
}

// Experts of a rank that get one of its `rows`: all they can when these are dealt evenly, fewer by
// the power law (a gamma law of shape 0.7 for the tokens of an expert).
double touched_experts(double local, double rows, bool is_even) {
  constexpr double kShape = 0.7;
  return is_even ? std::min(local, rows)
                 : local * (1 - std::pow(1 + rows / local / kShape, -kShape));
}

Work expert_work(Family family, const Categories& c, const Dims& d, std::string_view kernel) {
  const ExpertCounts e = expert_counts(family, d);
  const WeightBytes b = bytes_of(widens_when_loaded(kernel, c[0]) ? "bfloat16" : c[0]);
  const double matrices = kernel.find("nongated") == std::string_view::npos ? 3 : 2;
  const double rows = e.tokens * e.topk / e.ranks;
  const double touched = touched_experts(e.slots / e.ranks, rows, c[1] == "balanced");
  return {2 * matrices * rows * e.hidden * e.width,
          matrices * touched * e.hidden * e.width * b.weight + rows * (e.hidden * 4 + e.width * 4),
          b.format, 0, b.widens()};
}

// Gated delta rule or its convolution: state of K x V a head in fp32 in decode; streams in prefill.
Work delta_work(const Categories& c, const Dims& d) {
  constexpr double kHead = 128;
  const double key = d[1] * kHead, value = d[2] * kHead, batch = d[3];
  const bool decode = c[0] == "generation";
  const double tokens = batch * (decode ? 1 : d[4]);
  const double state = batch * d[2] * kHead * kHead;
  return {tokens * d[2] * kHead * kHead * (decode ? 6 : 8),
          tokens * (2 * key + 2 * value) * 2 + (decode ? 2 : 1) * state * 4, MathFormat::kBf16};
}

Work mamba_work(const Categories& c, const Dims& d) {
  constexpr double kHead = 64;
  const double inner = d[2] * kHead, batch = d[5];
  const bool decode = c[0] == "generation";
  const double tokens = batch * (decode ? 1 : d[6]);
  return {tokens * inner * 8, tokens * (inner + 2 * d[3] * d[1]) * 4, MathFormat::kBf16};
}

}  // namespace

const FamilyColumns& columns_of(Family family) {
  return kColumns[static_cast<std::size_t>(family)];
}

std::optional<Family> find_family(std::string_view name) {
  for (int i = 0; i < kFamilies; ++i) {
    if (name == kColumns[i].name) return static_cast<Family>(i);
  }
  return std::nullopt;
}

bool widens_when_loaded(std::string_view kernel, std::string_view dtype) {
  return kernel == "sglang_fused_moe_triton" && dtype == "w4a16_mxfp4";
}

int coordinate_count(Family family) {
  switch (family) {
    case Family::kGemm:
    case Family::kAttentionEncoder:
      return 4;
    case Family::kAttentionPrefill:
    case Family::kAttentionDecode:
      return 6;
    case Family::kExperts:
    case Family::kWideExperts:
    case Family::kMamba:
      return 6;
    case Family::kGatedDelta:
      return 5;
    case Family::kLatentProjection:
    case Family::kQuantise:
      return 2;
    default:
      return 3;
  }
}

Coordinates coordinates_of(Family family, const Dims& d) {
  Coordinates x{};
  switch (family) {
    case Family::kGemm:
      return {log2p(d[0]), log2p(d[1]), log2p(d[2]), alignment(d[2])};
    case Family::kAttentionPrefill:
    case Family::kAttentionDecode:
      // What fills the chip is sequences times heads that share a cache.
      return {log2p(d[0]),        log2p(d[2]), log2p(d[1] / d[2]), window_coordinate(d[3]),
              log2p(d[4] * d[2]), log2p(d[5])};
    case Family::kExperts:
    case Family::kWideExperts: {
      const ExpertCounts e = expert_counts(family, d);
      x = {log2p(static_cast<float>(e.hidden)),
           log2p(static_cast<float>(e.width)),
           log2p(static_cast<float>(e.slots / e.ranks)),
           log2p(static_cast<float>(e.tokens * e.topk / e.slots)),
           log2p(static_cast<float>(e.topk)),
           log2p(static_cast<float>(e.ranks))};
      return x;
    }
    default:
      for (int i = 0; i < coordinate_count(family); ++i) {
        x[static_cast<std::size_t>(i)] = log2p(d[static_cast<std::size_t>(i)]);
      }
      if (family == Family::kMamba) x[4] = x[5], x[5] = log2p(d[6]);
      return x;
  }
}

ExpertLayer expert_layer_of(const Dims& d) {
  return {std::lround(d[0]), std::lround(d[2]), std::lround(d[3]), d[5] > 1};
}

ExpertLayer expert_layer_at(const Coordinates& x) {
  return {std::lround(std::exp2(x[0])), std::lround(std::exp2(x[4])),
          std::lround(std::exp2(x[2] + x[5])), x[5] > 0};
}

Work work_of(Family family, const Categories& c, const Dims& d, std::string_view kernel) {
  switch (family) {
    case Family::kGemm:
      return gemm_work(c, d);
    case Family::kAttentionPrefill:
      return prefill_work(c, d);
    case Family::kAttentionDecode:
      return decode_work(c, d);
    case Family::kAttentionEncoder:
      return encoder_work(d);
    case Family::kLatentPrefill:
      return latent_prefill_work(c, d);
    case Family::kLatentDecode:
      return latent_decode_work(d[0], d[1], d[2], cache_bytes(c[1]));
    case Family::kLatentProjection:
      return projection_work(c, d);
    case Family::kLatentModulePrefill:
    case Family::kLatentModuleDecode:
    case Family::kSparseModuleDecode:
      return latent_module_work(family, c, d);
    case Family::kExperts:
    case Family::kWideExperts:
      return expert_work(family, c, d, kernel);
    case Family::kGatedDelta:
      return delta_work(c, d);
    case Family::kMamba:
      return mamba_work(c, d);
    case Family::kQuantise:
      return {0, static_cast<double>(d[0]) * d[1] * 3, MathFormat::kBf16};
  }
  return {};
}

double launch_us(Family family) {
  switch (family) {
    case Family::kGemm:
      return 2.5;
    case Family::kExperts:
    case Family::kWideExperts:
    case Family::kLatentModuleDecode:
    case Family::kLatentModulePrefill:
    case Family::kSparseModuleDecode:
      return 20;
    case Family::kAttentionPrefill:
    case Family::kLatentDecode:
    case Family::kLatentPrefill:
      return 8;
    case Family::kQuantise:
      return 2;
    default:
      return 5;
  }
}

double reference_time_us(Family family, const Work& work, const Chip& chip) {
  const double compute = work.flops / (chip.peak_tflops(work.format) * 1e6 * 0.75);
  const double memory = work.bytes / (chip.hbm_gbps * 1e3 * 0.85);
  return launch_us(family) + std::sqrt(compute * compute + memory * memory);
}

double roofline_us(const Work& work, const Chip& chip) {
  return std::max(work.flops / (chip.peak_tflops(work.format) * 1e6),
                  work.bytes / (chip.hbm_gbps * 1e3));
}

}  // namespace astrolabe::device
