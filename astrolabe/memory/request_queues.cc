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

bool RequestQueues::add(const Request& request, std::uint64_t key, Tick arrival) {
  const auto d = static_cast<Direction>(request.is_write);
  ASTROLABE_ASSERT(has_room(d), "a full queue");
  const Slot slot = free_[i(d)][size_[i(d)]++];
  List& l = list(d, request.bank);
  Slot previous = l.tail, next = kNone;
  while (previous != kNone && entries_[previous].key > key) {  // a better QoS class overtakes
    next = previous;
    previous = entries_[previous].previous;
  }
  Entry& entry = entries_[slot];
  entry.key = key;
  entry.arrival = arrival;
  entry.at.set_word(request.word());
  entry.requester = request.requester;
  entry.previous = previous;
  entry.next = next;
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

void RequestQueues::activate(Direction d, int bank) {
  List& own = list(d, bank);
  const std::uint32_t row = entries_[own.head].at.row;
  open_row_[static_cast<std::size_t>(bank)] = row;
  open_ |= bit(bank);
  own.hit = own.head;
  own.hit_key = own.head_key;
  List& other = list(d == Direction::kRead ? Direction::kWrite : Direction::kRead, bank);
  find_hit(&other, other.head, row);
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
