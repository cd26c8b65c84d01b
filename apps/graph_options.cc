#include "apps/graph_options.h"

#include <CLI/CLI.hpp>
#include <limits>

#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/layout.h"
#include "astrolabe/workload/config_reader.h"

namespace astrolabe {

namespace {

workload::NumberFormat parse_kv(const std::string& name) {
  for (const auto format : {workload::NumberFormat::kBf16, workload::NumberFormat::kFp8,
                            workload::NumberFormat::kInt8}) {
    if (name == workload::number_format_name(format)) return format;
  }
  throw InputError({}, "--kv", name, "bf16, fp8 or int8");
}

workload::Precision find_precision(const GraphOptions& options,
                                   const workload::ModelConfig& config) {
  workload::Precision p = config.precision.value_or(workload::Precision());
  if (!options.precision.empty()) p = workload::parse_precision(options.precision, {});
  if (!options.experts.empty()) p.experts = workload::parse_gemm_format(options.experts, {});
  if (!options.kv.empty()) p.kv_cache = parse_kv(options.kv);
  return p;
}

workload::ShardDegrees find_shard(const GraphOptions& options,
                                  const workload::ModelArchitecture& model) {
  const parallel::Layout layout{{.tensor = options.tensor,
                                 .data = options.data,
                                 .expert = options.moe_ep,
                                 .pipeline = options.pipeline,
                                 .context = options.context_ranks,
                                 .redundant_experts = options.redundant}};
  device::Accelerator any;
  any.scale_up_domain = std::numeric_limits<int>::max();
  const std::string conflict = parallel::layout_conflict(model, any, layout);
  if (!conflict.empty()) {
    throw InputError({}, "layout", layout.text() + ": " + conflict, "degrees that divide");
  }
  return layout.shard;
}

workload::Batch find_batch(const GraphOptions& options) {
  workload::Batch batch;
  const bool is_decode = options.phase != "prefill", is_prefill = options.phase != "decode";
  if (is_decode) {
    batch.decode_sequences = options.batch;
    batch.decode_context = options.isl;
    batch.draft_tokens = options.drafts;
  }
  if (is_prefill) {
    batch.prefill_sequences = is_decode ? 1 : options.batch;
    batch.prefill_tokens = options.chunk > 0 ? options.chunk : options.isl;
    batch.prefill_context = options.prefix;
    batch.prefill_finished = batch.prefill_sequences;
  }
  return batch;
}

workload::Routing find_routing(const GraphOptions& options) {
  using workload::RoutingModel;
  workload::Routing routing;
  routing.model = options.routing == "balanced"  ? RoutingModel::kBalanced
                  : options.routing == "uniform" ? RoutingModel::kUniform
                                                 : RoutingModel::kPowerLaw;
  routing.alpha = options.alpha;
  return routing;
}

void add_layout_options(CLI::App* graph, GraphOptions* o) {
  const CLI::Range degree(1, 100000);
  graph->add_option("--tp", o->tensor, "Tensor parallelism of attention")->check(degree);
  graph->add_option("--dp", o->data, "Attention data parallelism")->check(degree);
  graph
      ->add_option("--moe-ep", o->moe_ep,
                   "Ranks over which experts are spread; the rest of tp x dp x cp cuts their width")
      ->check(degree);
  graph->add_option("--pp", o->pipeline, "Pipeline stages")->check(degree);
  graph->add_option("--cp", o->context_ranks, "Context parallelism of prefill")->check(degree);
  graph->add_option("--redundant-experts", o->redundant, "Copies of experts in a layer")
      ->check(CLI::Range(0, 100000));
}

void add_batch_options(CLI::App* graph, GraphOptions* o) {
  const CLI::Validator count = number_within(0, 1e9);
  graph
      ->add_option("--phase", o->phase,
                   "decode: sequences with isl tokens in the cache; prefill: prompts of isl new "
                   "tokens; mixed: decode and one prompt chunk")
      ->check(CLI::IsMember({"decode", "prefill", "mixed"}))
      ->capture_default_str();
  graph->add_option("--batch", o->batch, "Sequences of one attention-DP rank")
      ->check(number_within(1, 1e9))
      ->capture_default_str();
  graph->add_option("--isl", o->isl, "Tokens of a sequence")
      ->check(number_within(1, 1e9))
      ->capture_default_str();
  graph->add_option("--prefix", o->prefix, "Cached tokens before a prompt")->check(count);
  graph->add_option("--chunk", o->chunk, "New tokens of a prompt's chunk, where not isl")
      ->check(number_within(1, 1e9));
  graph->add_option("--drafts", o->drafts, "Draft tokens that a decode step verifies")
      ->check(number_within(0, 64));
}

// Options of the other phase would be ignored.
void require_phase(const GraphOptions& options) {
  const auto refuse = [&](const char* option, const char* allowed) {
    throw InputError({}, option, "phase " + options.phase, allowed);
  };
  if (options.phase == "decode" && options.prefix > 0) {
    refuse("--prefix", "of prompts: phase prefill or mixed");
  }
  if (options.phase == "decode" && options.chunk > 0) {
    refuse("--chunk", "of prompts: phase prefill or mixed");
  }
  if (options.phase == "prefill" && options.drafts > 0) {
    refuse("--drafts", "of decoding sequences: phase decode or mixed");
  }
}

}  // namespace

CLI::Option* add_graph_options(CLI::App* graph, GraphOptions* o) {
  CLI::Option* model = graph->add_option(
      "--model", o->model,
      "A model of the catalogue, a Hugging Face config.json, or - for one on stdin");
  add_layout_options(graph, o);
  add_batch_options(graph, o);
  graph->add_option("--precision", o->precision,
                    "Format of the linear layers (else the checkpoint's, or bf16)");
  graph->add_option("--experts", o->experts, "Format of the routed experts where it differs");
  graph->add_option("--kv", o->kv, "Format of the KV cache (bf16, fp8 or int8)");
  graph->add_option("--routing", o->routing, "How tokens are spread over experts")
      ->check(CLI::IsMember({"balanced", "uniform", "power_law"}))
      ->capture_default_str();
  graph->add_option("--alpha", o->alpha, "Exponent of power_law")
      ->check(number_within(1.001, 10))
      ->capture_default_str();
  return model;
}

Graph make_graph(const GraphOptions& options, const catalog::Catalog& catalog) {
  require_phase(options);
  Graph g;
  const workload::ModelConfig config = read_model_option(options.model, catalog);
  g.model = config.model;
  g.precision = find_precision(options, config);
  g.shard = find_shard(options, g.model);
  g.batch = find_batch(options);
  if (options.drafts > 0 && g.model.mtp_layers == 0) {
    throw InputError({}, "--drafts", std::to_string(options.drafts),
                     "0: " + g.model.name + " has no multi-token-prediction layer");
  }
  g.operators = build_operator_graph(g.model, g.precision, g.shard, g.batch, find_routing(options));
  return g;
}

}  // namespace astrolabe
