#include "astrolabe/supply/yield.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::supply {

const char* yield_model_name(YieldModel model) {
  switch (model) {
    case YieldModel::kPoisson:
      return "poisson";
    case YieldModel::kMurphy:
      return "murphy";
    case YieldModel::kNegativeBinomial:
      return "negative_binomial";
    case YieldModel::kSeeds:
      return "seeds";
  }
  return "";
}

double die_yield(const DefectModel& model, Area die_area, DefectDensity defects) {
  const double m = die_area * defects;
  ASTROLABE_DEMAND(m >= 0, "area and density >= 0");
  if (m == 0) return 1;
  switch (model.model) {
    case YieldModel::kPoisson:
      return std::exp(-m);
    case YieldModel::kMurphy: {
      const double mean = -std::expm1(-m) / m;
      return mean * mean;
    }
    case YieldModel::kNegativeBinomial:
      ASTROLABE_DEMAND(model.alpha > 0, "clustering alpha > 0");
      return std::exp(-model.alpha * std::log1p(m / model.alpha));
    case YieldModel::kSeeds:
      return 1 / (1 + m);
  }
  return 0;
}

double sellable_share(double die_yield, double harvest_share) {
  ASTROLABE_DEMAND(harvest_share >= 0 && harvest_share <= 1, "harvest share in [0, 1]");
  return die_yield + harvest_share * (1 - die_yield);
}

DefectDensity LearningCurve::at(Duration age) const {
  ASTROLABE_DEMAND(time_constant > Duration(), "time constant > 0");
  return mature + (initial - mature) * std::exp(-std::max(0.0, age / time_constant));
}

DefectDensity ProcessDefects::in(Quarter q) const {
  if (!learning) return mature;
  const LearningCurve curve{learning->initial, mature, learning->time_constant};
  return curve.at((q - learning->start + 0.5) * units::quarter);
}

}  // namespace astrolabe::supply
