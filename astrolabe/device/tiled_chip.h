#pragma once

// What the time of a kernel depends on of a chip: its cores, clock, caches, rates and power limit.
// From the catalogue kind `chips`; a figure that a row of `chips` leaves to the data sheet
// (bandwidth, rates, power limit) comes from the accelerator that it names.
//
// A format without a rate of its own runs as bf16 (the weights are widened on the way).
// Peak rates are those of the stated clock; what a chip sustains under its power limit is the
// business of the fitted efficiency (tiled_parameters.h).

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/quantity.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::device {

struct TiledChip {
  std::string name;          // as in tables of measurements: "h200_sxm"
  std::string accelerator;   // of the catalogue, "" when it has none: "gb200_nvl72"
  std::string architecture;  // "hopper": its chips run the same kernels and share parameters
  double year = 0;           // of the architecture: orders the generations
  std::string tensor_cores;  // who issues a product: "warp", "warp_group": kernels differ
  double host_time = 1;      // of launching a kernel, relative to x86
  double sm_count = 1;       // SMs, or the cores that a thread block or work group occupies
  Frequency clock;           // at which the rates hold
  Bytes l2_cache;
  double l2_partitions = 1;  // each keeps what its own SMs read: data that all read stand in each
  Bandwidth hbm_bandwidth;
  Power power_limit;
  double exponentials_per_cycle = 16;  // of one SM (special-function units)
  // Most of the peak that large products were measured to sustain, of a chip without tables; 1: not
  // known. Of bf16, and taken for every format.
  double product_share = 1;
  std::array<std::optional<FlopRate>, workload::kNumberFormats> rates;  // by NumberFormat

  // Whose tensor cores a warp drives (`mma.sync`); of these Ada (compute capability 8.9) and the
  // Blackwell of workstations (12.0).
  bool has_warp_products() const { return tensor_cores == "warp"; }
  bool is_sm89() const { return has_warp_products() && year >= 2022 && year < 2024; }
  bool is_sm120() const { return has_warp_products() && year >= 2024; }
  // Whose tensor cores a warp group drives by wgmma (Hopper), or by tcgen05 (data-centre Blackwell
  // and what follows it), which applies scales of blocks.
  bool has_wgmma() const { return tensor_cores == "warp_group" && year < 2024; }
  bool has_tcgen05() const { return tensor_cores == "warp_group" && year >= 2024; }

  FlopRate peak(workload::NumberFormat wanted) const {
    const auto& own = rates[static_cast<std::size_t>(wanted)];
    return own ? *own : *rates[static_cast<std::size_t>(workload::NumberFormat::kBf16)];
  }
};

// InputError when the entity is not of kind `chips` or lacks a figure.
TiledChip read_tiled_chip(const catalog::Catalog& catalog, std::string_view entity);
// The entity of the catalogue kind `chips` that a system of the tables is; empty for an unknown.
std::string chip_entity(const catalog::Catalog& catalog, const std::string& system);
std::vector<TiledChip> read_tiled_chips(const catalog::Catalog& catalog);
// By the name in tables, else by that of the accelerator; nullptr when none has it.
const TiledChip* find_tiled_chip(const std::vector<TiledChip>& chips, std::string_view name);
// The names that tables give these chips. InputError (--accelerator-without-tables) for an unknown.
std::vector<std::string> system_names(const std::vector<TiledChip>& chips,
                                      const std::vector<std::string>& wanted);

}  // namespace astrolabe::device
