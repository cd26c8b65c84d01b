#pragma once

// Measurements that the tiled fidelity is fitted on, by formats and table, and its fit.

#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/measurement_file.h"
#include "astrolabe/device/tiled_model.h"

namespace astrolabe::fit {

struct Sample {
  int chip = 0;
  device::TiledShape shape;
  double log_seconds = 0;
  double stands_for = 1;  // rows of its table, per scored row
};

// Rows of one pool, formula and table.
struct Group {
  device::TiledTable table;
  device::TiledFormula formula = device::TiledFormula::kGemm;
  std::vector<Sample> fit, score;
  std::string family() const { return table.pool.substr(0, table.pool.find(' ')); }
};

struct Calibration {
  std::vector<device::TiledChip> chips;
  std::vector<Group> groups;

  const std::string& architecture(const Sample& s) const {
    return chips[static_cast<std::size_t>(s.chip)].architecture;
  }
};

// By which samples are chosen: of the chip, table and shape of a measurement.
std::uint64_t hash_of(const device::Measurement& measurement);

// Of the tables in `folder`: of each chip and table a sample by hash, some rows to fit, others to
// score. `data`: the catalogue.
Calibration read_calibration(const std::string& folder, const std::string& data);

// All sets, without the rows of one architecture ("" = with all).
device::TiledTables fit_all(const Calibration& calibration, std::string_view without);

}  // namespace astrolabe::fit
