// Fits the parameters of astrolabe/network on data/measurements and writes
// data/fitted/network_parameters.csv; with --score it prints how well withheld rows are predicted.
//
//   fit_network [--score] [--write] [DATA_DIR]        default: --write

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "fit/network_scores.h"

namespace astrolabe::fit {
namespace {

std::string parameters_csv(const std::vector<ParameterRow>& rows) {
  std::string text =
      "# Fitted by fit/fit_network.cc on "
      "data/measurements/{collectives,vidur_network,moe_alltoall}."
      "csv.zst; do not edit.\n"
      "# residual: weighted mean |log(measured / model)| of the class; rows: those that depend on "
      "the parameter.\n"
      "model,class,parameter,value,unit,standard_error,lower,upper,rows,residual,note\n";
  for (const ParameterRow& r : rows) {
    text += fmt::format("{},{},{},{:.4g},{},{:.2g},{:g},{:g},{},{:.3f},{}\n", r.model, r.key,
                        r.parameter, r.value, r.unit, r.standard_error, r.lower, r.upper, r.rows,
                        r.residual, r.note);
  }
  return text;
}

void run(const std::string& data_dir, bool score, bool write) {
  const catalog::Catalog catalog = catalog::Catalog::load(data_dir);
  network::NetworkPredictor predictor(catalog, {});
  const NetworkTables tables = read_network_tables(predictor, data_dir);
  for (const std::string& remark : tables.remarks) fmt::print("{}\n", remark);
  std::vector<ParameterRow> rows = fit_network_parameters(predictor, tables);
  const std::vector<ParameterRow> bands = fit_bands(predictor, tables);
  rows.insert(rows.end(), bands.begin(), bands.end());
  if (write) {
    const std::string path = data_dir + "/fitted/network_parameters.csv";
    write_file_atomically(path, parameters_csv(rows));
    fmt::print("{} parameters written to {}\n", rows.size(), path);
  }
  if (!score) return;
  fmt::print("{}", score_table("Points withheld", score_points(predictor, tables)));
  fmt::print("{}", score_table("Shapes withheld", score_shapes(predictor, tables)));
  fmt::print("{}", score_table("Systems withheld", score_systems(predictor, tables)));
  fmt::print("{}", score_table("Generations withheld", score_generations(predictor, tables)));
  fmt::print("{}", score_table("Physics alone", score_physics(predictor, tables)));
}

}  // namespace
}  // namespace astrolabe::fit

int main(int argc, char** argv) {
  bool score = false, write = false;
  std::string data_dir = ASTROLABE_SOURCE_DIR "/data";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--score") {
      score = true;
    } else if (argument == "--write") {
      write = true;
    } else if (argument.rfind("--", 0) == 0) {
      fmt::print(stderr, "fit_network [--score] [--write] [DATA_DIR]\n");
      return 2;
    } else {
      data_dir = argument;
    }
  }
  try {
    astrolabe::fit::run(data_dir, score, write || !score);
  } catch (const astrolabe::InputError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  return 0;
}
