#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/operator_command.h"
#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/layout.h"
#include "astrolabe/workload/config_reader.h"
#include "astrolabe/workload/operator_graph.h"
#include "astrolabe/workload/operator_table.h"

namespace astrolabe {

namespace {

struct GraphOptions {
  std::string model, phase = "decode", precision, experts, kv, routing = "uniform";
  int tensor = 1, data = 1, moe_ep = 1, pipeline = 1, context_ranks = 1, redundant = 0;
  double batch = 1, isl = 1024, prefix = 0, chunk = 0, drafts = 0, alpha = 1.2;
};

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

nlohmann::json to_json(const workload::Operator& op) {
  nlohmann::json shape = nlohmann::json::object();
  for (const auto& [name, value] : workload::shape_fields(op)) {
    std::visit([&, key = name](const auto& v) { shape[key] = v; }, value);
  }
  return {{"name", op.name},
          {"kind", workload::operator_kind_name(op.kind)},
          {"count", op.count},
          {"arithmetic", workload::number_format_name(op.format)},
          {"flop", op.flops.in(units::flop)},
          {"weight_bytes", op.weights.in(units::byte)},
          {"activation_bytes", op.activations.in(units::byte)},
          {"kv_bytes", op.kv.in(units::byte)},
          {"shape", shape}};
}

struct Graph {
  workload::ModelArchitecture model;
  workload::Precision precision;
  workload::ShardDegrees shard;
  workload::Batch batch;
  workload::OperatorList operators;

  Bytes weights() const { return workload::weight_bytes_per_accelerator(model, precision, shard); }
  Bytes kv_of_sequence(double context) const {
    return workload::kv_bytes_per_accelerator(model, precision, shard, context);
  }
};

void print_json(const Graph& g, double context) {
  nlohmann::json operators = nlohmann::json::array();
  for (const workload::Operator& op : g.operators) operators.push_back(to_json(op));
  const nlohmann::json document = {
      {"model", g.model.name},
      {"total_parameters", g.model.total_parameters()},
      {"active_parameters", g.model.active_parameters()},
      {"mtp_parameters", g.model.mtp_parameters()},
      {"accelerators", g.shard.group() * g.shard.pipeline},
      {"held_weight_bytes", g.weights().in(units::byte)},
      {"kv_bytes_of_one_sequence", g.kv_of_sequence(context).in(units::byte)},
      {"tokens", g.batch.tokens()},
      {"flop", workload::total_flops(g.operators).in(units::flop)},
      {"bytes", workload::total_bytes(g.operators).in(units::byte)},
      {"operators", operators}};
  std::printf("%s\n",
              document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

std::string cell_text(const Table::Cell& cell) {
  if (const std::string* text = std::get_if<std::string>(&cell)) return *text;
  char number[32];
  std::snprintf(number, sizeof number, "%.6g", std::get<double>(cell));
  return number;
}

void print_text(const Graph& g, double context) {
  std::printf(
      "%s: %.3f billion parameters, %.3f active\n"
      "one accelerator of %d holds %.2f GB of weights; a sequence of %.0f tokens takes %.4f GB\n\n",
      g.model.name.c_str(), g.model.total_parameters() / 1e9, g.model.active_parameters() / 1e9,
      g.shard.group() * g.shard.pipeline, g.weights().in(units::GB), context,
      g.kv_of_sequence(context).in(units::GB));
  const Table table = workload::operator_table(g.operators);
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t width = table.columns[c].title.size();
    for (const auto& row : table.rows) width = std::max(width, cell_text(row[c]).size());
    widths.push_back(width);
  }
  const auto print_row = [&](const auto& text_of, bool is_heading) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const bool is_last = c + 1 == table.columns.size();
      const bool is_left = c < 2 || is_last || is_heading;
      const int width = is_last ? 0 : static_cast<int>(widths[c]);
      std::printf("%*s%s", is_left ? -width : width, text_of(c).c_str(), is_last ? "\n" : "  ");
    }
  };
  print_row([&](std::size_t c) { return table.columns[c].title; }, true);
  for (const auto& row : table.rows) {
    print_row([&](std::size_t c) { return cell_text(row[c]); }, false);
  }
}

Graph find_graph(const GraphOptions& options, const Invocation& invocation) {
  Graph g;
  const workload::ModelConfig config =
      read_model_option(options.model, catalog::Catalog::load(invocation.data_dir));
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

int show_graph(const GraphOptions& options, const Invocation& invocation) {
  const Graph g = find_graph(options, invocation);
  const double context = options.isl + options.prefix;
  if (invocation.is_json) {
    print_json(g, context);
  } else {
    print_text(g, context);
  }
  return kSuccess;
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
      ->check(count);
  graph->add_option("--drafts", o->drafts, "Draft tokens that a decode step verifies")
      ->check(number_within(0, 64));
}

void add_graph_options(CLI::App* command, GraphOptions* o) {
  command
      ->add_option("--model", o->model,
                   "A model of the catalogue, a Hugging Face config.json, or - for one on stdin")
      ->required();
  add_layout_options(command, o);
  add_batch_options(command, o);
  command->add_option("--precision", o->precision,
                    "Format of the linear layers (else the checkpoint's, or bf16)");
  command->add_option("--experts", o->experts, "Format of the routed experts where it differs");
  command->add_option("--kv", o->kv, "Format of the KV cache (bf16, fp8 or int8)");
  command->add_option("--routing", o->routing, "How tokens are spread over experts")
      ->check(CLI::IsMember({"balanced", "uniform", "power_law"}))
      ->capture_default_str();
  command->add_option("--alpha", o->alpha, "Exponent of power_law")
      ->check(number_within(1.001, 10))
      ->capture_default_str();
}

void add_time(CLI::App* operators, Invocation* invocation) {
  CLI::App* command = operators->add_subcommand(
      "time",
      "Their times on an accelerator: roofline, derated, and coupled to its simulated memory\n"
      "\n"
      "  astrolabe operator time --model llama31_70b --tp 8 --accelerator h100_sxm\n"
      "  astrolabe operator time --model llama31_70b --accelerator b200_sxm --memory hbm4e");
  const auto options = std::make_shared<GraphOptions>();
  const auto time = std::make_shared<TimeOptions>();
  add_graph_options(command, options.get());
  command->add_option("--accelerator", time->accelerator, "An accelerator of the catalogue")
      ->required();
  command->add_option("--memory", time->memory,
                      "A memory of data/memory/products.csv (default: the accelerator's own)");
  command->add_option("--cache", time->cache, "Keep the bandwidth curve in this directory");
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, options, time] {
    invocation->run = [invocation, options, time] {
      return print_operator_times(find_graph(*options, *invocation).operators, *time, *invocation);
    };
  });
}

}  // namespace

void add_operator_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("operator",
                          "Operators of a model on one accelerator.\n"
                          "\n"
                          "  astrolabe operator graph --model deepseek_r1 --dp 32 "
                          "--moe-ep 32\n"
                          "  astrolabe operator graph --model config.json --tp 4\n");
  command->require_subcommand(1);
  CLI::App* graph = command->add_subcommand(
      "graph", "FLOPs, bytes and shapes of every operator of one iteration");
  const auto options = std::make_shared<GraphOptions>();
  add_graph_options(graph, options.get());
  add_data_option(graph, invocation);
  add_json_option(graph, invocation);
  graph->callback([invocation, options] {
    invocation->run = [invocation, options] { return show_graph(*options, *invocation); };
  });
  add_time(command, invocation);
}

}  // namespace astrolabe
