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
  if (settings.page_policy == PagePolicy::kClosed) closes_early_ = ~Mask{0};
}

Tick PseudoChannel::column_at(Tick floor, Command command, int bank) const {
  return rising(std::max(std::max(floor, timing_.earliest_in_group(command, bank)),
                         timing_.earliest_in_bank(command, bank)));
}

Tick PseudoChannel::column_floor(Command command) const {
  return std::max(column_floor_, timing_.earliest_of_all(command));
}

Tick PseudoChannel::activate_floor() const {
  return std::max(row_floor_, timing_.earliest_of_all(Command::kActivate));
}

Tick PseudoChannel::precharge_at(int bank) const {
  const Tick at = std::max(std::max(row_floor_, timing_.earliest_of_all(Command::kPrecharge)),
                           timing_.earliest_in_bank(Command::kPrecharge, bank));
  return may_close_on_falling_ ? at : rising(at);
}

void PseudoChannel::look_for_column() {
  const Command command = direction_ == Direction::kRead ? Command::kRead : Command::kWrite;
  const Tick floor = column_floor(command);
  BestChoice best;
  best.command = command;
  for (Mask m = banks_with_hit(); m != 0; m &= m - 1) {
    const int bank = __builtin_ctzll(m);
    best.offer(column_at(floor, command, bank), queues_.oldest_hit_key(direction_, bank), bank);
  }
  column_ = best;
  column_changed_ = false;
}

void PseudoChannel::look_for_activate() {
  const Tick floor = activate_floor();
  BestChoice best;
  best.command = Command::kActivate;
  const Mask closed = queues_.with_work(direction_) & ~refresh_.blocked() & ~queues_.open();
  for (Mask m = closed; m != 0; m &= m - 1) {
    const int bank = __builtin_ctzll(m);
    best.offer(rising(std::max(floor, timing_.earliest_activate_in_bank(bank))),
               queues_.oldest_key(direction_, bank), bank);
  }
  activate_ = best;
  activate_changed_ = false;
}

void PseudoChannel::look_for_precharge() {
  BestChoice best;
  best.command = Command::kPrecharge;
  const Mask wrong =
      queues_.with_work(direction_) & ~refresh_.blocked() & queues_.open() & ~banks_with_hit();
  for (Mask m = wrong; m != 0; m &= m - 1) {
    const int bank = __builtin_ctzll(m);
    best.offer(precharge_at(bank), queues_.oldest_key(direction_, bank), bank);
  }
  if (closes_early_ != 0) {  // rows closed early have no order: whoever waits is looked for again
    for (Mask m = banks_to_close(); m != 0; m &= m - 1) {
      const int bank = __builtin_ctzll(m);
      best.offer(precharge_at(bank), ~std::uint64_t{0} - 1, bank);
    }
    best.oldest = 0;
  }
  precharge_ = best;
  precharge_changed_ = false;
}

// A bank whose request may have become the first: the kept choice is compared with it.
void PseudoChannel::offer_column(int bank) {
  if (column_changed_ || (banks_with_hit() & bit(bank)) == 0) return;
  const Command command = column_.command;
  column_.offer(column_at(column_floor(command), command, bank),
                queues_.oldest_hit_key(direction_, bank), bank);
}

void PseudoChannel::offer_activate(int bank) {
  if (activate_changed_ || (refresh_.blocked() & bit(bank)) != 0) return;
  const Tick at = rising(std::max(activate_floor(), timing_.earliest_activate_in_bank(bank)));
  if (activate_.offer(at, queues_.oldest_key(direction_, bank), bank)) row_offered_ = true;
}

void PseudoChannel::offer_precharge(int bank) {
  if (precharge_changed_ || (refresh_.blocked() & bit(bank)) != 0) return;
  if (precharge_.offer(precharge_at(bank), queues_.oldest_key(direction_, bank), bank))
    row_offered_ = true;
}

PseudoChannel::Mask PseudoChannel::banks_to_close() const {
  return queues_.open() & closes_early_ & ~refresh_.blocked() &
         ~queues_.with_work(Direction::kRead) & ~queues_.with_work(Direction::kWrite);
}

