#include "astrolabe/workload/number_format.h"

#include <string>

namespace astrolabe::workload {

const char* number_format_name(NumberFormat format) {
  switch (format) {
    case NumberFormat::kBf16:
      return "bf16";
    case NumberFormat::kFp8:
      return "fp8";
    case NumberFormat::kInt8:
      return "int8";
    case NumberFormat::kFp4:
      return "fp4";
  }
  return "";
}

Bytes bytes_per_element(NumberFormat format) {
  switch (format) {
    case NumberFormat::kBf16:
      return 2.0 * units::byte;
    case NumberFormat::kFp8:
    case NumberFormat::kInt8:
      return 1.0 * units::byte;
    case NumberFormat::kFp4:
      return (0.5 + 1.0 / 16.0) * units::byte;
  }
  return {};
}

Precision parse_precision(std::string_view name, const SourcePosition& where) {
  Precision p;
  if (name == "bf16") return p;
  if (name == "fp8") {
    p.weights = p.compute = p.kv_cache = NumberFormat::kFp8;
    return p;
  }
  if (name == "fp4") {
    p.weights = p.compute = NumberFormat::kFp4;
    p.kv_cache = NumberFormat::kFp8;
    return p;
  }
  if (name == "fp4_weights") {
    p.weights = NumberFormat::kFp4;
    return p;
  }
  throw InputError(where, "precision", std::string(name), "bf16, fp8, fp4 or fp4_weights");
}

}  // namespace astrolabe::workload
