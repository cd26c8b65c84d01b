#include "astrolabe/device/tiled_kernels.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::device {

using workload::NumberFormat;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_triton(std::string_view kernel) {
  return contains(kernel, "triton") || contains(kernel, "Triton") || contains(kernel, "TRITON") ||
         kernel == "vllm_fused_moe";  // of vLLM 0.14
}

bool is_cutlass(std::string_view kernel) {
  return contains(kernel, "cutlass") || contains(kernel, "Cutlass");
}

std::string_view attention_class(std::string_view kernel) {
  if (is_triton(kernel)) return "triton";
  if (contains(kernel, "fidecode") || contains(kernel, "fiprefill") || kernel == "flashinfer" ||
      contains(kernel, "flow_flashinfer")) {
    return "flashinfer";
  }
  return "native";
}

// In decode, by the kernels of flash attention, whichever framework calls them.
constexpr std::string_view kFlashTable = "any flash";
bool is_flash(std::string_view kernel) {
  return contains(kernel, "flash_att") || contains(kernel, "fa3");
}

std::string_view expert_class(std::string_view kernel) {
  if (is_triton(kernel)) return "triton";
  if (contains(kernel, "marlin")) return "marlin";
  if (contains(kernel, "min_latency")) return "min_latency";
  if (contains(kernel, "cutlass") && contains(kernel, "flashinfer")) return "cutlass";
  return "native";
}

std::string_view delta_piece(std::string_view kernel) {
  if (contains(kernel, "conv1d_update")) return "convolution_step";
  if (contains(kernel, "conv1d")) return "convolution";
  if (contains(kernel, "recurrent")) return "recurrence";
  return "chunks";
}

KernelFormat format_of(std::string_view name) {
  const auto format = find_kernel_format(name);
  return format ? *format : KernelFormat{};
}

NumberFormat multiply_of(std::string_view name) {
  return name == "fp8" ? NumberFormat::kFp8 : NumberFormat::kBf16;
}
double cache_element(std::string_view name) { return name == "fp8" ? 1 : 2; }

// Latent attention by model (config.json of each): DeepSeek-V3 and its kin, GLM-5.
struct LatentModel {
  double hidden = 7168, query_rank = 1536, latent = 512, rope = 64, nope = 128, value = 128;
  double index_heads = 64, index_dim = 128, index_topk = 2048;
};
LatentModel latent_model(std::string_view name) {
  if (!contains(name, "GLM")) return {};
  LatentModel glm;
  glm.hidden = 6144, glm.query_rank = 2048, glm.nope = 192, glm.value = 256, glm.index_heads = 32;
  return glm;
}

AttentionShape latent_prefill(const Categories& c, const LatentModel& m, double heads, double batch,
                              double length, double prefix) {
  AttentionShape s;
  s.sequences = batch, s.query_tokens = length, s.kv_tokens = length + prefix;
  s.heads = s.kv_heads = heads;
  s.qk_dim = m.nope + m.rope, s.v_dim = m.value;
  s.multiply = multiply_of(c[0]), s.kv_bytes = 2;
  return s;
}

// All heads over the latent vectors themselves.
void absorb(AttentionShape* s) {
  const LatentModel m;
  s->kv_heads = 1, s->is_latent = true;
  s->qk_dim = m.latent + m.rope, s->v_dim = m.latent;
}

// FlashAttention 3 takes latent keys and values in bf16 only: SGLang widens all of the cache before
// each call (flashattention_backend.py: `get_key_buffer(layer.layer_id).to(q.dtype)`).
void widen_cache(std::string_view framework, std::string_view kernel, std::string_view cache,
                 AttentionShape* s) {
  s->widens_cache = framework == "sglang" && is_flash(kernel) && cache == "fp8";
  if (s->widens_cache) s->kv_bytes = 2, s->multiply = NumberFormat::kBf16;
}

