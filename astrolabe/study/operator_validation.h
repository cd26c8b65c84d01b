#pragma once

// `astrolabe validate operators`: how well operator times are predicted for a file of measurements.

#include <string>
#include <vector>

#include "astrolabe/device/measured_tables.h"
#include "astrolabe/study/accuracy.h"

namespace astrolabe::study {

struct OperatorValidationRequest {
  std::string measurements;                 // file, in the columns of one family
  std::string data;                         // directory of the catalogue
  std::vector<std::string> without_tables;  // systems predicted from their catalogue entry
  std::string rows;  // file for each measurement beside its prediction; empty: none
};

// Groups: system, framework, precision, kernel, source of the estimate, and system with framework
// and precision. InputError for a bad file and for a system that is not known.
AccuracyReport validate_operators(const OperatorValidationRequest& request);

}  // namespace astrolabe::study
