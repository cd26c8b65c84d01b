#pragma once

// A problem small enough to solve by hand: one site, one chip, one class, no scarcity of supply.
// Numbers are round on purpose; tests change one at a time.

#include "astrolabe/planning/problem.h"

namespace astrolabe::planning::testing {

inline constexpr double kTokensEach =
    1e6;  // tokens a second per accelerator, so one serves 86.4e9 a day

inline Problem small_problem(int quarters = 4) {
  using namespace units;
  Problem p;
  p.name = "small";
  p.start = Quarter(2026, 1);
  p.quarters = quarters;
  const auto n = static_cast<std::size_t>(quarters);

  SupplyLine dram{"dram",
                  "maker",
                  "KR",
                  LineKind::kDram,
                  std::vector<Wafers>(n, 1e6 * wafer),
                  std::vector<Wafers>(n, 1e6 * wafer),
                  {},
                  1,
                  3e3 * kWh,
                  {}};
  SupplyLine logic{
      "logic", "foundry", "TW", LineKind::kLogic, std::vector<Wafers>(n, 1e6 * wafer), {}, {},
      1,       {},        {}};
  SupplyLine packaging{
      "packaging", "osat", "TW", LineKind::kPackaging, std::vector<Wafers>(n, 1e6 * wafer), {}, {},
      1,           {},     {}};
  p.lines = {dram, logic, packaging};
  p.hbm = {{"hbm", 500 * usd, {{LineId(0), std::vector<double>(n, 20.0), 1}}}};

  AcceleratorType chip;
  chip.name = "chip";
  chip.vendor = "vendor";
  chip.first_delivery = 0;
  chip.last_delivery = quarters - 1;
  chip.life_quarters = 20;
  chip.hbm = HbmId(0);
  chip.stacks = 8;
  chip.logic = LineId(1);
  chip.packaging = LineId(2);
  chip.logic_wafers.assign(n, 0.05);
  chip.packaging_wafers = 0.1;
  chip.host_dram_wafers = 0.2;
  chip.it_power = 2 * kW;
  chip.price = 50e3 * usd;
  p.accelerators = {chip};

  Site site;
  site.name = "site";
  site.country = "US";
  site.grid = "grid";
  site.pue = 1.25;
  site.block = 100 * MW;
  site.build_quarters = 0;
  site.energised.assign(n, 0 * MW);
  site.contracted.assign(n, 1000 * MW);
  site.expandable = 1000 * MW;
  site.grid_quarters = 0;
  site.shell_capex = 10 * million_usd / MW;
  site.grid_capex = 1 * million_usd / MW;
  site.electricity_price.assign(n, 100 * usd / MWh);
  site.fixed_load.assign(n, 0 * MW);
  site.renewable_share.assign(n, 0.0);
  p.sites = {site};

  DemandClass work;
  work.name = "chat";
  work.demand.assign(n, 1000 * kTokensEach * 86400 * token);  // 1,000 accelerators' worth
  work.value_unserved = 100 * usd / million_tokens;
  p.classes = {work};
  p.needs = {
      {ClassId(0), AcceleratorId(0), {{"throughput", kTokensEach * token / second, 2 * kW}}, ""}};

  p.discount_rate = 0;
  p.accelerator_residual_rate = 1;  // nothing left after any age
  p.building_life_years = 1e-9;     // nothing left of buildings
  p.fab_life_years = 1e-9;
  return p;
}

}  // namespace astrolabe::planning::testing