AttentionShape latent_decode(std::string_view cache, const LatentModel& m, double heads,
                             double batch, double length) {
  AttentionShape s;
  s.sequences = batch, s.kv_tokens = length, s.heads = heads;
  s.qk_dim = m.latent + m.rope, s.v_dim = m.latent;
  s.is_latent = true, s.kv_bytes = cache_element(cache);
  return s;
}

ModuleShape latent_module(Family family, std::string_view kernel, const Categories& c,
                          const Dims& d) {
  const LatentModel m = latent_model(c[0]);
  const double heads = d[0], batch = d[1], length = d[2];
  ModuleShape s;
  s.format = format_of(c[3]);
  double tokens = batch;
  if (family == Family::kLatentModulePrefill) {
    s.attention = latent_prefill({c[1], c[2]}, m, heads, batch, length, d[3]);
    tokens = batch * length;
  } else {
    const bool sparse = family == Family::kSparseModuleDecode;
    const double seen = sparse ? std::min(length, m.index_topk) : length;
    s.attention = latent_decode(c[2], m, heads, batch, seen);
    if (sparse && !contains(kernel, "skip_indexer")) {
      s.index_bytes = batch * length * m.index_dim;
      s.index_flops = 2 * batch * length * m.index_dim * m.index_heads;
    }
  }
  s.projection_weights = m.hidden * (m.query_rank + m.latent + m.rope) +
                         heads * (m.query_rank * (m.nope + m.rope) + m.latent * (m.nope + m.value) +
                                  m.value * m.hidden);
  s.projection_flops = 2 * tokens * s.projection_weights;
  s.activation_elements = tokens * (m.hidden + heads * (m.nope + m.rope + m.value));
  return s;
}

// Kernels of TensorRT-LLM's generated experts over about 8 of others, which sort in up to three,
// copy and activate between the products: routing, two products and finalising; one more that
// narrows activations; one that activates under scales of blocks (blockScaleMoe/runner.cu).
double generated_launches(const KernelFormat& format) {
  const double kernels =
      4 + (format.activation_bytes < 2 ? 1 : 0) + (format.has_block_scales ? 1 : 0);
  return kernels / 8;
}

bool is_generated(std::string_view expert_kernel) {
  return contains(expert_kernel, "trtllm") || contains(expert_kernel, "min_latency");
}

// CUTLASS and DeepGEMM copy the tokens of an expert together (read, write) and combine results;
// TensorRT-LLM's generated experts gather tokens where they are, as do Triton's and Marlin's, which
// write and combine those of all ranks (zeros for experts that are elsewhere).
void set_passes(std::string_view kernel, ExpertShape* s) {
  const std::string_view kind = expert_class(kernel);
  const bool everywhere = kind == "triton" || kind == "marlin";
  if (everywhere) s->all_pair_passes = 2;
  if (everywhere || is_generated(kernel)) s->pair_passes = 1;
  if (is_generated(kernel)) s->launches = generated_launches(s->format);
  // Where no product activates its results: those are written, read, and written again, by Triton
  // and Marlin for the pairs of all ranks. Generated experts do so under scales of blocks only, by
  // a kernel that visits the pairs of all ranks, an element a thread (blockScaleMoe/DevKernel.cu,
  // activationDeepSeekKernel).
  if (!is_generated(kernel)) {
    (everywhere ? s->all_activation_passes : s->activation_passes) = 2 * (s->matrices - 1) + 1;
  }
  s->activates_singly = is_generated(kernel) && s->format.has_block_scales;
}

// Kernels of the experts below over about 8 of CUTLASS: seven find the pairs of the rank, eight
// sort them; two products; three activate, clear and cast.
constexpr double kNarrowLaunches = 20.0 / 8;

