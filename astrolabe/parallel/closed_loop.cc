#include "astrolabe/parallel/closed_loop.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "astrolabe/parallel/decoding_rank.h"

namespace astrolabe::parallel {
namespace {

constexpr std::int64_t kLongestJump = 64;  // iterations taken together

struct Chunk {
  int request = 0, tokens = 0;
};

struct Rank : DecodingRank {
  std::vector<Chunk> plan;
};

class Loop {
 public:
  Loop(const IterationTable& table, const Engine& engine, double kv_tokens, double vocab,
       const ClosedLoopLoad& load, std::vector<LoopRequest> requests, bool is_timed)
      : table_(table),
        engine_(engine),
        kv_tokens_(kv_tokens),
        load_(load),
        rules_{engine.schedule.answer_reserve, load.speculation.acceptance_length,
               engine.schedule.preempts > 0},
        requests_(std::move(requests)),
        is_timed_(is_timed),
        ranks_(static_cast<std::size_t>(table.ranks())),
        slow_(1 + engine.constants.prefill_slow(table.is_moe())) {
    const EngineConstants& c = engine.constants;
    host_ = load.is_host_exposed ? c.host.in(units::second) : 0;
    sampling_ = load.is_sampled ? c.sampling_seconds(vocab) : 0;
  }

  ClosedLoopStatus run();
  ClosedLoopResult result();
  const std::vector<LoopRequest>& requests() const { return requests_; }

 private:
  void arrive();
  void arrive_in_time();
  void poll();
  void poll_if_due(bool had_prompts);
  bool polls() const { return is_sglang() && engine_.schedule.poll_interval > 1; }
  double verified() const { return load_.speculation.verified(); }
  bool can_admit(const Rank& rank, int decoding, double reserved, const LoopRequest& r) const;
  bool is_sglang() const { return engine_.framework == Framework::kSglang; }
  bool starts_prefill() const;  // SGLang: prompts alone
  bool holds_prompts();
  bool waits_for_tokens();
  bool make_room(Rank* rank);
  void plan(Rank* rank, double decoding) const;
  double decode_only() const;
  double iteration(bool pauses_decoding, bool* has_prompts) const;
  std::int64_t jump(bool is_held, bool waits, double t) const;
  void advance(double t, std::int64_t steps, bool pauses_decoding);
  void add_intervals(double t, std::int64_t steps, double decoding);
  double median_interval();
  void finish(Rank* rank);
  bool is_idle() const;

