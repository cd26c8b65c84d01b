#pragma once

// The parts of operator_graph.h, one member per kind of layer. Not for use outside this folder.

#include <utility>

#include "astrolabe/workload/operator_graph.h"

namespace astrolabe::workload {

class GraphBuilder {
 public:
  GraphBuilder(const ModelArchitecture& model, const Precision& precision,
               const ShardDegrees& shard, const Batch& batch, const Routing& routing);

  void add_model();
  void add_drafts();  // multi-token prediction
  OperatorList take() { return std::move(operators_); }

 private:
  // How often each kind of layer is run on the accelerator.
  struct LayerCounts {
    double full_attention = 0, window_attention = 0, linear = 0, dense_ffn = 0, moe = 0;

    double attention() const { return full_attention + window_attention; }
  };
  // What a context-parallel rank has of the batch.
  struct RankBatch {
    double decode_sequences = 0, decode_queries = 1, decode_context = 0;
    double prefill_sequences = 0, prefill_tokens = 0, prefill_context = 0, square_ratio = 1;
    double prefill_all = 0;  // tokens of one sequence that end up in the cache
    double logits = 0;

    double decode_tokens() const { return decode_sequences * decode_queries; }
    double tokens() const { return decode_tokens() + prefill_sequences * prefill_tokens; }
  };
  static RankBatch rank_batch(const Batch& batch, int context_ranks);

  void add(Operator op, const char* name, double count);
  // A product, with its quantise kernel when the format has one and `quantises`.
  void gemm(const char* name, double count, double m, double n, double k, GemmFormat format,
            bool quantises = true);
  void elementwise(OperatorKind kind, const char* name, double count, double read, double written);
  void collective(OperatorKind kind, const char* name, double count, int ranks, Bytes payload);

  void add_layers(const LayerCounts& counts);
  void add_attention(const LayerCounts& counts);
  void add_attention_layer(double count, bool is_window);
  void add_grouped_attention(double count, bool is_window);
  void add_attention_core(const char* decode, const char* prefill, double count,
                          AttentionShape shape);
  void add_latent_attention(double count);
  void add_latent_core(double count, LatentShape shape, bool is_decode);
  void add_absorbed(const Operator& core, const char* name, double count, double tokens);
  void add_compressed_attention(double count, bool is_window);
  void add_compressed_core(double count, double ratio, bool is_sparse);
  void add_indexer(double count, double key_width, double entry_tokens);
  void add_context_gather(double count, double elements);
  void add_linear(double count);
  void add_linear_core(double count);
  void add_ffn(const char* up, const char* down, double count, double ffn);
  void add_dense_ffn(double count);
  void add_moe(double count);
  void add_experts(double count);
  void add_expert_exchange(double count);
  void add_head(double count);

  Bytes hidden_bytes(double tokens) const;  // residual stream, bf16
  double heads() const { return model_.heads / static_cast<double>(shard_.tensor); }

  const ModelArchitecture& model_;
  const Precision& precision_;
  const ShardDegrees& shard_;
  const Batch& batch_;
  const Routing& routing_;
  RankBatch rank_;
  double tokens_ = 0;  // of one rank
  OperatorList operators_;
};

}  // namespace astrolabe::workload
