#pragma once

// A question to the tables of measured operators, and the answer.

#include <string>
#include <string_view>

#include "astrolabe/device/operator_family.h"

namespace astrolabe::device {

enum class EstimateSource : unsigned char { kTable, kNear, kTiled, kFar, kReference };
const char* estimate_source_name(EstimateSource source);

struct TimeEstimate {
  double us = 0, low_us = 0, high_us = 0;  // low and high: 10th and 90th percentile
  EstimateSource source = EstimateSource::kReference;
};

// Names of the table that is wanted; an empty kernel or version: whichever is nearest.
struct TableRequest {
  Family family = Family::kGemm;
  std::string_view system, framework, version, kernel;
  Categories categories;
  // Of experts: the rank has the tokens that were sent to it, not those of all ranks.
  bool is_dispatched = false;
};

std::string joined(const TableRequest& request);  // as a key

}  // namespace astrolabe::device
