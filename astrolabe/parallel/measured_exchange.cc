// Collectives of MeasuredClock: which library's kernel, and in what shape its tables have it.

#include <algorithm>

#include "astrolabe/parallel/measured_clock.h"

namespace astrolabe::parallel {

using network::CollectiveKey;
using network::ExchangeKey;
using network::Implementation;
using network::Operation;
using workload::OperatorKind;

namespace {

constexpr int kDeepEpNode = 8;                // GPUs of a node in DeepEP's tables
constexpr double kDeepEpSms = 20;             // its default, of the kernels for many tokens
const Bytes kLargestCustom = 8 * units::MiB;  // of vLLM's all-reduce

struct CustomKernel {
  const char* kernel;
  const char* version;
};

// Each framework's all-reduce in a CUDA graph; of no version, that nearest to those that were
// benchmarked.
CustomKernel custom_kernel(Framework framework) {
  switch (framework) {
    case Framework::kTrtllm:
      return {"TRTLLM", "1.3.0rc20"};
    case Framework::kVllm:
      return {"vLLM_custom_graph", "0.24.0"};
    case Framework::kSglang:
      break;
  }
  return {"SGLang_CustomAllReduce_graph", "0.5.9"};
}

// What is no version of the framework (a branch, the release of a container) tells nothing.
bool is_version_of(Framework framework, std::string_view version) {
  const double least = framework == Framework::kTrtllm ? 1 : 0;
  return network::is_version(version) && network::version_number(version) >= least;
}

}  // namespace

double MeasuredClock::at(const CollectiveKey& key, Bytes buffer) const {
  const std::string name = key.library + "|" + key.kernel + "|" + key.dtype + "|" +
                           std::to_string(static_cast<int>(key.shape.operation)) + "|" +
                           std::to_string(key.shape.ranks);
  auto found = curves_.find(name);
  if (found == curves_.end()) {
    found = curves_.emplace(name, sources_.network.collective(key)).first;
  }
  return found->second.at(buffer).time.in(units::microsecond);
}

double MeasuredClock::at(const ExchangeKey& key, double tokens) const {
  const std::string name = key.library + "|" + key.kernel + "|" + key.operation + "|" + key.dtype +
                           "|" + std::to_string(key.shape.ranks) + "|" +
                           std::to_string(key.shape.hidden) + "|" + std::to_string(key.shape.topk) +
                           "|" + std::to_string(key.shape.experts);
  auto found = curves_.find(name);
  if (found == curves_.end()) {
    found = curves_.emplace(name, sources_.network.exchange(key)).first;
  }
  return found->second.at(tokens).time.in(units::microsecond);
}

double MeasuredClock::library(Operation operation, int ranks, Bytes buffer) const {
  if (ranks <= 1 || buffer.base() <= 0) return 0;
  CollectiveKey key{fabric_, "nccl", "NCCL", "", "half", {}};
  key.shape.operation = operation;
  key.shape.ranks = ranks;
  return at(key, buffer);
}

double MeasuredClock::all_reduce(int ranks, Bytes buffer) const {
  if (ranks <= 1 || buffer.base() <= 0) return 0;
  // Custom kernels read their peers' memory: they end at the domain.
  const double nccl = library(Operation::kAllReduce, ranks, buffer);
  if (ranks > domain()) return nccl;
  const CustomKernel custom = custom_kernel(framework_);
  const std::string version = is_version_of(framework_, version_) ? version_ : custom.version;
  CollectiveKey key{fabric_, "custom_allreduce", custom.kernel, version, "bfloat16", {}};
  key.shape.operation = Operation::kAllReduce;
  key.shape.implementation = Implementation::kCustom;
  key.shape.ranks = ranks;
  // vLLM's kernel (SGLang's is of it) is taken between two cards on PCI Express whatever it costs
  // (custom_all_reduce.py: should_custom_ar).
  const bool is_pair =
      ranks == 2 && framework_ != Framework::kTrtllm && buffer < kLargestCustom && is_pcie();
  return is_pair ? at(key, buffer) : std::min(at(key, buffer), nccl);
}

double MeasuredClock::exchange_kernel(const workload::CollectiveShape& s, const char* library,
                                      const char* kernel, const char* operation) const {
  const bool is_trtllm = framework_ == Framework::kTrtllm;
  const char* dtype = s.format == workload::NumberFormat::kFp4   ? "nvfp4"
                      : s.format == workload::NumberFormat::kFp8 ? "fp8"
                                                                 : "bfloat16";
  if (!is_trtllm) dtype = std::string_view(operation) == "combine" ? "bf16" : "fp8";
  ExchangeKey key{fabric_, library, kernel, "", operation, dtype, {}};
  key.shape.every_copy = key.library == "deepep_ll";
  key.shape.sms = key.library == "deepep_normal" ? kDeepEpSms : 0;
  key.shape.is_preparation = std::string_view(operation) == "alltoall_prepare";
  key.shape.token_bytes_per_value = network::wire_bytes_per_value(operation, dtype);
  // In one NVLink domain a rank sends its copies at the same rate to 8 or to 72 others; DeepEP's
  // tables there end at 8. Across domains they go on by nodes.
  const bool is_inside = s.ranks <= domain();
  key.shape.ranks = is_trtllm || !is_inside ? s.ranks : std::min(s.ranks, kDeepEpNode);
  if (!is_inside) key.shape.nodes = (s.ranks + domain() - 1) / domain();
  key.shape.hidden = s.hidden;
  key.shape.topk = s.topk;
  key.shape.experts = s.experts;
  return at(key, s.tokens);
}

// Of the library that is faster for a dispatch and its combine together.
double MeasuredClock::deep_ep(const workload::CollectiveShape& s, bool is_dispatch) const {
  double fastest = 0, us = 0;
  for (const char* library : {"deepep_ll", "deepep_normal"}) {
    const double there = exchange_kernel(s, library, "deepep", "dispatch");
    const double back = exchange_kernel(s, library, "deepep", "combine");
    if (us > 0 && there + back >= fastest) continue;
    fastest = there + back;
    us = is_dispatch ? there : back;
  }
  return us;
}

double MeasuredClock::exchange(const workload::CollectiveShape& s, bool is_dispatch) const {
  // The gather of all tokens before the experts, or the scatter of their sums behind.
  const Bytes element = is_dispatch ? workload::bytes_per_element(s.format) : 2.0 * units::byte;
  const Bytes all = s.tokens * s.ranks * s.hidden * element;
  double us =
      library(is_dispatch ? Operation::kAllGather : Operation::kReduceScatter, s.ranks, all);
  if (!has_exchange_kernels()) return us;
  if (framework_ == Framework::kSglang) {
    return s.ranks > domain() ? deep_ep(s, is_dispatch) : std::min(us, deep_ep(s, is_dispatch));
  }
  if (s.ranks > domain() || s.ranks <= s.topk) return us;
  const char* library = "trtllm_alltoall";
  const char* operation = is_dispatch ? "alltoall_dispatch" : "alltoall_combine";
  double two_sided = exchange_kernel(s, library, "NVLinkTwoSided", operation);
  if (is_dispatch) two_sided += exchange_kernel(s, library, "NVLinkTwoSided", "alltoall_prepare");
  us = std::min(us, two_sided);
  if (s.format == workload::NumberFormat::kFp4) {
    us = std::min(us, exchange_kernel(s, library, "NVLinkOneSided", operation));
  }
  return us;
}

double MeasuredClock::collective(const workload::Operator& op) const {
  const auto& s = op.get<workload::CollectiveShape>();
  switch (op.kind) {
    case OperatorKind::kAllReduce:
      return all_reduce(s.ranks, s.payload);
    case OperatorKind::kAllGather:
      return library(Operation::kAllGather, s.ranks, s.payload);
    case OperatorKind::kReduceScatter:
      return library(Operation::kReduceScatter, s.ranks, s.payload);
    case OperatorKind::kDispatch:
    case OperatorKind::kCombine:
      return exchange(s, op.kind == OperatorKind::kDispatch);
    default:
      return library(Operation::kSend, 2, s.payload);
  }
}

}  // namespace astrolabe::parallel
