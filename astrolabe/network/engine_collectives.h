#pragma once

// The collectives of a serving engine: for each call the fastest implementation that the engine
// has, in captured graphs (eager calls cost 20-70 us of host time that serving does not pay).
//
//   all-reduce: the engine's custom kernel or the library; others: the library
//   exchange (dispatch and combine of one layer together): TensorRT-LLM its one-sided and two-sided
//   NVLink kernels; SGLang and vLLM DeepEP, low latency or normal (with 20 SMs, its default)
// Versions: the nearest in the tables to the one asked for (empty: any).
// Assumes that the engine chooses the faster; real engines switch at fixed sizes near there.

#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/network/predictor.h"

namespace astrolabe::network {

// Curves of which the fastest sum counts: each way is calls that follow one another.
class FastestWay {
 public:
  explicit FastestWay(std::vector<std::vector<TimeCurve>> ways) : ways_(std::move(ways)) {}
  NetworkEstimate at(double size) const;  // no allocation
  NetworkEstimate at(Bytes buffer) const { return at(buffer.base()); }

 private:
  std::vector<std::vector<TimeCurve>> ways_;
};

class EngineCollectives {
 public:
  // `framework`: trtllm, sglang or vllm (InputError otherwise). `predictor` must outlive it.
  EngineCollectives(const NetworkPredictor& predictor, std::string_view system,
                    std::string_view framework, std::string_view version = "");

  // Over bytes as collective_time takes them. `ranks_per_node` 0: packed into scale-up domains.
  FastestWay collective(Operation operation, int ranks, int ranks_per_node = 0) const;
  // Over tokens per rank. `dtype`: what the dispatch carries (bf16, fp8, nvfp4).
  FastestWay exchange(int ranks, double hidden, double topk, double experts,
                      std::string_view dtype) const;

 private:
  ExchangeKey exchange_key(const char* library, const char* kernel, const char* operation,
                           std::string_view dtype) const;

  const NetworkPredictor& predictor_;
  std::string system_, framework_, version_;
};

}  // namespace astrolabe::network
