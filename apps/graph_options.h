#pragma once

// Options that describe one iteration of a model on one accelerator, and its operators.

#include <string>

#include "apps/commands.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/workload/operator_graph.h"

namespace astrolabe {

struct GraphOptions {
  std::string model, phase = "decode", precision, experts, kv, routing = "uniform";
  int tensor = 1, data = 1, moe_ep = 1, pipeline = 1, context_ranks = 1, redundant = 0;
  double batch = 1, isl = 1024, prefix = 0, chunk = 0, drafts = 0, alpha = 1.2;
};

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

CLI::Option* add_graph_options(CLI::App* command, GraphOptions* options);  // returns --model
Graph make_graph(const GraphOptions& options, const catalog::Catalog& catalog);

}  // namespace astrolabe
