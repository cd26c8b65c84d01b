#pragma once

// Renewable energy for a load: how much nameplate a share needs by the year and by the hour, what
// the energy costs and what it emits.
//
//   volumetric share   v = sum_h g(h) / sum_h l(h)                       (may exceed 1)
//   nameplate for v    W = v * mean load / capacity factor
//   hourly share       m = sum_h min(l(h), g(h) + discharge(h)) / sum_h l(h)   (24/7 CFE), m <=
//   min(1, v) blended price      p = r p_ppa + (1 - r) p_grid carbon             = (1 - r) * energy
//   * intensity                    (market-based, r contracted)
//
// Storage is greedy: surplus charges, deficit discharges, up to power and energy; the round-trip
// loss is taken at charging. It starts empty. Greedy is the best policy for the hourly share
// (energy is never worth more later than now), not for money. Assumptions and where they fail: no
// transmission limit or curtailment by the grid (both real in Honam); profiles are synthetic
// (renewable_profile.h), so hourly shares are good to some percentage points, nameplate at shares
// above 0.9 to a factor; surplus is spilled and earns nothing. Source: volumetric and hourly
// matching as in Xu, Manocha, Patankar and Jenkins 2021, System-level impacts of 24/7 carbon-free
// electricity procurement (Princeton ZERO Lab).

#include <span>

#include "astrolabe/site/renewable_profile.h"

namespace astrolabe::site {

// Nameplate for a yearly share of a mean load.
Power nameplate_for_volumetric_share(double share, Power mean_load, double capacity_factor);

struct Storage {
  Power power;
  Energy energy;
  double round_trip_efficiency = 1;
};

// Generation behind one load: profiles and their nameplates, in parallel.
struct GenerationMix {
  std::vector<HourlyProfile> profiles;
  std::vector<Power> nameplates;
};

struct HourlyMatch {
  double hourly_share = 0, volumetric_share = 0;
  Energy load, generation, spilled;
  Energy from_storage;
  int hours_fully_served = 0;
};

// `load` in each hour of the year.
HourlyMatch match_hourly(std::span<const Power> load, const GenerationMix& mix,
                         const Storage& storage = {});
std::vector<Power> flat_load(Power load);

// Smallest multiple of the mix (storage unscaled) whose hourly share is `share`; nullopt when even
// `limit` times the mix does not reach it.
std::optional<double> scale_for_hourly_share(double share, std::span<const Power> load,
                                             const GenerationMix& mix, const Storage& storage = {},
                                             double limit = 1000);

EnergyPrice blended_price(double renewable_share, EnergyPrice ppa, EnergyPrice grid);
Carbon market_based_carbon(double renewable_share, Energy energy, CarbonIntensity grid);

}  // namespace astrolabe::site
