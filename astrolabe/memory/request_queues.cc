#include "astrolabe/memory/request_queues.h"

#include <algorithm>

namespace astrolabe::memory {

RequestQueues::RequestQueues(std::size_t reads, std::size_t writes) : capacity_{reads, writes} {
  ASTROLABE_DEMAND(reads > 0 && writes > 0 && std::max(reads, writes) <= kMostEntries,
                   "queue sizes");
  open_row_.fill(kClosed);
  for (auto& slots : free_) {
    for (std::size_t k = 0; k < kMostEntries; ++k) slots[k] = static_cast<Slot>(k);
  }
}

RequestQueues::Slot RequestQueues::next_hit(Direction d, Slot from, std::uint32_t row) const {
  while (from != kNone && at(d, from).row != row) from = at(d, from).next;
  return from;
}

void RequestQueues::set_hit(Direction d, int bank, Slot slot) {
  list(d, bank).hit = slot;
  if (slot == kNone) {
    hit_[i(d)] &= ~bit(bank);
  } else {
    hit_[i(d)] |= bit(bank);
    hit_key_[i(d)][static_cast<std::size_t>(bank)] = at(d, slot).key;
  }
}

void RequestQueues::add(const Request& request, std::uint64_t key, Tick arrival) {
  const Direction d = request.is_write != 0 ? Direction::kWrite : Direction::kRead;
  ASTROLABE_ASSERT(has_room(d), "a full queue");
  const Slot slot = free_[i(d)][size_[i(d)]++];
  const int bank = request.bank;
  List& l = list(d, bank);
  Entry& e = at(d, slot);
  e = {key, arrival, request.row, request.column, l.tail, kNone, request.bank, false, false};
  while (e.previous != kNone && at(d, e.previous).key > key) {  // a better QoS class overtakes
    e.next = e.previous;
    e.previous = at(d, e.previous).previous;
  }
  (e.previous == kNone ? l.head : at(d, e.previous).next) = slot;
  (e.next == kNone ? l.tail : at(d, e.next).previous) = slot;
  work_[i(d)] |= bit(bank);
  head_key_[i(d)][request.bank] = at(d, l.head).key;
  if (request.row == open_row(bank) && (l.hit == kNone || at(d, l.hit).key > key)) {
    set_hit(d, bank, slot);
  }
}

void RequestQueues::remove(Direction d, Slot slot) {
  const Entry& e = at(d, slot);
  const int bank = e.bank;
  List& l = list(d, bank);
  if (l.hit == slot) set_hit(d, bank, next_hit(d, e.next, e.row));
  (e.previous == kNone ? l.head : at(d, e.previous).next) = e.next;
  (e.next == kNone ? l.tail : at(d, e.next).previous) = e.previous;
  if (l.head == kNone) {
    work_[i(d)] &= ~bit(bank);
  } else {
    head_key_[i(d)][static_cast<std::size_t>(bank)] = at(d, l.head).key;
  }
  free_[i(d)][--size_[i(d)]] = slot;
}

void RequestQueues::activate(int bank, std::uint32_t row) {
  open_row_[static_cast<std::size_t>(bank)] = row;
  open_ |= bit(bank);
  for (const Direction d : {Direction::kRead, Direction::kWrite}) {
    set_hit(d, bank, next_hit(d, list(d, bank).head, row));
  }
}

void RequestQueues::precharge(int bank) {
  open_row_[static_cast<std::size_t>(bank)] = kClosed;
  open_ &= ~bit(bank);
  set_hit(Direction::kRead, bank, kNone);
  set_hit(Direction::kWrite, bank, kNone);
}

void RequestQueues::precharge_all() {
  for (Mask m = open_; m != 0; m &= m - 1) precharge(__builtin_ctzll(m));
}

}  // namespace astrolabe::memory
