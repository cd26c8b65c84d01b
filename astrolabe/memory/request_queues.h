#pragma once

// The read and the write queue of one pseudo-channel, kept as one list per bank in the order of
// service, and the open rows: so the oldest request of each bank that hits is known.
//
// Order of service: QoS class, then age, as one key. Nothing is searched but the requests of one
// bank.

#include <array>
#include <cstdint>

#include "astrolabe/base/error.h"
#include "astrolabe/memory/dram_spec.h"
#include "astrolabe/memory/request.h"

namespace astrolabe::memory {

enum class Direction : std::uint8_t { kRead, kWrite };

class RequestQueues {
 public:
  using Slot = std::uint16_t;
  using Mask = std::uint64_t;  // of banks: bit = bank
  static constexpr Slot kNone = 0xffff;
  static constexpr std::size_t kMostEntries = 256;  // per direction
  static constexpr std::uint32_t kClosed = 0xffffffff;
  static constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

  struct alignas(32) Entry {
    std::uint64_t key = 0;  // order of service
    Tick arrival = 0;
    Location at;
    std::uint32_t requester = 0;
    Slot previous = kNone, next = kNone;
  };
  // What the oldest request of a bank needed before its row was open.
  enum Need : std::uint8_t { kNothing = 0, kActivate = 1, kPrecharge = 2 };

  RequestQueues(std::size_t reads, std::size_t writes);

  bool has_room(Direction d) const { return size_[i(d)] < capacity_[i(d)]; }
  std::size_t size(Direction d) const { return size_[i(d)]; }
  bool empty() const { return size_[0] + size_[1] == 0; }

  Mask with_work(Direction d) const { return work_[i(d)]; }
  Mask open() const { return open_; }
  std::uint32_t open_row(int bank) const { return open_row_[static_cast<std::size_t>(bank)]; }

  const Entry& oldest(Direction d, int bank) const { return entries_[list(d, bank).head]; }
  const Entry& oldest_hit(Direction d, int bank) const { return entries_[list(d, bank).hit]; }
  // Their places in the order of service; kNoKey where there is none.
  std::uint64_t oldest_key(Direction d, int bank) const { return list(d, bank).head_key; }
  std::uint64_t oldest_hit_key(Direction d, int bank) const { return list(d, bank).hit_key; }

  void note_need(Direction d, int bank, Need need) {  // of the oldest
    needs_[list(d, bank).head] |= need;
  }
  // What the oldest hit needed, of kActivate and kPrecharge; forgotten then.
  unsigned take_needs(Direction d, int bank) {
    std::uint8_t& needs = needs_[list(d, bank).hit];
    const unsigned taken = needs;
    if (taken != 0) needs = kNothing;
    return taken;
  }

  // Returns whether the oldest of the bank, or of those that hit, is another one now.
  bool add(const Request& request, std::uint64_t key, Tick arrival);
  // Returns the key of the one that is the oldest hit then.
  std::uint64_t remove_oldest_hit(Direction d, int bank);
  void activate(Direction d, int bank);  // opens the row of the oldest
  void precharge(int bank);
  void precharge_all();

 private:
  struct alignas(32) List {  // the requests of a direction and bank
    std::uint64_t head_key = kNoKey, hit_key = kNoKey;
    Slot head = kNone, tail = kNone, hit = kNone;
  };
  static std::size_t i(Direction d) { return static_cast<std::size_t>(d); }
  static Mask bit(int bank) { return Mask{1} << static_cast<unsigned>(bank); }
  const List& list(Direction d, int bank) const {
    return lists_[i(d) * kMostBanks + static_cast<std::size_t>(bank)];
  }
  List& list(Direction d, int bank) {
    return lists_[i(d) * kMostBanks + static_cast<std::size_t>(bank)];
  }
  // The first of the list from a slot on that wants the row.
  void find_hit(List* list, Slot from, std::uint32_t row) const {
    while (from != kNone && entries_[from].at.row != row) from = entries_[from].next;
    list->hit = from;
    list->hit_key = from == kNone ? kNoKey : entries_[from].key;
  }

  std::array<Entry, 2 * kMostEntries> entries_;
  std::array<std::uint8_t, 2 * kMostEntries> needs_{};
  std::array<List, std::size_t{2} * kMostBanks> lists_;
  std::array<std::array<Slot, kMostEntries>, 2> free_;  // the first size_ of them are taken
  std::array<std::uint32_t, kMostBanks> open_row_;
  std::array<std::size_t, 2> size_{}, capacity_;
  std::array<Mask, 2> work_{};
  Mask open_ = 0;
};

inline std::uint64_t RequestQueues::remove_oldest_hit(Direction d, int bank) {
  List& l = list(d, bank);
  const Slot slot = l.hit;
  const Entry& entry = entries_[slot];
  const Slot previous = entry.previous, next = entry.next;
  find_hit(&l, next, entry.at.row);
  (next == kNone ? l.tail : entries_[next].previous) = previous;
  if (previous != kNone) {
    entries_[previous].next = next;
  } else {
    l.head = next;
    l.head_key = next == kNone ? kNoKey : entries_[next].key;
    if (next == kNone) work_[i(d)] &= ~bit(bank);
  }
  free_[i(d)][--size_[i(d)]] = slot;
  return l.hit_key;
}

}  // namespace astrolabe::memory
