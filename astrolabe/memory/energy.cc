#include "astrolabe/memory/energy.h"

#include <array>

#include "astrolabe/base/csv.h"
#include "astrolabe/memory/error_correction.h"

namespace astrolabe::memory {

namespace {

constexpr Energy kPicojoule = Energy::from_base(1e-12);
constexpr Power kMilliwatt = Power::from_base(1e-3);
constexpr double kRefreshesOfAllRows = 8192;

bool set(EnergyFigures* f, const std::string& attribute, const std::string& unit, double v) {
  const auto energy = [&](Energy* e, const char* wanted) {
    *e = v * kPicojoule;
    return unit == wanted;
  };
  const auto power = [&](Power* p) {
    *p = v * kMilliwatt;
    return unit == "mW";
  };
  if (attribute == "activate") return energy(&f->activate, "pJ");
  if (attribute == "refresh_row") return energy(&f->refresh_row, "pJ");
  if (attribute == "core") return energy(&f->core_bit, "pJ/bit");
  if (attribute == "tsv") return energy(&f->tsv_bit, "pJ/bit");
  if (attribute == "phy") return energy(&f->phy_bit, "pJ/bit");
  if (attribute == "background") return power(&f->background);
  if (attribute == "power_down") return power(&f->power_down);
  if (attribute == "self_refresh") return power(&f->self_refresh);
  return false;
}

}  // namespace

EnergyTable load_energy(const std::string& data_dir, const std::string& standard) {
  const CsvTable table = CsvTable::read(data_dir + "/memory/energy.csv");
  EnergyTable e;
  int rows = 0;
  for (const CsvTable::Row& row : table.rows()) {
    if (table.cell(row, "standard") != standard) continue;
    const std::string &attribute = table.cell(row, "attribute"), &unit = table.cell(row, "unit");
    const SourcePosition where = table.position(row);
    const double low = parse_number(table.cell(row, "low"), where, "low"),
                 used = parse_number(table.cell(row, "value"), where, "value"),
                 high = parse_number(table.cell(row, "high"), where, "high");
    if (low < 0 || low > used || used > high) {
      throw InputError(where, attribute, table.cell(row, "value"), "0 <= low <= value <= high");
    }
    if (!set(&e.low, attribute, unit, low) || !set(&e.used, attribute, unit, used) ||
        !set(&e.high, attribute, unit, high)) {
      throw InputError(where, attribute, "in " + unit,
                       "activate, refresh_row in pJ; core, tsv, phy in pJ/bit; background, "
                       "power_down, self_refresh in mW");
    }
    ++rows;
  }
  if (rows != 8) {
    throw InputError({data_dir + "/memory/energy.csv", 0}, standard, std::to_string(rows) + " rows",
                     "8 rows");
  }
  return e;
}

EnergySplit energy_of(const EnergyFigures& f, const Statistics& s, const DramSpec& spec) {
  const auto n = [&s](Command c) { return static_cast<double>(s.commands[index(c)]); };
  const double bits = 8.0 * kAccessBytes, data = bits * static_cast<double>(s.requests());
  const double rows = spec.organization.rows / kRefreshesOfAllRows;
  const double banks = spec.organization.banks_per_pseudo_channel();
  const double refreshes = n(Command::kRefreshBank) + banks * n(Command::kRefreshAll);
  EnergySplit e;
  e.activate = f.activate * n(Command::kActivate);
  e.core = f.core_bit * data;
  e.tsv = f.tsv_bit * data;
  e.phy = f.phy_bit * data;
  e.refresh = f.refresh_row * (rows * refreshes);
  e.scrub = f.core_bit * (2 * bits * scrubs(s, spec));
  const double lanes = spec.organization.pseudo_channels;
  const auto time = [&](Tick ticks) { return spec.tick() * static_cast<double>(ticks) * lanes; };
  const Tick down = s.power_down_ticks + s.self_refresh_ticks;
  e.background = f.background * time(s.channel_ticks - down) +
                 f.power_down * time(s.power_down_ticks) +
                 f.self_refresh * time(s.self_refresh_ticks);
  return e;
}

}  // namespace astrolabe::memory
