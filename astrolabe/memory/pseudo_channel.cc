#include "astrolabe/memory/pseudo_channel.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::memory {

namespace {

std::size_t share(std::size_t entries, int pseudo_channels) {
  return std::max<std::size_t>(1, entries / static_cast<std::size_t>(pseudo_channels));
}

std::size_t watermark(double share_of_queue, std::size_t entries) {
  const auto mark =
      static_cast<std::size_t>(std::ceil(share_of_queue * static_cast<double>(entries)));
  return std::min(mark, entries);
}

}  // namespace

PseudoChannel::PseudoChannel(const DramSpec& spec, const TimingPlan& plan,
                             const ControllerSettings& settings, int number, Tick first_refresh)
    : spec_(&spec),
      settings_(settings),
      number_(number),
      high_(std::max<std::size_t>(
          1, watermark(settings.write_high,
                       share(settings.write_queue, spec.organization.pseudo_channels)))),
      low_(watermark(settings.write_low,
                     share(settings.write_queue, spec.organization.pseudo_channels))),
      slot_(spec.ticks("tBL")),
      tCL_(spec.ticks("tCL")),
      tCWL_(spec.ticks("tCWL")),
      tWTRS_(spec.ticks("tWTRS")),
      tWTRL_(spec.ticks("tWTRL")),
      tRTW_(spec.ticks("tRTW")),
      tRCDRD_(spec.ticks("tRCDRD")),
      tRCDWR_(spec.ticks("tRCDWR")),
      tRFCab_(spec.ticks("tRFCab")),
      tRFCpb_(spec.ticks("tRFCpb")),
      activate_offset_(spec.activate_offset),
      may_close_on_falling_(spec.has_falling_edge_precharge),
      timing_(plan),
      queues_(share(settings.read_queue, spec.organization.pseudo_channels),
              share(settings.write_queue, spec.organization.pseudo_channels)),
      refresh_(spec, settings, first_refresh) {
  last_write_of_group_.fill(-kNever);
  forget();
  kept(Wait::kActivate).command = Command::kActivate;
  kept(Wait::kPrecharge).command = Command::kPrecharge;
  if (settings.page_policy == PagePolicy::kClosed) closes_early_ = ~Mask{0};
}

void PseudoChannel::forget() {
  for (Kept& best : kept_) best.at = kStale;
  row_.at = kStale;
}

// Puts a bank whose requests or row changed where it belongs: in no list if it has no request of
// the direction, or is to be refreshed.
void PseudoChannel::place(int bank) {
  Wait list = Wait::kColumn;
  std::uint64_t key = queues_.oldest_hit_key(direction_, bank);
  if (key == RequestQueues::kNoKey || ((capped_[d()] | refresh_.blocked()) & bit(bank)) != 0) {
    key = queues_.oldest_key(direction_, bank);
    const bool is_open = (queues_.open() & bit(bank)) != 0;
    list = is_open ? Wait::kPrecharge : Wait::kActivate;
    if (key == RequestQueues::kNoKey || (refresh_.blocked() & bit(bank)) != 0) {
      list = Wait::kNothing;
    }
  }
  const Wait from = waiting_.list_of(bank);
  if (list == from && (list == Wait::kNothing || key == waiting_.key(bank))) return;
  if (kept(from).bank == bank) expire(from);
  if (from != Wait::kNothing) waiting_.leave(bank);
  if (list == Wait::kColumn) enter<Wait::kColumn>(bank, key);
  if (list == Wait::kActivate) enter<Wait::kActivate>(bank, key);
  if (list == Wait::kPrecharge) enter<Wait::kPrecharge>(bank, key);
}

// Into a list, by a bank that stands in none.
template <Wait list>
void PseudoChannel::enter(int bank, std::uint64_t key) {
  waiting_.enter(bank, list, key);
  offer<list>(bank, key);
}

