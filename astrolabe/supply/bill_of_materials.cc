#include "astrolabe/supply/bill_of_materials.h"

#include "astrolabe/base/error.h"

namespace astrolabe::supply {

catalog::Reading<AcceleratorParts> read_accelerator_parts(const catalog::Catalog& catalog,
                                                          const std::string& entity,
                                                          const std::string& dram_line) {
  catalog::FactReader facts(catalog, entity);
  AcceleratorParts p;
  p.entity = entity;
  p.dram_line = dram_line;
  p.process_node = facts.text("process_node");
  p.packaging = facts.text("packaging");
  p.hbm_product = facts.text("hbm_product");
  p.compute_dies = facts.number("compute_dies");
  const Area die_area = facts.quantity<Area::kDim>("die_area");
  if (die_area > Area()) p.die = die_of_area(die_area);
  p.packages_per_wafer = facts.quantity<PerWafer::kDim>("packages_per_wafer");
  p.hbm_stacks = facts.number("hbm_stacks");
  p.host_dram = facts.quantity<Bytes::kDim>("host_dram");
  p.it_power = facts.quantity<Power::kDim>("it_power");
  if (!p.process_node.empty()) {
    catalog::FactReader node(catalog, p.process_node);
    p.logic_defects.mature = node.quantity<DefectDensity::kDim>("defect_density");
    p.logic_defects.learning = read_learning("learning_start", &node);
    p.harvest_share = node.optional_number("harvest_share").value_or(0);
    facts.take(node.finish(true));
  }
  if (!p.packaging.empty()) {
    catalog::FactReader line(catalog, p.packaging);
    p.packaging_yield = line.number("yield");
    facts.take(line.finish(true));
  }
  if (!p.hbm_product.empty()) p.hbm = facts.take(read_hbm_product(catalog, p.hbm_product));
  catalog::FactReader dram(catalog, dram_line);
  p.host_dram_bytes_per_wafer = dram.quantity<BytesPerWafer::kDim>("bits_per_wafer");
  facts.take(dram.finish(true));
  return facts.finish(std::move(p));
}

BillOfMaterials compute_bill(const AcceleratorParts& parts, const DefectModel& logic_model,
                             const DefectModel& dram_model, const WaferGeometry& wafer) {
  ASTROLABE_DEMAND(parts.packaging_yield > 0 && parts.packages_per_wafer > PerWafer(),
                   "packaging > 0");
  ASTROLABE_DEMAND(parts.host_dram_bytes_per_wafer > BytesPerWafer(), "bytes per wafer > 0");
  BillOfMaterials b;
  b.gross_logic_dies = gross_dies(parts.die, wafer).count;
  ASTROLABE_DEMAND(b.gross_logic_dies > 0, "a die larger than the wafer");
  const double packages = 1 / parts.packaging_yield;  // started per good one
  b = with_logic_defects(b, parts, logic_model, parts.logic_defects.mature);
  b.packaging_wafers = packages / parts.packages_per_wafer;
  b.hbm_stacks = packages * parts.hbm_stacks;
  b.stack = compute_hbm_stack(parts.hbm, dram_model, wafer);
  b.hbm_core_wafers = b.hbm_stacks * b.stack.core_wafers_per_stack;
  b.hbm_base_wafers = b.hbm_stacks * b.stack.base_wafers_per_stack;
  b.hbm_dram_wafers = b.hbm_stacks * b.stack.dram_wafers_per_stack;
  b.host_dram_wafers = parts.host_dram / parts.host_dram_bytes_per_wafer;
  b.dram_wafers = b.hbm_dram_wafers + b.host_dram_wafers;
  return b;
}

BillOfMaterials with_logic_defects(BillOfMaterials b, const AcceleratorParts& parts,
                                   const DefectModel& model, DefectDensity defects) {
  b.logic_die_yield = die_yield(model, parts.die.area(), defects);
  b.sellable_logic_share = sellable_share(b.logic_die_yield, parts.harvest_share);
  b.sellable_logic_dies = b.gross_logic_dies * b.sellable_logic_share;
  b.logic_wafers =
      parts.compute_dies / parts.packaging_yield / b.sellable_logic_dies * units::wafer;
  return b;
}

double accelerators_within(Power facility_power, double pue, Power it_power_per_accelerator) {
  ASTROLABE_DEMAND(pue >= 1 && it_power_per_accelerator > Power(), "PUE >= 1, IT power > 0");
  return facility_power / pue / it_power_per_accelerator;
}

Wafers wafers_within(Power facility_power, double pue, Power it_power_per_accelerator,
                     Wafers per_accelerator) {
  return accelerators_within(facility_power, pue, it_power_per_accelerator) * per_accelerator;
}

double accelerators_per_gw(const AcceleratorParts& parts, double pue) {
  return accelerators_within(units::GW, pue, parts.it_power);
}

Wafers dram_wafers_per_gw(const AcceleratorParts& parts, const BillOfMaterials& bill, double pue) {
  return wafers_within(units::GW, pue, parts.it_power, bill.dram_wafers);
}

}  // namespace astrolabe::supply
