#pragma once

// How well rows that were withheld are predicted: points (6 % of all rows by hash), shapes (6 % of
// the shapes by hash, the same on every system) and whole systems (each in turn, with parameters
// fitted without it).

#include <string>
#include <vector>

#include "fit/network_tables.h"

namespace astrolabe::fit {

struct Scored {
  std::string table, library, operation, system, band;
  network::Evidence evidence = network::Evidence::kPhysics;
  double log_ratio = 0;  // log(measured / estimate)
  bool in_band = false;
};

std::vector<Scored> score_points(const network::NetworkPredictor& fitted,
                                 const NetworkTables& tables);
std::vector<Scored> score_shapes(const network::NetworkPredictor& fitted,
                                 const NetworkTables& tables);
// Every system of a class of links in turn (a generation that nobody measured).
std::vector<Scored> score_generations(const network::NetworkPredictor& fitted,
                                      const NetworkTables& tables);
std::vector<Scored> score_systems(const network::NetworkPredictor& fitted,
                                  const NetworkTables& tables);
// Physics alone, on every row.
std::vector<Scored> score_physics(const network::NetworkPredictor& fitted,
                                  const NetworkTables& tables);

// Mean and median APE, bias, shares within 10 and 20 %, band coverage, by table, library,
// operation and system, with subtotals by table, library and operation.
std::string score_table(const std::string& title, const std::vector<Scored>& scored);

// Bands from withheld points, shapes and systems, set in `predictor` and returned as rows.
std::vector<ParameterRow> fit_bands(network::NetworkPredictor& predictor,
                                    const NetworkTables& tables);

}  // namespace astrolabe::fit
