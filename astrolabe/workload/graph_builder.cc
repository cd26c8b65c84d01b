#include "astrolabe/workload/graph_builder.h"

#include <algorithm>
#include <utility>

namespace astrolabe::workload {

GraphBuilder::GraphBuilder(const ModelArchitecture& model, const Precision& precision,
                           const ShardDegrees& shard, const Batch& batch, const Routing& routing)
    : model_(model),
      precision_(precision),
      shard_(shard),
      batch_(batch),
      routing_(routing),
      stage_share_(stage_imbalance(model, shard) / shard.pipeline),
      tokens_(batch.tokens()) {
  operators_.reserve(40);
}

Bytes GraphBuilder::hidden_bytes(double tokens) const {
  return tokens * model_.hidden * bytes_per_element(NumberFormat::kBf16);
}

Operator& GraphBuilder::gemm(const char* name, double count, double m, double n, double k) {
  Operator op;
  op.kind = OperatorKind::kGemm;
  op.name = name;
  op.count = count;
  op.format = precision_.compute;
  op.flops = 2 * m * n * k * units::flop;
  op.weights = n * k * bytes_per_element(precision_.weights);
  op.activations = m * k * bytes_per_element(precision_.compute) +
                   m * n * bytes_per_element(NumberFormat::kBf16);
  op.m = m;
  op.n = n;
  op.k = k;
  return operators_.emplace_back(op);
}

void GraphBuilder::elementwise(const char* name, double count, double elements) {
  Operator op;
  op.kind = OperatorKind::kElementwise;
  op.name = name;
  op.count = count;
  op.activations = elements * bytes_per_element(NumberFormat::kBf16);
  op.m = tokens_;
  operators_.push_back(op);
}

void GraphBuilder::collective(OperatorKind kind, const char* name, double count, int ranks,
                              Bytes payload, double copies) {
  if (ranks <= 1) return;
  Operator op;
  op.kind = kind;
  op.name = name;
  op.count = count;
  op.ranks = ranks;
  op.payload = payload;
  op.copies = copies;
  operators_.push_back(op);
}

void GraphBuilder::add_embedding() { elementwise("embedding", 1, 2 * tokens_ * model_.hidden); }

void GraphBuilder::add_ffn(const char* up, const char* down, double count, double tokens,
                           double width, double ffn) {
  const double inputs = model_.has_gated_ffn ? 2 : 1;
  gemm(up, count, tokens, inputs * ffn, width);
  elementwise("activation", count, (inputs + 1) * tokens * ffn);
  gemm(down, count, tokens, width, ffn);
}

void GraphBuilder::add_dense_ffn_layers() {
  if (model_.n_dense_ffn == 0) return;
  const double count = stage(model_.n_dense_ffn);
  elementwise("ffn_norm", count, 3 * tokens_ * model_.hidden);
  add_ffn("ffn_up", "ffn_down", count, tokens_, model_.hidden, model_.dense_ffn / shard_.tensor);
  collective(OperatorKind::kAllReduce, "ffn_all_reduce", count, shard_.tensor,
             hidden_bytes(tokens_));
}

void GraphBuilder::add_moe_layers() {
  if (!model_.is_moe()) return;
  const double count = stage(model_.n_moe);
  elementwise("moe_norm", count, 3 * tokens_ * model_.hidden);
  Operator& router = gemm("router", count, tokens_, model_.experts, model_.hidden);
  router.format = precision_.head;
  router.weights = model_.router_parameters() * bytes_per_element(precision_.head);
  if (model_.moe_latent > 0) {
    gemm("moe_latent_in", count, tokens_, model_.moe_latent / shard_.tensor, model_.hidden);
    gemm("moe_latent_out", count, tokens_, model_.hidden, model_.moe_latent / shard_.tensor);
  }
  add_experts(count);
  if (model_.shared_ffn > 0) {
    add_ffn("shared_up", "shared_down", count, tokens_, model_.hidden,
            model_.shared_ffn / shard_.tensor);
  }
  add_expert_exchange(count);
}

void GraphBuilder::add_experts(double count) {
  const double all_tokens = tokens_ * shard_.data;
  const double slots = model_.experts + shard_.redundant_experts;
  const double width = model_.expert_ffn * shard_.expert / shard_.group();
  const double rows = all_tokens * model_.topk / shard_.expert * routing_.imbalance;
  const double touched = expected_distinct_experts(slots, model_.topk, all_tokens) / shard_.expert;
  const double inputs = model_.has_gated_ffn ? 2 : 1;
  const double h = model_.expert_width();
  const auto add = [&](const char* name, double n, double k) {
    Operator& op = gemm(name, count, rows, n, k);
    op.kind = OperatorKind::kGroupedGemm;
    op.groups = touched;
    op.weights = touched * n * k * bytes_per_element(precision_.weights);
  };
  elementwise("expert_permute", count, 2 * rows * h);
  add("expert_up", inputs * width, h);
  elementwise("expert_activation", count, (inputs + 1) * rows * width);
  add("expert_down", h, width);
}

void GraphBuilder::add_expert_exchange(double count) {
  if (shard_.data == 1) {
    collective(OperatorKind::kAllReduce, "moe_all_reduce", count, shard_.tensor,
               hidden_bytes(tokens_));
    return;
  }
  if (shard_.expert == 1) {
    const Bytes all = hidden_bytes(tokens_ * shard_.data);
    collective(OperatorKind::kAllGather, "moe_all_gather", count, shard_.group(), all);
    collective(OperatorKind::kReduceScatter, "moe_reduce_scatter", count, shard_.group(), all);
    return;
  }
  // Each rank of a tensor group sends its share of the tokens, once per chosen expert.
  const double elements =
      tokens_ / shard_.tensor * model_.topk * model_.expert_width() * routing_.imbalance;
  const NumberFormat sent = precision_.compute;
  collective(OperatorKind::kAllToAll, "dispatch", count, shard_.expert,
             elements * bytes_per_element(sent), model_.topk);
  collective(OperatorKind::kAllToAll, "combine", count, shard_.expert,
             elements * bytes_per_element(NumberFormat::kBf16), model_.topk);
  collective(OperatorKind::kAllGather, "moe_all_gather", count, shard_.tensor,
             hidden_bytes(tokens_));
}

void GraphBuilder::add_head() {
  elementwise("final_norm", 1, 3 * tokens_ * model_.hidden);
  const double n = model_.vocab / shard_.tensor;
  Operator& head = gemm("lm_head", 1, batch_.logits(), n, model_.hidden);
  head.format = precision_.head;
  head.weights = n * model_.hidden * bytes_per_element(precision_.head);
  collective(OperatorKind::kAllGather, "logits_all_gather", 1, shard_.tensor,
             batch_.logits() * model_.vocab * bytes_per_element(NumberFormat::kBf16));
}

void GraphBuilder::add_stage_transfer() {
  if (shard_.pipeline == 1) return;
  collective(OperatorKind::kSendReceive, "stage_transfer", 1, 2,
             hidden_bytes(tokens_) / static_cast<double>(shard_.tensor));
}

}  // namespace astrolabe::workload
