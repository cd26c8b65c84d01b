#include "astrolabe/workload/number_format.h"

#include <array>
#include <string>
#include <vector>

namespace astrolabe::workload {
namespace {

constexpr Bytes kScaleFp32 = 4.0 * units::byte, kByte = 1.0 * units::byte;
constexpr Bytes kFp8InBlocks = kByte + kScaleFp32 / 128.0;
constexpr Bytes kNvfp4 = kByte / 2.0 + kByte / 16.0;
constexpr Bytes kMxfp4 = kByte / 2.0 + kByte / 32.0;
constexpr Bytes kMxfp8 = kByte + kByte / 32.0;
constexpr Bytes kInt4 = kByte / 2.0 + 2.0 * kByte / 128.0;

using F = NumberFormat;
constexpr std::array<GemmFormatTraits, kGemmFormats> kTraits = {{
    {"bf16", F::kBf16, 2.0 * kByte, 2.0 * kByte, false},
    {"fp8", F::kFp8, kByte, kByte, true},
    {"fp8_block", F::kFp8, kByte + kScaleFp32 / (128.0 * 128.0), kFp8InBlocks, true},
    {"nvfp4", F::kFp4, kNvfp4, kNvfp4, true},
    {"mxfp4", F::kFp4, kMxfp4, kMxfp4, true},
    {"int8", F::kInt8, kByte, kByte, true},
    {"w4a8_mxfp4_mxfp8", F::kFp8, kMxfp4, kMxfp8, true},
    {"fp8_wo", F::kBf16, kByte, 2.0 * kByte, false},
    {"nvfp4_wo", F::kBf16, kNvfp4, 2.0 * kByte, false},
    {"int8_wo", F::kBf16, kByte, 2.0 * kByte, false},
    {"int4_wo", F::kBf16, kInt4, 2.0 * kByte, false},
    {"w4a16_mxfp4", F::kBf16, kMxfp4, 2.0 * kByte, false},
}};

std::vector<std::string> gemm_format_names() {
  std::vector<std::string> names;
  for (const GemmFormatTraits& t : kTraits) names.emplace_back(t.name);
  return names;
}

}  // namespace

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
      return 2.0 * kByte;
    case NumberFormat::kFp8:
    case NumberFormat::kInt8:
      return kByte;
    case NumberFormat::kFp4:
      return kNvfp4;
  }
  return {};
}

const GemmFormatTraits& traits(GemmFormat format) {
  return kTraits[static_cast<std::size_t>(format)];
}

GemmFormat widened(GemmFormat format) {
  switch (format) {
    case GemmFormat::kFp8:
    case GemmFormat::kFp8Block:
      return GemmFormat::kFp8Weights;
    case GemmFormat::kNvfp4:
      return GemmFormat::kNvfp4Weights;
    case GemmFormat::kMxfp4:
    case GemmFormat::kMxfp4Mxfp8:
      return GemmFormat::kMxfp4Weights;
    case GemmFormat::kInt8:
      return GemmFormat::kInt8Weights;
    default:
      return format;
  }
}

GemmFormat parse_gemm_format(std::string_view name, const SourcePosition& where) {
  for (int i = 0; i < kGemmFormats; ++i) {
    if (name == kTraits[static_cast<std::size_t>(i)].name) return static_cast<GemmFormat>(i);
  }
  throw InputError(where, "format", std::string(name), join_alternatives(gemm_format_names()));
}

Precision Precision::of(GemmFormat linear) {
  Precision p;
  p.projections = p.ffn = p.experts = linear;
  return p;
}

Precision parse_precision(std::string_view name, const SourcePosition& where) {
  const std::string_view format =
      name == "fp4" ? "nvfp4" : (name == "fp4_weights" ? "nvfp4_wo" : name);
  for (int i = 0; i < kGemmFormats; ++i) {
    const GemmFormatTraits& t = kTraits[static_cast<std::size_t>(i)];
    if (format != t.name) continue;
    Precision p = Precision::of(static_cast<GemmFormat>(i));
    if (t.is_activation_quantised) p.kv_cache = NumberFormat::kFp8;
    return p;
  }
  std::vector<std::string> allowed = gemm_format_names();
  allowed.insert(allowed.end(), {"fp4", "fp4_weights"});
  throw InputError(where, "precision", std::string(name),
                   join_alternatives(allowed, allowed.size()));
}

}  // namespace astrolabe::workload