void PseudoChannel::place_all() {
  waiting_.clear();
  forget();
  for (Mask m = queues_.with_work(direction_); m != 0; m &= m - 1) place(__builtin_ctzll(m));
}

// Refreshes of the banks begin or have started.
void PseudoChannel::place_refreshed(Mask banks) {
  forget();
  for (; banks != 0; banks &= banks - 1) place(__builtin_ctzll(banks));
}

template <Wait list>
void PseudoChannel::offer(int bank, std::uint64_t key) {
  Kept& best = kept(list);
  if (best.at == kStale || (best.at == best.soonest && best.key <= key)) return;
  const Tick at = std::max(best.soonest, soonest_of_bank(command_of<list>(), bank));
  const Turn turn{at, key};
  if (!turn.before(best)) return;
  static_cast<Turn&>(best) = turn;
  best.bank = bank;
  if (list == Wait::kColumn || !turn.before(row_)) return;
  row_ = turn;
  row_list_ = list;
}

// Rows that the page policy wants closed have no order among them.
void PseudoChannel::offer_early_closing() {
  const Mask unwanted = queues_.open() & closes_early_ & ~refresh_.blocked() &
                        ~queues_.with_work(Direction::kRead) &
                        ~queues_.with_work(Direction::kWrite);
  for (Mask m = unwanted; m != 0; m &= m - 1) {
    offer<Wait::kPrecharge>(__builtin_ctzll(m), RequestQueues::kNoKey - 1);
  }
}

template <Command command>
void PseudoChannel::look(Tick floor) {
  constexpr Wait list = list_of(command);
  Kept& best = kept(list);
  const Tick soonest = on_edge(command, std::max(floor, timing_.earliest_of_all(command)));
  best.soonest = soonest;
  const bool closes_early = list == Wait::kPrecharge && closes_early_ != 0;
  if (best.at != kStale && best.bank == waiting_.first(list) && !closes_early) {
    best.at = soonest;  // the oldest that waited is still the first
    return;
  }
  Tick earliest = kNever;
  int choice = -1;
  // The first bank that may start as soon as any is the choice, else the first of the earliest.
  for (int b = waiting_.first(list); b < WaitingBanks::kEnd; b = waiting_.next(b)) {
    const Tick at = soonest_of_bank(command, b);
    if (at <= soonest) {
      earliest = soonest;
      choice = b;
      break;
    }
    choice = at < earliest ? b : choice;
    earliest = std::min(earliest, at);
  }
  best.at = earliest;
  best.bank = choice;
  best.key = choice >= 0 ? waiting_.key(choice) : RequestQueues::kNoKey;
  if (closes_early) offer_early_closing();
}
template void PseudoChannel::look<Command::kRead>(Tick);
template void PseudoChannel::look<Command::kWrite>(Tick);

// The next command for the refresh in work of a bank (-1: of all).
Choice PseudoChannel::refresh_of(int bank, Tick floor, const RowPairing& pairing) const {
  Choice c;
  c.key = 0;
  c.bank = bank;
  if (bank < 0) {
    c.command = queues_.open() != 0 ? Command::kPrechargeAll : Command::kRefreshAll;
  } else {
    c.command = (queues_.open() & bit(bank)) != 0 ? Command::kPrecharge : refresh_.command(bank);
  }
  c.at = std::max(floor, timing_.earliest(c.command, c.bank));
  const bool is_precharge = c.command == Command::kPrechargeAll || c.command == Command::kPrecharge;
  if (!is_precharge || !may_close_on_falling_) c.at = rising(c.at);
  if (c.command == Command::kPrechargeAll && may_close_on_falling_ &&
      c.at == pairing.falling_edge && pairing.pseudo_channel == number_) {
    ++c.at;
  }
  return c;
}

