#include "astrolabe/memory/channel.h"

#include <algorithm>

namespace astrolabe::memory {

namespace {

constexpr std::uint64_t kQosShift = 56;

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

void Channel::log(Tick t, const Choice& choice, std::size_t lane, std::int32_t row,
                  std::int32_t column) {
  if (log_ == nullptr) return;
  log_->push_back({t, choice.command, static_cast<std::int8_t>(lane),
                   static_cast<std::int16_t>(choice.bank), row, column});
}

bool Channel::pull(std::size_t lane) {
  Ring& own = lanes_[lane].waiting;
  while (own.size == 0) {
    if (batch_at_ == batch_size_) {
      needs_input_ = needs_input_ || source_dry_;
      if (source_ended_ || source_dry_ || source_ == nullptr) return false;
      batch_size_ = source_->fill(batch_);
      batch_at_ = 0;
      if (batch_size_ < batch_.size()) {
        source_ended_ = source_->is_at_end();
        source_dry_ = !source_ended_;
      }
      if (batch_size_ == 0) {
        needs_input_ = source_dry_;
        return false;
      }
    }
    Ring& target = lanes_[batch_[batch_at_].pseudo_channel].waiting;
    if (target.size == kLookAhead) return false;
    target.push(batch_[batch_at_++]);
  }
  return true;
}

// Takes waiting requests into the queues that have room.
void Channel::fill(std::size_t lane, Tick t) {
  Lane& l = lanes_[lane];
  PseudoChannel& controller = l.controller;
  bool added = false, was_full = l.waiting.size == kLookAhead;
  while (l.waiting.size > 0 || pull(lane)) {
    const Request& r = l.waiting.front();
    const Direction d = r.is_write != 0 ? Direction::kWrite : Direction::kRead;
    if (r.arrival > t || !controller.queues().has_room(d)) break;
    const std::uint64_t key = (std::uint64_t{r.qos_class} << kQosShift) | next_key_++;
    controller.add(r, key, r.arrival > 0 ? r.arrival : t, t);
    l.waiting.pop();
    added = true;
  }
  controller.choose_direction();
  if (added && was_full) {
    for (std::size_t other = 0; other < lanes_.size(); ++other) {
      if (other != lane && lanes_[other].waiting.size == 0) fill(other, t);
    }
  }
  set_timer(&l);
}

void Channel::set_timer(Lane* lane) {
  Tick next = lane->controller.refresh().next_due();
  if (lane->waiting.size > 0) {
    const Request& r = lane->waiting.front();
    const Direction d = r.is_write != 0 ? Direction::kWrite : Direction::kRead;
    if (r.arrival >= now_ && lane->controller.queues().has_room(d))
      next = std::min(next, r.arrival);
  }
  if (next == lane->next_timer) return;
  lane->next_timer = next;
  next_timer_ = lanes_[0].next_timer;
  for (const Lane& l : lanes_) next_timer_ = std::min(next_timer_, l.next_timer);
}

void Channel::work_timers(Tick t) {
  now_ = std::max(now_, t);
  for (std::size_t p = 0; p < lanes_.size(); ++p) {
    PseudoChannel& controller = lanes_[p].controller;
    if (lanes_[p].next_timer > t) continue;
    if (power_ == Power::kSelfRefresh) controller.refresh().skip_until(t);
    while (controller.refresh().next_due() <= t) controller.refresh().become_due();
    fill(p, t);
  }
  for (Lane& lane : lanes_) {
    PseudoChannel& c = lane.controller;
    const RequestQueues& q = c.queues();
    const RequestQueues::Mask work = q.with_work(Direction::kRead) | q.with_work(Direction::kWrite);
    if (c.refresh().begin(work, !q.empty())) c.forget();
    set_timer(&lane);
  }
  if (power_ != Power::kUp && !is_idle()) wake(t);
}

// Asks both schedulers again: what changed, and what the buses allow by now.
void Channel::look_again(Tick* column, Tick* row) {
  const Tick column_floor = std::max(now_, column_free_), row_floor = std::max(now_, row_free_);
  for (Lane& lane : lanes_) {
    *column = std::min(*column, lane.controller.best_column(column_floor).at);
    *row = std::min(*row, lane.controller.best_row(row_floor, pairing_).at);
  }
}

std::size_t Channel::start_column(Tick t) {
  std::size_t best = 0;
  for (std::size_t p = 1; p < lanes_.size(); ++p) {
    if (lanes_[p].controller.column().before(lanes_[best].controller.column())) best = p;
  }
  Lane& lane = lanes_[best];
  const Choice choice = lane.controller.column();
  const RequestQueues::Entry& e = lane.controller.start_column(choice, column_free_);
  log(t, choice, best, static_cast<std::int32_t>(e.row), e.column);
  column_free_ = t + 2;
  column_bus_ticks_ += 2;
  return best;
}

void Channel::start_row(Tick t) {
  std::size_t best = 0;
  for (std::size_t p = 1; p < lanes_.size(); ++p) {
    if (lanes_[p].controller.row().before(lanes_[best].controller.row())) best = p;
  }
  PseudoChannel& c = lanes_[best].controller;
  const Choice choice = c.row();
  const bool was_working = c.refresh().is_working();
  const std::uint32_t row = c.start_row(choice);
  const Command command = choice.command;
  log(t, choice, best, command == Command::kActivate ? static_cast<std::int32_t>(row) : -1, -1);
  const Tick held = command == Command::kActivate ? spec_->activate_ticks : spec_->row_ticks;
  row_free_ = t + held;
  row_bus_ticks_ += held;
  if ((t & 1) == 0) pairing_ = {row_free_, static_cast<int>(best)};
  if (command == Command::kActivate || (was_working && !c.refresh().is_working())) {
    const RequestQueues& q = c.queues();
    const RequestQueues::Mask work = q.with_work(Direction::kRead) | q.with_work(Direction::kWrite);
    if (c.refresh().begin(work, !q.empty())) c.forget();
  }
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
    if (lane.waiting.size > 0 || !lane.controller.queues().empty()) return false;
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
  log(t, {t, 0, -1, command}, static_cast<std::size_t>(-1), -1, -1);
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
  for (std::size_t p = 0; p < lanes_.size(); ++p) {
    PseudoChannel& c = lanes_[p].controller;
    if (c.queues().open() == 0) continue;
    Choice close{std::max({t, row_free_, c.timing().earliest(Command::kPrechargeAll, -1)}), 0, -1,
                 Command::kPrechargeAll};
    close.at += close.at & 1;
    c.start_row(close);
    log(close.at, close, p, -1, -1);
    row_free_ = close.at + 2;
    row_bus_ticks_ += spec_->row_ticks;
    closed = std::max(closed, close.at + spec_->ticks("tRP"));
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

// What happens at tick t: a column command, a row command, and the requests they make room for.
void Channel::step(Tick t, Tick column, Tick row) {
  now_ = t;
  std::size_t served = lanes_.size();
  if (column == t) {
    served = start_column(t);  // no row command that it makes possible may start before t + tRTP
  }
  if (row == t) start_row(t);
  idle_since_ = t;
  now_ = t + 1;
  fill_tick_ = t;
  if (served < lanes_.size()) {
    fill(served, t);
    PseudoChannel& c = lanes_[served].controller;
    if (c.queues().empty()) {
      if (c.refresh().begin(0, false)) c.forget();
      is_finished_ = is_finished();
    }
  }
}

Channel::Progress Channel::run(Tick until) {
  if (source_dry_ || next_key_ == 1) {
    source_dry_ = needs_input_ = false;
    for (std::size_t p = 0; p < lanes_.size(); ++p) fill(p, fill_tick_);
  }
  for (std::uint64_t events = 0;; ++events) {
    if ((events & 0xfff) == 0 && interrupt_ != nullptr && interrupt_->load()) {
      return Progress::kInterrupted;
    }
    if (is_finished_) return Progress::kFinished;
    if (needs_input_) return Progress::kNeedsInput;
    Tick column = kNever, row = kNever;
    look_again(&column, &row);
    const Tick t = std::min(column, row);
    if (next_timer_ <= t || t >= kNever) {
      is_finished_ = is_finished();
      if (is_finished_) return Progress::kFinished;
      const Tick power = next_power_event(), next = std::min(next_timer_, power);
      if (next > until) return Progress::kPaused;
      if (power < next_timer_) {
        change_power(power);
      } else {
        work_timers(next_timer_);
      }
      continue;
    }
    if (t > until) return Progress::kPaused;
    step(t, column, row);
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