Choice PseudoChannel::refresh_choice(Tick floor, const RowPairing& pairing) const {
  Choice c;
  c.key = 0;
  c.bank = refresh_.bank();
  c.command = refresh_.command();
  if (refresh_.is_all_bank() && queues_.open() != 0) {
    c.command = Command::kPrechargeAll;
  } else if (c.bank >= 0 && (queues_.open() & bit(c.bank)) != 0) {
    c.command = Command::kPrecharge;
  }
  c.at = std::max(floor, timing_.earliest(c.command, c.bank));
  const bool is_precharge = c.command == Command::kPrechargeAll || c.command == Command::kPrecharge;
  if (!is_precharge || !may_close_on_falling_) c.at = rising(c.at);
  if (c.command == Command::kPrechargeAll && c.at == pairing.falling_edge &&
      pairing.pseudo_channel == number_) {
    ++c.at;
  }
  return c;
}

void PseudoChannel::look_for_row(Tick floor, const RowPairing& pairing) {
  row_floor_ = floor;
  row_offered_ = false;
  if (activate_changed_ || (activate_.at < floor && !activate_.wait(rising(floor)))) {
    look_for_activate();
  }
  const Tick close = may_close_on_falling_ ? floor : rising(floor);
  if (precharge_changed_ || (precharge_.at < floor && !precharge_.wait(close))) {
    look_for_precharge();
  }
  row_ = precharge_.before(activate_) ? static_cast<const Choice&>(precharge_) : activate_;
  if (!refresh_.is_working()) return;
  const Choice refresh = refresh_choice(floor, pairing);
  if (!row_.before(refresh)) row_ = refresh;
}

void PseudoChannel::add(const Request& request, std::uint64_t key, Tick arrival, Tick now) {
  if (was_empty_) {
    empty_until_ = now;
    was_empty_ = false;
  }
  const int bank = request.bank;
  queues_.add(request, key, arrival);
  if (closes_early_ != 0) precharge_changed_ = true;
  if (static_cast<std::size_t>(request.is_write) != d()) return;
  if ((banks_with_hit() & bit(bank)) != 0) {
    offer_column(bank);
    if (precharge_.bank == bank) precharge_changed_ = true;
  } else if ((queues_.open() & bit(bank)) == 0) {
    offer_activate(bank);
  } else {
    offer_precharge(bank);
  }
}

void PseudoChannel::choose_direction() {
  const std::size_t reads = queues_.size(Direction::kRead),
                    writes = queues_.size(Direction::kWrite);
  Direction next = direction_;
  if (direction_ == Direction::kRead) {
    if (writes >= high_ || (reads == 0 && writes > 0)) next = Direction::kWrite;
  } else if (writes == 0 || (writes <= low_ && reads > 0)) {
    next = Direction::kRead;
  }
  if (next == direction_) return;
  direction_ = next;
  forget();
}

// A bank whose oldest request waits for another row while younger ones hit.
void PseudoChannel::note_bypass(int bank, bool is_oldest) {
  int& bypassed = history_[static_cast<std::size_t>(bank)].bypassed;
  bypassed = is_oldest ? 0 : bypassed + 1;
  if (settings_.hit_cap > 0 && bypassed >= settings_.hit_cap) {
    capped_[d()] |= bit(bank);
  }
}

const RequestQueues::Entry& PseudoChannel::start_column(const Choice& choice, Tick floor) {
  const int bank = choice.bank;
  const Tick t = choice.at;
  const RequestQueues::Slot slot = queues_.oldest_hit(direction_, bank);
  const RequestQueues::Entry& entry = queues_.at(direction_, slot);
  if (entry.needed_precharge) {
    ++statistics_.row_conflicts;
  } else if (entry.needed_activate) {
    ++statistics_.row_misses;
  } else {
    ++statistics_.row_hits;
  }
  if (t > slot_free_) count_loss(t, entry, floor);
  slot_free_ = t + slot_;
  statistics_.data_ticks += slot_;
  ++statistics_.commands[index(choice.command)];
  timing_.start(choice.command, bank, t);
  if (direction_ == Direction::kRead) {
    ++statistics_.reads;
    last_read_ = t;
    statistics_.clocks = t + tCL_ + slot_;
    statistics_.read_latency.add(t + tCL_ + slot_ - entry.arrival);
  } else {
    ++statistics_.writes;
    last_write_ = t;
    last_write_of_group_[static_cast<std::size_t>(timing_.group_of(bank))] = t;
    statistics_.clocks = std::max(statistics_.clocks, t + tCWL_ + slot_);
  }
  note_bypass(bank, entry.previous == RequestQueues::kNone);
  queues_.remove(direction_, slot);
  if (closes_early_ != 0) {
    precharge_changed_ = true;
  } else if ((queues_.with_work(direction_) & ~banks_with_hit() & bit(bank)) != 0) {
    offer_precharge(bank);
  }
  if (queues_.empty()) was_empty_ = true;
  column_changed_ = true;
  return entry;
}

