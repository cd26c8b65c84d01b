#pragma once

// Local regressions (local_regression.h), the latest kept by table and place: chips, frameworks and
// kernels that borrow from one table ask for the same places over and over, and a regression costs
// tens of microseconds. Exact: nothing is interpolated. Each place has one slot, which the next
// place that falls on it takes over, so that memory is bounded. One thread only.

#include <cstdint>
#include <span>
#include <vector>

#include "astrolabe/device/local_regression.h"

namespace astrolabe::device {

class KeptRegression {
 public:
  // 2^slot_bits slots of 80 bytes, made when the first is asked for. 19: 42 MB; a plan asks for
  // some million places.
  explicit KeptRegression(int slot_bits = 19) : slot_bits_(slot_bits) {}

  // As regress_locally. What `tree` and `values` point into must not change as long as this lives.
  LocalEstimate at(const PointTree& tree, std::span<const float> values, const Coordinates& at,
                   int neighbours, float place_share = 0.5f);

  std::uint64_t regressions() const { return regressions_; }  // that were not kept

 private:
  struct Key {
    Coordinates at{};
    const float* values = nullptr;  // of which table; nothing: a free slot
    int neighbours = 0;
    float place_share = 0;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    Key key;
    LocalEstimate estimate;
  };
  std::size_t slot_of(const Key& key) const;

  int slot_bits_;
  std::vector<Slot> slots_;
  std::uint64_t regressions_ = 0;
};

}  // namespace astrolabe::device
