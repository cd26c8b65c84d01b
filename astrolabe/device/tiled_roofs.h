#pragma once

// Parts that the tiled formulas share: memory time with a cache, joined roofs, sustained rate.
// Seconds, bytes, cycles as plain doubles: internal to device/tiled_*.cc.

#include <algorithm>
#include <cmath>

#include "astrolabe/device/tiled_chip.h"
#include "astrolabe/device/tiled_time.h"

namespace astrolabe::device::tiled {

// (a^q + b^q)^(1/q): the larger of both, or their sum when q = 1.
inline double join(double a, double b, double q) {
  const double x = std::max(a, b), y = std::min(a, b);
  if (y <= 0 || y < 1e-3 * x) return x;
  return x * std::pow(1 + std::pow(y / x, q), 1 / q);
}

// Memory of a chip as a kernel uses it: share of HBM's bandwidth, bytes per cycle and SM from L2,
// share of L2 that keeps operands from call to call.
struct Memory {
  double efficiency, l2_rate, l2_share;

  // Seconds to move `bytes` of which `between` are touched from one use to the next. Warm, what is
  // used again before a share of L2 has passed comes at the L2's rate; the passage is smooth and
  // monotone.
  double seconds(const TiledChip& chip, double bytes, double between, Residency residency) const {
    const double hbm = efficiency * chip.hbm_bandwidth.base();
    if (residency == Residency::kCold) return bytes / hbm;
    const double l2 = std::max(hbm, l2_rate * chip.sm_count * chip.clock.base());
    const double fill = between * chip.l2_partitions / (l2_share * chip.l2_cache.base());
    const double fill2 = fill * fill, fill4 = fill2 * fill2;
    const double kept = 1 / (1 + fill4 * fill4);
    return bytes * ((1 - kept) / hbm + kept / l2);
  }
  // Of a kernel that is called with the same operands each time.
  double seconds(const TiledChip& chip, double bytes, Residency residency) const {
    return seconds(chip, bytes, bytes, residency);
  }
};

// Seconds of a kernel that runs for `seconds`. It is launched in a few microseconds; what goes
// beyond is time of the host, which prepares the next call meanwhile: the longer of both counts.
constexpr double kHostOverlap = 8;
inline double with_launch(const TiledChip& chip, double launch_us, double seconds) {
  const double device = std::min(launch_us, kMostLaunch) * 1e-6 + seconds;
  if (launch_us <= kMostLaunch) return device;
  return join(device, launch_us * chip.host_time * 1e-6, kHostOverlap);
}

// Share of the peak rate that large products sustain; 1.4e9 FLOP/s per watt is where `efficiency`
// holds. No more than the chip was measured to reach, nor, where warps issue the products, than the
// power limit pays for at `energy_pj` a FLOP of bf16; narrower formats take less, as the boards of
// Hopper and Blackwell show (power_parameters.csv: fp8 0.57 of bf16 in the mean, fp4 0.30).
constexpr double kEnergyPerWidth = 0.8;
inline double sustained(const TiledChip& chip, double peak, double efficiency, double exponent,
                        double energy_pj) {
  const double flop_per_joule = peak / chip.power_limit.base();
  const double share =
      std::min(chip.product_share, efficiency * std::pow(flop_per_joule / 1.4e12, -exponent));
  if (!chip.has_warp_products()) return share;
  const double width = chip.peak(workload::NumberFormat::kBf16).base() / peak;
  const double energy = energy_pj * 1e-12 * std::pow(width, kEnergyPerWidth);
  return std::min(share, 1 / (energy * flop_per_joule));
}

inline double flop_per_cycle(const TiledChip& chip, double peak) {
  return peak / (chip.sm_count * chip.clock.base());
}

// Seconds a byte of a pass over activations: as fast as HBM gives them, and then as an SM handles
// them, for H200 is only 7 to 17 % faster than H100 where such passes are most of the experts'
// time.
constexpr double kPassBytesPerCycle = 12;
inline double pass_seconds(const TiledChip& chip) {
  return 1 / chip.hbm_bandwidth.base() +
         1 / (kPassBytesPerCycle * chip.sm_count * chip.clock.base());
}

// Where tensor cores do not scale blocks, CUDA cores add each block's sums to those in fp32: a
// multiply-add an output and block of 128, 128 a cycle (DeepGEMM: promotion).
constexpr double kPromotion = 1.0 / (128 * 128);

// Smooth maximum for loads and products within a tile: fourth powers.
inline double join4(double a, double b) {
  const double a2 = a * a, b2 = b * b;
  return std::sqrt(std::sqrt(a2 * a2 + b2 * b2));
}

}  // namespace astrolabe::device::tiled
