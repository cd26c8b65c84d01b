#pragma once

// The parts of operator_graph.h, one member per kind of layer. Not for use outside this folder.

#include "astrolabe/workload/operator_graph.h"

namespace astrolabe::workload {

class GraphBuilder {
 public:
  GraphBuilder(const ModelArchitecture& model, const Precision& precision,
               const ShardDegrees& shard, const Batch& batch, const Routing& routing);

  void add_embedding();
  void add_attention_layers();
  void add_linear_layers();
  void add_dense_ffn_layers();
  void add_moe_layers();
  void add_head();
  void add_stage_transfer();
  OperatorList take() { return std::move(operators_); }

 private:
  Operator& gemm(const char* name, double count, double m, double n, double k);
  void elementwise(const char* name, double count, double elements);
  void collective(OperatorKind kind, const char* name, double count, int ranks, Bytes payload,
                  double copies = 1);
  void add_grouped_attention(double count);
  void add_latent_attention(double count);
  void add_grouped_core(double count, double window);
  void add_latent_decode(double count);
  void add_latent_prefill(double count);
  void add_indexer(double count);
  void add_ffn(const char* up, const char* down, double count, double tokens, double width,
               double ffn);
  void add_experts(double count);
  void add_expert_exchange(double count);

  double stage(double layers) const { return layers * stage_share_; }
  Bytes hidden_bytes(double tokens) const;  // residual stream, bf16

  const ModelArchitecture& model_;
  const Precision& precision_;
  const ShardDegrees& shard_;
  const Batch& batch_;
  const Routing& routing_;
  double stage_share_ = 1;  // of the model's layers in the fullest stage
  double tokens_ = 0;       // of one attention-DP rank
  OperatorList operators_;
};

}  // namespace astrolabe::workload
