#pragma once

// An engine with round constants and clocks with times made by hand, for the tests of serving.

#include <functional>
#include <utility>

#include "astrolabe/parallel/iteration_table.h"
#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {

// Every operator takes what the function says, in microseconds.
class HandClock final : public KernelClock {
 public:
  explicit HandClock(std::function<double(const workload::Operator&)> us) : us_(std::move(us)) {}
  Duration time(const workload::Operator& op) const override {
    return us_(op) * units::microsecond;
  }

 private:
  std::function<double(const workload::Operator&)> us_;
};

// A product takes 1 us a token, 100 us at least: with 64 of them and one of the head, decoding
// takes 6.5 ms an iteration up to 100 sequences, and a prompt of n tokens 64 n us.
inline double token_time(const workload::Operator& op) {
  if (op.kind != workload::OperatorKind::kGemm) return 0;
  const double m = op.get<workload::GemmShape>().m;
  return std::max(100.0, m);
}

inline Engine plain_engine(Framework framework) {
  Engine e;
  e.framework = framework;
  e.constants.kernel = 2.0 * units::microsecond;
  e.constants.memory_share = e.constants.kv_share = 1;
  e.schedule = {
      .token_budget = 8192, .answer_reserve = 1, .max_sequences = 1024, .balance_wait = 0};
  return e;
}

}  // namespace astrolabe::parallel
