#pragma once

// The parts of an iteration that hang on one number of tokens each, prepared as curves, and their
// sum with the attention of the step (`core`):
//   t = dense(m) + experts(T) + exchange(T) + core + head(outputs) + fixed + sequence outputs
// m tokens on the fullest rank, T on all. Engines with two-batch overlap split a step in halves and
// compute one while the other exchanges its tokens with the ranks that hold their experts:
//   t = 2 max((dense(m/2) + experts(T/2) + core/2 + fixed) / (1 - lent), exchange(T/2)) + head
//     + sequence outputs
// Halves read all weights twice, launch everything twice and run smaller kernels; `lent` is the
// share of the SMs that exchange: DeepEP's kernels for prompts take some, those for decode steps
// leave the wire to the network adapters. The shorter of the two counts: the engine's operator
// chooses. Assumes halves of equal work and attention that halves with them; the first and last
// layer, whose exchange has nothing to hide behind, are left out (2 of some 60).
// Without CUDA graphs the kernels of a step take no less than the host needs to launch them; the
// host time of recurrent and sparse layers in a step with prompts is added.
// Source: DeepSeek's published profile of its engine; SGLang's two-batch overlap.

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "astrolabe/parallel/engine_iteration.h"

namespace astrolabe::parallel {

// As tables keep their values; nothing is -40.
inline double log2_of(double value) { return std::log2(std::max(value, 1e-12)); }

// f(x) for x >= 1, log-log: grid at half powers of two; beyond the last one f grows with x, below
// the first it stays.
class LogCurve {
 public:
  LogCurve() = default;
  LogCurve(double largest, const std::function<double(double)>& f);  // f > 0 or all zero

  double at(double x) const;
  bool is_zero() const { return log_values_.empty(); }

 private:
  std::vector<double> log_values_;  // at 2^(i/2); empty: zero everywhere
};

// Seconds.
class IterationCurves {
 public:
  IterationCurves() = default;
  IterationCurves(const EngineIteration& iteration, double most_tokens, double most_outputs);

  double step(double tokens, double all_tokens, double core, double outputs,
              bool has_prompts) const {
    const double kernels = dense_.at(tokens) + experts_.at(all_tokens) + exchange_.at(all_tokens) +
                           core + head_.at(outputs) + fixed_;
    const double host = sequence_ * outputs + (has_prompts ? prompt_ : 0);
    const double plain = std::max(kernels, launch_);
    if (!can_overlap_ || tokens < 2) return plain + host;
    return std::min(plain, overlapped(tokens, all_tokens, core, outputs, has_prompts)) + host;
  }
  // Seconds of an iteration, of each output and of an iteration with prompts.
  void set_overheads(double fixed, double sequence, double prompt) {
    fixed_ = fixed;
    sequence_ = sequence;
    prompt_ = prompt;
  }

 private:
  double overlapped(double tokens, double all_tokens, double core, double outputs,
                    bool has_prompts) const;

  LogCurve dense_, experts_, exchange_, head_;
  double fixed_ = 0, sequence_ = 0, prompt_ = 0, launch_ = 0, lent_ = 0;
  bool can_overlap_ = false;
};

}  // namespace astrolabe::parallel
