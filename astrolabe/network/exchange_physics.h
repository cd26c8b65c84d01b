#pragma once

// Time of one exchange of tokens between the ranks that hold the experts of a layer (dispatch, or
// combine on the way back).
//
// T tokens a rank of h values, each to k experts drawn uniformly; n ranks in D nodes:
//   r = k (n-1)/n copies leave a rank when every copy is sent (low latency, DeepEP LL);
//   r = n (1-(1-1/n)^k) (n-1)/n when a token goes once to each distinct rank (all others);
//   R = the same over nodes: copies that cross the network
//   t = launch + n peer + (E/n) expert + log2(D) node + T (c_token + k c_row)
//       + max(T r b / min(share w, sms rate_sm), T R b / (share_n w_out)) + T k b / (share_m w_hbm)
// b: bytes of a token on the wire: bf16 2 h; fp8 h + 4 h/128 (scales); nvfp4 h/2 + h/16; a combine
// carries bf16 whatever the dispatch carried, unless it is a low-precision one (fp8); a
// preparation carries no tokens.
// Never below the larger of the two wires at full bandwidth.
// Assumes balanced experts and an idle fabric. Fails for few experts (1 or 2 a rank: the
// low-latency dispatch is slower by 2-3 times, tables know). Source: DeepEP's and TensorRT-LLM's
// public descriptions of their kernels; parameters.h.

#include <string_view>

#include "astrolabe/network/fabric_facts.h"
#include "astrolabe/network/parameters.h"

namespace astrolabe::network {

struct ExchangeShape {
  bool every_copy = false;      // low latency: each copy is sent by itself
  bool is_preparation = false;  // metadata only
  double token_bytes_per_value = 2;
  int ranks = 1, nodes = 1;
  double hidden = 0, topk = 1, experts = 1;
  double sms = 0;  // SMs that send; 0: as many as it takes
};

// Bytes per value on the wire for an operation and payload type as the tables name them:
// ("alltoall_dispatch", "nvfp4") is 0.5625. InputError for an unknown type.
double wire_bytes_per_value(std::string_view operation, std::string_view dtype);

Duration exchange_time(const FabricFacts& fabric, const ExchangeParameters& parameters,
                       const ExchangeShape& shape, double tokens);
Duration exchange_bound(const FabricFacts& fabric, const ExchangeShape& shape, double tokens);

}  // namespace astrolabe::network
