#include "astrolabe/device/kept_regression.h"

#include <bit>

namespace astrolabe::device {

std::size_t KeptRegression::slot_of(const Key& key) const {
  std::uint64_t h = std::bit_cast<std::uintptr_t>(key.values) ^
                    static_cast<std::uint64_t>(key.neighbours) << 48 ^
                    static_cast<std::uint64_t>(std::bit_cast<std::uint32_t>(key.place_share)) << 16;
  for (std::size_t i = 0; i < kMaxCoordinates; i += 2) {
    const std::uint64_t high = std::bit_cast<std::uint32_t>(key.at[i]),
                        low = std::bit_cast<std::uint32_t>(key.at[i + 1]);
    h = (h ^ (high << 32 | low)) * 0x9E3779B97F4A7C15U;
    h ^= h >> 32;
  }
  return h >> (64 - slot_bits_);
}

LocalEstimate KeptRegression::at(const PointTree& tree, std::span<const float> values,
                                 const Coordinates& at, int neighbours, float place_share) {
  if (slots_.empty()) slots_.resize(std::size_t{1} << slot_bits_);
  const Key key{at, values.data(), neighbours, place_share};
  Slot& slot = slots_[slot_of(key)];
  if (!(slot.key == key)) {
    ++regressions_;
    slot = {key, regress_locally(tree, values, at, neighbours, place_share)};
  }
  return slot.estimate;
}

}  // namespace astrolabe::device
