#pragma once

// What the residuals of a table of measurements stand on, r = log(measured / reference): a time
// that has the shape of the measured one, so that r is smooth. Either the soft roofline of
// operator_family.h, or the tiled formula with the parameters that were fitted on the table's
// architecture, which knows tiles, waves and active experts; data/fitted/interpolation.csv says
// which for each family. Where the tiled parameters have no set for a table, the roofline holds.

#include <array>
#include <optional>

#include "astrolabe/device/tiled_model.h"

namespace astrolabe::device {

class ReferenceTime {
 public:
  ReferenceTime() = default;
  // Of kernels of one name on `chip`. Without `tiled`: the roofline.
  ReferenceTime(Family family, std::string_view framework, std::string_view kernel,
                const Categories& categories, const Chip& chip, const TiledTime* tiled);

  // Microseconds, of operands that may lie in L2.
  double us(const Dims& dims) const;
  // Of another chip of the architecture over that of this one, by the tiled fidelity; nullopt where
  // the reference is the roofline.
  std::optional<double> ratio_to(const TiledChip& chip, const Dims& dims) const;

 private:
  std::optional<double> tiled_us(const TiledChip& chip, const Dims& dims) const;

  Family family_ = Family::kGemm;
  std::string framework_, kernel_;
  std::array<std::string, kMaxCategories> categories_;
  Chip chip_;
  TiledChip tiled_chip_;
  std::array<std::optional<TiledParameters>, kTiledFormulas> parameters_;
  bool is_tiled_ = false;
};

}  // namespace astrolabe::device
