#include "astrolabe/parallel/pool_loop.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <queue>
#include <tuple>
#include <vector>

#include "astrolabe/parallel/decoding_rank.h"

namespace astrolabe::parallel {
namespace {

constexpr std::int64_t kLongestRun = 64;  // decode steps taken together

struct PrefillRank {
  std::deque<int> waiting;
  double tokens = 0;  // waiting or in the step that runs
};

struct PrefillWorker {
  std::vector<PrefillRank> ranks;
  std::vector<int> ending;  // whose prompt ends with the step that runs
  bool is_busy = false;
};

struct DecodeWorker {
  std::vector<DecodingRank> ranks;
  double since = 0, step_time = 0;  // of the steps that run
  std::int64_t steps = 0, run = 0;  // how many; which run of steps it is
  bool is_busy = false;
};

enum class EventKind : unsigned char { kArrival, kPrefill, kDecode };

struct Event {
  double time = 0;
  std::int64_t order = 0;
  EventKind kind = EventKind::kArrival;
  std::size_t worker = 0;
  std::int64_t run = 0;

  bool operator>(const Event& o) const { return std::tie(time, order) > std::tie(o.time, o.order); }
};

class PoolLoop {
 public:
  PoolLoop(const Pool& prefill, const Pool& decode, double vocab, const ClosedLoopLoad& load,
           std::vector<LoopRequest> requests, bool is_timed)
      : prefill_(prefill),
        decode_(decode),
        load_(load),
        rules_{decode.engine.schedule.answer_reserve, load.speculation.acceptance_length},
        requests_(std::move(requests)),
        is_timed_(is_timed),
        prefill_workers_(static_cast<std::size_t>(prefill.workers)),
        decode_workers_(static_cast<std::size_t>(decode.workers)) {
    const EngineConstants& c = decode.engine.constants;
    host_ = load.is_host_exposed ? c.host.in(units::second) : 0;
    sampling_ = load.is_sampled ? c.sampling_seconds(vocab) : 0;
    for (PrefillWorker& w : prefill_workers_) {
      w.ranks.resize(static_cast<std::size_t>(prefill.table.ranks()));
    }
    for (DecodeWorker& w : decode_workers_) {
      w.ranks.resize(static_cast<std::size_t>(decode.table.ranks()));
    }
  }

  ClosedLoopStatus run();
  ClosedLoopResult result() const;
  const std::vector<LoopRequest>& requests() const { return requests_; }

 private:
  LoopRequest& request(int id) { return requests_[static_cast<std::size_t>(id)]; }
  void arrive();
  void arrive_in_time();
  void push(double time, EventKind kind, std::size_t worker, std::int64_t run) {
    events_.push({time, order_++, kind, worker, run});
  }
  void start_prompts(std::size_t worker);
  double take_prompts(PrefillRank* rank, std::vector<int>* ending, double* tokens, double* ended);
  void end_prompts(std::size_t worker);
  void start_steps(std::size_t worker);
  void end_steps(std::size_t worker);
  void shorten_run(std::size_t worker);
  void admit(DecodingRank* rank);