// They go before all else that may start at the same tick; of several, the first bank.
void PseudoChannel::offer_refreshes(Tick floor, const RowPairing& pairing) {
  const bool is_all = refresh_.is_all_bank();
  for (Mask m = is_all ? 1 : refresh_.blocked(); m != 0; m &= m - 1) {
    const Choice c = refresh_of(is_all ? -1 : __builtin_ctzll(m), floor, pairing);
    if (!c.before(row_)) continue;
    static_cast<Choice&>(kept(Wait::kNothing)) = c;
    row_list_ = Wait::kNothing;
    row_ = c;
  }
}

void PseudoChannel::look_for_row(Tick floor, const RowPairing& pairing) {
  const Kept &activate = kept(Wait::kActivate), &precharge = kept(Wait::kPrecharge);
  if (activate.at < floor) look<Command::kActivate>(floor);
  if (precharge.at < floor) look<Command::kPrecharge>(floor);
  const bool is_precharge = precharge.before(activate);
  row_list_ = is_precharge ? Wait::kPrecharge : Wait::kActivate;
  // Word by word: a copy of both would wait for the stores of its parts.
  row_.at = is_precharge ? precharge.at : activate.at;
  row_.key = is_precharge ? precharge.key : activate.key;
  if (refresh_.is_working()) offer_refreshes(floor, pairing);
}

void PseudoChannel::add(const Request& request, std::uint64_t key, Tick arrival, Tick now) {
  if (was_empty_) {
    empty_until_ = now;
    was_empty_ = false;
  }
  const bool is_first = queues_.add(request, key, arrival);
  if (closes_early_ != 0) expire(Wait::kPrecharge);
  if (is_first && request.is_write == d()) place(request.bank);
}

void PseudoChannel::choose_direction() {
  const std::size_t writes = queues_.size(Direction::kWrite);
  if (writes == 0 && direction_ == Direction::kRead) return;
  const std::size_t reads = queues_.size(Direction::kRead);
  Direction next = direction_;
  if (direction_ == Direction::kRead) {
    if (writes >= high_ || (reads == 0 && writes > 0)) next = Direction::kWrite;
  } else if (writes == 0 || (writes <= low_ && reads > 0)) {
    next = Direction::kRead;
  }
  if (next == direction_) return;
  direction_ = next;
  kept(Wait::kColumn).command = static_cast<Command>(next);
  place_all();
}

// The bank of a column command that started, which is in no refresh: mostly another hit follows,
// later in the order.
inline void PseudoChannel::place_served(int bank, std::uint64_t next_hit) {
  if (next_hit != RequestQueues::kNoKey && (capped_[d()] & bit(bank)) == 0) {
    waiting_.move_back(bank, next_hit);
    return;
  }
  waiting_.leave(bank);
  const std::uint64_t oldest = queues_.oldest_key(direction_, bank);
  if (oldest != RequestQueues::kNoKey) enter<Wait::kPrecharge>(bank, oldest);
}

// A bank whose oldest request waits for another row while younger ones hit.
inline void PseudoChannel::note_bypass(int bank, bool is_oldest) {
  int& bypassed = history_[static_cast<std::size_t>(bank)].bypassed;
  if (is_oldest) {
    bypassed = 0;
  } else if (++bypassed >= settings_.hit_cap && settings_.hit_cap > 0) {
    capped_[d()] |= bit(bank);
  }
}

