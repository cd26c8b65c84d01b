#pragma once

// What a wafer line can start in each quarter, and how new capacity comes online.
//
//   dated facts (q_i, c_i):  c(q) linear between q_i and q_(i+1), c_1 before the first and c_n
//   after
//                            the last (kLinear); or c_i from q_i until q_(i+1) (kStep)
//   wafers of a quarter      c(q) * one quarter
//   module ramp              r(k) = min(1, (k+1) / n) in quarter k after first output, n quarters
//   ramp lead times               whole quarters, rounded up: a month late is a quarter late
//
// Linear is the default: tools are installed over months, and published points are ends of quarters
// or years on a path. Where a source states a jump, the data hold the quarter before it as well, so
// both readings agree. "Held after the last fact" means no growth without a decision: growth after
// the last announcement is what expansion modules are for.
// A wafer started in quarter t gives stacks in t + whole_quarters(cycle time): two for the six
// months of HBM. Starts are held even over a quarter.
// Assumptions that can fail: lines swing between products without loss; a module's ramp is linear,
// where real ones are S-shaped; outages and holidays are inside the facts.

#include <span>
#include <utility>

#include "astrolabe/catalog/fact_reader.h"

namespace astrolabe::supply {

enum class Interpolation { kLinear, kStep };

// Base-unit values for quarters start .. start + quarters - 1. `points` in order of time, not
// empty.
std::vector<double> interpolate_path(std::span<const std::pair<Quarter, double>> points,
                                     Quarter start, int quarters,
                                     Interpolation interpolation = Interpolation::kLinear);

// Fraction of a module's output in quarters 0 .. quarters-1 after its first output.
std::vector<double> ramp_profile(int ramp_quarters, int quarters);

// Smallest whole number of quarters not shorter than `d`; 15 months are five.
int whole_quarters(Duration d);

// Expansion by whole modules (a cleanroom phase, a packaging expansion).
struct ModuleFacts {
  WaferRate capacity;  // at full output
  Money capex;
  int lead_quarters = 0;  // decision to first output
  int ramp_quarters = 0;  // first to full output
  int limit = 0;          // 0: the line cannot be expanded
  std::optional<Quarter> earliest_decision;

  // Wafers that a module decided in quarter 0 can start in quarter t.
  Wafers output(int t) const;
};

struct LineCapacity {
  std::string entity, maker, country;
  std::vector<Wafers> wafers;      // starts by quarter
  std::vector<Wafers> hbm_wafers;  // of these HBM-capable; DRAM lines only
  ModuleFacts module;
  std::string no_module_reason;  // why there is none, where limit is 0
  int cycle_quarters = 0;        // process nodes and packaging
  Quantity<Dim{.byte = 1, .wafer = -1}> commodity_bytes_per_wafer;  // DRAM lines
  Energy electricity_per_wafer;                                     // DRAM lines
};

// Kinds dram_lines, process_nodes and packaging; other kinds are a bug of the caller. A line
// without module facts is complete with limit 0 and a reason; a line without capacity is not.
catalog::Reading<LineCapacity> read_line(const catalog::Catalog& catalog, const std::string& entity,
                                         Quarter start, int quarters);

}  // namespace astrolabe::supply
