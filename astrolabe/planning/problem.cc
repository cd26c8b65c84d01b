#include "astrolabe/planning/problem.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace astrolabe::planning {

const char* asset_class_name(AssetClass a) {
  static constexpr std::array<const char*, kAssetClasses> names = {
      "accelerators", "building", "grid", "fab", "energy", "operations"};
  return names[static_cast<std::size_t>(a)];
}

TokenRate OperatingPoint::tokens_after(double years) const {
  const auto n = software_gain.size();
  if (n == 0 || years <= 0) return tokens;
  const auto last = static_cast<std::size_t>(years);
  if (last >= n) return software_gain.back() * tokens;
  const double before = last == 0 ? 1 : software_gain[last - 1];
  return (before + (years - static_cast<double>(last)) * (software_gain[last] - before)) * tokens;
}

TokenRate Problem::token_rate(const CapacityNeed& need, const OperatingPoint& point, int t) const {
  const int first = std::max(0, accelerators[need.accelerator.index()].first_delivery);
  return point.tokens_after((t - first) / 4.0);
}

double Problem::discount_factor(int t) const { return std::pow(1 + discount_rate, -(t + 0.5) / 4); }

}  // namespace astrolabe::planning