// TensorRT-LLM's experts under scales of blocks where it has no kernel of its own (sm_120):
// Triton's, in tiles of 16 rows, with weights widened to bf16 before they are multiplied and
// activations left so. Pairs of other ranks are given to the first or last expert, with a weight of
// nothing (fused_moe_triton_fp8_block_scale.py; its caller, fused_moe_cutlass.py).
void set_narrow_triton(std::string_view kernel, ExpertShape* s) {
  if (!contains(kernel, "flow_triton_fp8_block")) return;
  s->only_rows = 16;
  s->format.multiply = NumberFormat::kBf16, s->format.activation_bytes = 2;
  s->multiplies_all = true;
  s->launches = kNarrowLaunches;
}

ExpertShape experts(Family family, std::string_view kernel, const Categories& c, const Dims& d) {
  const std::size_t shift = family == Family::kWideExperts ? 1 : 0;
  ExpertShape s;
  s.format = format_of(widens_when_loaded(kernel, c[0]) ? "bfloat16" : c[0]);
  s.hidden = d[0], s.inter = d[1] / d[4 + shift], s.top_k = d[2], s.experts = d[3 + shift];
  s.expert_ranks = d[5 + shift], s.tokens = d[6 + shift];
  s.matrices = contains(kernel, "nongated") ? 2 : 3;
  s.is_power_law = contains(c[1], "power_law");
  // Block scales have a kernel of their own.
  s.is_untuned = expert_class(kernel) == "cutlass" && c[0] != "fp8_block";
  const std::string_view kind = expert_class(kernel);
  s.is_portable = kind == "triton" || kind == "marlin";
  s.promotes = s.format.has_block_scales && (s.is_portable || is_generated(kernel));
  set_passes(kernel, &s);
  set_narrow_triton(kernel, &s);
  return s;
}

// TensorRT-LLM convolves one prompt after another.
double convolution_launches(std::string_view framework, double batch) {
  return framework == "trtllm" ? batch : 1;
}

StreamShape delta(std::string_view framework, std::string_view kernel, const Dims& d) {
  constexpr double kHead = 128, kWidth = 4, kChunk = 64;
  const double key = d[1] * kHead, value = d[2] * kHead, batch = d[3], length = d[4];
  const double channels = 2 * key + value, state = d[2] * kHead * kHead;
  const std::string_view piece = delta_piece(kernel);
  StreamShape s;
  if (piece == "convolution_step") {
    s.bytes = batch * channels * 2 * (2 + 2 * kWidth);
    s.units = batch * channels / 256;
  } else if (piece == "convolution") {
    s.bytes = batch * length * channels * 4;
    s.units = batch * std::ceil(length / 8) * channels / 256;
    s.launches = convolution_launches(framework, batch);
  } else if (piece == "recurrence") {
    s.bytes = batch * (state * 4 * 2 + channels * 4);
    s.units = batch * d[2];
  } else {
    const double chunks = std::ceil(length / kChunk);
    s.bytes = batch * (length * (channels + value) * 4 + chunks * state * 2);
    s.flops = batch * length * d[2] * 2 * (4 * kChunk * kHead + 3 * kHead * kHead);
    s.units = batch * d[2];
    s.steps = chunks;
  }
  return s;
}

StreamShape mamba(std::string_view framework, std::string_view kernel, const Dims& d) {
  constexpr double kHead = 64, kWidth = 4;
  const double channels = d[2] * kHead + 2 * d[3] * d[1], batch = d[5], length = d[6];
  StreamShape s;
  const bool step = contains(kernel, "update");
  s.bytes = step ? batch * channels * 2 * (2 + 2 * kWidth) : batch * length * channels * 4;
  s.units = batch * (step ? 1 : std::ceil(length / 8)) * channels / 256;
  if (!step) s.launches = convolution_launches(framework, batch);
  return s;
}

// Query heads of a group that TensorRT-LLM's decode kernels take together; larger groups run a
// kernel in which each head reads the cache by itself (as measured: groups of 48 take 4 times as
// long).
constexpr double kTrtllmGroup = 32;

