#pragma once

// Kernels by shape, as the tiled fidelity times them: what is multiplied, in which formats, by how
// many independent pieces. One struct a kind of kernel; counts are doubles because averages occur.

#include <cstdint>
#include <optional>
#include <string_view>

#include "astrolabe/workload/number_format.h"

namespace astrolabe::device {

// How a matrix product stores and multiplies. Bytes are per element, scales included.
struct KernelFormat {
  workload::NumberFormat multiply = workload::NumberFormat::kBf16;
  double weight_bytes = 2;
  double activation_bytes = 2;    // as the multiplier reads them
  bool quantises = false;         // bf16 activations are narrowed first, in the measured time
  bool has_block_scales = false;  // fp32, of 128 elements of k
};

// By the names of the measurements: bfloat16, fp8, fp8_block, nvfp4, int8_wo, int4_wo, sq (int8),
// w4a16_mxfp4, w4a8_mxfp4_mxfp8. nullopt for another name.
std::optional<KernelFormat> find_kernel_format(std::string_view name);

// Which tiles a product may be cut into.
enum class ProductKernel : std::uint8_t {
  kLibrary,        // any, and k into parts: cuBLAS and what an engine tunes
  kCutlass,        // any; k stays whole
  kCutlassSquare,  // CUTLASS, on sm_120 in tiles of 128 x 128, on sm_89 in those of sgl-kernel
  kCutlassFirst,   // the same, and by tcgen05 in tiles of 128 x 256 only: it is not tuned
  kBlockScales,    // TensorRT-LLM's under scales of blocks: on sm_89 in tiles of 32 x 128, k whole
};

// C[m,n] = A[m,k] W[n,k]^T, `batch` times with its own W.
struct GemmShape {
  KernelFormat format;
  double m = 1, n = 1, k = 1, batch = 1;
  double copies = 1;  // of W, one after another in the loop that measures
  ProductKernel kernel = ProductKernel::kLibrary;
};

// softmax(Q K^T) V over `sequences` sequences. A query sees the keys up to its own place when
// causal, and of those the last `window` when window > 0.
struct AttentionShape {
  double sequences = 1, query_tokens = 1, kv_tokens = 1;  // per sequence; kv includes the queries
  double heads = 1, kv_heads = 1;                         // on this accelerator
  double qk_dim = 128, v_dim = 128;
  double padding = 1;  // in prompts: columns of a head that are multiplied over those there are
  double window = 0;
  bool is_causal = true;
  bool shares_cache = true;        // in decode, the query heads of a group read it together
  bool is_latent = false;          // K and V are one vector of qk_dim (MLA, absorbed)
  bool quantises_queries = false;  // by a kernel of its own, in decode
  bool combines = false;           // results of splits, however few, by a kernel of its own
  double least_splits = 1;         // of the cache, in decode
  double tile_rows = 64;           // of the product in decode, padded
  bool splits_values = false;      // of wide heads over warp groups, at no cost
  bool widens_cache = false;       // from fp8 in a pass of its own; kv_bytes: after it
  bool has_clusters = false;       // on sm_120 four SMs serve a sequence
  workload::NumberFormat multiply = workload::NumberFormat::kBf16;
  double kv_bytes = 2;  // per element of the cache

  double query_bytes() const { return multiply == workload::NumberFormat::kFp8 ? 1 : 2; }
};

// The routed experts of one rank: two grouped products, activation, permutation.
struct ExpertShape {
  KernelFormat format;
  double tokens = 1;             // of all attention-data-parallel ranks: what enters the layer
  double hidden = 1, inter = 1;  // inter: of one rank, after tensor parallelism
  double top_k = 1, experts = 1, expert_ranks = 1;
  double matrices = 3;        // 3 gated, 2 not
  bool is_power_law = false;  // tokens over experts by a power law, else evenly
  bool is_portable = false;   // issues no tcgen05: its tensor cores are no faster than by wgmma
  bool promotes = false;      // applies scales of blocks outside of the tensor cores anywhere
  bool is_untuned = false;    // runs the first of its tilings, not the fastest
  double only_rows = 0;       // of all its tilings, 0: the fastest of several
  // Passes over the rows of this rank's pairs of token and expert, and over those of all ranks;
  // the same over the columns between the products.
  double pair_passes = 3, all_pair_passes = 0.3;
  double activation_passes = 0, all_activation_passes = 0;
  bool activates_singly = false;  // the pairs of all ranks, an element a thread
  bool multiplies_all = false;  // the pairs of all ranks, those of others by any expert for nothing
  bool is_dispatched = false;   // tokens were sent to their experts: no pairs of other ranks
  double launches = 1;          // kernels, over those of CUTLASS
};

// A kernel that streams: normalisation, quantisation, convolution, recurrent state.
struct StreamShape {
  double bytes = 0, flops = 0;  // flops in bf16
  double units = 1;             // independent pieces, one SM each
  double steps = 0;             // serial steps of a unit
  double launches = 1;          // an engine that calls the kernel for each sequence
};

// A whole attention block of one layer: projections around latent attention, as one measured time.
struct ModuleShape {
  AttentionShape attention;
  KernelFormat format;            // of the projections
  double projection_weights = 0;  // elements
  double projection_flops = 0;
  double activation_elements = 0;           // read and written between the projections
  double index_bytes = 0, index_flops = 0;  // of a sparse indexer, 0 without
};

}  // namespace astrolabe::device
