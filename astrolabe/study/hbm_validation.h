#pragma once

// What `astrolabe validate hbm` answers: bandwidth that kernels measured on accelerators beside the
// simulated one of the same streams: as the thread blocks of the kernel ask (memory/requesters.h),
// and what the DRAM gives to whoever asks enough; launch of the kernel included.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace astrolabe::study {

struct HbmComparison {
  std::string accelerator, kernel, requesters;
  double peak = 0, measured = 0;  // TB/s
  double stream = 0, ours = 0;    // of the DRAM, as asked; ours = stream without requesters
  double error_percent(double simulated) const { return 100 * (simulated / measured - 1); }
};

// `measurements`: CSV as validation/hbm/measured.csv. InputError for what it holds of bad rows.
std::vector<HbmComparison> validate_hbm(const std::string& measurements,
                                        const std::string& data_dir);

std::string to_markdown(const std::vector<HbmComparison>& rows);
nlohmann::ordered_json to_json(const std::vector<HbmComparison>& rows);

}  // namespace astrolabe::study
