#pragma once

// Chips of round numbers for tests of the tiled formulas.

#include "astrolabe/device/tiled_chip.h"

namespace astrolabe::device {

inline constexpr double kMicro = 1e-6;  // seconds

// 4 SMs at 1 GHz, 8192 FLOP a cycle and SM, memory that costs nothing.
inline TiledChip round_chip() {
  TiledChip chip;
  chip.name = "round";
  chip.architecture = "round";
  chip.sm_count = 4;
  chip.clock = Frequency::from_base(1e9);
  chip.l2_cache = 1.0 * units::MB;
  chip.hbm_bandwidth = Bandwidth::from_base(1e18);
  chip.power_limit = 100.0 * units::watt;
  chip.exponentials_per_cycle = 16;
  chip.rates[static_cast<std::size_t>(workload::NumberFormat::kBf16)] =
      FlopRate::from_base(4 * 8192e9);
  return chip;
}

inline TiledChip h100_like() {
  TiledChip chip = round_chip();
  chip.sm_count = 132;
  chip.clock = Frequency::from_base(1.83e9);
  chip.l2_cache = 50.0 * units::MB;
  chip.hbm_bandwidth = Bandwidth::from_base(3.35e12);
  chip.power_limit = 700.0 * units::watt;
  chip.rates[static_cast<std::size_t>(workload::NumberFormat::kBf16)] = FlopRate::from_base(989e12);
  chip.rates[static_cast<std::size_t>(workload::NumberFormat::kFp8)] = FlopRate::from_base(1979e12);
  return chip;
}

}  // namespace astrolabe::device
