#pragma once

// From a DRAM wafer to good HBM stacks, and what the same wafer would have been as DDR5.
//
//   good core dies per wafer   G = N(die) Y(die area, defects)             N: die_geometry, Y:
//   yield stacks per core wafer      s = (G t / n) l^n core wafers per stack      1 / s base wafers
//   per stack      1 / (N(base) Y(base area, defects) t l^n) net bytes per DRAM wafer   stack
//   capacity / DRAM wafers per stack trade ratio                DDR5 bytes per wafer / net HBM
//   bytes per DRAM wafer
// n core dies, l yield of one bonding step, t known-good-die and final test.
//
// n steps, not n - 1: the lowest core die is bonded to the base die. One failed step loses the
// whole stack. The base die counts as DRAM wafers only where its process is "DRAM process" (to
// HBM3E); from HBM4 on foundries make it and it takes none. Assumptions and where they fail: the
// base die has the defect density of the core die (it is simpler: its wafers, 6-13 % of the core
// wafers, are an upper bound); failures of layers are independent (a bad bonder is not); t covers
// test, burn-in and speed binning, is published for whole chains only and is the weakest figure
// here. Published trade ratios do not say whether base wafers are counted; both forms are returned.
// Source: chain of yields as in Stapper et al. 1983; figures and their sources in data/hbm.csv.

#include "astrolabe/catalog/fact_reader.h"
#include "astrolabe/supply/die_geometry.h"
#include "astrolabe/supply/yield.h"

namespace astrolabe::supply {

using PerWafer = Quantity<Dim{.wafer = -1}>;  // a count per wafer
using BytesPerWafer = Quantity<Dim{.byte = 1, .wafer = -1}>;

struct HbmProduct {
  std::string entity;
  int dies_per_stack = 0;
  Bytes die_capacity;
  DieShape core_die;       // square where width and height are not published
  DieShape base_die;       // square
  ProcessDefects defects;  // learning counts from the first volume quarter of the product
  double layer_yield = 1;  // one bonding step
  double test_yield = 1;
  bool is_base_die_dram = false;
  Duration cycle_time;
  Money stack_price;
  // Published figures: checks, never inputs.
  std::optional<double> published_end_to_end_yield, published_trade_ratio;
  std::optional<BytesPerWafer> published_net_capacity;
};

catalog::Reading<HbmProduct> read_hbm_product(const catalog::Catalog& catalog,
                                              const std::string& entity);

// Every step of the chain, so that a report can show it.
struct HbmStackYield {
  int gross_core_dies = 0, gross_base_dies = 0;
  double core_die_yield = 1, base_die_yield = 1;
  double good_core_dies = 0;  // per wafer, before test
  double bonding_yield = 1;   // of a whole stack
  double test_yield = 1;
  double end_to_end_yield = 1;  // core die yield * bonding * test
  double stacks_per_wafer = 0;  // good stacks from one core wafer
  Bytes stack_capacity;
  Wafers core_wafers_per_stack, base_wafers_per_stack, dram_wafers_per_stack;
  BytesPerWafer net_capacity_per_core_wafer, net_capacity_per_dram_wafer;
};

// defect_density_start in the quarter of `start_attribute`, falling with yield_learning_time; empty
// where one of the three facts is not given.
std::optional<ProcessDefects::Learning> read_learning(std::string_view start_attribute,
                                                      catalog::FactReader* facts);

// At the mature density.
HbmStackYield compute_hbm_stack(const HbmProduct& product, const DefectModel& model,
                                const WaferGeometry& wafer);

// The same chain at another defect density: for wafers that are finished in another quarter.
HbmStackYield with_defects(HbmStackYield chain, const HbmProduct& product, const DefectModel& model,
                           DefectDensity defects);

// Wafers that HBM takes for the bits of one wafer of commodity DRAM.
double trade_ratio(BytesPerWafer commodity, BytesPerWafer net_hbm);

}  // namespace astrolabe::supply
