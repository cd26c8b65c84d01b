#include "astrolabe/memory/request_queues.h"

#include <algorithm>

namespace astrolabe::memory {

RequestQueues::RequestQueues(std::size_t reads, std::size_t writes) : capacity_{reads, writes} {
  ASTROLABE_DEMAND(reads > 0 && writes > 0 && std::max(reads, writes) <= kMostEntries,
                   "queue sizes");
  open_row_.fill(kClosed);
  for (std::size_t k = 0; k < entries_.size(); ++k) {
    free_[k / kMostEntries][k % kMostEntries] = static_cast<Slot>(k);
  }
}

// The first of the list from a slot on that wants the row.
void RequestQueues::find_hit(List* list, Slot from, std::uint32_t row) const {
  while (from != kNone && entries_[from].row != row) from = entries_[from].next;
  list->hit = from;
  list->hit_key = from == kNone ? kNoKey : entries_[from].key;
}

bool RequestQueues::add(const Request& request, std::uint64_t key, Tick arrival) {
  const Direction d = request.is_write != 0 ? Direction::kWrite : Direction::kRead;
  ASTROLABE_ASSERT(has_room(d), "a full queue");
  const Slot slot = free_[i(d)][size_[i(d)]++];
  List& l = list(d, request.bank);
  Slot previous = l.tail, next = kNone;
  while (previous != kNone && entries_[previous].key > key) {  // a better QoS class overtakes
    next = previous;
    previous = entries_[previous].previous;
  }
  entries_[slot] = {
      key,          arrival, request.row, request.requester, request.column, previous, next,
      request.bank, false,   false};
  (next == kNone ? l.tail : entries_[next].previous) = slot;
  if (previous == kNone) {
    l.head = slot;
    l.head_key = key;
    work_[i(d)] |= bit(request.bank);
  } else {
    entries_[previous].next = slot;
  }
  if (request.row != open_row(request.bank) || key > l.hit_key) return previous == kNone;
  l.hit = slot;
  l.hit_key = key;
  return true;
}

void RequestQueues::remove_oldest_hit(Direction d, int bank) {
  List& l = list(d, bank);
  const Slot slot = l.hit, previous = entries_[slot].previous, next = entries_[slot].next;
  find_hit(&l, next, entries_[slot].row);
  (next == kNone ? l.tail : entries_[next].previous) = previous;
  if (previous != kNone) {
    entries_[previous].next = next;
  } else {
    l.head = next;
    l.head_key = next == kNone ? kNoKey : entries_[next].key;
    if (next == kNone) work_[i(d)] &= ~bit(bank);
  }
  free_[i(d)][--size_[i(d)]] = slot;
}

void RequestQueues::activate(int bank, std::uint32_t row) {
  open_row_[static_cast<std::size_t>(bank)] = row;
  open_ |= bit(bank);
  for (const Direction d : {Direction::kRead, Direction::kWrite}) {
    List& l = list(d, bank);
    find_hit(&l, l.head, row);
  }
}

void RequestQueues::precharge(int bank) {
  open_row_[static_cast<std::size_t>(bank)] = kClosed;
  open_ &= ~bit(bank);
  for (const Direction d : {Direction::kRead, Direction::kWrite}) {
    list(d, bank).hit = kNone;
    list(d, bank).hit_key = kNoKey;
  }
}

void RequestQueues::precharge_all() {
  for (Mask m = open_; m != 0; m &= m - 1) precharge(__builtin_ctzll(m));
}

}  // namespace astrolabe::memory
