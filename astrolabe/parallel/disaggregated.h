#pragma once

// Prefill and decode pools with `concurrency` requests in flight, in steady state.
//
//   X = min( C / (t_one + O TPOT(B)),  P dp s / t_s )      requests per second
//   B = min( X O TPOT(B),  C,  decode workers * KV capacity )   (Little)
//   TPOT(B) = decode iteration at B / (workers * dp) sequences a rank
// t_one: one prompt on a rank; t_s: the s prompts that fill the token budget of each of the dp
// ranks of a prefill worker; P and O: prefill workers and answer tokens. When the prefill pool is
// the bottleneck, decoding is as full as it can feed. Solved by damped iteration (monotone in B).
// Prompts are batched here at the rate of their kernels: prefill_slow does not apply.
// TTFT = C / X - O TPOT + first_token constants + burst: a benchmark of R rounds starts with C
// prompts at once, of which the mean one waits C / 2 most, in one round of R. Left out: transfer of
// KV and queues at the router, so TTFT is a lower bound.

#include "astrolabe/parallel/iteration_table.h"

namespace astrolabe::parallel {

struct PoolLoad {
  double concurrency = 1;
  double prefill_workers = 1, decode_workers = 1;
  double prompt = 1, answer = 2;  // tokens, means
  double rounds = 10;             // requests of the benchmark over its concurrency
  bool is_sampled = false, is_host_exposed = false;
};

enum class PoolLimit { kConcurrency, kPrefillPool, kKvCapacity };
const char* pool_limit_name(PoolLimit limit);  // "concurrency", "prefill pool", "KV capacity"

struct PoolPoint {
  Duration tpot, ttft;
  double decoding = 0;  // sequences of the decode pool
  Frequency requests;
  PoolLimit limit = PoolLimit::kConcurrency;
};

// kv_tokens: that one rank of a decode worker can hold. Engines may differ between the pools.
PoolPoint disaggregated_pools(const IterationTable& prefill, const Engine& prefill_engine,
                              const IterationTable& decode, const Engine& decode_engine,
                              double kv_tokens, double vocab, const PoolLoad& load);

}  // namespace astrolabe::parallel
