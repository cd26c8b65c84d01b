#include "astrolabe/parallel/disaggregated.h"

#include <algorithm>

namespace astrolabe::parallel {
namespace {

constexpr int kSteps = 200;

// `prompts` of one length on every rank of a worker, nothing else: seconds.
double prefill_seconds(const IterationTable& t, double prompts, double tokens) {
  const double each = t.prefill(tokens, 0);
  const double attention = each + (prompts - 1) * std::max(0.0, each - t.shortest_prefill());
  return t.step(prompts * tokens, prompts * tokens * t.ranks(), attention, prompts, true);
}

}  // namespace

const char* pool_limit_name(PoolLimit limit) {
  switch (limit) {
    case PoolLimit::kConcurrency:
      return "concurrency";
    case PoolLimit::kPrefillPool:
      return "prefill pool";
    case PoolLimit::kKvCapacity:
      break;
  }
  return "KV capacity";
}

PoolPoint disaggregated_pools(const IterationTable& prefill, const Engine& prefill_engine,
                              const IterationTable& decode, const Engine& decode_engine,
                              double kv_tokens, double vocab, const PoolLoad& load) {
  const EngineConstants& c = decode_engine.constants;
  const double host = load.is_host_exposed ? c.host.in(units::second) : 0;
  const double sampling = load.is_sampled ? c.sampling_seconds(vocab) : 0;
  const double context = load.prompt + load.answer / 2;
  const double slots = load.decode_workers * decode.ranks();
  const auto tpot = [&](double decoding) {
    const double sequences = std::max(1.0, decoding / slots);
    return decode.decode_iteration(sequences, context) + host + sampling * sequences;
  };
  const double per = std::max(1.0, std::floor(prefill_engine.schedule.token_budget / load.prompt));
  const double one = prefill_seconds(prefill, 1, load.prompt);
  const double most =
      load.prefill_workers * prefill.ranks() * per / prefill_seconds(prefill, per, load.prompt);
  const double reserved = load.prompt + decode_engine.schedule.answer_reserve * load.answer;
  const double capacity = slots * std::max(1.0, kv_tokens / reserved);

  double decoding = load.concurrency, rate = 0;
  for (int i = 0; i < kSteps; ++i) {
    const double answer = load.answer * tpot(std::min(decoding, capacity));
    rate = std::min(load.concurrency / (one + answer), most);
    decoding = (decoding + std::min({rate * answer, load.concurrency, capacity})) / 2;
  }
  PoolPoint point;
  const double step = tpot(decoding);
  point.tpot = step * units::second;
  const double burst = load.concurrency / 2 / most / load.rounds;
  point.ttft =
      (std::max(one, load.concurrency / rate - load.answer * step) + burst) * units::second +
      c.first_token + load.concurrency * c.first_token_per_request;
  point.decoding = decoding;
  point.requests = rate / units::second;
  if (decoding > 0.999 * capacity) {
    point.limit = PoolLimit::kKvCapacity;
  } else if (rate > 0.999 * most) {
    point.limit = PoolLimit::kPrefillPool;
  }
  return point;
}

}  // namespace astrolabe::parallel
