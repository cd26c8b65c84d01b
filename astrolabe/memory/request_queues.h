#pragma once

// The read and the write queue of one pseudo-channel, kept as one list per bank in the order of
// service, and what follows from the open rows: which banks have a request that hits.
//
// Order of service: QoS class, then age. All operations of the scheduler read bit masks of banks
// (bit = bank); nothing is searched but the requests of one bank.

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
  using Mask = std::uint64_t;
  static constexpr Slot kNone = 0xffff;
  static constexpr std::size_t kMostEntries = 256;  // per direction
  static constexpr std::uint32_t kClosed = 0xffffffff;

  struct Entry {
    std::uint64_t key = 0;  // order of service
    Tick arrival = 0;
    std::uint32_t row = 0;
    std::uint16_t column = 0;
    Slot previous = kNone, next = kNone;
    std::uint8_t bank = 0;
    bool needed_precharge = false, needed_activate = false;
  };

  RequestQueues(std::size_t reads, std::size_t writes);

  bool has_room(Direction d) const { return size_[i(d)] < capacity_[i(d)]; }
  std::size_t size(Direction d) const { return size_[i(d)]; }
  bool empty() const { return size_[0] + size_[1] == 0; }

  Mask with_work(Direction d) const { return work_[i(d)]; }
  Mask with_hit(Direction d) const { return hit_[i(d)]; }
  Mask open() const { return open_; }
  std::uint32_t open_row(int bank) const { return open_row_[static_cast<std::size_t>(bank)]; }

  const Entry& oldest(Direction d, int bank) const { return at(d, list(d, bank).head); }
  Entry& oldest(Direction d, int bank) { return at(d, list(d, bank).head); }
  Slot oldest_hit(Direction d, int bank) const { return list(d, bank).hit; }
  // Their places in the order of service; undefined where there is none.
  std::uint64_t oldest_key(Direction d, int bank) const {
    return head_key_[i(d)][static_cast<std::size_t>(bank)];
  }
  std::uint64_t oldest_hit_key(Direction d, int bank) const {
    return hit_key_[i(d)][static_cast<std::size_t>(bank)];
  }
  const Entry& at(Direction d, Slot slot) const { return entries_[i(d)][slot]; }
  Entry& at(Direction d, Slot slot) { return entries_[i(d)][slot]; }

  void add(const Request& request, std::uint64_t key, Tick arrival);
  void remove(Direction d, Slot slot);
  void activate(int bank, std::uint32_t row);
  void precharge(int bank);
  void precharge_all();

 private:
  struct List {
    Slot head = kNone, tail = kNone, hit = kNone;
  };
  static std::size_t i(Direction d) { return static_cast<std::size_t>(d); }
  static Mask bit(int bank) { return Mask{1} << static_cast<unsigned>(bank); }
  const List& list(Direction d, int bank) const {
    return lists_[i(d)][static_cast<std::size_t>(bank)];
  }
  List& list(Direction d, int bank) { return lists_[i(d)][static_cast<std::size_t>(bank)]; }
  Slot next_hit(Direction d, Slot from, std::uint32_t row) const;
  void set_hit(Direction d, int bank, Slot slot);

  std::array<std::array<Entry, kMostEntries>, 2> entries_;
  std::array<std::array<Slot, kMostEntries>, 2> free_;
  std::array<std::array<List, kMostBanks>, 2> lists_;
  std::array<std::array<std::uint64_t, kMostBanks>, 2> head_key_{}, hit_key_{};
  std::array<std::uint32_t, kMostBanks> open_row_;
  std::array<std::size_t, 2> size_{}, capacity_;
  std::array<Mask, 2> work_{}, hit_{};
  Mask open_ = 0;
};

}  // namespace astrolabe::memory
