#pragma once

// An engine under a steady load, in closed form: the mean field of closed_loop.h, some microseconds
// a point, for searches over thousands of them.
//
// On each of R attention-DP ranks b sequences decode; a step takes t(b). Each ends with probability
// 1/O a step (O: answer tokens) and the next request takes its place, so prompts arrive as a
// Poisson process of q b / O chunks a step and rank (q: chunks that the token budget cuts a prompt
// into). The step waits for the rank with most of them, k:
//   P(k <= j) = F(j)^R,  F: Poisson;     TPOT = t(b) + f E[d(k)] / w
//   d(k) = (1 + prefill_slow) (t(b, k chunks) - t(b));   f = 1 - 1/(R b): nobody waits for himself
// SGLang computes prompts alone: d(k) = (1 + prefill_slow) t(0, k chunks). TensorRT-LLM with
// attention-DP collects prompts until every rank has one, w = min(H_R O / b, wait) steps (H_R: the
// harmonic number; the budget's prompts in its place where they are fewer), else w = 1. More chunks
// than the budget holds take further steps.
//   TTFT = q t(own chunk and others) + time in the queue + what lies outside the engine
//   in flight = R b + rate TTFT (Little)
// p pipeline stages run p micro-batches of b/p sequences in turn: TPOT is p times a stage's step.
// Speculative decoding: t(b) computes 1 + drafts tokens of a sequence, answers take O / A steps and
// a token 1 / A of one (A: acceptance length). A draft model adds a step of its own for every
// draft. Fails where answers are few steps long, and at the start and end of a benchmark; within 3
// % of the simulation in TPOT for loads that last (see the test).

#include <memory>

#include "astrolabe/parallel/iteration_table.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::parallel {

// Tokens; means unless said otherwise.
struct SteadyLoad {
  double prompt = 1;  // computed; what a prefix cache holds is `cached`
  double cached = 0;
  double square_ratio = 1;  // E[n^2]/E[n]^2 of prompts
  double answer = 2;
  double context = 2;  // in the cache of a decoding sequence
  workload::Speculation speculation;

  double held() const { return prompt + cached + answer; }  // by a sequence at its end
  double steps() const { return answer / speculation.acceptance_length; }  // of an answer
  double need(double answer_reserve) const { return prompt + cached + answer_reserve * answer; }
};

// The parts of an iteration that a load of this kind asks for, as curves. Seconds.
class EngineCurves {
 public:
  // `draft`: of the model that drafts tokens, if another one does.
  EngineCurves(const EngineIteration& iteration, const SteadyLoad& load,
               const EngineIteration* draft = nullptr);

  // One step of a stage: `sequences` decode on each rank, beside `chunks` on the fullest rank and
  // `all_chunks` on all together, of prompt / pieces tokens each.
  double step(double sequences) const;
  double step(double sequences, double chunks, double all_chunks, double pieces) const;

  const SteadyLoad& load() const { return load_; }
  const Engine& engine() const { return engine_; }
  int ranks() const { return ranks_; }
  int stages() const { return stages_; }
  bool is_moe() const { return is_moe_; }

 private:
  double core(double chunks, double pieces) const;

  SteadyLoad load_;
  Engine engine_;
  IterationCurves curves_;
  LogCurve decode_;
  double prompt_core_ = 0, shortest_prefill_ = 0;
  int ranks_ = 1, stages_ = 1;
  bool is_moe_ = false;
  std::shared_ptr<const EngineCurves> draft_;
};

struct SteadyState {
  double sequences = 0;  // that decode on a rank, all stages
  double in_flight = 0;  // of the engine
  Duration tpot, ttft;
  Frequency requests;                      // of the engine
  double prefill_share = 0;                // of a step, that prompts add
  double chunks_per_step = 0, pieces = 1;  // of prompts, on a rank
};

SteadyState steady_state(const EngineCurves& curves, double sequences);

// The state with so many requests in flight, or with `most_sequences` when they are fewer.
SteadyState steady_at_concurrency(const EngineCurves& curves, double in_flight,
                                  double most_sequences);

// Sequences a rank above which prompts arrive faster than iterations can take them.
double prefill_bound_sequences(const EngineCurves& curves);

// A pool of prefill workers alone: `prompts` on each rank at once, back to back.
struct PrefillState {
  Duration step;       // from the first token in to the last out
  Frequency requests;  // of one worker
};
PrefillState prefill_state(const EngineCurves& curves, double prompts);

// A pool of decode workers alone.
SteadyState decode_state(const EngineCurves& curves, double sequences);

// One prompt through an idle engine.
Duration ttft_floor(const EngineCurves& curves);

}  // namespace astrolabe::parallel
