#pragma once

// Times of kernels and collectives under one software stack, from tables of measurements: which
// table, or which of several, an engine's operator is looked up in.
//
//   products         the fastest kernel of any framework: tables hold floors of eager mode
//                    (quantise and host time, up to 12 us) that production in CUDA graphs does not
//                    pay. vLLM's fp8 products in blocks are host time and left out
//   experts          the framework's own kernels: on Hopper, and elsewhere for SGLang and vLLM
//                    where attention is tensor-parallel (beside attention-DP they run kernels that
//                    their tables do not have, as do TensorRT-LLM's engines elsewhere but for
//                    DeepGEMM in block fp8 beside attention-DP). Else, and for TensorRT-LLM above
//                    kPlentyTokens tokens, the fastest of any. Of the framework's own: the one that
//                    was measured for the model, spread over ranks or not as here (an engine
//                    chooses by both); for a model that no table has, the one measured for most.
//                    Earlier releases run others (expert_kernels.h). Beyond an NVLink domain tokens
//                    are dispatched and a rank computes its rows alone: the fastest of any
//                    (SGLang's and vLLM's tables are of kernels that every rank hands all tokens).
//                    Balanced where hot experts have copies, which is what measured kernels with a
//                    balancer and 288 slots show
//   attention        the framework's own; a chunk after c tokens: t(c + n) - t(c). Prompts over an
//                    fp8 cache: of those with queries in bf16 or cast to fp8 too (SGLang's fa3 and
//                    trtllm_mha) the faster
//   latent (MLA)     core and absorbed products, own framework (vLLM's core tables are host time:
//                    TensorRT-LLM's); prompts the faster of TensorRT-LLM's and SGLang's
//   sparse (DSA)     decode: the latent core over the top-k. Prompts within the top-k: as latent;
//                    beyond: the arithmetic of absorbed heads over the top-k of each query, of 64
//                    heads at least on Hopper, 128 elsewhere. Scores and choice from their
//                    arithmetic and bytes
//   shared entries   (DeepSeek-V4) decode: the latent core over those that are seen; prompts: as
//                    sparse ones, or their bytes
//   recurrences      the framework's own; Mamba-2's scan from its bytes
//   all-reduce       the faster of the framework's kernel in a CUDA graph and NCCL
//   gather, scatter  NCCL
//   exchange         TensorRT-LLM's one- or two-sided kernels in one NVLink domain, DeepEP's low
//                    latency or high throughput for SGLang, whichever is faster there and back;
//                    or, always for vLLM, a gather and a scatter of all tokens
//   elementwise      bytes over 0.7 of the bandwidth
// Where a system has no table of a kind, MeasuredTime carries a sibling's over. On an architecture
// that was never measured no framework's kernels are known: the fastest of any are taken.

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "astrolabe/device/measured_time.h"
#include "astrolabe/network/predictor.h"
#include "astrolabe/parallel/engine.h"
#include "astrolabe/parallel/expert_kernels.h"
#include "astrolabe/parallel/kernel_clock.h"

namespace astrolabe::parallel {

inline constexpr double kPlentyTokens = 512;
// At the end of the name of a chip whose figures a scenario changed: a sister of the real one.
inline constexpr char kChangedMark = '*';

// What is measured; all must outlive the clocks.
struct MeasuredSources {
  const device::MeasuredTables& tables;
  const device::MeasuredTime& times;
  const std::vector<device::Chip>& chips;
  const network::NetworkPredictor& network;
  const ExpertKernels& expert_kernels;
  const std::vector<std::string>& without;  // systems whose tables are not used

  bool is_left_out(std::string_view system) const {
    return std::find(without.begin(), without.end(), system) != without.end();
  }
};

class MeasuredClock final : public KernelClock {
 public:
  // InputError for a system that no chip is named after. Of the version hang all-reduces, whose
  // tables hold several, and the kernels of experts (expert_kernels.h). Empty: the version that was
  // benchmarked most. `experts`: a part of the names of their kernels that somebody chose.
  MeasuredClock(const MeasuredSources& sources, std::string_view system, Framework framework,
                std::string_view version = "", std::string_view experts = "");

  Duration time(const workload::Operator& op) const override;
  bool has_own_tables() const;     // some kernel was measured on this chip
  bool has_sister_tables() const;  // or on one of its architecture

 private:
  using Keys = std::vector<const device::TableKey*>;
  enum class Choice { kOwn, kFastest };

  // Those of the framework's release, or of whoever chose them; all where there is no such kernel.
  Keys of_release(const Keys& keys, std::string_view dtype) const;
  // Kernels of this chip that have the categories, or of its nearest siblings.
  const Keys& kernels(device::Family family, const device::Categories& categories,
                      const std::string& kernel_prefix) const;
  Keys of_frameworks(const Keys& keys, Choice choice) const;
  // Those of `keys` that were measured in this layer: an engine chooses by model and layout, and
  // its tables say what it chose. Where none was: the kernel that was measured in most layers.
  using Layer = device::ExpertLayer;
  Keys of_model(const Keys& keys, const Layer& layer) const;
  const Keys& expert_kernels(const device::Categories& categories, Choice choice, bool is_gated,
                             const Layer& layer) const;
  // us: the fastest kernel (of those known about as well as the best known one), or, of one
  // framework, the best known.
  double pick(const Keys& keys, Choice choice, device::Family family,
              const device::Categories& categories, const device::Dims& dims,
              bool is_dispatched = false) const;

  double product(const workload::GemmShape& s) const;
  double experts(const workload::ExpertsShape& s) const;
  double attention(const workload::AttentionShape& s, bool is_decode) const;
  double shared(const workload::Operator& op) const;
  double absorbed(double flops, double heads) const;
  double latent(const workload::LatentShape& s, bool is_decode) const;
  double sparse(const workload::LatentShape& s) const;
  double absorb(const workload::AbsorbShape& s, bool is_query) const;
  double indexer(const workload::IndexerShape& s) const;
  double linear(const workload::LinearShape& s, bool is_convolution) const;
  double stream(Bytes bytes) const;
  double collective(const workload::Operator& op) const;
  double library(network::Operation operation, int ranks, Bytes buffer) const;
  double all_reduce(int ranks, Bytes buffer) const;
  double exchange(const workload::CollectiveShape& s, bool is_dispatch) const;
  double exchange_kernel(const workload::CollectiveShape& s, const char* library,
                         const char* kernel, const char* operation) const;
  double deep_ep(const workload::CollectiveShape& s, bool is_dispatch) const;
  bool is_pcie() const { return sources_.network.fabric(fabric_).link == network::LinkKind::kPcie; }
  // Kernels that send a token to its experts alone: of TensorRT-LLM and DeepEP, which need NVLink.
  // Elsewhere all tokens are gathered.
  bool has_exchange_kernels() const { return framework_ != Framework::kVllm && !is_pcie(); }
  int domain() const { return sources_.network.fabric(fabric_).scale_up_domain; }
  double at(const network::CollectiveKey& key, Bytes buffer) const;
  double at(const network::ExchangeKey& key, double tokens) const;

  const MeasuredSources sources_;
  const device::Chip& chip_;
  std::string fabric_;  // the system whose links it has
  std::string version_, experts_;
  Framework framework_;
  bool is_hopper_ = false;
  bool is_known_ = false;  // some chip of its architecture was measured
  mutable std::map<std::string, Keys> kernels_;
  mutable std::map<std::string, Keys> expert_kernels_;
  mutable std::map<std::string, network::TimeCurve> curves_;
};

}  // namespace astrolabe::parallel
