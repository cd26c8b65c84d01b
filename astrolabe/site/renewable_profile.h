#pragma once

// SYNTHETIC hourly output of solar and wind over a year of 8,760 hours, scaled to a capacity
// factor. Measured hourly output of Haenam, Sinan and most sites here is not public; these profiles
// have the right geometry, yearly energy and kind of variability, and are no record of any real
// year.
//
//   declination   d = 23.45 deg sin(2 pi (284 + n) / 365)                    n day of the year
//   elevation     sin h = sin(lat) sin(d) + cos(lat) cos(d) cos(w)           w hour angle, solar
//   time clear sky     G = 1098 W/m2 sin h exp(-0.059 / sin h), h > 0 clouds        c(n) = least +
//   (1 - least) Phi(z(n)), z AR(1) day to day wind          v = (-2 ln(1 - Phi(z)))^(1/2), z AR(1)
//   hour to hour: Rayleigh speeds output        min(1, s G c) and min(1, s v^3): s so that the mean
//   is the capacity factor,
//                 of the year or, where given, of each quarter
//
// The clip at 1 is the inverter or the rated power; raising s is a larger array or rotor behind the
// same connection. Fails for: tilted and tracking panels (flatter days, less seasonal), diffuse
// light, temperature, icing, storm cut-out, wakes; solar and wind are independent here, whereas
// weather couples them; one year hides years that differ by some 10 %. Sites far apart smooth more.
// Source: Cooper 1969 (declination), Haurwitz 1945 (clear sky), Justus et al. 1976 (Weibull
// speeds).

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "astrolabe/site/site_facts.h"

namespace astrolabe::site {

inline constexpr int kHoursOfYear = 8760;

// Output over nameplate in each hour, starting on 1 January.
using HourlyProfile = std::vector<double>;

// How variable the synthetic weather is. Modelling choices, not measurements; their effect on an
// hourly-matched share is part of the answer and should be shown by varying them.
struct Variability {
  double day_to_day = 0.4;    // correlation of cloudiness between days
  double least_clear = 0.15;  // share of clear-sky light on the darkest day
  double wind_hours = 30;     // e-folding time of wind speed, in hours
};

// `quarterly`: mean output of calendar quarter q over the yearly mean; empty: as the model has it.
// nullopt when the capacity factor cannot be reached (more than the share of hours with output).
using Seasonal = std::optional<std::array<double, 4>>;
std::optional<HourlyProfile> solar_profile(double latitude_deg, double capacity_factor,
                                           const Seasonal& quarterly, std::uint64_t seed,
                                           const Variability& variability = {});
std::optional<HourlyProfile> wind_profile(double capacity_factor, const Seasonal& quarterly,
                                          std::uint64_t seed, const Variability& variability = {});

// Clear-sky horizontal irradiance in W/m2 at solar time `hour` (12 is noon) of day 1 .. 365.
double clear_sky_w_per_m2(double latitude_deg, int day, double hour);

// The smallest s with mean(min(1, s x)) = mean over [first, last); false when there is none.
bool scale_to_mean(HourlyProfile* profile, std::size_t first, std::size_t last, double mean);

}  // namespace astrolabe::site
