#pragma once

// How long things serve and what is left of them: one place for the residual values of the
// objective, the depreciation of the report and the repayment times of funds.
//
//   accelerator  v(n) = min((1 - d)^(n/4), 1 - n/L)   n quarters after delivery, life L, loss d
//   building, grid connection, fab module   v(n) = 1 - n/L
//
// The straight line caps the resale curve, so that a residual value never exceeds what the rest of
// the life would earn: equal earnings that just repay a thing over L are worth a(L-n)/a(L) >= 1 -
// n/L of its price when n quarters are over (annuity factor a, concave, a(0) = 0). Without the cap
// a purchase 17 to 19 quarters before the end of the horizon would cost less per quarter of service
// than a whole life, and the plan would buy what no life repays. Where it fails: a new generation
// may make what is old worth less than its life says; the resale curve is from one generation.

#include "astrolabe/planning/problem.h"

namespace astrolabe::planning {

// Share of the price that is left `quarters` after delivery; 0 from the end of the life on.
double accelerator_value_left(const Problem& problem, const AcceleratorType& type, double quarters);

// Straight line over the life: kBuilding and kGrid by the life of buildings, kFab by that of fabs.
double plant_value_left(const Problem& problem, AssetClass asset, double quarters);

// Years over which money for an asset is repaid: its life (accelerators: the shortest of any type,
// since a fund does not know which it bought). Operations are repaid within the year.
double repayment_years(const Problem& problem, AssetClass asset);

}  // namespace astrolabe::planning
