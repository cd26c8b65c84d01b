#include "astrolabe/planning/problem.h"

#include <array>
#include <cmath>

namespace astrolabe::planning {

const char* asset_class_name(AssetClass a) {
  static constexpr std::array<const char*, kAssetClasses> names = {
      "accelerators", "building", "grid", "fab", "energy", "operations"};
  return names[static_cast<std::size_t>(a)];
}

double Problem::discount_factor(int t) const { return std::pow(1 + discount_rate, -(t + 0.5) / 4); }

}  // namespace astrolabe::planning
