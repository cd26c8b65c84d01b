#pragma once

// Shapes of operators, as tables of measured kernels are indexed: what one accelerator executes
// once. Plain numbers: dimensions of matrices, tokens, heads.
//
// "Query tokens" are the new tokens of a sequence: 1 in plain decode, 1 + drafts when a decode step
// verifies drafts, the chunk in prefill. "Context" counts tokens that were in the cache before.

#include "astrolabe/base/quantity.h"
#include "astrolabe/workload/expert_routing.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::workload {

// C[m, n] = A[m, k] W[n, k]^T.
struct GemmShape {
  double m = 0, n = 0, k = 0;
  GemmFormat format = GemmFormat::kBf16;
};

// All routed experts of one layer on the hottest rank: permute, both products, activation, sum of
// the chosen experts. No router, no traffic between ranks.
struct ExpertsShape {
  double tokens = 0;                  // entering the layer from all attention-DP ranks
  double hidden = 0, expert_ffn = 0;  // expert_ffn before it is cut over moe_tp
  double topk = 0, experts = 0;       // experts of the layer over all ranks
  double slots = 0;                   // experts and redundant copies
  int moe_tp = 1, moe_ep = 1;
  int token_ranks = 1;  // attention-DP ranks that the tokens come from
  bool is_gated = true;
  GemmFormat format = GemmFormat::kBf16;
  Routing routing = {};
};

// Softmax attention with a cache of keys and values: MHA, GQA, MQA.
struct AttentionShape {
  double sequences = 0, query_tokens = 1, context = 0;
  double heads = 0, kv_heads = 0;  // on this accelerator
  double head_dim = 0, value_dim = 0;
  double window = 0;        // cache entries a query attends to (window or top-k); 0: all
  double entry_tokens = 1;  // tokens of a compressed cache entry
  bool values_are_keys = false;
  bool is_shared = false;   // an entry is key and value of all heads, as in latent attention
  double square_ratio = 1;  // E[n^2]/E[n]^2 of the query tokens of a prefill
  NumberFormat compute = NumberFormat::kBf16, kv_cache = NumberFormat::kBf16;

  double kv_length() const { return context + query_tokens; }
};

// Core of MLA, or of DeepSeek sparse attention when topk > 0. Decode and sparse attention are
// absorbed: scores and values in the latent space. Prefill has keys and values of all heads.
struct LatentShape {
  double sequences = 0, query_tokens = 1, context = 0;
  double heads = 0;  // on this accelerator
  double kv_rank = 0, rope_dim = 0, nope_dim = 0, value_dim = 0;
  double topk = 0;  // tokens each query attends to; 0: all
  double square_ratio = 1;
  NumberFormat compute = NumberFormat::kBf16, kv_cache = NumberFormat::kBf16;

  double kv_length() const { return context + query_tokens; }
};

// A product per head between the model's heads and the latent space: tokens x k times k x n.
struct AbsorbShape {
  double tokens = 0, heads = 0, n = 0, k = 0;
  GemmFormat format = GemmFormat::kBf16;
};

// Scores of all cached tokens and choice of the top-k; keys in fp8.
struct IndexerShape {
  double sequences = 0, query_tokens = 1, context = 0;
  double heads = 0, dim = 0, topk = 0;
  double square_ratio = 1, entry_tokens = 1;
};

// Short convolution or recurrence of Gated DeltaNet (delta rule) or Mamba-2 (scan), whose groups
// are k_heads here, its state width k_dim, its heads v_heads and their width v_dim.
struct LinearShape {
  bool is_decode = false, is_mamba = false;
  double sequences = 0, query_tokens = 1;
  double hidden = 0;
  double k_heads = 0, k_dim = 0, v_heads = 0, v_dim = 0;  // heads on this accelerator
  double conv_width = 0, chunk = 0;
};

// Activations [m, k] from bf16 into the activation format of `format`.
struct QuantizeShape {
  double m = 0, k = 0;
  GemmFormat format = GemmFormat::kFp8;
};

// A kernel that moves `read` + `written` bf16 elements a token and computes little.
struct ElementwiseShape {
  double tokens = 0, read = 0, written = 0;
};

struct CollectiveShape {
  int ranks = 1;
  Bytes payload;      // see OperatorKind
  double copies = 1;  // dispatch, combine: how often each token is in the payload (top-k)
  // Of dispatch and combine, as tables are indexed.
  double tokens = 0, hidden = 0, topk = 0, experts = 0;  // tokens of one rank
  NumberFormat format = NumberFormat::kBf16;
};

}  // namespace astrolabe::workload
