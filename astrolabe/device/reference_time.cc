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

std::optional<double> ReferenceTime::tiled_us(const TiledChip& chip, const Dims& dims) const {
  if (!is_tiled_) return std::nullopt;
  Categories categories;
  for (std::size_t i = 0; i < kMaxCategories; ++i) categories[i] = categories_[i];
  const TiledKernel kernel = tiled_kernel(family_, framework_, kernel_, categories, dims);
  const auto& own = parameters_[static_cast<std::size_t>(kernel.formula)];
  if (!own) return std::nullopt;
  return tiled_time(kernel.formula, chip, *own, kernel.shape, Residency::kWarm)
      .in(units::microsecond);
}

double ReferenceTime::us(const Dims& dims) const {
  if (const auto tiled = tiled_us(tiled_chip_, dims)) return *tiled;
  Categories categories;
  for (std::size_t i = 0; i < kMaxCategories; ++i) categories[i] = categories_[i];
  return reference_time_us(family_, work_of(family_, categories, dims, kernel_), chip_);
}

std::optional<double> ReferenceTime::ratio_to(const TiledChip& chip, const Dims& dims) const {
  const auto there = tiled_us(chip, dims), here = tiled_us(tiled_chip_, dims);
  if (!there) return std::nullopt;
  return *there / *here;
}

}  // namespace astrolabe::device