  Pool prefill_, decode_;
  ClosedLoopLoad load_;
  DecodingRules rules_;
  std::vector<LoopRequest> requests_;
  bool is_timed_;  // requests come at their own times, not when another ends
  std::vector<PrefillWorker> prefill_workers_;
  std::vector<DecodeWorker> decode_workers_;
  double host_ = 0, sampling_ = 0, now_ = 0, prefill_time_ = 0, decoding_time_ = 0;
  std::size_t next_ = 0, ended_ = 0;
  std::int64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

void PoolLoop::arrive() {
  PrefillWorker& w = prefill_workers_[next_ % prefill_workers_.size()];
  LoopRequest& r = requests_[next_];
  if (!is_timed_) r.arrival = now_;
  r.rank = least_loaded(w.ranks, [](const PrefillRank& k) { return k.tokens; });
  PrefillRank& k = w.ranks[static_cast<std::size_t>(r.rank)];
  k.waiting.push_back(static_cast<int>(next_++));
  k.tokens += r.prompt;
}

// Of a replay: those whose time has come, and when to look again.
void PoolLoop::arrive_in_time() {
  const std::size_t first = next_;
  while (next_ < requests_.size() && requests_[next_].arrival <= now_) arrive();
  if (next_ < requests_.size()) push(requests_[next_].arrival, EventKind::kArrival, 0, 0);
  for (std::size_t id = first; id < next_; ++id) start_prompts(id % prefill_workers_.size());
}

// The prompts of one rank in a step: the time of their attention.
double PoolLoop::take_prompts(PrefillRank* rank, std::vector<int>* ending, double* tokens,
                              double* ended) {
  const bool is_whole = prefill_.engine.framework == Framework::kTrtllm;
  double budget = prefill_.engine.schedule.token_budget, time = 0;
  *tokens = *ended = 0;
  while (!rank->waiting.empty()) {
    LoopRequest& r = request(rank->waiting.front());
    const int left = r.prompt - r.done;
    if (is_whole ? left > budget && *tokens > 0 : budget < 1) break;
    const int chunk = is_whole ? left : std::min(left, static_cast<int>(budget));
    // Prompts of one step share their launches.
    const double t = prefill_.table.prefill(chunk, r.done);
    time += *tokens > 0 ? std::max(0.0, t - prefill_.table.shortest_prefill()) : t;
    *tokens += chunk;
    budget -= chunk;
    r.done += chunk;
    if (chunk < left) break;
    *ended += 1;
    ending->push_back(rank->waiting.front());
    rank->waiting.pop_front();
  }
  return time;
}

void PoolLoop::start_prompts(std::size_t worker) {
  PrefillWorker& w = prefill_workers_[worker];
  if (w.is_busy) return;
  double most = 0, all = 0, core = 0, outputs = 1;
  for (PrefillRank& k : w.ranks) {
    double tokens = 0, ended = 0;
    core = std::max(core, take_prompts(&k, &w.ending, &tokens, &ended));
    most = std::max(most, tokens);
    all += tokens;
    outputs = std::max(outputs, ended);
  }
  w.is_busy = all > 0;
  if (!w.is_busy) return;
  const double t = prefill_.table.step(most, all, core, outputs, true);
  prefill_time_ += t;
  push(now_ + t, EventKind::kPrefill, worker, 0);
}

void PoolLoop::end_prompts(std::size_t worker) {
  PrefillWorker& w = prefill_workers_[worker];
  w.is_busy = false;
  std::vector<int> ending;
  std::swap(ending, w.ending);
  for (const int id : ending) {
    LoopRequest& r = request(id);
    w.ranks[static_cast<std::size_t>(r.rank)].tokens -= r.prompt;
    const std::size_t d = static_cast<std::size_t>(id) % decode_workers_.size();
    std::vector<DecodingRank>& ranks = decode_workers_[d].ranks;
    r.rank = least_loaded(ranks, [](const DecodingRank& k) { return k.load; });
    DecodingRank& k = ranks[static_cast<std::size_t>(r.rank)];
    ++k.load;
    k.waiting.push_back(id);
    shorten_run(d);
  }
  start_prompts(worker);
}

// A request came: the worker sees it at the end of the step that runs, not of the run of steps.
void PoolLoop::shorten_run(std::size_t worker) {
  DecodeWorker& w = decode_workers_[worker];
  if (!w.is_busy) {
    start_steps(worker);
    return;
  }
  const auto done = static_cast<std::int64_t>(std::ceil((now_ - w.since) / w.step_time - 1e-9));
  const std::int64_t steps = std::clamp<std::int64_t>(done, 1, w.steps);
  if (steps == w.steps) return;
  w.steps = steps;
  push(w.since + static_cast<double>(steps) * w.step_time, EventKind::kDecode, worker, ++w.run);
}

void PoolLoop::admit(DecodingRank* k) {
  while (!k->waiting.empty()) {
    LoopRequest& r = request(k->waiting.front());
    const double need = rules_.need(r);
    // One request runs at all events: what never fits was refused before.
    if (k->decoding > 0 && (k->decoding >= decode_.engine.schedule.max_sequences ||
                            k->reserved + need > decode_.kv_tokens)) {
      return;
    }
    r.first = now_;
    k->reserved += need;
    k->begin(k->waiting.front(), &r, rules_);
    k->waiting.pop_front();
  }
}

void PoolLoop::start_steps(std::size_t worker) {
  DecodeWorker& w = decode_workers_[worker];
  double most = 0, all = 0, core = 0;
  w.steps = kLongestRun;
  for (DecodingRank& k : w.ranks) {
    admit(&k);
    if (k.decoding == 0) continue;
    most = std::max(most, static_cast<double>(k.decoding));
    all += k.decoding;
    core = std::max(core, decode_.table.decode(k.decoding, k.mean_context()));
    w.steps = std::min(w.steps, k.ending.top().first - k.step);
  }
  w.is_busy = all > 0;
  if (!w.is_busy) return;
  const double verified = load_.speculation.verified();
  w.steps = std::max<std::int64_t>(1, w.steps);
  w.since = now_;
  w.step_time = decode_.table.step(most * verified, all * verified, core, most, false) + host_ +
                sampling_ * most;
  push(now_ + static_cast<double>(w.steps) * w.step_time, EventKind::kDecode, worker, ++w.run);
}

void PoolLoop::end_steps(std::size_t worker) {
  DecodeWorker& w = decode_workers_[worker];
  const std::size_t first = next_;
  for (DecodingRank& k : w.ranks) {
    decoding_time_ += k.decoding * (now_ - w.since);
    k.advance(w.steps, rules_);
    while (k.finish_one(now_, rules_, &requests_)) {
      ++ended_;
      if (!is_timed_ && next_ < requests_.size()) arrive();
    }
  }
  start_steps(worker);
  for (std::size_t id = first; id < next_; ++id) start_prompts(id % prefill_workers_.size());
}

ClosedLoopStatus PoolLoop::run() {
  if (!each_fits(requests_, decode_.kv_tokens)) return ClosedLoopStatus::kDoesNotFit;
  if (is_timed_) {
    arrive_in_time();
  } else {
    for (int i = 0; i < load_.concurrency && next_ < requests_.size(); ++i) arrive();
    for (std::size_t w = 0; w < prefill_workers_.size(); ++w) start_prompts(w);
  }
  while (ended_ < requests_.size()) {
    ASTROLABE_DEMAND(!events_.empty(), "requests are left and nothing runs");
    const Event e = events_.top();
    events_.pop();
    // A run that was cut short has an event at its old end too.
    if (e.kind == EventKind::kDecode && e.run != decode_workers_[e.worker].run) continue;
    now_ = e.time;
    switch (e.kind) {
      case EventKind::kArrival:
        arrive_in_time();
        break;
      case EventKind::kPrefill:
        end_prompts(e.worker);
        break;
      case EventKind::kDecode:
        end_steps(e.worker);
        break;
    }
  }
  return ClosedLoopStatus::kOk;
}

ClosedLoopResult PoolLoop::result() const {
  ClosedLoopResult out =
      mean_result(requests_, now_, decode_.engine.constants.pool_outside(load_.concurrency));
  out.in_flight = decoding_time_ / now_;
  out.prefill_share = prefill_time_ / now_ / static_cast<double>(prefill_workers_.size());
  return out;
}

}  // namespace

ClosedLoopResult run_pool_loop(const Pool& prefill, const Pool& decode, double vocab,
                               const ClosedLoopLoad& load) {
  PoolLoop loop(prefill, decode, vocab, load, draw_requests(load), false);
  ClosedLoopResult refused;
  refused.status = loop.run();
  return refused.status == ClosedLoopStatus::kOk ? loop.result() : refused;
}

ReplayResult run_pool_replay(const Pool& prefill, const Pool& decode, double vocab,
                             const ReplayLoad& load) {
  PoolLoop loop(prefill, decode, vocab, habits_of(load), timed_requests(load), true);
  const ClosedLoopStatus status = loop.run();
  return replay_result(status, loop.requests());
}

}  // namespace astrolabe::parallel