template <Direction direction>
const RequestQueues::Entry& PseudoChannel::serve(int bank, Tick t, Tick floor) {
  const RequestQueues::Entry& entry = queues_.oldest_hit(direction, bank);
  if (const unsigned needs = queues_.take_needs(direction, bank); needs != 0) {
    ++((needs & RequestQueues::kPrecharge) != 0 ? statistics_.row_conflicts
                                                : statistics_.row_misses);
  }
  if (t > slot_free_) count_loss(t, entry, floor);
  slot_free_ = t + slot_;
  timing_.start(static_cast<Command>(direction), bank, t);
  if (direction == Direction::kRead) {
    ++statistics_.reads;
    last_read_ = t;
    const Tick end = t + tCL_ + slot_;
    statistics_.clocks = end;
    statistics_.read_latency.add(end - entry.arrival);
  } else {
    ++statistics_.writes;
    last_write_ = t;
    last_write_of_group_[timing_.group_of(bank)] = t;
    statistics_.clocks = std::max(statistics_.clocks, t + tCWL_ + slot_);
  }
  note_bypass(bank, entry.previous == RequestQueues::kNone);
  expire(Wait::kColumn);
  place_served(bank, queues_.remove_oldest_hit(direction, bank));
  if (closes_early_ != 0) expire(Wait::kPrecharge);
  if (queues_.empty()) was_empty_ = true;
  return entry;
}
template const RequestQueues::Entry& PseudoChannel::serve<Direction::kRead>(int, Tick, Tick);
template const RequestQueues::Entry& PseudoChannel::serve<Direction::kWrite>(int, Tick, Tick);

// The bank's oldest request wants `row`: was it right to keep the last row open, or to close it?
void PseudoChannel::note_page_outcome(int bank, std::uint32_t row) {
  BankHistory& h = history_[static_cast<std::size_t>(bank)];
  if (h.last_row == RequestQueues::kClosed) return;
  if (h.last_row == row) {
    h.keep_open = static_cast<std::uint8_t>(std::min(3, h.keep_open + 1));
  } else {
    h.keep_open = static_cast<std::uint8_t>(std::max(0, h.keep_open - 1));
  }
  if (h.keep_open >= 2) {
    closes_early_ &= ~bit(bank);
  } else {
    closes_early_ |= bit(bank);
  }
}

inline void PseudoChannel::close_bank(int bank, Tick t) {
  BankHistory& h = history_[static_cast<std::size_t>(bank)];
  statistics_.bank_open_ticks += t - h.activate;
  h.last_row = queues_.open_row(bank);
  h.bypassed = 0;
  capped_[0] &= ~bit(bank);
  capped_[1] &= ~bit(bank);
}

template <Direction direction>
std::uint32_t PseudoChannel::activate(int bank, Tick t) {
  BankHistory& h = history_[static_cast<std::size_t>(bank)];
  h.activate_bank_ready = timing_.earliest_in_bank(Command::kActivate, bank);
  h.activate_ready = std::max(timing_.earliest_of_all(Command::kActivate),
                              timing_.earliest_in_group(Command::kActivate, bank));
  h.activate = t;
  const std::uint32_t row = queues_.oldest(direction, bank).at.row;
  queues_.note_need(direction, bank, RequestQueues::kActivate);
  if (settings_.page_policy == PagePolicy::kAdaptive) note_page_outcome(bank, row);
  refresh_.note_activate(bank);
  queues_.activate(direction, bank);
  timing_.start(Command::kActivate, bank, t);
  expire(Wait::kActivate);
  if (closes_early_ != 0) expire(Wait::kPrecharge);
  waiting_.leave(bank);
  enter<Wait::kColumn>(bank, queues_.oldest_hit_key(direction, bank));
  return row;
}
template std::uint32_t PseudoChannel::activate<Direction::kRead>(int, Tick);
template std::uint32_t PseudoChannel::activate<Direction::kWrite>(int, Tick);

void PseudoChannel::precharge(int bank, Tick t) {
  timing_.start(Command::kPrecharge, bank, t);
  close_bank(bank, t);
  const bool is_wanted = (queues_.with_work(direction_) & bit(bank) & ~refresh_.blocked()) != 0;
  if (is_wanted) queues_.note_need(direction_, bank, RequestQueues::kPrecharge);
  queues_.precharge(bank);
  expire(Wait::kPrecharge);
  // It stands in the list of PREpb, or in none: closed early or for a refresh.
  if (waiting_.list_of(bank) != Wait::kNothing) waiting_.leave(bank);
  if (is_wanted) enter<Wait::kActivate>(bank, queues_.oldest_key(direction_, bank));
}

