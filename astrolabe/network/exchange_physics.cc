#include "astrolabe/network/exchange_physics.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "astrolabe/base/error.h"
#include "astrolabe/network/algorithms.h"

namespace astrolabe::network {
namespace {

using Parameter = ExchangeParameter;

// Copies of a token that leave a rank over the scale-up link, and over the network.
struct Copies {
  double up = 0, out = 0;
};

Copies copies(const ExchangeShape& s) {
  const double n = s.ranks;
  Copies c;
  if (s.every_copy) {
    const double leaving = s.topk * (n - 1) / n;
    c.out = s.nodes > 1 ? s.topk * (s.nodes - 1.0) / s.nodes : 0;
    c.up = leaving - c.out;
    return c;
  }
  c.out = distinct_others(s.nodes, s.topk);
  // Forwarded inside a node: what arrives there goes on to the distinct ranks.
  c.up = distinct_others(s.ranks, s.topk);
  return c;
}

double row_bytes(const ExchangeShape& s) {
  return s.is_preparation ? 0 : s.hidden * s.token_bytes_per_value;
}

}  // namespace

double wire_bytes_per_value(std::string_view operation, std::string_view dtype) {
  constexpr double kBf16 = 2, kFp8 = 1 + 4.0 / 128, kNvfp4 = 0.5 + 1.0 / 16;
  const bool is_combine = operation.find("combine") != std::string_view::npos;
  if (operation.find("low_precision") != std::string_view::npos) return kFp8;
  if (is_combine) return kBf16;
  if (dtype == "bf16" || dtype == "bfloat16" || dtype == "half" || dtype == "float16") return kBf16;
  if (dtype == "fp8" || dtype == "fp8_block") return kFp8;
  if (dtype == "nvfp4") return kNvfp4;
  throw InputError({"", 0}, "dtype", std::string(dtype),
                   "bf16, bfloat16, half, float16, fp8, fp8_block or nvfp4");
}

Duration exchange_bound(const FabricFacts& f, const ExchangeShape& s, double tokens) {
  if (s.ranks <= 1) return {};
  const Copies c = copies(s);
  const Bytes row = row_bytes(s) * units::byte;
  // Forwarding inside the node may be spread over its ranks: only the direct part is a bound.
  const double up = s.nodes > 1 ? 0 : c.up;
  return std::max(tokens * up * row / f.scale_up, tokens * c.out * row / f.scale_out);
}

Duration exchange_time(const FabricFacts& f, const ExchangeParameters& p, const ExchangeShape& s,
                       double tokens) {
  if (s.ranks <= 1) return {};
  const Copies c = copies(s);
  const double row = row_bytes(s), n = s.ranks;
  const double fixed = p[Parameter::kLaunch] + n * p[Parameter::kPeer] +
                       s.experts / n * p[Parameter::kExpert] +
                       std::log2(static_cast<double>(s.nodes)) * p[Parameter::kNodeLatency];
  const double addressing =
      1e-3 * tokens * (p[Parameter::kTokenCost] + s.topk * p[Parameter::kRowCost]);
  double link = p[Parameter::kLinkShare] * f.scale_up.base();
  if (s.sms > 0) link = std::min(link, s.sms * p[Parameter::kSmRate] * 1e9);
  const double network = p[Parameter::kNetworkShare] * f.scale_out.base();
  const double wire = 1e6 * tokens * row * std::max(c.up / link, c.out / network);
  const double memory = f.memory.base() > 0 ? 1e6 * tokens * s.topk * row /
                                                  (p[Parameter::kMemoryShare] * f.memory.base())
                                            : 0;
  const double us = fixed + addressing + wire + memory;
  return std::max(us * units::microsecond, exchange_bound(f, s, tokens));
}

}  // namespace astrolabe::network