  const IterationTable& table_;
  const Engine& engine_;
  double kv_tokens_;
  ClosedLoopLoad load_;
  DecodingRules rules_;
  std::vector<LoopRequest> requests_;
  bool is_timed_;  // requests come at their own times, not when another ends
  std::vector<Rank> ranks_;
  double slow_, host_ = 0, sampling_ = 0;
  std::size_t next_ = 0, ended_ = 0;
  double now_ = 0, decoding_time_ = 0, prefill_time_ = 0, prompt_steps_ = 0, decoded_ = 0;
  struct Mark {
    double time = 0, tokens = 0;
  };
  Mark steady_from_, steady_to_;
  double pause_ = 0;                                  // of decoding, since its last step
  std::vector<std::pair<double, double>> intervals_;  // between tokens, how many sequences waited
  std::int64_t iterations_ = 0, held_since_ = -1, waited_ = 0, polled_ = 0;
  std::deque<int> inbox_;  // arrived, not seen yet
};

void Loop::arrive() {
  LoopRequest& r = requests_[next_];
  if (!is_timed_) r.arrival = now_;
  r.rank = least_loaded(ranks_, [](const Rank& k) { return k.load; });
  ++ranks_[static_cast<std::size_t>(r.rank)].load;
  inbox_.push_back(static_cast<int>(next_++));
  if (!polls()) poll();
}

// Of a replay: those whose time has come; an engine without work waits for the next.
void Loop::arrive_in_time() {
  if (next_ < requests_.size() && inbox_.empty() && is_idle()) {
    now_ = std::max(now_, requests_[next_].arrival);
  }
  while (next_ < requests_.size() && requests_[next_].arrival <= now_) arrive();
}

bool Loop::is_idle() const {
  return std::all_of(ranks_.begin(), ranks_.end(),
                     [](const Rank& k) { return k.decoding == 0 && k.waiting.empty(); });
}

void Loop::poll() {
  for (const int id : inbox_) {
    ranks_[static_cast<std::size_t>(requests_[static_cast<std::size_t>(id)].rank)]
        .waiting.push_back(id);
  }
  inbox_.clear();
  polled_ = iterations_;
}

bool Loop::can_admit(const Rank& rank, int decoding, double reserved, const LoopRequest& r) const {
  if (r.done > 0) return true;
  // One request runs at all events: what never fits was refused before.
  if (decoding == 0 && rank.plan.empty()) return true;
  return decoding < engine_.schedule.max_sequences && reserved + rules_.need(r) <= kv_tokens_;
}

bool Loop::starts_prefill() const {
  if (!is_sglang()) return false;
  return std::any_of(ranks_.begin(), ranks_.end(), [&](const Rank& k) {
    return !k.waiting.empty() && can_admit(k, k.decoding, k.reserved,
                                           requests_[static_cast<std::size_t>(k.waiting.front())]);
  });
}

// TensorRT-LLM with attention-DP: a prompt on one rank stops all, so it waits for company.
bool Loop::holds_prompts() {
  if (engine_.schedule.balance_wait <= 0 || ranks_.size() == 1) return false;
  bool all = true, any = false, decodes = false;
  for (const Rank& k : ranks_) {
    all = all && !k.waiting.empty();
    any = any || !k.waiting.empty();
    decodes = decodes || k.decoding > 0;
  }
  if (!any || all || !decodes) {
    held_since_ = -1;
    return false;
  }
  if (held_since_ < 0) held_since_ = iterations_;
  if (static_cast<double>(iterations_ - held_since_) < engine_.schedule.balance_wait) return true;
  held_since_ = -1;
  return false;
}

// After a step with prompts, when nothing runs, or each `poll_interval` decode steps.
void Loop::poll_if_due(bool had_prompts) {
  if (!polls()) return;
  const auto interval = static_cast<std::int64_t>(engine_.schedule.poll_interval);
  if (had_prompts || is_idle() || (iterations_ - polled_) % interval == 0) poll();
}

// TensorRT-LLM with batch waiting: few tokens wait for more beside decoding sequences.
bool Loop::waits_for_tokens() {
  const EngineSchedule& s = engine_.schedule;
  if (s.batch_wait <= 0 || engine_.framework != Framework::kTrtllm) return false;
  double tokens = 0, decoding = 0;
  bool has_prompts = false;
  for (const Rank& k : ranks_) {
    decoding += k.decoding;
    double own = k.decoding * verified();
    for (const Chunk& c : k.plan) own += c.tokens;
    tokens = std::max(tokens, own);
    has_prompts = has_prompts || !k.plan.empty();
  }
  if (!has_prompts) return false;
  const bool waits = decoding > 0 && static_cast<double>(waited_) < s.batch_wait &&
                     tokens < s.batch_wait_share * s.token_budget;
  if (!waits) waited_ = 0;
  return waits;
}

// vLLM: each decoding sequence needs one more token of cache; the youngest give theirs up. True
// when any did: then no prompt starts in this step.
bool Loop::make_room(Rank* k) {
  bool any = false;
  while (k->decoding > 1 && k->reserved + k->decoding * rules_.accepted > kv_tokens_) {
    k->preempt(rules_, &requests_);
    any = true;
  }
  return any;
}

void Loop::plan(Rank* k, double decoding) const {
  double budget = engine_.schedule.token_budget - (is_sglang() ? 0 : decoding);
  int admitted = k->decoding;
  double reserved = k->reserved;
  for (const int id : k->waiting) {
    const LoopRequest& r = requests_[static_cast<std::size_t>(id)];
    if (budget < 1 || !can_admit(*k, admitted, reserved, r)) break;
    const int left = r.to_compute() - r.done;
    int tokens = left;
    if (engine_.framework == Framework::kTrtllm) {
      if (tokens > budget && !k->plan.empty()) break;
    } else {
      tokens = std::min(tokens, static_cast<int>(budget));
    }
    if (r.done == 0) {
      ++admitted;
      reserved += rules_.need(r);
    }
    k->plan.push_back({id, tokens});
    budget -= tokens;
    if (tokens < left) break;
  }
}

double Loop::decode_only() const {
  double most = 0, all = 0, core = 0;
  for (const Rank& k : ranks_) {
    most = std::max(most, static_cast<double>(k.decoding));
    all += k.decoding * verified();
    core = std::max(core, table_.decode(k.decoding, k.mean_context()));
  }
  if (all <= 0) return 0;
  return table_.step(most * verified(), all, core, most, false) + host_ + sampling_ * most;
}

double Loop::iteration(bool pauses_decoding, bool* has_prompts) const {
  double most = 0, all = 0, core = 0, outputs = 0;
  *has_prompts = false;
  for (const Rank& k : ranks_) {
    const double decoding = pauses_decoding ? 0 : k.decoding;
    double tokens = decoding * verified(), time = table_.decode(decoding, k.mean_context()),
           out = decoding;
    bool is_first = true;
    for (const Chunk& c : k.plan) {
      const LoopRequest& r = requests_[static_cast<std::size_t>(c.request)];
      // Prompts of one iteration share their launches.
      const double t = table_.prefill(c.tokens, r.done);
      time += is_first ? t : std::max(0.0, t - table_.shortest_prefill());
      tokens += c.tokens;
      out += r.done + c.tokens >= r.to_compute() ? 1 : 0;
      is_first = false;
    }
    *has_prompts = *has_prompts || !k.plan.empty();
    most = std::max(most, tokens);
    all += tokens;
    core = std::max(core, time);
    outputs = std::max(outputs, out);
  }
  const double t = table_.step(most, all, core, std::max(outputs, 1.0), *has_prompts) + host_ +
                   sampling_ * outputs;
  if (!*has_prompts) return t;
  const double alone = pauses_decoding ? 0 : decode_only();
  return alone + slow_ * std::max(0.0, t - alone);
}

std::int64_t Loop::jump(bool is_held, bool waits, double t) const {
  std::int64_t steps = kLongestJump;
  if (is_timed_ && next_ < requests_.size()) {
    const double left = std::ceil((requests_[next_].arrival - now_) / t);
    if (left < static_cast<double>(steps)) steps = static_cast<std::int64_t>(left);
  }
  if (waits) {
    steps = std::min(steps, static_cast<std::int64_t>(engine_.schedule.batch_wait) - waited_);
  }
  if (!inbox_.empty()) {
    const auto interval = static_cast<std::int64_t>(engine_.schedule.poll_interval);
    steps = std::min(steps, interval - (iterations_ - polled_) % interval);
  }
  for (const Rank& k : ranks_) {
    if (!k.ending.empty()) steps = std::min(steps, k.ending.top().first - k.step);
    if (rules_.preempts && k.decoding > 0) {
      const double room = (kv_tokens_ - k.reserved) / (k.decoding * rules_.accepted);
      if (room < static_cast<double>(steps)) steps = static_cast<std::int64_t>(room);
    }
  }
  if (is_held) {
    const auto wait = static_cast<std::int64_t>(engine_.schedule.balance_wait);
    steps = std::min(steps, wait - (iterations_ - held_since_));
  }
  return std::max<std::int64_t>(1, steps);
}

void Loop::finish(Rank* k) {
  while (k->finish_one(now_, rules_, &requests_)) {
    ++ended_;
    if (!is_timed_ && next_ < requests_.size()) arrive();
  }
}

void Loop::add_intervals(double t, std::int64_t steps, double decoding) {
  if (decoding <= 0) {
    pause_ += t * static_cast<double>(steps);
    return;
  }
  intervals_.emplace_back(t + pause_, decoding);
  if (steps > 1) intervals_.emplace_back(t, decoding * static_cast<double>(steps - 1));
  pause_ = 0;
}

double Loop::median_interval() {
  std::sort(intervals_.begin(), intervals_.end());
  double all = 0, below = 0;
  for (const auto& [seconds, sequences] : intervals_) all += sequences;
  for (const auto& [seconds, sequences] : intervals_) {
    below += sequences;
    if (below >= all / 2) return seconds;
  }
  return 0;
}

void Loop::advance(double t, std::int64_t steps, bool pauses_decoding) {
  double decoding = 0;
  bool has_prompts = false;
  for (const Rank& k : ranks_) {
    decoding += k.decoding;
    has_prompts = has_prompts || !k.plan.empty();
  }
  if (has_prompts) prompt_steps_ += decoding;
  if (!pauses_decoding) decoded_ += decoding * static_cast<double>(steps) * rules_.accepted;
  const double elapsed = t * static_cast<double>(steps);
  decoding_time_ += decoding * elapsed;
  now_ += elapsed;
  add_intervals(t, steps, pauses_decoding ? 0 : decoding);
  iterations_ += steps;
  for (Rank& k : ranks_) {
    if (!pauses_decoding && k.decoding > 0) k.advance(steps, rules_);
    for (const Chunk& c : k.plan) {
      LoopRequest& r = requests_[static_cast<std::size_t>(c.request)];
      if (r.done == 0) k.reserved += rules_.need(r);
      r.done += c.tokens;
      if (r.done < r.to_compute()) continue;
      if (r.emitted == 0) r.first = now_;
      k.waiting.pop_front();
      k.begin(c.request, &r, rules_);
    }
    k.plan.clear();
  }
  for (Rank& k : ranks_) finish(&k);
  const auto filled = static_cast<std::size_t>(load_.concurrency);
  if (ended_ < filled) steady_from_ = {now_, decoded_};
  if (next_ < requests_.size()) steady_to_ = {now_, decoded_};
}

ClosedLoopResult Loop::result() {
  ClosedLoopResult out = mean_result(requests_, now_, engine_.constants.outside(load_.concurrency));
  out.in_flight = decoding_time_ / now_;
  out.prefill_share = prefill_time_ / now_;
  out.prompt_steps = prompt_steps_ / std::max(1.0, decoded_);
  out.median_interval = median_interval() * units::second;
  if (steady_to_.time > steady_from_.time) {
    out.steady_tokens = (steady_to_.tokens - steady_from_.tokens) /
                        ((steady_to_.time - steady_from_.time) * units::second);
  }
  return out;
}

ClosedLoopStatus Loop::run() {
  if (!each_fits(requests_, kv_tokens_)) return ClosedLoopStatus::kDoesNotFit;
  if (!is_timed_) {
    for (int i = 0; i < load_.concurrency && next_ < requests_.size(); ++i) arrive();
  }
  poll();
  while (ended_ < requests_.size()) {
    if (is_timed_) {
      arrive_in_time();
      if (is_idle()) poll();
    }
    const bool pauses_decoding = starts_prefill();
    const bool is_held = holds_prompts();
    if (!is_held && (!is_sglang() || pauses_decoding)) {
      for (Rank& k : ranks_) {
        if (rules_.preempts && make_room(&k)) continue;
        plan(&k, pauses_decoding ? 0 : k.decoding * verified());
      }
    }
    const bool waits = waits_for_tokens();
    if (waits) {
      for (Rank& k : ranks_) k.plan.clear();
    }
    bool has_prompts = false;
    const double t = iteration(pauses_decoding, &has_prompts);
    ASTROLABE_DEMAND(t > 0, "an iteration without work");
    if (has_prompts) prefill_time_ += t - (pauses_decoding ? 0 : decode_only());
    const std::int64_t steps = has_prompts ? 1 : jump(is_held, waits, t);
    if (waits) waited_ += steps;
    advance(t, steps, pauses_decoding);
    poll_if_due(has_prompts);
  }
  return ClosedLoopStatus::kOk;
}

}  // namespace

ClosedLoopResult run_closed_loop(const IterationTable& table, const Engine& engine,
                                 double kv_tokens, double vocab, const ClosedLoopLoad& load) {
  Loop loop(table, engine, kv_tokens, vocab, load, draw_requests(load), false);
  const ClosedLoopStatus status = loop.run();
  if (status == ClosedLoopStatus::kOk) return loop.result();
  ClosedLoopResult refused;
  refused.status = status;
  return refused;
}

std::vector<LoopRequest> timed_requests(const ReplayLoad& load) {
  std::vector<LoopRequest> requests;
  for (const TimedRequest& r : load.requests) {
    requests.push_back(
        {.arrival = r.arrival.in(units::second), .prompt = r.prompt, .answer = r.answer});
  }
  return requests;
}

ClosedLoopLoad habits_of(const ReplayLoad& load) {
  return {.is_sampled = load.is_sampled, .is_host_exposed = load.is_host_exposed};
}

ReplayResult replay_result(ClosedLoopStatus status, const std::vector<LoopRequest>& requests) {
  ReplayResult out;
  out.status = status;
  if (status != ClosedLoopStatus::kOk) return out;
  for (const LoopRequest& r : requests) {
    out.requests.push_back({(r.first - r.arrival) * units::second,
                            (r.end - r.first) / std::max(1, r.answer - 1) * units::second});
  }
  return out;
}

ReplayResult run_replay(const IterationTable& table, const Engine& engine, double kv_tokens,
                        double vocab, const ReplayLoad& load) {
  Loop loop(table, engine, kv_tokens, vocab, habits_of(load), timed_requests(load), true);
  const ClosedLoopStatus status = loop.run();
  return replay_result(status, loop.requests());
}

}  // namespace astrolabe::parallel
