#include "astrolabe/device/table_request.h"

namespace astrolabe::device {

std::string joined(const TableRequest& r) {
  std::string text;
  text += static_cast<char>('A' + static_cast<int>(r.family));
  if (r.is_dispatched) text += '>';
  for (std::string_view part : {r.system, r.framework, r.version, r.kernel}) {
    text += part;
    text += '|';
  }
  for (std::string_view c : r.categories) {
    text += c;
    text += '|';
  }
  return text;
}

const char* estimate_source_name(EstimateSource source) {
  switch (source) {
    case EstimateSource::kTable:
      return "table";
    case EstimateSource::kNear:
      return "near table";
    case EstimateSource::kFar:
      return "other architecture";
    case EstimateSource::kTiled:
      return "tiled";
    case EstimateSource::kReference:
      return "reference";
  }
  return "";
}

}  // namespace astrolabe::device
