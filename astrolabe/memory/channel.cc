#include "astrolabe/memory/channel.h"

#include <algorithm>

#include "astrolabe/base/error.h"

namespace astrolabe::memory {

namespace {

constexpr std::uint64_t kQosShift = 56;

Direction direction_of(const Request& r) { return static_cast<Direction>(r.is_write); }

}  // namespace

Channel::Channel(const DramSpec& spec, const TimingPlan& plan, const ControllerSettings& settings,
                 double refresh_phase)
    : spec_(&spec), settings_(settings) {
  const int n = spec.organization.pseudo_channels;
  lanes_.reserve(static_cast<std::size_t>(n));
  const auto interval = static_cast<double>(spec.ticks("tREFI"));
  for (int p = 0; p < n; ++p) {  // pseudo-channels refresh out of step
    const double phase = refresh_phase + static_cast<double>(p) / n;
    lanes_.emplace_back(spec, plan, settings, p, static_cast<Tick>(phase * interval));
  }
}

// Gives the batch to the lanes up to a request whose lane has no room.
void Channel::hand_out() {
  Lane* const lanes = lanes_.data();
  const std::size_t end = batch_size_;
  std::size_t at = batch_at_;
  for (; at < end; ++at) {
    Ring& target = lanes[batch_[at].pseudo_channel].waiting;
    if (target.full()) break;
    target.push(batch_[at]);
  }
  batch_at_ = at;
}

// Reads on until the lane has a request that waits; false if it cannot get one for now.
bool Channel::pull(const Lane& lane) {
  for (;;) {
    hand_out();
    if (!lane.waiting.empty()) return true;
    if (batch_at_ < batch_size_) return false;
    needs_input_ = needs_input_ || (source_dry_ && waits_for_input_);
    if (source_ended_ || source_dry_ || source_ == nullptr) return false;
    batch_size_ = source_->fill(batch_);
    batch_at_ = 0;
    if (batch_size_ < batch_.size()) {
      source_ended_ = source_->is_at_end();
      source_dry_ = !source_ended_;
    }
    if (batch_size_ == 0) {
      needs_input_ = source_dry_ && waits_for_input_;
      return false;
    }
  }
}

// `is_awaited`: there is room for the first request that waits.
inline void Channel::set_timer(Lane* lane, bool is_awaited) {
  Tick next = lane->controller.refresh().next_due();
  if (is_awaited) {
    const Tick arrival = lane->waiting.front().arrival;
    // Before now: it arrived while the channel fell asleep.
    if (arrival >= now_ || power_ != Power::kUp) next = std::min(next, std::max(arrival, now_));
  }
  if (next == lane->next_timer) return;
  lane->next_timer = next;
  next_timer_ = lanes_[0].next_timer;
  for (const Lane& l : lanes_) next_timer_ = std::min(next_timer_, l.next_timer);
}

// Takes waiting requests into the queues that have room.
void Channel::fill(Lane* lane, Tick t) {
  PseudoChannel& controller = lane->controller;
  Ring& waiting = lane->waiting;
  const bool was_full = waiting.full();
  bool added = false, is_awaited = false;
  while (!waiting.empty() || pull(*lane)) {
    const Request& r = waiting.front();
    if (!controller.queues().has_room(direction_of(r))) break;
    is_awaited = r.arrival > t;
    if (is_awaited) break;
    const std::uint64_t key = (std::uint64_t{r.qos_class} << kQosShift) | next_key_++;
    controller.add(r, key, r.arrival > 0 ? r.arrival : t, t);
    if (answers_ != nullptr && r.is_write != 0) answers_->push_back({t, r.requester});
    waiting.pop();
    added = true;
  }
  controller.choose_direction();
  if (added && was_full) {
    for (Lane& other : lanes_) {
      if (&other != lane && other.waiting.empty()) fill(&other, t);
    }
  }
  set_timer(lane, is_awaited);
}

void Channel::work_timers(Tick t) {
  now_ = std::max(now_, t);
  for (Lane& lane : lanes_) {
    PseudoChannel& controller = lane.controller;
    if (lane.next_timer > t) continue;
    if (power_ == Power::kSelfRefresh) controller.refresh().skip_until(t);
    while (controller.refresh().next_due() <= t) controller.refresh().become_due();
    is_too_late_ = is_too_late_ || controller.refresh().is_too_late();
    fill(&lane, t);
  }
  for (Lane& lane : lanes_) {
    lane.controller.begin_refresh();
    const Ring& waiting = lane.waiting;
    set_timer(&lane,
              !waiting.empty() && lane.controller.queues().has_room(direction_of(waiting.front())));
  }
  if (power_ != Power::kUp && !is_idle()) wake(t);
}

// Asks both schedulers again: what changed, and what the buses allow by now. A channel that is one
// pseudo-channel has it as its first and its last.
inline Channel::Next Channel::look_again(Lane* first, Lane* last) {
  const Tick column_floor = std::max(now_, column_free_), row_floor = std::max(now_, row_free_);
  const Turn& first_column = first->controller.best_column(column_floor);
  const Turn& last_column = last->controller.best_column(column_floor);
  const Turn& first_row = first->controller.best_row(row_floor, pairing_);
  const Turn& last_row = last->controller.best_row(row_floor, pairing_);
  return {last_column.before(first_column) ? last : first,
          last_row.before(first_row) ? last : first};
}

inline void Channel::start_column(Lane* lane, Tick t) {
  const Command command = lane->controller.column().command;
  const int bank = lane->controller.column().bank;
  const RequestQueues::Entry& e = lane->controller.start_column(bank, t, column_free_);
  if (log_ != nullptr) log(t, command, lane->number, bank, e.at.row, e.at.column);
  if (answers_ != nullptr && command == Command::kRead) {
    answers_->push_back({lane->controller.statistics().clocks, e.requester});
  }
  column_free_ = t + 2;
  column_bus_ticks_ += 2;
}

void Channel::start_row(Lane* lane, Tick t) {
  PseudoChannel& c = lane->controller;
  const Command command = c.row().command;
  const int bank = c.row().bank;
  const bool is_activate = command == Command::kActivate;
  const std::uint32_t row = c.start_row(command, bank, t);
  if (log_ != nullptr) {
    log(t, command, lane->number, bank, is_activate ? std::int64_t{row} : -1, -1);
  }
  const Tick held = is_activate ? spec_->activate_ticks : spec_->row_ticks;
  row_free_ = t + held;
  row_bus_ticks_ += held;
  if ((t & 1) == 0) pairing_ = {row_free_, lane->number};
  if (is_activate || is_refresh(command)) c.begin_refresh();
}

bool Channel::is_idle() const {
  for (const Lane& lane : lanes_) {
    if (!lane.controller.queues().empty() || lane.controller.refresh().is_working()) return false;
  }
  return true;
}

bool Channel::is_finished() const {
  if (!source_ended_ || batch_at_ < batch_size_) return false;
  for (const Lane& lane : lanes_) {
    if (!lane.waiting.empty() || !lane.controller.queues().empty()) return false;
  }
  return true;
}

Tick Channel::next_power_event() const {
  if (settings_.power_down_after == 0 || power_ == Power::kSelfRefresh || !is_idle()) return kNever;
  const Tick quiet = idle_since_ + spec_->ticks("tCL") + spec_->ticks("tBL") + spec_->ticks("tWR");
  if (power_ == Power::kUp) return std::max(quiet, idle_since_ + settings_.power_down_after);
  if (settings_.self_refresh_after == 0) return kNever;
  return std::max(power_since_ + spec_->ticks("tXP"), idle_since_ + settings_.self_refresh_after);
}

void Channel::note_power(Tick t, Command command) {
  ++power_commands_[index(command) - index(Command::kPowerDown)];
  if (log_ != nullptr) log(t, command, -1, -1, -1, -1);
}

// Into power-down with all banks closed, or from there into self-refresh.
void Channel::change_power(Tick t) {
  t += t & 1;
  if (power_ == Power::kDown) {
    note_power(t, Command::kPowerUp);
    power_down_ticks_ += t - power_since_;
    power_since_ = t + spec_->ticks("tXP");
    note_power(power_since_, Command::kSelfRefresh);
    power_ = Power::kSelfRefresh;
    now_ = std::max(now_, power_since_);
    return;
  }
  Tick closed = t;
  for (Lane& lane : lanes_) {
    PseudoChannel& c = lane.controller;
    if (c.queues().open() == 0) continue;
    Tick close = std::max({t, row_free_, c.timing().earliest(Command::kPrechargeAll, -1)});
    close += close & 1;
    c.start_row(Command::kPrechargeAll, -1, close);
    if (log_ != nullptr) log(close, Command::kPrechargeAll, lane.number, -1, -1, -1);
    row_free_ = close + 2;
    row_bus_ticks_ += spec_->row_ticks;
    closed = std::max(closed, close + spec_->ticks("tRP"));
  }
  power_since_ = closed + (closed & 1);
  note_power(power_since_, Command::kPowerDown);
  power_ = Power::kDown;
  now_ = std::max(now_, power_since_);
}

void Channel::wake(Tick t) {
  const bool was_down = power_ == Power::kDown;
  const Tick exit = spec_->ticks(was_down ? "tXP" : "tXS");
  Tick up = std::max(t, power_since_ + exit);
  up += up & 1;
  note_power(up, was_down ? Command::kPowerUp : Command::kSelfRefreshExit);
  (was_down ? power_down_ticks_ : self_refresh_ticks_) += up - power_since_;
  power_ = Power::kUp;
  row_free_ = std::max(row_free_, up + exit);
  column_free_ = std::max(column_free_, up + exit);
  idle_since_ = up;
}

// Times and counts of the channel that refreshes move on.
std::array<Tick*, 13> Channel::moved() {
  return {&now_,
          &row_free_,
          &column_free_,
          &pairing_.falling_edge,
          &idle_since_,
          &power_since_,
          &row_bus_ticks_,
          &power_down_ticks_,
          &self_refresh_ticks_,
          &power_commands_[0],
          &power_commands_[1],
          &power_commands_[2],
          &power_commands_[3]};
}

// Whether the channel, idle at the event `from`, was simulated for two rounds of refreshes, and all
// that are like the second were counted.
bool Channel::skip_idle(Tick from, Tick until) {
  const Tick round = lanes_.front().controller.refresh().round();
  for (const Lane& lane : lanes_) {
    if (!lane.waiting.empty()) until = std::min(until, lane.waiting.front().arrival);
  }
  const std::int64_t rounds = (until - from) / round - 4;
  if (log_ != nullptr || source_dry_ || rounds <= 0 || !is_idle()) return false;
  std::vector<IssuedCommand> first, second;
  log_ = &first;
  Progress progress = run(from + round - 1);
  std::array<Tick, 13> before{};
  const std::array<Tick*, 13> values = moved();
  std::transform(values.begin(), values.end(), before.begin(), [](const Tick* v) { return *v; });
  log_ = &second;
  if (progress == Progress::kPaused) progress = run(from + 2 * round - 1);
  log_ = nullptr;
  const auto is_later = [round](const IssuedCommand& a, const IssuedCommand& b) {
    return a.clock + round == b.clock && a.command == b.command &&
           a.pseudo_channel == b.pseudo_channel && a.bank == b.bank;
  };
  if (progress != Progress::kPaused || !is_idle() ||
      !std::equal(first.begin(), first.end(), second.begin(), second.end(), is_later)) {
    return true;
  }
  for (std::size_t i = 0; i < values.size(); ++i) *values[i] += rounds * (*values[i] - before[i]);
  for (const IssuedCommand& c : second) {
    if (c.pseudo_channel < 0) continue;
    lanes_[static_cast<std::size_t>(c.pseudo_channel)].controller.repeat(c.command, rounds);
  }
  for (Lane& lane : lanes_) {
    lane.controller.shift(rounds * round);
    set_timer(&lane, !lane.waiting.empty());
  }
  return true;
}

// What happens at tick t: a column command, a row command, and the requests they make room for.
inline void Channel::step(Tick t, const Next& next) {
  now_ = t;
  Lane* const column = next.column;
  const bool is_column = column->controller.column().at == t;
  // No row command that a column command makes possible may start before t + tRTP.
  const bool is_row = next.row->controller.row_turn().at == t;
  if (is_column) start_column(column, t);
  if (is_row) start_row(next.row, t);
  idle_since_ = t;
  now_ = t + 1;
  fill_tick_ = t;
  if (!is_column) return;
  fill(column, t);
  if (column->controller.queues().empty()) {
    column->controller.begin_refresh();
    is_finished_ = is_finished();
  }
}

Channel::Progress Channel::run(Tick until) {
  if (source_dry_ || next_key_ == 1) {
    source_dry_ = needs_input_ = false;
    for (Lane& lane : lanes_) fill(&lane, fill_tick_);
  }
  Lane *const first = &lanes_.front(), *const last = &lanes_.back();
  for (std::uint64_t events = 0;; ++events) {
    if ((events & 0xfff) == 0 && interrupt_ != nullptr && interrupt_->load()) {
      return Progress::kInterrupted;
    }
    if (is_finished_) return Progress::kFinished;
    if (needs_input_) return Progress::kNeedsInput;
    const Next next = look_again(first, last);
    const Tick t =
        std::min(next.column->controller.column().at, next.row->controller.row_turn().at);
    if (next_timer_ <= t) {  // at the latest at kNever
      is_finished_ = is_finished();
      if (is_finished_) return Progress::kFinished;
      const Tick power = next_power_event(), event = std::min(next_timer_, power);
      if (event > until) return Progress::kPaused;
      ASTROLABE_DEMAND(event < kNever, "a channel has requests and waits for nothing");
      if (skip_idle(event, until)) continue;
      if (power < next_timer_) {
        change_power(power);
      } else {
        work_timers(next_timer_);
        if (is_too_late_) return Progress::kInterrupted;
      }
      continue;
    }
    if (t > until) return Progress::kPaused;
    step(t, next);
  }
}

Tick Channel::last_burst() const {
  Tick last = 0;
  for (const Lane& lane : lanes_) last = std::max(last, lane.controller.statistics().clocks);
  return last;
}

std::int64_t Channel::served() const {
  std::int64_t n = 0;
  for (const Lane& lane : lanes_) n += lane.controller.statistics().requests();
  return n;
}

Statistics Channel::statistics(Tick end) const {
  end = std::max(end, last_burst());
  Statistics total;
  for (const Lane& lane : lanes_) {
    PseudoChannel copy = lane.controller;
    copy.end(end);
    Statistics s = copy.statistics();
    s.bus_ticks = end;
    s.bank_ticks = end * spec_->organization.banks_per_pseudo_channel();
    total.merge(s);
  }
  for (std::size_t k = 0; k < power_commands_.size(); ++k) {
    total.commands[index(Command::kPowerDown) + k] = power_commands_[k];
  }
  total.row_bus_ticks = row_bus_ticks_;
  total.column_bus_ticks = column_bus_ticks_;
  total.command_bus_ticks = total.channel_ticks = end;
  total.power_down_ticks = power_down_ticks_ + (power_ == Power::kDown ? end - power_since_ : 0);
  total.self_refresh_ticks =
      self_refresh_ticks_ + (power_ == Power::kSelfRefresh ? end - power_since_ : 0);
  total.clocks = end;
  return total;
}

}  // namespace astrolabe::memory
