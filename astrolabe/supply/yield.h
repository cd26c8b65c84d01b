#pragma once

// Share of dies without a fatal defect, and how it improves as a process matures.
//
// With A the die area and D the defect density, m = A D is the mean number of defects on a die. If
// D varies over wafers and lots with a density g, the yield is Y = E_g[exp(-A D)]:
//   Poisson            Y = exp(-m)                    D the same everywhere
//   Murphy             Y = ((1 - exp(-m)) / m)^2      D triangular on [0, 2 mean]
//   negative binomial  Y = (1 + m / alpha)^-alpha     D gamma; alpha is the clustering parameter
//   Seeds              Y = 1 / (1 + m)                D exponential: alpha = 1
// By Jensen's inequality all lie at or above Poisson; Poisson <= Murphy <= Seeds, and the negative
// binomial falls from Seeds (alpha = 1) to Poisson (alpha -> infinity).
// Learning: D(t) = D_inf + (D_0 - D_inf) exp(-t / tau).
//
// Assumptions: defects alone kill dies (parametric and systematic loss must be carried by another
// factor); A is the whole die although its caches and links can be repaired. Repair and products
// with parts disabled are one number, the share of defective dies that can be sold (harvest).
// Published densities are fits with one of the models: use them with the model they came from.
// Source: Murphy 1964, Proc. IEEE 52(12); Seeds 1967, IEEE IEDM; Stapper, Armstrong and Saji 1983,
// Proc. IEEE 71(4); Cunningham 1990, IEEE Trans. Semiconductor Manufacturing 3(2).

#include <optional>

#include "astrolabe/base/quantity.h"
#include "astrolabe/base/quarter.h"

namespace astrolabe::supply {

enum class YieldModel { kPoisson, kMurphy, kNegativeBinomial, kSeeds };
const char* yield_model_name(YieldModel model);  // "poisson", "murphy", ...

struct DefectModel {
  YieldModel model = YieldModel::kPoisson;
  double alpha = 0;  // clustering, > 0; read by the negative binomial alone
};

// In (0, 1]; 1 for no defects.
double die_yield(const DefectModel& model, Area die_area, DefectDensity defects);

// Good dies and the harvested share of the defective ones.
double sellable_share(double die_yield, double harvest_share);

struct LearningCurve {
  DefectDensity initial, mature;
  Duration time_constant;  // > 0

  DefectDensity at(Duration age) const;  // age < 0: the initial density
};

// A process: its mature density and, where a start is known, how it got or gets there.
struct ProcessDefects {
  DefectDensity mature;
  struct Learning {
    DefectDensity initial;  // in `start`
    Quarter start;
    Duration time_constant;  // > 0
  };
  std::optional<Learning> learning;  // empty: mature at all times

  DefectDensity in(Quarter q) const;  // at the middle of the quarter
};

}  // namespace astrolabe::supply
