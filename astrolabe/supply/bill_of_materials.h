#pragma once

// What one accelerator takes from each wafer line, and what a gigawatt of them takes.
//
//   logic wafers       c / (N(die) q p)          c compute dies, q share of dies that can be sold
//   packaging wafers   1 / (m p)                 m packages per interposer wafer
//   HBM stacks         k / p
//   DRAM wafers        (k / p) w + h / b         w DRAM wafers per stack, h host DRAM, b bytes per
//   wafer accelerators/GW    1 GW / (PUE * IT power per accelerator)
// p is the assembly yield: known-good dies and stacks are lost with a package that fails.
//
// Assumptions and where they fail: all compute dies of a package are alike (I/O and base logic dies
// are not counted, they sit on older nodes); die shape unknown, hence square: a reticle-wide die of
// the same area loses a die or two; host DRAM is bought as good modules, its bytes per wafer is net
// of yield; spares and repairs are not counted. IT power is the provisioned share of the rack, so
// "per GW" is a full site at provisioned power, not at measured draw.
// Source: identities; figures and their sources in data/accelerators.csv, process_nodes.csv,
// packaging.csv, dram_lines.csv.

#include "astrolabe/supply/hbm_stack.h"

namespace astrolabe::supply {

struct AcceleratorParts {
  std::string entity, process_node, packaging, hbm_product, dram_line;
  double compute_dies = 0;
  DieShape die;  // square
  ProcessDefects logic_defects;
  double harvest_share = 0;  // 0 where the node has no such fact
  PerWafer packages_per_wafer;
  double packaging_yield = 1;
  double hbm_stacks = 0;
  HbmProduct hbm;
  Bytes host_dram;
  BytesPerWafer host_dram_bytes_per_wafer;
  Power it_power;
};

// `dram_line`: the entity whose commodity bytes per wafer serve for host DRAM.
catalog::Reading<AcceleratorParts> read_accelerator_parts(const catalog::Catalog& catalog,
                                                          const std::string& entity,
                                                          const std::string& dram_line);

struct BillOfMaterials {
  int gross_logic_dies = 0;         // per wafer
  double logic_die_yield = 1;       // without defects
  double sellable_logic_share = 1;  // harvest included
  double sellable_logic_dies = 0;   // per wafer
  Wafers logic_wafers;              // per accelerator, as all below
  Wafers packaging_wafers;
  double hbm_stacks = 0;  // losses in assembly included
  HbmStackYield stack;    // the chain behind them
  Wafers hbm_core_wafers, hbm_base_wafers;
  Wafers hbm_dram_wafers;  // core, and base where it is DRAM
  Wafers host_dram_wafers;
  Wafers dram_wafers;  // HBM and host
};

// At mature defect densities.
BillOfMaterials compute_bill(const AcceleratorParts& parts, const DefectModel& logic_model,
                             const DefectModel& dram_model, const WaferGeometry& wafer);

// The same with logic wafers started in another quarter, at another defect density.
BillOfMaterials with_logic_defects(BillOfMaterials bill, const AcceleratorParts& parts,
                                   const DefectModel& model, DefectDensity defects);

// Accelerators that a facility power can hold. Fractional: the caller rounds.
double accelerators_within(Power facility_power, double pue, Power it_power_per_accelerator);

// Wafers of one kind to equip a facility power.
Wafers wafers_within(Power facility_power, double pue, Power it_power_per_accelerator,
                     Wafers per_accelerator);

double accelerators_per_gw(const AcceleratorParts& parts, double pue);
Wafers dram_wafers_per_gw(const AcceleratorParts& parts, const BillOfMaterials& bill, double pue);

}  // namespace astrolabe::supply