// vLLM asks FlashAttention for up to 32 splits of a cache
// (flash_attn_max_num_splits_for_cuda_graph) for as many sequences as its graphs hold
// (max_cudagraph_capture_size).
constexpr double kGraphSplits = 32, kGraphSequences = 512;

// FlashAttention 2 packs the heads of a group only without a window (flash_api.cpp:
// seqlenq_ngroups_swapped).
bool reads_by_head(std::string_view framework, std::string_view kernel, const AttentionShape& s) {
  if (framework == "trtllm") return s.heads > kTrtllmGroup * s.kv_heads;
  return contains(kernel, "fa2") && s.window > 0;
}

// Triton multiplies a power of two of columns (BLOCK_DMODEL; SGLang's prompts take 192 as 128 and
// 64), flash attention a multiple of 32.
double padded_head(std::string_view framework, std::string_view kernel, double dim) {
  const bool split = framework == "sglang" && dim == 192;
  if (is_triton(kernel) && !split) return std::exp2(std::ceil(std::log2(dim)));
  return 32 * std::ceil(dim / 32);
}

AttentionShape attention(Family family, std::string_view framework, std::string_view kernel,
                         const Categories& c, const Dims& d) {
  AttentionShape s;
  s.multiply = multiply_of(c[0]);
  s.qk_dim = s.v_dim = d[0];
  s.padding = padded_head(framework, kernel, d[0]) / d[0];
  s.heads = d[1];
  if (family == Family::kAttentionEncoder) {
    s.kv_heads = d[1], s.sequences = d[2], s.query_tokens = s.kv_tokens = d[3];
    s.is_causal = false;
    return s;
  }
  s.kv_heads = d[2], s.window = d[3], s.sequences = d[4];
  s.shares_cache = !reads_by_head(framework, kernel, s);
  s.kv_bytes = cache_element(c[1]);
  // Of those splits version 3 makes as many as fill the chip, version 4 all; both combine them.
  const bool is_fa4 = contains(kernel, "fa4");
  s.combines =
      framework == "vllm" && (is_fa4 || contains(kernel, "fa3")) && s.sequences <= kGraphSequences;
  if (s.combines && is_fa4) s.least_splits = kGraphSplits;
  // FlashAttention 3 multiplies queries and keys of one format.
  s.quantises_queries = is_flash(kernel) && s.kv_bytes == 1;
  if (family == Family::kAttentionPrefill) {
    s.query_tokens = d[5], s.kv_tokens = d[5] + d[6];
  } else {
    s.kv_tokens = d[5];
  }
  return s;
}

// Layers that the loop which measures products calls one after another, so that their weights come
// from HBM (aiconfigurator, collector/*/collect_gemm.py; TensorRT-LLM's has 5).
constexpr double kWeightCopies = 6;

// Kernels that an engine brings along cut no k (CUTLASS: `TileSchedulerType = void` or persistent;
// CuTe DSL). On sm_120 sgl-kernel has one tile (fp8_gemm_kernel.cu, `sm120_fp8_dispatch_bias`), as
// FlashInfer and TensorRT-LLM for NVFP4 (`dispatchNVFP4xNVFP4GemmCTAShapeSm120`); vLLM has smaller
// ones. On sm_89 sgl-kernel's follow rows and columns (`sm89_fp8_dispatch_shape`); so do vLLM's,
// whose times they explain no better. TensorRT-LLM's NVFP4 runs its default tile (fp4Gemm.cpp,
// `getDefaultGemmConfig`): its times by tcgen05 follow k, not n. Under scales of blocks it has one
// on sm_89 (`gemm_dispatch_sm89`).
GemmShape product(std::string_view framework, std::string_view kernel, const Categories& c,
                  const Dims& d) {
  GemmShape s{format_of(c[0]), d[2], d[0], d[1], 1, kWeightCopies};
  const bool is_fp4 = c[0] == "nvfp4";
  const bool is_sgl = contains(kernel, "sgl_kernel");
  if (framework == "trtllm" && is_fp4) {
    s.kernel = ProductKernel::kCutlassFirst;
  } else if (framework == "trtllm" && s.format.has_block_scales) {
    s.kernel = ProductKernel::kBlockScales;
  } else if (is_sgl || (is_fp4 && is_cutlass(kernel))) {
    s.kernel = ProductKernel::kCutlassSquare;
  } else if (is_fp4 || is_cutlass(kernel)) {
    s.kernel = ProductKernel::kCutlass;
  }
  return s;
}

