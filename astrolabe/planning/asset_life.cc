#include "astrolabe/planning/asset_life.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/finance.h"

namespace astrolabe::planning {

namespace {

double life_years(const Problem& p, AssetClass asset) {
  return asset == AssetClass::kFab ? p.fab_life_years : p.building_life_years;
}

}  // namespace

double accelerator_value_left(const Problem& p, const AcceleratorType& type, double quarters) {
  const double age = std::max(quarters, 0.0);
  const double life_left = std::max(0.0, 1 - age / type.life_quarters);
  return std::min(std::pow(1 - p.accelerator_residual_rate, age / 4), life_left);
}

double plant_value_left(const Problem& p, AssetClass asset, double quarters) {
  return straight_line_value(1.0 * units::usd, std::max(quarters, 0.0) * units::quarter,
                             life_years(p, asset) * units::year)
      .in(units::usd);
}

double repayment_years(const Problem& p, AssetClass asset) {
  if (asset == AssetClass::kOperations) return 1;
  if (asset != AssetClass::kAccelerators) return life_years(p, asset);
  int shortest = 0;
  for (const AcceleratorType& type : p.accelerators) {
    shortest = shortest == 0 ? type.life_quarters : std::min(shortest, type.life_quarters);
  }
  return std::max(shortest, 1) / 4.0;
}

}  // namespace astrolabe::planning
