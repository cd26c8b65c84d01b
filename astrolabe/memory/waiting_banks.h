#pragma once

// What each bank of a pseudo-channel waits for, as one list of banks for each kind of command, in
// the order of service. A bank stands in one list at most.

#include <array>
#include <cstdint>

#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

enum class Wait : std::uint8_t { kColumn, kActivate, kPrecharge, kNothing };

class WaitingBanks {
 public:
  static constexpr int kEnd = kMostBanks;

  WaitingBanks() { clear(); }

  int first(Wait list) const { return next_[head(list)]; }  // kEnd or more: none
  int next(int bank) const { return next_[static_cast<std::size_t>(bank)]; }
  Wait list_of(int bank) const { return list_[static_cast<std::size_t>(bank)]; }
  std::uint64_t key(int bank) const { return key_[static_cast<std::size_t>(bank)]; }

  void clear() {
    list_.fill(Wait::kNothing);
    for (std::size_t h = kMostBanks; h < next_.size(); ++h) {
      next_[h] = previous_[h] = static_cast<Link>(h);
    }
  }

  // A bank of a list goes to a later place in it.
  void move_back(int bank, std::uint64_t key) {
    const auto b = static_cast<std::size_t>(bank);
    key_[b] = key;
    std::size_t next = next_[b];
    if (is_before(key, next)) return;
    std::size_t before = previous_[b];
    next_[before] = static_cast<Link>(next);
    previous_[next] = static_cast<Link>(before);
    do {
      before = next;
      next = next_[before];
    } while (!is_before(key, next));
    put(b, before, next);
  }

  void leave(int bank) {
    const auto b = static_cast<std::size_t>(bank);
    const Link next = next_[b], previous = previous_[b];
    next_[previous] = next;
    previous_[next] = previous;
    list_[b] = Wait::kNothing;
  }

  // A bank of no list; `key` > 0 is its place in the order. Most are the youngest.
  void enter(int bank, Wait list, std::uint64_t key) {
    const auto b = static_cast<std::size_t>(bank);
    std::size_t next = head(list), before = previous_[next];
    while (key_[before] > key) {
      next = before;
      before = previous_[before];
    }
    list_[b] = list;
    key_[b] = key;
    put(b, before, next);
  }

 private:
  using Link = std::uint16_t;
  static std::size_t head(Wait list) { return kMostBanks + static_cast<std::size_t>(list); }

  void put(std::size_t bank, std::size_t before, std::size_t next) {
    next_[before] = previous_[next] = static_cast<Link>(bank);
    previous_[bank] = static_cast<Link>(before);
    next_[bank] = static_cast<Link>(next);
  }
  bool is_before(std::uint64_t key, std::size_t other) const {
    return other >= kMostBanks || key < key_[other];
  }

  // Banks, then the heads of the lists; a list is a ring through its head, whose key is 0.
  std::array<std::uint64_t, kMostBanks + 4> key_{};
  std::array<Link, kMostBanks + 4> next_, previous_;
  std::array<Wait, kMostBanks> list_;
};

}  // namespace astrolabe::memory
