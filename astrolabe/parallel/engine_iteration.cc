#include "astrolabe/parallel/engine_iteration.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "astrolabe/parallel/checkpoint_precision.h"

namespace astrolabe::parallel {

using workload::Operator;
using workload::OperatorKind;
using workload::OperatorList;

namespace {

constexpr double kBlock = 128;           // of fp8 scales
constexpr double kWidestFallback = 512;  // of an expert's part on a rank: up to it vLLM runs Triton
constexpr int kFallbackCut = 8;          // so it does where experts are cut so many ways, or more

bool is_any_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A norm over the query and key heads of all tensor ranks needs the sum of squares of all of them.
bool has_full_width_norm(const workload::ModelArchitecture& m) {
  return m.has_qk_norm && m.model_type.starts_with("minimax");
}

// Kernels of the engine's own for one norm of the graph.
double norm_launches(const Operator& op, bool is_fused, bool is_trtllm, bool is_full_width) {
  const std::string_view name = op.name;
  if (name == "final_norm") return 0;  // with the head
  if (is_any_of(name, {"query_norm", "key_norm"})) {
    if (is_full_width) return 2;
    return is_trtllm ? 0.5 : 1;
  }
  return is_fused && !is_any_of(name, {"gated_norm", "index_norm"}) ? 0 : 1;
}

double quantise_launches(std::string_view product, const Operator& quantise, bool is_trtllm) {
  const auto format = quantise.get<workload::QuantizeShape>().format;
  if (is_trtllm && format == workload::GemmFormat::kFp8) return 0;
  return is_any_of(product, {"qkv", "attention_out", "latent_in", "ffn_up", "ffn_down", "linear_in",
                             "linear_out", "gate"})
             ? 1
             : 0;
}

}  // namespace

EngineIteration::EngineIteration(const workload::ModelArchitecture& model,
                                 const workload::Precision& precision,
                                 const workload::ShardDegrees& shard, const Engine& engine,
                                 const KernelClock& clock, double draft_tokens)
    : model_(model),
      precision_(precision),
      shard_(spread_uncuttable_experts(model, precision, shard)),
      engine_(engine),
      clock_(clock),
      draft_tokens_(draft_tokens),
      launches_(count_launches()),
      host_bound_layers_(count_host_bound_layers()) {}

OperatorList EngineIteration::graph(workload::Batch batch) const {
  batch.draft_tokens = draft_tokens_;
  return workload::build_operator_graph(model_, precision_, shard_, batch, kServingRouting);
}

OperatorList EngineIteration::graph_of_tokens(double tokens) const {
  return graph({.decode_sequences = tokens / (1 + draft_tokens_), .decode_context = 1});
}

EngineIteration::Part EngineIteration::part_of(const Operator& op) const {
  const std::string_view name = op.name;
  switch (op.kind) {
    case OperatorKind::kExperts:
      return Part::kExperts;
    case OperatorKind::kDispatch:
    case OperatorKind::kCombine:
      return Part::kExchange;
    case OperatorKind::kAttentionPrefill:
    case OperatorKind::kAttentionDecode:
    case OperatorKind::kLatentPrefill:
    case OperatorKind::kLatentDecode:
    case OperatorKind::kSparseLatent:
    case OperatorKind::kAbsorbQuery:
    case OperatorKind::kAbsorbValue:
    case OperatorKind::kIndexer:
    case OperatorKind::kConvolution:
    case OperatorKind::kLinearAttention:
      return Part::kCore;
    case OperatorKind::kSampling:
    case OperatorKind::kEmbedding:
      return Part::kHead;
    default:
      break;
  }
  if (is_any_of(name, {"moe_all_gather", "moe_reduce_scatter"})) return Part::kExperts;
  if (is_any_of(name, {"lm_head", "logits_all_gather", "final_norm"})) return Part::kHead;
  if (is_any_of(name, {"shared_up", "shared_down"})) return Part::kShared;
  return name == "key_value_up" ? Part::kCore : Part::kDense;
}

Duration EngineIteration::sum(const OperatorList& operators, Part part) const {
  Duration t;
  for (const Operator& op : operators) {
    if (part_of(op) != part) continue;
    t += op.count * clock_.time(op);
    if (op.kind == OperatorKind::kExperts) {
      t += op.count * padding(op.get<workload::ExpertsShape>());
    }
  }
  return t;
}

Duration EngineIteration::padding(const workload::ExpertsShape& s) const {
  const double rows = s.slots / s.moe_ep * (engine_.constants.expert_rows - 1);
  const double width = s.expert_ffn / s.moe_tp;
  if (rows <= 0 || s.format != workload::GemmFormat::kFp8Block || !has_block_scales(model_) ||
      width <= kWidestFallback || s.moe_tp >= kFallbackCut) {
    return {};
  }
  return clock_.time(workload::make_gemm({rows, 2 * width, s.hidden, s.format})) +
         clock_.time(workload::make_gemm({rows, s.hidden, width, s.format})) +
         clock_.time(
             workload::make_elementwise(OperatorKind::kActivation, {rows, 2 * width, width}));
}

Duration EngineIteration::norm_statistics(double tokens) const {
  if (shard_.tensor == 1 || !has_full_width_norm(model_)) return {};
  workload::CollectiveShape s;
  s.ranks = shard_.tensor;
  s.payload = tokens * 8.0 * units::byte;  // two sums in fp32
  const Operator op = workload::make_collective(OperatorKind::kAllReduce, s);
  return static_cast<double>(model_.n_attention()) * clock_.time(op);
}

Duration EngineIteration::dense(double tokens) const {
  // Attention is left out, so the kind of batch does not matter.
  const OperatorList operators = graph_of_tokens(tokens);
  Duration t = sum(operators, Part::kDense) + norm_statistics(tokens);
  const Duration shared = sum(operators, Part::kShared);
  if (tokens > kOverlapTokens) return t + shared;
  Duration routed;
  for (const Operator& op : operators) {
    if (op.kind == OperatorKind::kExperts) routed += op.count * clock_.time(op);
  }
  return t + std::max(Duration{}, shared - routed);
}

Duration EngineIteration::routed(double tokens, Part part) const {
  if (!model_.is_moe()) return {};
  return sum(graph_of_tokens(tokens / shard_.data), part);
}

Duration EngineIteration::experts(double tokens) const { return routed(tokens, Part::kExperts); }

Duration EngineIteration::exchange(double tokens) const { return routed(tokens, Part::kExchange); }

Duration EngineIteration::decode(double sequences, double context) const {
  return sum(graph({.decode_sequences = sequences, .decode_context = context - 1}), Part::kCore);
}

Duration EngineIteration::prefill(double tokens, double context) const {
  return sum(graph({.prefill_sequences = 1, .prefill_tokens = tokens, .prefill_context = context}),
             Part::kCore);
}

Duration EngineIteration::head(double sequences) const {
  return sum(graph({.decode_sequences = sequences, .decode_context = 1}), Part::kHead);
}

Duration EngineIteration::fixed() const { return launches_ * engine_.constants.kernel; }

Duration EngineIteration::prompt_host() const {
  return host_bound_layers_ * engine_.constants.prompt_layer;
}

double EngineIteration::count_host_bound_layers() const {
  double n = 0;
  for (const Operator& op : graph({.decode_sequences = 1, .decode_context = 1})) {
    const bool is_host_bound =
        op.kind == OperatorKind::kLinearAttention || op.kind == OperatorKind::kIndexer;
    if (is_host_bound) n += op.count;
  }
  return n;
}

double EngineIteration::count_launches() const {
  const OperatorList operators = graph({.decode_sequences = 1, .decode_context = 1});
  const bool is_trtllm = engine_.framework == Framework::kTrtllm;
  const bool is_fused = is_trtllm && shard_.tensor > 1;
  const bool is_latent = model_.attention == workload::AttentionKind::kLatent;
  const bool is_full_width = shard_.tensor > 1 && has_full_width_norm(model_);
  double n = 0;
  for (std::size_t i = 0; i < operators.size(); ++i) {
    const Operator& op = operators[i];
    const std::string_view name = op.name;
    double each = 0;
    if (op.kind == OperatorKind::kNorm) {
      each = norm_launches(op, is_fused, is_trtllm && !is_latent, is_full_width);
    } else if (op.kind == OperatorKind::kRotary) {
      // With the cache write; MLA also joins the two parts of a query.
      each = is_latent ? (is_trtllm ? 2 : 3) : (is_trtllm ? 0 : model_.has_rotary ? 2 : 1);
    } else if (op.kind == OperatorKind::kQuantize) {
      each =
          quantise_launches(i + 1 < operators.size() ? operators[i + 1].name : "", op, is_trtllm);
    } else if (op.kind == OperatorKind::kActivation) {
      each = i > 0 && std::string_view(operators[i - 1].name) == "shared_up" ? 0 : 1;
    } else if (op.kind == OperatorKind::kElementwise) {
      each = is_any_of(name, {"top_k", "output_gate"}) ? 2 : 1;
      // The gate of shared experts in models with gated attention: product, sigmoid, scaling.
      if (name == "shared_addition" && model_.has_output_gate) each += 3;
    } else if (op.kind == OperatorKind::kLinearAttention) {
      // Projection of the gates, splits, decay and beta, copies of states and outputs.
      each = 9;
    } else if (op.kind == OperatorKind::kIndexer) {
      each = 4;  // Hadamard transform, quantised keys, their cache, page table
    }
    n += op.count * each;
  }
  return n;
}

workload::ShardDegrees spread_uncuttable_experts(const workload::ModelArchitecture& model,
                                                 const workload::Precision& precision,
                                                 workload::ShardDegrees shard) {
  if (!model.is_moe() || precision.experts != workload::GemmFormat::kFp8Block) return shard;
  const double width = model.expert_ffn / shard.moe_tp();
  if (std::fmod(width, kBlock) != 0 && model.experts % shard.group() == 0) {
    shard.expert = shard.group();
  }
  return shard;
}

double kv_capacity_tokens(const workload::ModelArchitecture& model,
                          const workload::Precision& precision, const workload::ShardDegrees& shard,
                          const EngineConstants& constants, Bytes hbm, double context) {
  const Bytes weights = workload::weight_bytes_per_accelerator(model, precision, shard);
  const Bytes cache =
      constants.kv_share * (constants.memory_share * hbm - weights - constants.runtime_reserve);
  const Bytes sequence = workload::kv_bytes_per_accelerator(model, precision, shard, context);
  return std::max(0.0, cache / sequence * context);
}

}  // namespace astrolabe::parallel
