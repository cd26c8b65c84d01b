#pragma once

// The measured tables of the network as the fit and its scores read them, and the fits themselves.

#include <functional>
#include <string>
#include <vector>

#include "astrolabe/network/predictor.h"
#include "fit/bounded_fit.h"

namespace astrolabe::fit {

struct NetworkTables {
  std::vector<network::CollectiveRow> collectives;  // with the rows of vidur_network
  std::vector<network::ExchangeRow> exchanges;
  std::vector<std::string> remarks;  // what was left out, with counts
};

NetworkTables read_network_tables(const network::NetworkPredictor& facts,
                                  const std::string& data_dir);

// One line of data/fitted/network_parameters.csv.
struct ParameterRow {
  std::string model, key, parameter, unit;
  double value = 0, standard_error = 0, lower = 0, upper = 0, residual = 0;
  std::size_t rows = 0;
  std::string note;
};

// Fits every link class and exchange of the tables; sets the parameters of `predictor` too.
std::vector<ParameterRow> fit_network_parameters(network::NetworkPredictor& predictor,
                                                 const NetworkTables& tables);

// Bytes or tokens.
inline double size_of(const network::CollectiveRow& r) { return r.buffer.base(); }
inline double size_of(const network::ExchangeRow& r) { return r.tokens; }

}  // namespace astrolabe::fit