// The bank's oldest request wants `row`: was it right to keep the last row open, or to close it?
void PseudoChannel::note_page_outcome(int bank, std::uint32_t row) {
  if (settings_.page_policy != PagePolicy::kAdaptive) return;
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

void PseudoChannel::close_bank(int bank, Tick t) {
  BankHistory& h = history_[static_cast<std::size_t>(bank)];
  statistics_.bank_open_ticks += t - h.opened;
  h.last_row = queues_.open_row(bank);
  h.bypassed = 0;
  capped_[0] &= ~bit(bank);
  capped_[1] &= ~bit(bank);
}

void PseudoChannel::note_activate(int bank, Tick t) {
  BankHistory& h = history_[static_cast<std::size_t>(bank)];
  h.activate_bank_ready = timing_.earliest_in_bank(Command::kActivate, bank);
  h.activate_ready = std::max(timing_.earliest_of_all(Command::kActivate),
                              timing_.earliest_in_group(Command::kActivate, bank));
  h.activate = h.opened = t;
  queues_.oldest(direction_, bank).needed_activate = true;
  note_page_outcome(bank, queues_.oldest(direction_, bank).row);
  refresh_.note_activate(bank);
}

std::uint32_t PseudoChannel::start_row(const Choice& choice) {
  const int bank = choice.bank;
  const Tick t = choice.at;
  ++statistics_.commands[index(choice.command)];
  const bool is_wanted = bank >= 0 && (queues_.with_work(direction_) & bit(bank)) != 0;
  if (choice.command == Command::kActivate) {
    note_activate(bank, t);
    const std::uint32_t row = queues_.oldest(direction_, bank).row;
    queues_.activate(bank, row);
    timing_.start(choice.command, bank, t);
    activate_changed_ = true;
    precharge_changed_ = precharge_changed_ || closes_early_ != 0;
    offer_column(bank);
    return row;
  }
  if (choice.command == Command::kPrecharge) {
    close_bank(bank, t);
    if (is_wanted && bank != refresh_.bank()) {
      queues_.oldest(direction_, bank).needed_precharge = true;
    }
    queues_.precharge(bank);
    timing_.start(choice.command, bank, t);
    precharge_changed_ = true;
    if (is_wanted) offer_activate(bank);
    return RequestQueues::kClosed;
  }
  if (choice.command == Command::kPrechargeAll) {
    for (Mask m = queues_.open(); m != 0; m &= m - 1) close_bank(__builtin_ctzll(m), t);
    queues_.precharge_all();
  } else if (bank < 0) {
    refresh_end_ = t + tRFCab_;
    refresh_.finish();
  } else {
    history_[static_cast<std::size_t>(bank)].refresh_end = t + tRFCpb_;
    refresh_.finish();
  }
  timing_.start(choice.command, bank, t);
  forget();
  return RequestQueues::kClosed;
}

Tick PseudoChannel::turnaround_end(int group) const {
  if (direction_ == Direction::kWrite) return last_read_ + tRTW_;
  return std::max(last_write_ + tCWL_ + slot_ + tWTRS_,
                  last_write_of_group_[static_cast<std::size_t>(group)] + tCWL_ + slot_ + tWTRL_);
}

// Why nothing was on the data bus between the last burst and the one of the command at t. The
// causes are taken in the order in which they held up this request.
void PseudoChannel::count_loss(Tick t, const RequestQueues::Entry& entry, Tick floor) {
  const int bank = entry.bank;
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
    BankHistory& h = history_[static_cast<std::size_t>(__builtin_ctzll(m))];
    statistics_.bank_open_ticks += std::max<Tick>(0, t - h.opened);
    h.opened = t;
  }
  statistics_.most_postponed = refresh_.most_owed();
}

}  // namespace astrolabe::memory
