#include "astrolabe/workload/graph_builder.h"

namespace astrolabe::workload {

GraphBuilder::GraphBuilder(const ModelArchitecture& model, const Precision& precision,
                           const ShardDegrees& shard, const Batch& batch, const Routing& routing)
    : model_(model),
      precision_(precision),
      shard_(shard),
      batch_(batch),
      routing_(routing),
      rank_(rank_batch(batch, shard.context)),
      tokens_(rank_.tokens()) {
  operators_.reserve(64);
}

GraphBuilder::RankBatch GraphBuilder::rank_batch(const Batch& b, int context_ranks) {
  const double cp = context_ranks;
  RankBatch r;
  r.decode_sequences = b.decode_sequences / cp;
  r.decode_queries = 1 + b.draft_tokens;
  r.decode_context = b.decode_context;
  r.prefill_sequences = b.prefill_sequences;
  r.prefill_tokens = b.prefill_tokens / cp;
  // The mean context makes each rank's share of the query-key pairs 1 / cp.
  r.prefill_context =
      b.prefill_context + b.prefill_square_ratio * (b.prefill_tokens - r.prefill_tokens) / 2;
  r.square_ratio = b.prefill_square_ratio;
  r.prefill_all = b.prefill_context + b.prefill_tokens;
  r.logits = b.logits() / cp;
  return r;
}

Bytes GraphBuilder::hidden_bytes(double tokens) const {
  return tokens * model_.hidden * bytes_per_element(NumberFormat::kBf16);
}

void GraphBuilder::add(Operator op, const char* name, double count) {
  if (count <= 0) return;
  op.name = name;
  op.count = count;
  operators_.push_back(op);
}

void GraphBuilder::gemm(const char* name, double count, double m, double n, double k,
                        GemmFormat format, bool quantises) {
  if (quantises && traits(format).is_activation_quantised) {
    add(make_quantize({.m = m, .k = k, .format = format}), "quantize", count);
  }
  add(make_gemm({.m = m, .n = n, .k = k, .format = format}), name, count);
}

void GraphBuilder::elementwise(OperatorKind kind, const char* name, double count, double read,
                               double written) {
  add(make_elementwise(kind, {.tokens = tokens_, .read = read, .written = written}), name, count);
}

void GraphBuilder::collective(OperatorKind kind, const char* name, double count, int ranks,
                              Bytes payload) {
  if (ranks > 1) add(make_collective(kind, {.ranks = ranks, .payload = payload}), name, count);
}

void GraphBuilder::add_model() {
  const double share = stage_imbalance(model_, shard_) / shard_.pipeline;
  elementwise(OperatorKind::kEmbedding, "embedding", 1, model_.hidden, model_.hidden);
  add_layers({.full_attention = share * model_.n_full_attention,
              .window_attention = share * model_.n_window_attention,
              .linear = share * model_.n_linear,
              .dense_ffn = share * model_.n_dense_ffn,
              .moe = share * model_.n_moe});
  add_head(1);
  if (shard_.pipeline > 1) {
    collective(OperatorKind::kSendReceive, "stage_transfer", 1, 2,
               hidden_bytes(tokens_) / static_cast<double>(shard_.tensor));
  }
}

void GraphBuilder::add_layers(const LayerCounts& counts) {
  add_attention(counts);
  add_linear(counts.linear);
  add_dense_ffn(counts.dense_ffn);
  add_moe(counts.moe);
}

void GraphBuilder::add_drafts() {
  const double drafts = batch_.draft_tokens;
  if (model_.mtp_layers == 0 || drafts <= 0 || batch_.decode_sequences <= 0) return;
  const RankBatch whole = rank_;
  const double h = model_.hidden;
  const auto pass = [&](double queries, double count) {
    rank_ = RankBatch{.decode_sequences = whole.decode_sequences,
                      .decode_queries = queries,
                      .decode_context = whole.decode_context,
                      .logits = whole.decode_sequences};
    tokens_ = rank_.tokens();
    elementwise(OperatorKind::kNorm, "mtp_norm", 2 * count, h, h);
    gemm("mtp_projection", count, tokens_, h, 2 * h, precision_.projections);
    add_layers({.full_attention = model_.n_full_attention > 0 ? count : 0,
                .window_attention = model_.n_full_attention > 0 ? 0 : count,
                .dense_ffn = model_.is_moe() ? 0 : count,
                .moe = model_.is_moe() ? count : 0});
    add_head(count);
  };
  pass(whole.decode_queries, 1);
  pass(1, drafts - 1);
  rank_ = whole;
  tokens_ = rank_.tokens();
}

void GraphBuilder::add_ffn(const char* up, const char* down, double count, double ffn) {
  const double inputs = model_.has_gated_ffn ? 2 : 1;
  gemm(up, count, tokens_, inputs * ffn, model_.hidden, precision_.ffn);
  elementwise(OperatorKind::kActivation, "activation", count, inputs * ffn, ffn);
  gemm(down, count, tokens_, model_.hidden, ffn, precision_.ffn);
}

void GraphBuilder::add_dense_ffn(double count) {
  if (count <= 0) return;
  elementwise(OperatorKind::kNorm, "ffn_norm", count, 2 * model_.hidden, 2 * model_.hidden);
  add_ffn("ffn_up", "ffn_down", count, model_.dense_ffn / shard_.tensor);
  collective(OperatorKind::kAllReduce, "ffn_all_reduce", count, shard_.tensor,
             hidden_bytes(tokens_));
}

void GraphBuilder::add_moe(double count) {
  if (count <= 0) return;
  const double tp = shard_.tensor, h = model_.hidden;
  elementwise(OperatorKind::kNorm, "moe_norm", count, 2 * h, 2 * h);
  gemm("router", count, tokens_, model_.experts, h, precision_.head);
  elementwise(OperatorKind::kElementwise, "top_k", count, model_.experts, 2 * model_.topk);
  if (model_.moe_latent > 0) {
    gemm("moe_latent_in", count, tokens_, model_.moe_latent / tp, h, precision_.ffn);
    gemm("moe_latent_out", count, tokens_, h, model_.moe_latent / tp, precision_.ffn);
  }
  add_experts(count);
  if (model_.shared_ffn > 0) {
    add_ffn("shared_up", "shared_down", count, model_.shared_ffn / tp);
    elementwise(OperatorKind::kElementwise, "shared_addition", count, 2 * h, h);
  }
  add_expert_exchange(count);
}

void GraphBuilder::add_experts(double count) {
  ExpertsShape s;
  s.tokens = tokens_ * shard_.data * shard_.context;
  s.hidden = model_.expert_width();
  s.expert_ffn = model_.expert_ffn;
  s.topk = model_.topk;
  s.experts = model_.experts;
  s.slots = model_.experts + shard_.redundant_experts;
  s.moe_tp = shard_.moe_tp();
  s.moe_ep = shard_.moe_ep();
  s.token_ranks = shard_.data * shard_.context;
  s.is_gated = model_.has_gated_ffn;
  s.format = precision_.experts;
  s.routing = routing_;
  add(make_experts(s), "experts", count);
}

void GraphBuilder::add_expert_exchange(double count) {
  const int ranks = shard_.data * shard_.context;
  if (ranks == 1) {
    collective(OperatorKind::kAllReduce, "moe_all_reduce", count, shard_.tensor,
               hidden_bytes(tokens_));
    return;
  }
  if (shard_.expert == 1) {
    const Bytes all = hidden_bytes(tokens_ * ranks);
    collective(OperatorKind::kAllGather, "moe_all_gather", count, shard_.group(), all);
    collective(OperatorKind::kReduceScatter, "moe_reduce_scatter", count, shard_.group(), all);
    return;
  }
  // Each rank of a tensor group sends its share of the tokens, once per chosen expert.
  const double slots = model_.experts + shard_.redundant_experts;
  CollectiveShape s;
  s.ranks = shard_.expert;
  s.tokens = tokens_ / shard_.tensor;
  s.hidden = model_.expert_width();
  s.topk = s.copies = model_.topk;
  s.experts = model_.experts;
  const double elements =
      s.tokens * s.topk * s.hidden *
      hottest_rank_ratio(routing_, slots, s.topk, tokens_ * ranks, shard_.expert);
  s.format = traits(precision_.experts).multiplied;
  s.payload = elements * traits(precision_.experts).activation;
  add(make_collective(OperatorKind::kDispatch, s), "dispatch", count);
  s.format = NumberFormat::kBf16;
  s.payload = elements * bytes_per_element(NumberFormat::kBf16);
  add(make_collective(OperatorKind::kCombine, s), "combine", count);
  collective(OperatorKind::kAllGather, "moe_all_gather", count, shard_.tensor,
             hidden_bytes(tokens_));
}

void GraphBuilder::add_head(double count) {
  const double h = model_.hidden, n = model_.vocab / shard_.tensor;
  elementwise(OperatorKind::kNorm, "final_norm", count, 2 * h, h);
  gemm("lm_head", count, rank_.logits, n, h, precision_.head);
  collective(OperatorKind::kAllGather, "logits_all_gather", count, shard_.tensor,
             rank_.logits * model_.vocab * bytes_per_element(NumberFormat::kBf16));
  add(make_elementwise(OperatorKind::kSampling,
                       {.tokens = rank_.logits, .read = model_.vocab, .written = 1}),
      "sampling", count);
}

}  // namespace astrolabe::workload
