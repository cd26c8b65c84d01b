#include "astrolabe/parallel/steady_state.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

constexpr double kLeastPrompt = 16;
constexpr int kRateBisections = 40;
constexpr double kBusiest = 0.98;  // of iterations that take prompts, in the time they queue
constexpr double kTail = 1e-6;     // of the distribution of chunks, left out

// Tokens of the budget that decoding takes beside prompts.
double decoding_tokens(const EngineCurves& c, double sequences) {
  if (c.engine().framework == Framework::kSglang) return 0;
  return sequences * c.load().speculation.verified();
}

double pieces_of(const EngineCurves& c, double sequences) {
  if (c.engine().framework == Framework::kTrtllm) return 1;
  const double room = c.engine().schedule.token_budget - decoding_tokens(c, sequences);
  return std::max(1.0, std::ceil(c.load().prompt / std::max(1.0, room)));
}

// Chunks that one iteration of a rank can take.
double most_chunks(const EngineCurves& c, double sequences, double pieces) {
  const double room = c.engine().schedule.token_budget - decoding_tokens(c, sequences);
  return std::max(1.0, std::floor(room * pieces / c.load().prompt));
}

double slow(const EngineCurves& c) { return 1 + c.engine().constants.prefill_slow(c.is_moe()); }

double harmonic(int n) {
  double h = 0;
  for (int i = 1; i <= n; ++i) h += 1.0 / i;
  return h;
}

// How TensorRT-LLM collects prompts: until every rank has one, or for `balance_wait` steps.
struct Collection {
  double steps = 1;      // from one batch of prompts to the next
  double held = 0;       // of them, while prompts wait
  bool is_full = false;  // what waits for every rank fills the budget of all
};

Collection collection(const EngineCurves& c, double rate, double most) {
  Collection k;
  const double wait = c.engine().schedule.balance_wait;
  if (wait <= 0 || c.ranks() == 1 || rate <= 0) return k;
  const double first = 1 / (rate * c.ranks());
  const double all = std::min(harmonic(c.ranks()), most) / rate;
  k.steps = std::max(1.0, std::min(all, wait + first));
  k.held = std::max(0.0, k.steps - first);
  k.is_full = most < harmonic(c.ranks()) && k.steps == all;
  return k;
}

// Steps that a prompt waits: the first for the whole time, the others for half of it.
double mean_wait(const Collection& k, double arrivals) {
  const double n = std::max(1.0, arrivals);
  return k.held * (1 + (n - 1) / 2) / n;
}

// What prompts add to steps of one micro-batch.
class PromptCost {
 public:
  PromptCost(const EngineCurves& c, double sequences, double pieces)
      : c_(c),
        sequences_(sequences),
        pieces_(pieces),
        most_(most_chunks(c, sequences, pieces)),
        pauses_(c.engine().framework == Framework::kSglang),
        alone_(pauses_ ? 0 : c.step(sequences)) {}

  // `chunks` on the fullest rank, `all` on all.
  double of(double chunks, double all) const {
    if (chunks <= 0) return 0;
    const double steps = std::max(1.0, chunks / most_);
    const double t = c_.step(pauses_ ? 0 : sequences_, chunks / steps, all / steps, pieces_);
    return steps * slow(c_) * std::max(0.0, t - alone_);
  }

  // Mean over Poisson chunks of `mean` a rank; one rank has `own` chunks beside. Where prompts are
  // collected, more than the budget holds wait for the next time.
  double expected(double mean, int own, bool is_collected) const {
    const int ranks = c_.ranks();
    double probability = std::exp(-mean), below = 0, sum = 0, weight = 0, previous = 0, cost = 0;
    for (int k = 0; previous < 1 - kTail && k < kMostTerms; ++k) {
      below += probability;  // P(X <= k)
      sum += k * probability;
      const double before = below - probability;  // P(X <= k - 1)
      const double others = std::pow(below, ranks - 1);
      const double all_below = others * (own > 0 ? before : below);
      weight = all_below - previous;
      if (weight > kTail / 10) {
        const double mean_of_others = (ranks - 1) * sum / below;
        const double fullest = is_collected ? std::min<double>(k, most_) : k;
        cost += weight * of(fullest, k + mean_of_others);
      }
      previous = all_below;
      probability *= mean / (k + 1);
    }
    return cost;
  }

 private:
  static constexpr int kMostTerms = 400;

  const EngineCurves& c_;
  double sequences_, pieces_, most_;
  bool pauses_;
  double alone_;
};

double outside(const EngineCurves& c, double in_flight) {
  return c.engine().constants.outside(in_flight).in(units::second);
}

}  // namespace

EngineCurves::EngineCurves(const EngineIteration& it, const SteadyLoad& load,
                           const EngineIteration* draft)
    : load_(load),
      engine_(it.engine()),
      ranks_(it.shard().data),
      stages_(it.shard().pipeline),
      is_moe_(it.model().is_moe()) {
  const auto seconds = [](Duration t) { return t.in(units::second); };
  const double most = engine_.schedule.max_sequences;
  const double most_tokens =
      std::max(engine_.schedule.token_budget, load.prompt) + most * load.speculation.verified();
  curves_ = IterationCurves(it, most_tokens, most);
  decode_ = LogCurve(most, [&](double b) { return seconds(it.decode(b, load.context)); });
  shortest_prefill_ = seconds(it.prefill(kLeastPrompt, 0));
  // Chunks of the budget; the mean one starts behind half of the others.
  const auto whole = [&](double tokens) {
    const double pieces = std::max(1.0, std::ceil(tokens * pieces_of(*this, 0) / load.prompt));
    const double chunk = tokens / pieces;
    return pieces * seconds(it.prefill(chunk, load.cached + (tokens - chunk) / 2));
  };
  prompt_core_ = whole(load.prompt);
  if (load.square_ratio > 1) {
    const double square = 2 * std::max(0.0, prompt_core_ - 2 * whole(load.prompt / 2));
    prompt_core_ += (load.square_ratio - 1) * std::min(square, prompt_core_);
  }
  if (draft == nullptr) return;
  SteadyLoad drafted = load;
  drafted.speculation = {};
  draft_ = std::make_shared<EngineCurves>(*draft, drafted);
}

