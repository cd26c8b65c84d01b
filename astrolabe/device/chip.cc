#include "astrolabe/device/chip.h"

namespace astrolabe::device {

using workload::NumberFormat;

std::vector<Chip> chips_of(const std::vector<TiledChip>& chips) {
  constexpr FlopRate kTeraflops = units::TFLOP / units::second;
  std::vector<Chip> result;
  for (const TiledChip& c : chips) {
    Chip chip;
    chip.name = c.name;
    chip.architecture = c.architecture;
    chip.generation = c.year;
    for (const auto& [math, format] : {std::pair{MathFormat::kBf16, NumberFormat::kBf16},
                                       {MathFormat::kFp8, NumberFormat::kFp8},
                                       {MathFormat::kInt8, NumberFormat::kInt8},
                                       {MathFormat::kFp4, NumberFormat::kFp4}}) {
      const auto& rate = c.rates[static_cast<std::size_t>(format)];
      chip.tflops[static_cast<std::size_t>(math)] = rate ? rate->in(kTeraflops) : 0;
    }
    chip.hbm_gbps = c.hbm_bandwidth.in(units::GB / units::second);
    chip.l2_bytes = c.l2_cache.base();
    chip.clock_mhz = c.clock.in(1 / units::microsecond);
    chip.exponentials_per_us = c.exponentials_per_cycle * c.sm_count * chip.clock_mhz;
    chip.host_time = c.host_time;
    result.push_back(std::move(chip));
  }
  return result;
}

const Chip* find_chip(const std::vector<Chip>& chips, std::string_view name) {
  for (const Chip& c : chips) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

}  // namespace astrolabe::device