GemmShape projection(const Categories& c, const Dims& d) {
  constexpr double kNope = 128, kLatent = 512;
  const bool pre = contains(c[0], "pre");
  return {format_of(c[1]), d[1], pre ? kLatent : kNope, pre ? kNope : kLatent, d[0], 1};
}

}  // namespace

std::string wider_pool(std::string_view pool) {
  static constexpr std::pair<std::string_view, std::string_view> kWider[] = {
      {" w4a8_mxfp4_mxfp8", " fp8"}, {" w4a16_mxfp4", " int4_wo"}, {" int4_wo", " bfloat16"},
      {" int8_wo", " bfloat16"},     {" nvfp4", " fp8"},           {" fp8_block", " fp8"},
      {" fp8 fp8", " bfloat16 fp8"}, {" fp8", " bfloat16"},        {" sq", " fp8"}};
  for (const auto& [narrow, wide] : kWider) {
    const auto at = pool.find(narrow);
    if (at == std::string_view::npos) continue;
    std::string wider(pool);
    return wider.replace(at, narrow.size(), wide);
  }
  return "";
}

std::string_view kernel_library(Family family, std::string_view framework, std::string_view kernel,
                                const TiledChip& chip) {
  if (is_triton(kernel)) return "triton";
  if (contains(kernel, "marlin")) return "marlin";
  const bool flashinfer = contains(kernel, "flashinfer") || contains(kernel, "FlashInfer");
  if (flashinfer && is_cutlass(kernel)) return "flashinfer_cutlass";
  if (family == Family::kGemm) return "other";
  const bool is_trtllm = contains(kernel, "trtllm") || contains(kernel, "min_latency");
  if (family == Family::kExperts && is_trtllm) return "trtllm_gen";
  const bool own = framework == "trtllm" && attention_class(kernel) != "flashinfer";
  if (family == Family::kAttentionDecode && (is_trtllm || own)) {
    // TensorRT-LLM's generated kernels issue tcgen05; elsewhere its decode attention is XQA (sglang
    // pull request 18758, flashinfer pull request 2001).
    return chip.has_tcgen05() ? "trtllm_gen" : "xqa";
  }
  if (is_trtllm) return "trtllm";
  if (contains(kernel, "nongated")) return "nongated";
  if (attention_class(kernel) == "flashinfer") return "flashinfer";
  if (contains(kernel, "flash") || contains(kernel, "fa3")) return "flash_attention";
  return framework == "trtllm" ? "trtllm" : "other";
}

TiledTable tiled_table(Family family, std::string_view framework, std::string_view kernel,
                       const Categories& c) {
  std::string pool = columns_of(family).name, table(framework);
  const auto add = [](std::string* to, std::string_view word) { (*to += ' ') += word; };
  switch (family) {
    case Family::kGemm:
      add(&pool, c[0]);
      if (is_triton(kernel)) add(&table, "triton");
      if (contains(kernel, "CutlassFp8Block")) add(&table, "cutlass");
      break;
    case Family::kQuantise:
      add(&pool, c[0]);
      break;
    case Family::kLatentProjection:
      add(&pool, c[1]);
      break;
    case Family::kAttentionDecode:
      add(&pool, c[1]);
      if (is_flash(kernel)) return {std::move(pool), std::string(kFlashTable)};
      add(&table, attention_class(kernel));
      break;
    case Family::kAttentionPrefill:
    case Family::kLatentPrefill:
    case Family::kLatentDecode:
      add(&pool, c[0]);
      add(&pool, c[1]);
      add(&table, attention_class(kernel));
      break;
    case Family::kAttentionEncoder:
      add(&table, attention_class(kernel));
      break;
    case Family::kLatentModulePrefill:
    case Family::kLatentModuleDecode:
    case Family::kSparseModuleDecode:
      add(&pool, c[3]);
      add(&pool, c[2]);
      add(&table, attention_class(kernel));
      break;
    case Family::kExperts:
    case Family::kWideExperts:
      add(&pool, c[0]);
      add(&table, expert_class(kernel));
      break;
    case Family::kGatedDelta:
    case Family::kMamba:
      add(&pool, delta_piece(kernel));
      break;
  }
  return {std::move(pool), std::move(table)};
}

