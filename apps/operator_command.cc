#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "apps/commands.h"
#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/memory/bandwidth_curve.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/coupled_clock.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/parallel/layout.h"
#include "astrolabe/study/operator_times.h"
#include "astrolabe/workload/config_reader.h"
#include "astrolabe/workload/operator_graph.h"
#include "astrolabe/workload/operator_table.h"

namespace astrolabe {

namespace {

struct GraphOptions {
  std::string model, phase = "decode", precision, experts, kv, routing = "uniform";
  std::string accelerator, framework = "trtllm", memory, curve_cache;  // of `time` alone
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

void print_heading(const Graph& g, double context) {
  std::printf(
      "%s: %.3f billion parameters, %.3f active\n"
      "one accelerator of %d holds %.2f GB of weights; a sequence of %.0f tokens takes %.4f GB\n\n",
      g.model.name.c_str(), g.model.total_parameters() / 1e9, g.model.active_parameters() / 1e9,
      g.shard.group() * g.shard.pipeline, g.weights().in(units::GB), context,
      g.kv_of_sequence(context).in(units::GB));
}

void print_table(const Table& table) {
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

Graph make_graph(const GraphOptions& options, const catalog::Catalog& catalog) {
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

int show_graph(const GraphOptions& options, const Invocation& invocation) {
  const Graph g = make_graph(options, catalog::Catalog::load(invocation.data_dir));
  const double context = options.isl + options.prefix;
  if (invocation.is_json) {
    print_json(g, context);
  } else {
    print_heading(g, context);
    print_table(workload::operator_table(g.operators));
  }
  return kSuccess;
}

nlohmann::json to_json(const Table& table) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& cells : table.rows) {
    nlohmann::json row;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      std::visit([&](const auto& v) { row[table.columns[c].name] = v; }, cells[c]);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// The chip's kernels on a simulated memory, which may be another than its own.
std::unique_ptr<parallel::CoupledClock> couple_memory(const GraphOptions& options,
                                                      const std::string& data_dir,
                                                      parallel::ServingChip* chip) {
  memory::CurveOptions curve_options;
  curve_options.cache_dir = options.curve_cache;
  curve_options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const device::CoupledTime times(
      chip->accelerator, chip->derating,
      memory::bandwidth_curve(data_dir, memory::load_product(data_dir, options.memory),
                              curve_options));
  auto clock = std::make_unique<parallel::CoupledClock>(times, chip->derating);
  chip->accelerator = times.accelerator();
  chip->source = parallel::KernelSource::kCoupled;
  chip->clock = clock.get();
  return clock;
}

int show_times(const GraphOptions& options, const Invocation& invocation) {
  const catalog::Catalog catalog = catalog::Catalog::load(invocation.data_dir);
  const Graph g = make_graph(options, catalog);
  const parallel::KernelLibrary library(catalog, invocation.data_dir);
  parallel::ServingChip chip =
      library.chip(options.accelerator, parallel::parse_framework(options.framework));
  std::unique_ptr<parallel::CoupledClock> coupled;
  if (!options.memory.empty()) coupled = couple_memory(options, invocation.data_dir, &chip);
  parallel::require_formats(g.precision, chip.accelerator,
                            options.precision.empty() ? "the checkpoint's" : options.precision);
  const study::OperatorTimes times = study::operator_times(chip, g.operators);
  if (invocation.is_json) {
    const nlohmann::json document = {{"model", g.model.name},
                                     {"accelerator", chip.accelerator.name},
                                     {"framework", options.framework},
                                     {"kernels", parallel::kernel_source_name(chip.source)},
                                     {"band_log", times.band},
                                     {"total_ms", times.total.in(units::millisecond)},
                                     {"roofline_ms", times.roofline.in(units::millisecond)},
                                     {"collectives_ms", times.collectives.in(units::millisecond)},
                                     {"energy_j", times.energy.in(units::joule)},
                                     {"operators", to_json(times.table)}};
    std::printf("%s\n", document.dump(2).c_str());
    return kSuccess;
  }
  print_heading(g, options.isl + options.prefix);
  print_table(times.table);
  std::printf(
      "\n%.3f ms on %s under %s (%s), of it %.3f ms collectives; roofline of the rest %.3f ms; "
      "%.2f J\n",
      times.total.in(units::millisecond), chip.accelerator.name.c_str(), options.framework.c_str(),
      parallel::kernel_source_name(chip.source), times.collectives.in(units::millisecond),
      times.roofline.in(units::millisecond), times.energy.in(units::joule));
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

void add_graph_options(CLI::App* graph, GraphOptions* o, Invocation* invocation) {
  graph
      ->add_option("--model", o->model,
                   "A model of the catalogue, a Hugging Face config.json, or - for one on stdin")
      ->required();
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
  add_data_option(graph, invocation);
  add_json_option(graph, invocation);
}

}  // namespace

void add_operator_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("operator",
                          "Operators of a model on one accelerator.\n"
                          "\n"
                          "  astrolabe operator graph --model deepseek_r1 --dp 32 "
                          "--moe-ep 32\n"
                          "  astrolabe operator time --model config.json --tp 4 --accelerator "
                          "h200_sxm\n");
  command->require_subcommand(1);
  const auto options = std::make_shared<GraphOptions>();
  CLI::App* graph = command->add_subcommand(
      "graph", "FLOPs, bytes and shapes of every operator of one iteration");
  add_graph_options(graph, options.get(), invocation);
  graph->callback([invocation, options] {
    invocation->run = [invocation, options] { return show_graph(*options, *invocation); };
  });
  CLI::App* time = command->add_subcommand(
      "time", "Time and energy of every operator of one iteration on an accelerator");
  add_graph_options(time, options.get(), invocation);
  time->add_option("--accelerator", options->accelerator, "An accelerator of the catalogue")
      ->required();
  time->add_option("--framework", options->framework, "trtllm, vllm or sglang")
      ->capture_default_str();
  time->add_option("--memory", options->memory,
                   "Simulate this memory of data/memory/products.csv, built or not, instead of "
                   "measured kernels: h100_sxm, hbm4e, ...");
  time->add_option("--curve-cache", options->curve_cache,
                   "Keep its bandwidth curve in this directory, and read it there");
  time->callback([invocation, options] {
    invocation->run = [invocation, options] { return show_times(*options, *invocation); };
  });
}

}  // namespace astrolabe
