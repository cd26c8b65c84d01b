#pragma once

// One access of 32 bytes, as a channel sees it, and where a channel's accesses come from.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "astrolabe/memory/dram_command.h"

namespace astrolabe::memory {

// Where in a channel.
struct Location {
  using Word = std::uint64_t;
  std::uint32_t row = 0;
  std::uint16_t column = 0;
  std::uint8_t pseudo_channel = 0;
  std::uint8_t bank = 0;  // flat in the pseudo-channel: (sid, bank group, bank)

  // All fields as one word: an assignment is compiled to a move of each of them.
  Word word() const {
    Word w;
    std::memcpy(&w, this, sizeof(w));
    return w;
  }
  void set_word(Word w) { std::memcpy(this, &w, sizeof(w)); }
};
static_assert(sizeof(Location) == sizeof(Location::Word));

struct alignas(32) Request : Location {
  Tick arrival = 0;             // not before; 0 in a closed loop
  std::uint8_t is_write = 0;    // 0 or 1, as Direction
  std::uint8_t qos_class = 0;   // 0 (served first) to 3
  std::uint32_t requester = 0;  // who is told (requesters.h)
};

// The accesses of one channel in their order, many at a time.
class RequestSource {
 public:
  RequestSource() = default;
  RequestSource(const RequestSource&) = delete;
  RequestSource& operator=(const RequestSource&) = delete;
  virtual ~RequestSource() = default;
  // Fills the front of the span; less than its size: these are the last, or the last for now.
  virtual std::size_t fill(std::span<Request> requests) = 0;
  // Whether an incomplete fill was the end.
  virtual bool is_at_end() const { return true; }
};

// Accesses of one channel that are known and not yet taken.
class RequestBuffer final : public RequestSource {
 public:
  // Room for more, to be filled at once.
  std::span<Request> add(std::size_t n) {
    items_.resize(items_.size() + n);
    return std::span<Request>(items_).last(n);
  }
  void end() { is_ended_ = true; }

  std::size_t fill(std::span<Request> requests) override {
    const std::size_t n = std::min(requests.size(), items_.size() - taken_);
    std::copy_n(items_.begin() + static_cast<std::ptrdiff_t>(taken_), n, requests.begin());
    taken_ += n;
    if (taken_ == items_.size()) {
      items_.clear();
      taken_ = 0;
    }
    return n;
  }
  bool is_at_end() const override { return is_ended_ && items_.empty(); }

 private:
  std::vector<Request> items_;
  std::size_t taken_ = 0;
  bool is_ended_ = false;
};

}  // namespace astrolabe::memory
