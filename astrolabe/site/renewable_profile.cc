#include "astrolabe/site/renewable_profile.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "astrolabe/base/error.h"
#include "astrolabe/base/random.h"

namespace astrolabe::site {

namespace {

constexpr std::uint64_t kCloudStream = 1, kWindStream = 2;

double normal_cdf(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

// Stationary AR(1) with variance 1.
class Autoregressive {
 public:
  Autoregressive(double correlation, RandomStream random)
      : correlation_(correlation), random_(random), z_(random_.normal()) {}
  double next() {
    const double z = z_;
    z_ = correlation_ * z_ + std::sqrt(1 - correlation_ * correlation_) * random_.normal();
    return z;
  }

 private:
  double correlation_;
  RandomStream random_;
  double z_;
};

// First hour of calendar quarter q = 0 .. 4 in a year of 365 days.
constexpr std::size_t kQuarterStart[] = {0, 90UL * 24, 181UL * 24, 273UL * 24, 365UL * 24};

std::optional<HourlyProfile> scaled(HourlyProfile profile, double capacity_factor,
                                    const Seasonal& quarterly) {
  if (!quarterly) {
    if (!scale_to_mean(&profile, 0, profile.size(), capacity_factor)) return std::nullopt;
    return profile;
  }
  // Seasonal factors of estimates need not average to one over hours: keep the year's mean.
  double mean = 0;
  for (std::size_t q = 0; q < 4; ++q) {
    const double hours = static_cast<double>(kQuarterStart[q + 1] - kQuarterStart[q]);
    mean += (*quarterly)[q] * hours / kHoursOfYear;
  }
  for (std::size_t q = 0; q < 4; ++q) {
    const double target = capacity_factor * (*quarterly)[q] / mean;
    if (!scale_to_mean(&profile, kQuarterStart[q], kQuarterStart[q + 1], target)) {
      return std::nullopt;
    }
  }
  return profile;
}

}  // namespace

double clear_sky_w_per_m2(double latitude_deg, int day, double hour) {
  constexpr double kRadian = std::numbers::pi / 180;
  const double declination = 23.45 * kRadian * std::sin(2 * std::numbers::pi * (284 + day) / 365.0);
  const double latitude = latitude_deg * kRadian;
  const double hour_angle = (hour - 12) * 15 * kRadian;
  const double sin_elevation = std::sin(latitude) * std::sin(declination) +
                               std::cos(latitude) * std::cos(declination) * std::cos(hour_angle);
  if (sin_elevation <= 0) return 0;
  return 1098 * sin_elevation * std::exp(-0.059 / sin_elevation);
}

bool scale_to_mean(HourlyProfile* profile, std::size_t first, std::size_t last, double mean) {
  const auto clipped_mean = [&](double s) {
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += std::min(1.0, s * (*profile)[i]);
    return sum / static_cast<double>(last - first);
  };
  if (mean < 0 || last <= first) return false;
  double high = 1;
  for (int doublings = 0; clipped_mean(high) < mean; ++doublings) {
    if (doublings > 60) return false;
    high *= 2;
  }
  double low = 0;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (clipped_mean(middle) < mean ? low : high) = middle;
  }
  for (std::size_t i = first; i < last; ++i) {
    (*profile)[i] = std::min(1.0, high * (*profile)[i]);
  }
  return true;
}

std::optional<HourlyProfile> solar_profile(double latitude_deg, double capacity_factor,
                                           const Seasonal& quarterly, std::uint64_t seed,
                                           const Variability& variability) {
  Autoregressive cloud(variability.day_to_day, RandomStream(seed, kCloudStream));
  HourlyProfile profile;
  profile.reserve(kHoursOfYear);
  for (int day = 1; day <= 365; ++day) {
    const double clearness =
        variability.least_clear + (1 - variability.least_clear) * normal_cdf(cloud.next());
    for (int hour = 0; hour < 24; ++hour) {
      // Irradiance at the middle of the hour, as a share of 1,000 W/m2.
      profile.push_back(clear_sky_w_per_m2(latitude_deg, day, hour + 0.5) / 1000 * clearness);
    }
  }
  return scaled(std::move(profile), capacity_factor, quarterly);
}

std::optional<HourlyProfile> wind_profile(double capacity_factor, const Seasonal& quarterly,
                                          std::uint64_t seed, const Variability& variability) {
  ASTROLABE_DEMAND(variability.wind_hours > 0, "wind_hours > 0");
  Autoregressive wind(std::exp(-1 / variability.wind_hours), RandomStream(seed, kWindStream));
  HourlyProfile profile;
  profile.reserve(kHoursOfYear);
  for (int hour = 0; hour < kHoursOfYear; ++hour) {
    const double exceedance = std::max(normal_cdf(-wind.next()), 1e-12);
    profile.push_back(std::pow(-2 * std::log(exceedance), 1.5));  // speed cubed
  }
  return scaled(std::move(profile), capacity_factor, quarterly);
}

}  // namespace astrolabe::site
