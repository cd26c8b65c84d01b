// One iteration from prepared tables, and whole benchmarks of 1,000 requests in simulation: of one
// engine, and of two prefill and three decode workers.

#include <benchmark/benchmark.h>

#include "astrolabe/parallel/pool_loop.h"

namespace astrolabe::parallel {
namespace {

// Times that grow with work, so that the tables are not trivial.
class FormulaClock final : public KernelClock {
 public:
  Duration time(const workload::Operator& op) const override {
    return op.flops.in(units::flop) / 1e15 * units::second +
           op.bytes().in(units::byte) / 5e12 * units::second + 3.0 * units::microsecond;
  }
};

workload::ModelArchitecture bench_model() {
  workload::ModelArchitecture m;
  m.hidden = 8192;
  m.heads = 64;
  m.kv_heads = 8;
  m.head_dim = 128;
  m.dense_ffn = 28672;
  m.vocab = 128256;
  m.n_full_attention = m.n_dense_ffn = 80;
  return m;
}

Engine bench_engine() {
  Engine e;
  e.framework = Framework::kVllm;
  e.constants.kernel = 2.0 * units::microsecond;
  e.schedule = {
      .token_budget = 8192, .answer_reserve = 0.6, .max_sequences = 1024, .balance_wait = 0};
  return e;
}

IterationTable bench_table(const FormulaClock& clock) {
  return IterationTable(EngineIteration(bench_model(), {}, {.tensor = 4}, bench_engine(), clock));
}

void decode_iteration(benchmark::State& state) {
  const FormulaClock clock;
  const IterationTable table = bench_table(clock);
  double sequences = 1, context = 100;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.decode_iteration(sequences, context));
    sequences = sequences < 512 ? sequences + 1 : 1;
    context = context < 9000 ? context + 7 : 100;
  }
}
BENCHMARK(decode_iteration);

constexpr ClosedLoopLoad kLoad{.concurrency = 100,
                               .requests = 1000,
                               .prompt_low = 820,
                               .prompt_high = 1024,
                               .answer_low = 820,
                               .answer_high = 1024};

void closed_loop(benchmark::State& state) {
  const FormulaClock clock;
  const IterationTable table = bench_table(clock);
  const Engine engine = bench_engine();
  for (auto _ : state) {
    benchmark::DoNotOptimize(run_closed_loop(table, engine, 1e6, 128256, kLoad).tpot);
  }
}
BENCHMARK(closed_loop)->Unit(benchmark::kMillisecond);

void pool_loop(benchmark::State& state) {
  const FormulaClock clock;
  const IterationTable table = bench_table(clock);
  const Engine engine = bench_engine();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        run_pool_loop({table, engine, 2}, {table, engine, 3, 1e6}, 128256, kLoad).tpot);
  }
}
BENCHMARK(pool_loop)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace astrolabe::parallel

BENCHMARK_MAIN();
