#pragma once

// What `astrolabe validate hbm` answers: bandwidth that kernels measured on accelerators beside the
// simulated one of the same streams, launch of the kernel included. Nothing is fitted to them.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace astrolabe::study {

struct HbmComparison {
  std::string accelerator, kernel;
  double peak = 0, measured = 0;      // TB/s
  double per_bank = 0, all_bank = 0;  // ours, by refresh
  double error_percent(double ours) const { return 100 * (ours / measured - 1); }
};

// `measurements`: CSV as validation/hbm/measured.csv. InputError for what it holds of bad rows.
std::vector<HbmComparison> validate_hbm(const std::string& measurements,
                                        const std::string& data_dir);

std::string to_markdown(const std::vector<HbmComparison>& rows);
nlohmann::ordered_json to_json(const std::vector<HbmComparison>& rows);

}  // namespace astrolabe::study
