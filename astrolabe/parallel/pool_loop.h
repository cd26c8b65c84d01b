#pragma once

// A benchmark against pools of prefill and decode workers: `concurrency` requests in flight in all,
// each replaced by the next when it ends, from an empty start to the last answer (ClosedLoopLoad).
//   request i goes to prefill worker i mod P and decode worker i mod D: round robin, the default of
//     the routers (NVIDIA Dynamo), whatever their load; in a worker to its least loaded rank
//   prompts of a rank are batched in order up to the token budget; the ranks of a worker step
//     together, and start when any has a prompt
//   then the request waits at its decode worker and is admitted in order, at the end of a step,
//   when
//     its reserved tokens fit the KV cache and the rank has fewer than `max_sequences`
//   decode step = decode iteration of the fullest rank + host + sampling
// The first token leaves when the decode worker admits the request: TTFT counts the waits at both.
// Decode steps are alike until a sequence ends or comes, so they are taken together.
// Prompts are batched at the rate of their kernels: prefill_slow does not apply. The router's time
// and the transfer of the KV cache are in the engine's constants pool_first_token.

#include "astrolabe/parallel/closed_loop.h"

namespace astrolabe::parallel {

struct Pool {
  const IterationTable& table;
  const Engine& engine;
  int workers = 1;
  double kv_tokens = 0;  // that one rank can hold; of a prefill pool: not asked
};

// vocab: of the model. in_flight of the result: decoding sequences of all workers; prefill_share:
// of the time, that the mean prefill worker is busy.
ClosedLoopResult run_pool_loop(const Pool& prefill, const Pool& decode, double vocab,
                               const ClosedLoopLoad& load);

// The same pools under requests that come at their own times (ReplayLoad).
ReplayResult run_pool_replay(const Pool& prefill, const Pool& decode, double vocab,
                             const ReplayLoad& load);

}  // namespace astrolabe::parallel
