#pragma once

// The parts of an iteration (engine_iteration.h) prepared as grids for one deployment, so that an
// event simulation can ask for millions of iterations: log t piecewise linear in the logs of
// tokens, sequences and lengths. Grid points are half powers of two; beyond the last one t grows
// with the argument, below the first it stays. Exact on the grid; between, kernels switch in ways
// that a straight line misses by a few per cent.

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "astrolabe/parallel/iteration_curves.h"

namespace astrolabe::parallel {

// f(x, y) for x >= 1 and y >= y0, log-log-log, grid of x at powers of two, y at half powers.
class LogSurface {
 public:
  LogSurface() = default;
  LogSurface(double largest_x, double y0, double largest_y,
             const std::function<double(double, double)>& f);

  double at(double x, double y) const;

 private:
  std::size_t n_y_ = 0, n_x_ = 0;
  double log_y0_ = 0;
  std::vector<double> log_values_;  // [x][y]; empty: zero everywhere
};

struct TableLimits {
  double tokens = 32768;    // of a rank in one iteration
  double sequences = 2048;  // of a rank
  double context = 16384;   // of a sequence
};

// All times in seconds: this is the inner loop of simulations.
class IterationTable {
 public:
  explicit IterationTable(const EngineIteration& iteration, const TableLimits& limits = {});

  // See IterationCurves.
  double step(double tokens, double all_tokens, double core, double outputs,
              bool has_prompts) const {
    return curves_.step(tokens, all_tokens, core, outputs, has_prompts);
  }
  double decode(double sequences, double context) const {
    return sequences > 0 ? decode_.at(sequences, context) : 0;
  }
  double prefill(double tokens, double context) const {
    return prefill_.at(tokens, context + kContextShift);
  }
  // Of an iteration, of each output and of an iteration with prompts.
  void set_overheads(Duration fixed, Duration sequence, Duration prompt) {
    curves_.set_overheads(fixed.in(units::second), sequence.in(units::second),
                          prompt.in(units::second));
  }
  double shortest_prefill() const { return shortest_prefill_; }  // its launches
  int ranks() const { return ranks_; }
  bool is_moe() const { return is_moe_; }

  // A decode iteration of `sequences` on every rank, without host and sampling time.
  double decode_iteration(double sequences, double context) const;

 private:
  static constexpr double kContextShift = 256;  // a prompt without context is on the grid

  IterationCurves curves_;
  LogSurface decode_, prefill_;
  double shortest_prefill_ = 0;
  int ranks_ = 1;
  bool is_moe_ = false;
};

}  // namespace astrolabe::parallel