TiledKernel tiled_kernel(Family family, std::string_view framework, std::string_view kernel,
                         const Categories& c, const Dims& d) {
  switch (family) {
    case Family::kGemm:
      return {TiledFormula::kGemm, product(framework, kernel, c, d)};
    case Family::kLatentProjection:
      return {TiledFormula::kGemm, projection(c, d)};
    case Family::kAttentionPrefill:
    case Family::kAttentionDecode:
    case Family::kAttentionEncoder: {
      const AttentionShape s = attention(family, framework, kernel, c, d);
      const bool one = s.query_tokens <= 1 && family != Family::kAttentionEncoder;
      return {one ? TiledFormula::kDecode : TiledFormula::kPrefill, s};
    }
    case Family::kLatentPrefill: {
      AttentionShape s = latent_prefill(c, {}, d[0], d[1], d[2], d[3]);
      // SGLang's tables hold the absorbed form of prompts, but for TensorRT-LLM's kernels
      // (aiconfigurator, collector/sglang/collect_mla.py).
      if (framework == "sglang" && !contains(kernel, "trtllm")) absorb(&s);
      // FlashAttention 3 gives each warp group half of the values' columns.
      s.splits_values = is_flash(kernel);
      widen_cache(framework, kernel, c[1], &s);
      return {TiledFormula::kPrefill, s};
    }
    case Family::kLatentDecode: {
      AttentionShape s = latent_decode(c[1], {}, d[0], d[1], d[2]);
      s.multiply = multiply_of(c[1]);
      widen_cache(framework, kernel, c[1], &s);
      if (is_triton(kernel)) s.tile_rows = 16;  // BLOCK_H of decode_attention.py
      s.has_clusters = framework == "trtllm" && s.heads == 128 && c[1] == "fp8";
      return {TiledFormula::kDecode, s};
    }
    case Family::kLatentModulePrefill: {
      ModuleShape s = latent_module(family, kernel, c, d);
      const bool one = s.attention.query_tokens <= 1;
      return {one ? TiledFormula::kModuleDecode : TiledFormula::kModulePrefill, s};
    }
    case Family::kLatentModuleDecode:
    case Family::kSparseModuleDecode:
      return {TiledFormula::kModuleDecode, latent_module(family, kernel, c, d)};
    case Family::kExperts:
    case Family::kWideExperts:
      return {TiledFormula::kExperts, experts(family, kernel, c, d)};
    case Family::kGatedDelta:
      return {TiledFormula::kStream, delta(framework, kernel, d)};
    case Family::kMamba:
      return {TiledFormula::kStream, mamba(framework, kernel, d)};
    case Family::kQuantise:
      return {TiledFormula::kStream, StreamShape{d[0] * d[1] * 3.0, 0, d[1], 0}};
  }
  return {};
}

TiledKernel tiled_kernel(const TableRequest& r, const Dims& dims) {
  TiledKernel kernel = tiled_kernel(r.family, r.framework, r.kernel, r.categories, dims);
  if (auto* s = std::get_if<ExpertShape>(&kernel.shape)) s->is_dispatched = r.is_dispatched;
  return kernel;
}

}  // namespace astrolabe::device
