#include "astrolabe/parallel/deepseek_day.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

constexpr double kAnswer = 2;  // the length cancels: only tokens a second are used

ServingRequest request_of(const workload::ModelArchitecture& model,
                          const workload::Precision& precision, double prompt, double cached,
                          Duration tpot) {
  ServingRequest r{model, precision, {}, {}};
  r.work.name = "production_day";
  r.work.input = workload::LengthDistribution::fixed(prompt);
  r.work.output = workload::LengthDistribution::fixed(kAnswer);
  r.work.cached_input = cached;
  r.work.ttft = kNoLimit;
  r.work.tpot = tpot;
  return r;
}

std::string obstacle(const ServingCandidate& c) {
  return c.conflict().empty() ? c.memory().reason() : c.conflict();
}

StepParts parts_of(const ServingCandidate& c, double tokens, double outputs, Duration attention) {
  const EngineIteration& it = c.iteration();
  const double all = tokens * c.layout().shard.data;
  return {attention,        it.dense(tokens), it.experts(all),
          it.exchange(all), it.fixed(),       it.head(outputs)};
}

}  // namespace

ProductionDayResult production_day_nodes(const ServingChip& chip,
                                         const workload::ModelArchitecture& model,
                                         const workload::Precision& precision,
                                         const ProductionDay& day) {
  ProductionDayResult r;
  const ServingRequest prefill_request =
      request_of(model, precision, day.prompt_tokens, day.cached_input, kNoLimit);
  const ServingRequest decode_request =
      request_of(model, precision, day.decode_context - kAnswer / 2, 0, day.tpot);
  const ServingCandidate prefill(chip, prefill_request, day.prefill);
  const ServingCandidate decode(chip, decode_request, day.decode);
  r.reason = !prefill.can_serve() ? obstacle(prefill) : obstacle(decode);
  if (!r.reason.empty()) return r;

  const double node = day.accelerators_per_node;
  const double uncached = day.prompt_tokens * (1 - day.cached_input);
  const double prompts = std::max(1.0, std::floor(day.prefill_tokens_per_rank / uncached));
  const PrefillState p = prefill_state(prefill.curves(), prompts);
  r.prefill_prompts = prompts;
  r.prefill_iteration = p.step;
  r.prefill_parts =
      parts_of(prefill, prompts * uncached, prompts,
               prompts * prefill.iteration().prefill(uncached, day.prompt_tokens - uncached));
  r.prefill_per_node =
      p.requests * (day.prompt_tokens * units::token) * (node / day.prefill.accelerators());
  r.prefill_nodes = day.input / day.span / r.prefill_per_node;

  const auto d = decode.within_limits(true);
  if (!d) {
    r.reason = "one sequence on a rank is slower than the published speed";
    return r;
  }
  r.decode_batch = d->state.sequences;
  r.limit = d->limit;
  r.decode_step = d->state.tpot;
  r.decode_parts = parts_of(decode, r.decode_batch, r.decode_batch,
                            decode.iteration().decode(r.decode_batch, day.decode_context));
  r.decode_per_node =
      d->state.in_flight * units::token / d->state.tpot * (node / day.decode.accelerators());
  r.decode_nodes = day.output / day.span / r.decode_per_node;
  r.is_ok = true;
  return r;
}

}  // namespace astrolabe::parallel
