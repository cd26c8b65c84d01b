#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/graph_options.h"
#include "apps/table_output.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/parallel/framework_choice.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/study/operator_times.h"
#include "astrolabe/workload/operator_table.h"

namespace astrolabe {

namespace {

struct TimeOptions {
  GraphOptions graph;
  std::string accelerator, framework, memory;
  std::vector<std::string> without_tables;
};

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

void print_graph_json(const Graph& g, double context) {
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
  print_json(document);
}

void print_heading(const Graph& g, double context) {
  std::printf(
      "%s: %.3f billion parameters, %.3f active\n"
      "one accelerator of %d holds %.2f GB of weights; a sequence of %.0f tokens takes %.4f GB\n\n",
      g.model.name.c_str(), g.model.total_parameters() / 1e9, g.model.active_parameters() / 1e9,
      g.shard.group() * g.shard.pipeline, g.weights().in(units::GB), context,
      g.kv_of_sequence(context).in(units::GB));
}

int show_graph(const GraphOptions& options, const Invocation& invocation) {
  const Graph g = make_graph(options, catalog::Catalog::load(invocation.data_dir));
  const double context = options.isl + options.prefix;
  if (invocation.is_json) {
    print_graph_json(g, context);
  } else {
    print_heading(g, context);
    std::fputs(aligned_text(workload::operator_table(g.operators)).c_str(), stdout);
  }
  return kSuccess;
}

int show_times(const TimeOptions& options, const Invocation& invocation) {
  const catalog::Catalog catalog = catalog::Catalog::load(invocation.data_dir);
  const Graph g = make_graph(options.graph, catalog);
  const std::string entity = device::accelerator_entity(catalog, options.accelerator);
  const auto choice = parallel::choose_framework(catalog, entity, options.framework);
  const std::string framework = parallel::framework_name(choice);
  const parallel::KernelLibrary library(catalog, invocation.data_dir, options.without_tables);
  const parallel::ServingChip chip = library.chip(entity, choice, {.memory = options.memory});
  const std::string& precision = options.graph.precision;
  parallel::require_formats(g.precision, chip.accelerator,
                            precision.empty() ? "the checkpoint's" : precision);
  const study::OperatorTimes times = study::operator_times(chip, g.operators);
  if (invocation.is_json) {
    const nlohmann::ordered_json document = {
        {"model", g.model.name},
        {"accelerator", chip.accelerator.name},
        {"framework", framework},
        {"kernels", parallel::kernel_source_name(chip.source)},
        {"band_log", times.band},
        {"total_ms", times.total.in(units::millisecond)},
        {"roofline_ms", times.roofline.in(units::millisecond)},
        {"collectives_ms", times.collectives.in(units::millisecond)},
        {"energy_j", times.energy.in(units::joule)},
        {"operators", to_json(times.table)["rows"]}};
    print_json(document);
    return kSuccess;
  }
  print_heading(g, options.graph.isl + options.graph.prefix);
  std::fputs(aligned_text(times.table).c_str(), stdout);
  std::printf(
      "\n%.3f ms on %s under %s (%s), of it %.3f ms collectives; roofline of the rest %.3f ms; "
      "%.2f J\n",
      times.total.in(units::millisecond), chip.accelerator.name.c_str(), framework.c_str(),
      parallel::kernel_source_name(chip.source), times.collectives.in(units::millisecond),
      times.roofline.in(units::millisecond), times.energy.in(units::joule));
  return kSuccess;
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
  const auto options = std::make_shared<TimeOptions>();
  CLI::App* graph = command->add_subcommand(
      "graph", "FLOPs, bytes and shapes of every operator of one iteration");
  CLI::App* time = command->add_subcommand(
      "time", "Time and energy of every operator of one iteration on an accelerator");
  for (CLI::App* each : {graph, time}) {
    add_graph_options(each, &options->graph)->required();
    add_data_option(each, invocation);
    add_json_option(each, invocation);
  }
  graph->callback([invocation, options] {
    invocation->run = [invocation, options] { return show_graph(options->graph, *invocation); };
  });
  time->add_option("--accelerator-without-tables", options->without_tables,
                   "Predict from the data sheets of these systems and other chips' tables")
      ->type_name("NAME")
      ->delimiter(',');
  time->add_option("--accelerator", options->accelerator, "An accelerator of the catalogue")
      ->required();
  time->add_option("--framework", options->framework,
                   "trtllm, vllm or sglang; else the first of them that runs there");
  add_memory_option(time, &options->memory);
  time->callback([invocation, options] {
    invocation->run = [invocation, options] { return show_times(*options, *invocation); };
  });
}

}  // namespace astrolabe
