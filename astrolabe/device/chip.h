#pragma once

// What the time of an operator depends on of a chip, as plain numbers.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/tiled_chip.h"

namespace astrolabe::device {

enum class MathFormat : unsigned char { kBf16, kFp8, kInt8, kFp4 };
inline constexpr int kMathFormats = 4;

struct Chip {
  std::string name;          // as in tables of measurements: "h200_sxm"
  std::string architecture;  // "hopper": chips of one architecture run the same kernels
  double generation = 0;     // year of the architecture, to order them
  std::array<double, kMathFormats> tflops{};  // dense; 0 = the chip lacks the format
  double hbm_gbps = 0;                        // GB/s
  double l2_bytes = 0;                        // of its L2 cache
  double clock_mhz = 0;                       // of the SMs
  double exponentials_per_us = 0;             // of the whole chip
  double host_time = 1;                       // of launching a kernel, relative to x86

  double peak_tflops(MathFormat format) const {
    const double own = tflops[static_cast<std::size_t>(format)];
    return own > 0 ? own : tflops[0];
  }
};

std::vector<Chip> chips_of(const std::vector<TiledChip>& chips);
// nullptr: none has that name.
const Chip* find_chip(const std::vector<Chip>& chips, std::string_view name);

}  // namespace astrolabe::device
