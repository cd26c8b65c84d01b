#include "astrolabe/device/reference_time.h"

namespace astrolabe::device {

ReferenceTime::ReferenceTime(Family family, std::string_view framework, std::string_view kernel,
                             const Categories& categories, const Chip& chip, const TiledTime* tiled)
    : family_(family), framework_(framework), kernel_(kernel), chip_(chip) {
  for (std::size_t i = 0; i < kMaxCategories; ++i) categories_[i] = categories[i];
  const TiledChip* found = tiled == nullptr ? nullptr : tiled->find(chip.name);
  if (found == nullptr) return;
  tiled_chip_ = *found;
  const TiledTable table = tiled_table(family, framework, kernel, categories);
  for (int f = 0; f < kTiledFormulas; ++f) {
    const auto formula = static_cast<TiledFormula>(f);
    if (const auto* set = tiled->model.find_set(table, formula, chip.architecture)) {
      parameters_[static_cast<std::size_t>(f)] = set->values;
      is_tiled_ = true;
    }
  }
}

double ReferenceTime::us(const Dims& dims) const {
  Categories categories;
  for (std::size_t i = 0; i < kMaxCategories; ++i) categories[i] = categories_[i];
  if (is_tiled_) {
    const TiledKernel kernel = tiled_kernel(family_, framework_, kernel_, categories, dims);
    if (const auto& own = parameters_[static_cast<std::size_t>(kernel.formula)]) {
      return tiled_time(kernel.formula, tiled_chip_, *own, kernel.shape, Residency::kWarm)
          .in(units::microsecond);
    }
  }
  return reference_time_us(family_, work_of(family_, categories, dims, kernel_), chip_);
}

}  // namespace astrolabe::device