double EngineCurves::core(double chunks, double pieces) const {
  const double each = prompt_core_ / pieces;
  return each + (chunks - 1) * std::max(0.0, each - shortest_prefill_);
}

double EngineCurves::step(double b) const {
  const double tokens = b * load_.speculation.verified();
  const double own = curves_.step(tokens, tokens * ranks_, decode_.at(b), b, false);
  return draft_ ? own + load_.speculation.draft_tokens * draft_->step(b) : own;
}

double EngineCurves::step(double b, double chunks, double all_chunks, double pieces) const {
  const double tokens = load_.prompt / pieces, decoding = b * load_.speculation.verified();
  const double own =
      curves_.step(decoding + chunks * tokens, decoding * ranks_ + all_chunks * tokens,
                   decode_.at(b) + core(chunks, pieces), std::max(1.0, b + chunks / pieces), true);
  if (!draft_) return own;
  const double further = b > 0 ? (load_.speculation.draft_tokens - 1) * draft_->step(b) : 0;
  return own + draft_->step(b, chunks, all_chunks, pieces) + further;
}

SteadyState steady_state(const EngineCurves& c, double sequences) {
  SteadyState s;
  s.sequences = sequences;
  const double stages = c.stages(), b = sequences / stages;
  s.pieces = pieces_of(c, b);
  s.chunks_per_step = s.pieces * b / c.load().steps();
  const double others = std::max(0.0, 1 - 1 / std::max(1.0, sequences * c.ranks()));
  const double rate = others * s.chunks_per_step;
  const double most = most_chunks(c, b, s.pieces);
  const Collection batch = collection(c, rate, most);
  const PromptCost cost(c, b, s.pieces);
  const double alone = c.step(b), mean = rate * batch.steps;
  const double each =
      batch.is_full ? cost.of(most, most * c.ranks()) : cost.expected(mean, 0, batch.held > 0);
  const double added = each / batch.steps;
  const double step = alone + added;
  s.prefill_share = added / step;
  s.tpot = stages * step / c.load().speculation.acceptance_length * units::second;
  s.requests = sequences * c.ranks() / (c.load().answer * s.tpot);
  const bool pauses = c.engine().framework == Framework::kSglang;
  const double own = batch.is_full ? each : cost.expected(mean, 1, batch.held > 0);
  double first = s.pieces * ((pauses ? 0 : alone) + own);
  first += step * mean_wait(batch, mean * c.ranks());
  const double busy = std::min(kBusiest, rate / most);
  if (!pauses) first += step * busy / (2 * (1 - busy));
  first *= stages;
  s.in_flight = sequences * c.ranks() + s.requests.in(1 / units::second) * first;
  s.ttft = (first + outside(c, s.in_flight)) * units::second;
  return s;
}

SteadyState steady_at_concurrency(const EngineCurves& c, double in_flight, double most) {
  SteadyState s = steady_state(c, most);
  if (s.in_flight <= in_flight) return s;
  double low = 0, high = most;
  for (int i = 0; i < kRateBisections; ++i) {
    const double middle = (low + high) / 2;
    s = steady_state(c, middle);
    (s.in_flight > in_flight ? high : low) = middle;
  }
  return s;
}

double prefill_bound_sequences(const EngineCurves& c) {
  if (c.engine().framework == Framework::kSglang) return c.engine().schedule.max_sequences;
  // Steps that hold b sequences take most(b) chunks, and q b A / O arrive.
  double low = 0, high = c.stages() * c.engine().schedule.max_sequences;
  for (int i = 0; i < kRateBisections; ++i) {
    const double middle = (low + high) / 2, b = middle / c.stages();
    const double pieces = pieces_of(c, b);
    const bool is_fed = pieces * b / c.load().steps() <= most_chunks(c, b, pieces);
    (is_fed ? low : high) = middle;
  }
  return low;
}

PrefillState prefill_state(const EngineCurves& c, double prompts) {
  const double pieces = pieces_of(c, 0);
  const double stage = pieces * c.step(0, prompts, prompts * c.ranks(), pieces);
  return {c.stages() * stage * units::second, prompts * c.ranks() / (stage * units::second)};
}

SteadyState decode_state(const EngineCurves& c, double sequences) {
  SteadyState s;
  s.sequences = sequences;
  s.in_flight = sequences * c.ranks();
  s.tpot = c.stages() * c.step(sequences / c.stages()) / c.load().speculation.acceptance_length *
           units::second;
  s.requests = s.in_flight / (c.load().answer * s.tpot);
  return s;
}

Duration ttft_floor(const EngineCurves& c) {
  const PrefillState alone = prefill_state(c, 1);
  const double pieces = pieces_of(c, 0);
  // One rank has the prompt, the others nothing.
  const Duration one = c.stages() * pieces * c.step(0, 1, 1, pieces) * units::second;
  return std::min(one, alone.step) + outside(c, 1) * units::second;
}

}  // namespace astrolabe::parallel
