#include "astrolabe/site/energy_supply.h"

#include <algorithm>

#include "astrolabe/base/error.h"

namespace astrolabe::site {

namespace {

// The numbers of one hourly run, in MW and MWh.
struct Run {
  double load = 0, generation = 0, served = 0, spilled = 0, from_storage = 0;
  int hours_fully_served = 0;
};

std::vector<double> in_mw(std::span<const Power> powers) {
  std::vector<double> mw;
  for (const Power p : powers) mw.push_back(p.in(units::MW));
  return mw;
}

std::vector<double> hourly_generation_mw(const GenerationMix& mix) {
  ASTROLABE_DEMAND(mix.profiles.size() == mix.nameplates.size(), "a nameplate for each profile");
  std::vector<double> mw(kHoursOfYear, 0);
  for (std::size_t i = 0; i < mix.profiles.size(); ++i) {
    ASTROLABE_DEMAND(mix.profiles[i].size() == kHoursOfYear, "a profile has 8,760 hours");
    const double nameplate = mix.nameplates[i].in(units::MW);
    for (std::size_t h = 0; h < mw.size(); ++h) mw[h] += nameplate * mix.profiles[i][h];
  }
  return mw;
}

Run run_year(const std::vector<double>& load, const std::vector<double>& generation, double scale,
             const Storage& storage) {
  const double power = storage.power.in(units::MW), size = storage.energy.in(units::MWh);
  const double efficiency = storage.round_trip_efficiency;
  double stored = 0;
  Run r;
  for (std::size_t h = 0; h < load.size(); ++h) {
    const double made = scale * generation[h];
    const double direct = std::min(load[h], made);
    const double surplus = made - direct;
    const double charge = std::min({surplus, power, (size - stored) / efficiency});
    const double discharge = std::min({load[h] - direct, power, stored});
    stored += charge * efficiency - discharge;
    r.load += load[h];
    r.generation += made;
    r.served += direct + discharge;
    r.from_storage += discharge;
    r.spilled += surplus - charge;
    if (direct + discharge >= load[h] * (1 - 1e-12)) ++r.hours_fully_served;
  }
  return r;
}

}  // namespace

Power nameplate_for_volumetric_share(double share, Power mean_load, double capacity_factor) {
  ASTROLABE_DEMAND(share >= 0 && capacity_factor > 0, "share >= 0, capacity factor > 0");
  return share * mean_load / capacity_factor;
}

std::vector<Power> flat_load(Power load) { return std::vector<Power>(kHoursOfYear, load); }

HourlyMatch match_hourly(std::span<const Power> load, const GenerationMix& mix,
                         const Storage& storage) {
  ASTROLABE_DEMAND(load.size() == kHoursOfYear, "a load has 8,760 hours");
  ASTROLABE_DEMAND(storage.round_trip_efficiency > 0 && storage.round_trip_efficiency <= 1,
                   "efficiency in (0, 1]");
  const Run r = run_year(in_mw(load), hourly_generation_mw(mix), 1, storage);
  ASTROLABE_DEMAND(r.load > 0, "a load");
  HourlyMatch m;
  m.hourly_share = r.served / r.load;
  m.volumetric_share = r.generation / r.load;
  m.load = r.load * units::MWh;
  m.generation = r.generation * units::MWh;
  m.spilled = r.spilled * units::MWh;
  m.from_storage = r.from_storage * units::MWh;
  m.hours_fully_served = r.hours_fully_served;
  return m;
}

std::optional<double> scale_for_hourly_share(double share, std::span<const Power> load,
                                             const GenerationMix& mix, const Storage& storage,
                                             double limit) {
  ASTROLABE_DEMAND(share >= 0 && share <= 1, "share in [0, 1]");
  const std::vector<double> demand = in_mw(load), generation = hourly_generation_mw(mix);
  const auto reaches = [&](double scale) {
    const Run r = run_year(demand, generation, scale, storage);
    return r.served >= share * r.load;
  };
  if (!reaches(limit)) return std::nullopt;
  double low = 0, high = limit;
  while (high - low > 1e-9 * limit && high - low > 1e-6 * high) {
    const double middle = (low + high) / 2;
    (reaches(middle) ? high : low) = middle;
  }
  return high;
}

EnergyPrice blended_price(double renewable_share, EnergyPrice ppa, EnergyPrice grid) {
  ASTROLABE_DEMAND(renewable_share >= 0 && renewable_share <= 1, "share in [0, 1]");
  return renewable_share * ppa + (1 - renewable_share) * grid;
}

Carbon market_based_carbon(double renewable_share, Energy energy, CarbonIntensity grid) {
  ASTROLABE_DEMAND(renewable_share >= 0 && renewable_share <= 1, "share in [0, 1]");
  return (1 - renewable_share) * (energy * grid);
}

}  // namespace astrolabe::site
