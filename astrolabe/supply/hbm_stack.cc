#include "astrolabe/supply/hbm_stack.h"

#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::supply {

namespace {

constexpr const char* kDramProcess = "DRAM process";

DieShape shape_or_square(std::optional<Length> width, std::optional<Length> height, Area area) {
  if (width && height) return {*width, *height};
  return area > Area() ? die_of_area(area) : DieShape{};
}

}  // namespace

std::optional<ProcessDefects::Learning> read_learning(std::string_view start_attribute,
                                                      catalog::FactReader* facts) {
  const auto initial = facts->optional_quantity<DefectDensity::kDim>("defect_density_start");
  const auto start = facts->optional_quarter(start_attribute);
  const auto time = facts->optional_quantity<Duration::kDim>("yield_learning_time");
  if (!initial || !start || !time) return std::nullopt;
  return ProcessDefects::Learning{*initial, *start, *time};
}

catalog::Reading<HbmProduct> read_hbm_product(const catalog::Catalog& catalog,
                                              const std::string& entity) {
  catalog::FactReader facts(catalog, entity);
  HbmProduct p;
  p.entity = entity;
  p.dies_per_stack = static_cast<int>(std::lround(facts.number("dies_per_stack")));
  p.die_capacity = facts.quantity<Bytes::kDim>("die_capacity");
  const Area area = facts.quantity<Area::kDim>("die_area");
  p.core_die = shape_or_square(facts.optional_quantity<Length::kDim>("die_width"),
                               facts.optional_quantity<Length::kDim>("die_height"), area);
  p.base_die = shape_or_square({}, {}, facts.quantity<Area::kDim>("base_die_area"));
  p.defects.mature = facts.quantity<DefectDensity::kDim>("defect_density");
  p.defects.learning = read_learning("volume_start", &facts);
  p.layer_yield = facts.number("layer_yield");
  p.test_yield = facts.number("test_yield");
  p.is_base_die_dram = facts.text("base_die_node") == kDramProcess;
  p.cycle_time = facts.quantity<Duration::kDim>("cycle_time");
  p.stack_price = facts.quantity<Money::kDim>("stack_price");
  p.published_end_to_end_yield = catalog.find_number(entity, "end_to_end_yield");
  p.published_trade_ratio = catalog.find_number(entity, "trade_ratio");
  p.published_net_capacity = catalog.find<BytesPerWafer::kDim>(entity, "net_capacity_per_wafer");
  return facts.finish(std::move(p));
}

HbmStackYield compute_hbm_stack(const HbmProduct& product, const DefectModel& model,
                                const WaferGeometry& wafer) {
  HbmStackYield y;
  y.gross_core_dies = gross_dies(product.core_die, wafer).count;
  y.gross_base_dies = gross_dies(product.base_die, wafer).count;
  ASTROLABE_DEMAND(y.gross_core_dies > 0 && y.gross_base_dies > 0, "a die larger than the wafer");
  return with_defects(y, product, model, product.defects.mature);
}

HbmStackYield with_defects(HbmStackYield y, const HbmProduct& product, const DefectModel& model,
                           DefectDensity defects) {
  ASTROLABE_DEMAND(product.dies_per_stack > 0, "a stack has dies");
  ASTROLABE_DEMAND(product.layer_yield > 0 && product.test_yield > 0, "yields > 0");
  const double n = product.dies_per_stack;
  y.core_die_yield = die_yield(model, product.core_die.area(), defects);
  y.base_die_yield = die_yield(model, product.base_die.area(), defects);
  y.good_core_dies = y.gross_core_dies * y.core_die_yield;
  y.bonding_yield = std::pow(product.layer_yield, n);
  y.test_yield = product.test_yield;
  y.end_to_end_yield = y.core_die_yield * y.bonding_yield * y.test_yield;
  const double after_die = y.bonding_yield * y.test_yield;
  y.stacks_per_wafer = y.good_core_dies * after_die / n;
  y.stack_capacity = n * product.die_capacity;
  y.core_wafers_per_stack = units::wafer / y.stacks_per_wafer;
  y.base_wafers_per_stack = units::wafer / (y.gross_base_dies * y.base_die_yield * after_die);
  y.dram_wafers_per_stack = y.core_wafers_per_stack;
  if (product.is_base_die_dram) y.dram_wafers_per_stack += y.base_wafers_per_stack;
  y.net_capacity_per_core_wafer = y.stack_capacity / y.core_wafers_per_stack;
  y.net_capacity_per_dram_wafer = y.stack_capacity / y.dram_wafers_per_stack;
  return y;
}

double trade_ratio(BytesPerWafer commodity, BytesPerWafer net_hbm) {
  ASTROLABE_DEMAND(net_hbm > BytesPerWafer(), "net HBM bytes > 0");
  return commodity / net_hbm;
}

}  // namespace astrolabe::supply