// A PREab or a refresh.
void PseudoChannel::start_rare(Command command, int bank, Tick t) {
  if (bank < 0) {
    timing_.start_all(command, t);
  } else {
    timing_.start(command, bank, t);
  }
  if (command == Command::kPrechargeAll) {
    for (Mask m = queues_.open(); m != 0; m &= m - 1) close_bank(__builtin_ctzll(m), t);
    queues_.precharge_all();
    place_all();
    return;
  }
  refresh_.finish(command, bank);
  if (bank < 0) {
    refresh_end_ = t + tRFCab_;
    place_all();
  } else {
    history_[static_cast<std::size_t>(bank)].refresh_end = t + tRFCpb_;
    place_refreshed(bit(bank));
  }
}

void PseudoChannel::shift(Tick by) {
  timing_.shift(by);
  refresh_.shift(by);
  refresh_end_ += by;
  for (BankHistory& h : history_) h.refresh_end += by;
  forget();
}

Tick PseudoChannel::turnaround_end(std::size_t group) const {
  if (direction_ == Direction::kWrite) return last_read_ + tRTW_;
  return std::max(last_write_ + tCWL_ + slot_ + tWTRS_,
                  last_write_of_group_[group] + tCWL_ + slot_ + tWTRL_);
}

// Why nothing was on the data bus between the last burst and the one of the command at t. The
// causes are taken in the order in which they held up this request.
void PseudoChannel::count_loss(Tick t, const RequestQueues::Entry& entry, Tick floor) {
  const int bank = entry.at.bank;
  const BankHistory& h = history_[static_cast<std::size_t>(bank)];
  Tick from = slot_free_;
  const auto until = [&](Tick end, LossCause cause) {
    end = std::min(end, t);
    if (end <= from) return;
    statistics_.lost[static_cast<std::size_t>(cause)] += end - from;
    from = end;
  };
  until(empty_until_, LossCause::kIdle);
  until(std::max(refresh_end_, h.refresh_end), LossCause::kRefresh);
  const Tick rcd = direction_ == Direction::kRead ? tRCDRD_ : tRCDWR_;
  const Tick delay = activate_offset_ + rcd;  // what held up the ACT held up the data, later by it
  until(h.activate_bank_ready + delay, LossCause::kBankConflict);
  until(h.activate_ready + delay, LossCause::kFourActivate);
  if (from == t) return;  // mostly, of accesses at random
  until(std::min(entry.arrival + 1, h.activate) + delay, LossCause::kBankConflict);
  until(h.activate + delay, LossCause::kCommandBus);
  until(turnaround_end(timing_.group_of(bank)), LossCause::kTurnaround);
  until(entry.arrival, LossCause::kBankConflict);  // all before it waited for their banks
  if (floor < t) until(t, LossCause::kGroupSpacing);
  until(t, LossCause::kCommandBus);
}

void PseudoChannel::end(Tick t) {
  if (t > slot_free_) {
    statistics_.lost[static_cast<std::size_t>(LossCause::kIdle)] += t - slot_free_;
    slot_free_ = t;
  }
  for (Mask m = queues_.open(); m != 0; m &= m - 1) {
    const BankHistory& h = history_[static_cast<std::size_t>(__builtin_ctzll(m))];
    statistics_.bank_open_ticks += std::max<Tick>(0, t - h.activate);
  }
  statistics_.most_postponed = refresh_.most_owed();
  const std::int64_t requests = statistics_.requests();
  statistics_.commands[index(Command::kRead)] = statistics_.reads;
  statistics_.commands[index(Command::kWrite)] = statistics_.writes;
  statistics_.row_hits = requests - statistics_.row_misses - statistics_.row_conflicts;
  statistics_.data_ticks = requests * slot_;
}

}  // namespace astrolabe::memory
