#pragma once

// How many whole rectangular dies a round wafer holds.
//
// Dies of width w and height h repeat with pitch (w + s, h + s), s the scribe lane. A die counts
// when its four corners lie in the usable circle of radius R = diameter / 2 - edge exclusion:
//   N = max over grid offsets (x, y) of #{(i, j): die ij lies in the circle}.
//
// The maximum is exact, not sampled. The offsets that keep one die inside form a convex closed set:
// the intersection of four discs of radius R. Take any best offset; the sets of the dies inside
// there meet in a compact convex set on which the count is as large. Its leftmost point is the
// crossing of two of those arcs (each strictly convex, so a set of one die ends to the left where
// two of its own arcs cross). Every crossing within one pitch cell, the lattice's period, is tried.
//
// Assumptions: one rectangular grid over the wafer, no rotation; notch, laser mark, test structures
// and partial shots of the reticle are ignored (steppers place fields of several dies, which can
// cost a few). Published first-order formulas stand beside it for comparison.
// Source of the formulas: D. K. de Vries 2005, "Investigation of gross die per wafer formulas",
// IEEE Trans. Semiconductor Manufacturing 18(1). Wafer diameter: SEMI M1.

#include "astrolabe/base/quantity.h"

namespace astrolabe::supply {

struct DieShape {
  Length width, height;
  Area area() const { return width * height; }
};

// The die of this area with width = aspect_ratio * height.
DieShape die_of_area(Area area, double aspect_ratio = 1);

struct WaferGeometry {
  Length diameter;
  Length edge_exclusion;  // outer ring without usable dies
  Length scribe_lane;     // between neighbouring dies
};

// 300 mm (SEMI M1) with the convention of public die calculators: 3 mm edge exclusion, 0.1 mm
// scribe lanes. The convention is not a measurement of any fab.
WaferGeometry conventional_300mm_wafer();

// Offset of the best grid: the lower left corner of one die, from the wafer's centre.
struct GrossDies {
  int count = 0;
  Length offset_x, offset_y;
};

// Exact. Cost grows with (R / die)^3: 0.1 s for 10 mm2 dies. A die larger than the circle gives 0.
GrossDies gross_dies(const DieShape& die, const WaferGeometry& wafer);

// Whole dies with the grid held at one offset.
int dies_at_offset(const DieShape& die, const WaferGeometry& wafer, Length offset_x,
                   Length offset_y);

// First-order formulas on the usable diameter d and the area S of a die with its share of the
// lanes.
enum class GrossDieFormula {
  kCircumference,  // pi d^2 / 4S - pi d / sqrt(2 S)
  kFitted,         // pi d^2 / 4S - 0.58 pi d / sqrt(S)
  kExponential,    // pi d^2 / 4S * exp(-2 sqrt(S) / d)
  kQuadratic,      // pi d^2 / 4S * (1 - 2 sqrt(S) / d)^2
};
double approximate_gross_dies(GrossDieFormula formula, const DieShape& die,
                              const WaferGeometry& wafer);

}  // namespace astrolabe::supply
