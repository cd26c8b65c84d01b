#pragma once

// What `astrolabe validate hbm --simulators` answers: our bandwidth beside the published one of
// another simulator on the same preset, traffic and refresh. Why they differ is a column of the
// data, as text.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace astrolabe::study {

struct SimulatorComparison {
  std::string name, simulator, source, why;
  double peak = 0, ours = 0;     // GB/s
  std::optional<double> theirs;  // none where only a difference is published
};

// `settings`: CSV as validation/hbm/simulators.csv, each row run to its end.
std::vector<SimulatorComparison> validate_simulators(const std::string& settings,
                                                     const std::string& data_dir);

std::string to_markdown(const std::vector<SimulatorComparison>& rows);
nlohmann::ordered_json to_json(const std::vector<SimulatorComparison>& rows);

}  // namespace astrolabe::study
