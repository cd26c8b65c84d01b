#include "astrolabe/device/tiled_chip.h"

#include "astrolabe/base/error.h"
#include "astrolabe/device/tiled_shapes.h"

namespace astrolabe::device {

using workload::NumberFormat;

namespace {

// The figure of the chip, else of the accelerator it is.
template <Dim D>
std::optional<Quantity<D>> figure(const catalog::Catalog& catalog, std::string_view entity,
                                  const std::optional<std::string>& accelerator,
                                  std::string_view attribute) {
  if (auto own = catalog.find<D>(entity, attribute)) return own;
  if (accelerator) return catalog.find<D>(*accelerator, attribute);
  return std::nullopt;
}

}  // namespace

TiledChip read_tiled_chip(const catalog::Catalog& catalog, std::string_view entity) {
  if (catalog.kind_of(entity) != "chips") {
    throw InputError({"data/chips.csv", 0}, "chip", std::string(entity), "an entity of chips");
  }
  const auto accelerator = catalog.find_text(entity, "accelerator");
  const auto need = [&]<Dim D>(std::string_view attribute) {
    const auto value = figure<D>(catalog, entity, accelerator, attribute);
    if (!value) {
      throw InputError({"data/chips.csv", 0}, std::string(entity) + "." + std::string(attribute),
                       "nothing", "a figure of the chip or of its accelerator");
    }
    return *value;
  };
  TiledChip chip;
  chip.name = entity;
  chip.architecture = catalog.get_text(entity, "architecture");
  chip.sm_count = catalog.get_number(entity, "sm_count");
  chip.clock = catalog.get<Frequency::kDim>(entity, "clock");
  chip.l2_cache = catalog.get<Bytes::kDim>(entity, "l2_cache");
  chip.exponentials_per_cycle = catalog.get_number(entity, "exponentials_per_cycle");
  chip.hbm_bandwidth = need.operator()<Bandwidth::kDim>("hbm_bandwidth");
  chip.power_limit = need.operator()<Power::kDim>("tdp");
  constexpr Dim kRate = FlopRate::kDim;
  const auto set = [&](NumberFormat format, std::optional<FlopRate> rate) {
    chip.rates[static_cast<std::size_t>(format)] = rate;
  };
  set(NumberFormat::kBf16, need.operator()<kRate>("dense_bf16"));
  set(NumberFormat::kFp8, figure<kRate>(catalog, entity, accelerator, "dense_fp8"));
  set(NumberFormat::kInt8, figure<kRate>(catalog, entity, accelerator, "dense_int8"));
  set(NumberFormat::kFp4, figure<kRate>(catalog, entity, accelerator, "dense_fp4"));
  return chip;
}

std::optional<KernelFormat> find_kernel_format(std::string_view name) {
  constexpr double kNvfp4 = 0.5 + 1.0 / 16, kMxfp4 = 0.5 + 1.0 / 32;
  constexpr double kInt4 = 0.5 + 2.0 / 128;  // one bf16 scale for a group of 128
  struct Named {
    std::string_view name;
    KernelFormat format;
  };
  static constexpr Named kFormats[] = {
      {"bfloat16", {NumberFormat::kBf16, 2, 2, false}},
      {"fp8", {NumberFormat::kFp8, 1, 1, true}},
      {"fp8_block", {NumberFormat::kFp8, 1, 1, true}},
      {"nvfp4", {NumberFormat::kFp4, kNvfp4, kNvfp4, true}},
      {"int8_wo", {NumberFormat::kBf16, 1, 2, false}},
      {"int4_wo", {NumberFormat::kBf16, kInt4, 2, false}},
      {"sq", {NumberFormat::kInt8, 1, 1, true}},
      {"w4a16_mxfp4", {NumberFormat::kBf16, kMxfp4, 2, false}},
      {"w4a8_mxfp4_mxfp8", {NumberFormat::kFp8, kMxfp4, 1 + 1.0 / 32, true}},
  };
  for (const Named& known : kFormats) {
    if (known.name == name) return known.format;
  }
  return std::nullopt;
}

}  // namespace astrolabe::device
