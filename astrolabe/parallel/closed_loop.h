#pragma once

// A benchmark against one engine: `concurrency` requests in flight at all times, each replaced by
// the next when it ends, from an empty start to the last answer. Iteration by iteration:
//   a request goes to the attention-DP rank with the fewest, waits there, and is admitted in order
//     when its prompt and the reserved share of its answer fit the KV cache; or nothing is
//     reserved, and a full cache takes back the youngest (EngineSchedule::preempts)
//   t = dense(max m) + experts(sum m) + max over ranks (decode + prefill) + head + fixed + host
//       + sampling per sequence;  what exceeds the decoding part alone is slowed by prefill_slow
//   prompts beside decoding sequences, before them or in chunks: EngineSchedule (engine.h)
// Iterations without prompts are alike until a sequence ends, so they are taken together.
// TPOT of a request: from its first to its last token over (tokens - 1); TTFT from arrival; the
// result has their means over all requests, the starting burst included, as benchmarks report them.
// Assumes lengths uniform in a range and independent. With one length for all, whole waves of
// requests end together. With speculative decoding every step gives the acceptance length of
// tokens (a mean, not drawn) and computes all drafts. Fails for prefix caches.
//
// A replay is the same engine under requests that come at their own times, whatever it does (open
// loop); its times are those of the engine, without client and server.

#include <cstdint>
#include <vector>

#include "astrolabe/parallel/iteration_table.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::parallel {

struct ClosedLoopLoad {
  int concurrency = 1;
  int requests = 0;                        // 0: 10 times the concurrency
  double prompt_low = 1, prompt_high = 1;  // tokens
  double answer_low = 2, answer_high = 2;
  workload::Speculation speculation = {};
  bool is_sampled = false;       // top-k and top-p, sorted
  bool is_host_exposed = false;  // scheduler not overlapped with the GPU
  std::uint64_t seed = 1;
};

enum class ClosedLoopStatus { kOk, kDoesNotFit };

struct ClosedLoopResult {
  ClosedLoopStatus status = ClosedLoopStatus::kOk;
  Duration tpot, ttft;  // means over requests
  // Of one engine; 0 of pools.
  Duration median_interval;  // between two tokens of an answer
  Frequency steady_tokens;   // a second, of the deployment, once as many requests have ended as are
                             // in flight and until the last has begun; 0 if that is never
  Duration longest_ttft;     // of a request
  double in_flight = 0;      // decoding sequences of all ranks, mean over time
  double prefill_share = 0;  // of the time, that prompts add to iterations
  double prompt_steps = 0;   // that a sequence takes or waits for, for each token of its answer
  Frequency requests;        // per second, of the deployment
};

struct TimedRequest {
  Duration arrival;            // from the start of the replay
  int prompt = 1, answer = 2;  // tokens
};

struct ReplayLoad {
  std::vector<TimedRequest> requests;  // by arrival
  bool is_sampled = false, is_host_exposed = false;
};

struct RequestTimes {
  Duration ttft, tpot;
};

struct ReplayResult {
  ClosedLoopStatus status = ClosedLoopStatus::kOk;
  std::vector<RequestTimes> requests;  // in the order of the load
};

// table: of an iteration with the drafts of the load. kv_tokens: that one rank can hold.
ClosedLoopResult run_closed_loop(const IterationTable& table, const Engine& engine,
                                 double kv_tokens, double vocab, const ClosedLoopLoad& load);
ReplayResult run_replay(const IterationTable& table, const Engine& engine, double kv_tokens,
                        double vocab, const ReplayLoad& load);

}  // namespace astrolabe::parallel
