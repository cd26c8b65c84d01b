#include "astrolabe/network/engine_collectives.h"

#include <algorithm>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

constexpr double kDeepEpSms = 20;
constexpr const char* kNewestNccl = "2.29.2";  // of the tables; the nearest one is taken

}  // namespace

NetworkEstimate FastestWay::at(double size) const {
  NetworkEstimate best;
  bool is_first = true;
  for (const std::vector<TimeCurve>& way : ways_) {
    NetworkEstimate sum;
    sum.evidence = Evidence::kMeasured;
    for (const TimeCurve& c : way) {
      const NetworkEstimate e = c.at(size);
      sum.time += e.time;
      sum.p10 += e.p10;
      sum.p90 += e.p90;
      sum.evidence = std::max(sum.evidence, e.evidence);
    }
    if (is_first || sum.time < best.time) best = sum;
    is_first = false;
  }
  return best;
}

EngineCollectives::EngineCollectives(const NetworkPredictor& predictor, std::string_view system,
                                     std::string_view framework, std::string_view version)
    : predictor_(predictor), system_(system), framework_(framework), version_(version) {
  predictor_.fabric(system);  // throws for an unknown one
  if (framework_ != "trtllm" && framework_ != "sglang" && framework_ != "vllm") {
    throw InputError({"", 0}, "framework", framework_, "trtllm, sglang or vllm");
  }
}

FastestWay EngineCollectives::collective(Operation operation, int ranks, int ranks_per_node) const {
  CollectiveKey key{system_, "nccl",
                    "NCCL",  kNewestNccl,
                    "half",  {operation, Implementation::kLibrary, ranks, ranks_per_node}};
  std::vector<std::vector<TimeCurve>> ways;
  ways.push_back({predictor_.collective(key)});
  const bool is_one_domain = crossing(predictor_.fabric(system_), key.shape).domains == 1;
  if (operation == Operation::kAllReduce && is_one_domain) {
    key.library = "custom_allreduce";
    key.kernel = framework_ == "trtllm"   ? "TRTLLM"
                 : framework_ == "sglang" ? "SGLang_CustomAllReduce_graph"
                                          : "vLLM_custom_graph";
    key.version = version_;
    if (version_.empty()) key.version = framework_ == "trtllm" ? "1.3.0rc20" : "0.24.0";
    key.dtype = "bfloat16";
    key.shape.implementation = Implementation::kCustom;
    ways.push_back({predictor_.collective(key)});
  }
  return FastestWay(std::move(ways));
}

ExchangeKey EngineCollectives::exchange_key(const char* library, const char* kernel,
                                            const char* operation, std::string_view dtype) const {
  ExchangeKey key{system_, library, kernel, version_, operation, std::string(dtype), {}};
  key.shape.every_copy = key.library == "deepep_ll";
  key.shape.is_preparation = key.operation == "alltoall_prepare";
  key.shape.token_bytes_per_value = wire_bytes_per_value(operation, dtype);
  return key;
}

FastestWay EngineCollectives::exchange(int ranks, double hidden, double topk, double experts,
                                       std::string_view dtype) const {
  const FabricFacts& f = predictor_.fabric(system_);
  const int per_group = std::max(1, std::min(f.scale_up_domain, ranks));
  std::vector<std::vector<ExchangeKey>> ways;
  if (framework_ == "trtllm") {
    const char *one = "NVLinkOneSided", *two = "NVLinkTwoSided", *library = "trtllm_alltoall";
    ways.push_back({exchange_key(library, one, "alltoall_dispatch", dtype),
                    exchange_key(library, one, "alltoall_combine", dtype)});
    ways.push_back({exchange_key(library, two, "alltoall_prepare", dtype),
                    exchange_key(library, two, "alltoall_dispatch", dtype),
                    exchange_key(library, two, "alltoall_combine", dtype)});
  } else {
    for (const char* library : {"deepep_ll", "deepep_normal"}) {
      ways.push_back({exchange_key(library, "deepep", "dispatch", dtype),
                      exchange_key(library, "deepep", "combine", "bf16")});
    }
  }
  std::vector<std::vector<TimeCurve>> curves;
  for (std::vector<ExchangeKey>& way : ways) {
    curves.emplace_back();
    for (ExchangeKey& key : way) {
      ExchangeShape& s = key.shape;
      s.ranks = ranks;
      s.nodes = (ranks + per_group - 1) / per_group;
      s.hidden = hidden;
      s.topk = topk;
      s.experts = experts;
      s.sms = key.library == "deepep_normal" ? kDeepEpSms : 0;
      curves.back().push_back(predictor_.exchange(key));
    }
  }
  return FastestWay(std::move(curves));
}

}  // namespace astrolabe::network
