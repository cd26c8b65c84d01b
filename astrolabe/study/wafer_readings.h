#pragma once

// What the letter of intent over 900,000 DRAM wafers means, in its three readings: per month, per
// year and in all. Arithmetic on the bill of materials, no plan.
//
//   accelerators  n = W / w            W wafers of the period, w DRAM wafers of one (HBM and host)
//   IT power      n p,  facility power n p PUE
//   tokens a day  n a / sum_c (s_c k_c / r_c)
//                                      a availability; class c: s share of tokens, k peak to
//                                      average, r tokens of one accelerator at full load
//   modules       ceil(R / m)          R wafers per time, m wafer rate of one expansion module
//   mean power    R e                  e electricity per wafer; connection: that of the line's
//                                      complex, per fab, times fabs
//   decision by   full output - lead - (ramp - 1) quarters
//
// The period is a year for the first two readings and everything for the third; the rate of the
// third spreads it evenly over the quarters the scenario names.
// Assumptions and where they fail: all wafers become accelerators of one type and its host memory,
// as if HBM, logic and packaging followed; the mix of work is that of the scenario's last quarter;
// new fabs are built at once, all of one kind, beside the wafers that are started today.
// Source: identities; the readings are openai.wafer_letter_of_intent, _yearly and _total.

#include <string>
#include <vector>

#include "astrolabe/study/problem_builder.h"
#include "astrolabe/supply/capacity.h"

namespace astrolabe::study {

struct WaferReading {
  std::string name, fact;
  Wafers wafers;   // of a year, or in all
  WaferRate rate;  // over a year, or over the period that the letter names
};
std::vector<WaferReading> wafer_readings(const catalog::Catalog& catalog,
                                         const LetterInput& letter);

// What a number of wafers feeds, were they all for one type of accelerator.
struct FedByWafers {
  Wafers wafers_per_accelerator;
  double accelerators = 0;
  Power it_power, facility_power;
  Money price;            // of the accelerators
  Tokens tokens_per_day;  // zero when a class of work cannot be served
  std::string unserved;   // the first such class
};
FedByWafers fed_by_wafers(Wafers wafers, const planning::Problem& problem,
                          planning::AcceleratorId accelerator, double pue);

// New capacity for a rate of wafers, in whole modules of one kind.
struct FabNeed {
  int modules = 0;
  double fabs = 0;
  Money capex;
  Power average, connection;
  Quarter decision;           // latest for full output in the quarter asked
  Quarter earliest_decision;  // that the modules allow
  Quarter earliest_full;      // full output after it
};
FabNeed fab_need(WaferRate rate, const supply::ModuleFacts& module, Energy electricity_per_wafer,
                 Power connection, const LetterInput& letter);

// Table "readings": a row for each reading and accelerator. Table "reading_fabs": for each reading.
// Both need scenario.letter.
Table readings_table(const Scenario& scenario, const catalog::Catalog& catalog,
                     const planning::Problem& problem);
Table reading_fabs_table(const Scenario& scenario, const catalog::Catalog& catalog,
                         const planning::Problem& problem);

}  // namespace astrolabe::study
