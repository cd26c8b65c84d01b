#include "astrolabe/device/tiled_chip.h"

#include "astrolabe/base/error.h"
#include "astrolabe/device/tiled_shapes.h"

namespace astrolabe::device {

using workload::NumberFormat;

namespace {

// The figure of the chip, else of the accelerator that it is.
template <Dim D>
std::optional<Quantity<D>> find_figure(const catalog::Catalog& catalog, std::string_view entity,
                                       std::string_view attribute,
                                       std::string_view of_accelerator) {
  if (auto own = catalog.find<D>(entity, attribute)) return own;
  const auto accelerator = catalog.find_text(entity, "accelerator");
  if (accelerator) return catalog.find<D>(*accelerator, of_accelerator);
  return std::nullopt;
}

template <Dim D>
Quantity<D> get_figure(const catalog::Catalog& catalog, std::string_view entity,
                       std::string_view attribute, std::string_view of_accelerator) {
  const auto value = find_figure<D>(catalog, entity, attribute, of_accelerator);
  if (!value) {
    throw InputError({"data/chips.csv", 0}, std::string(entity) + "." + std::string(attribute),
                     "nothing", "a figure of the chip or of its accelerator");
  }
  return *value;
}

double get_count(const catalog::Catalog& catalog, std::string_view entity,
                 std::string_view attribute) {
  if (auto own = catalog.find_number(entity, attribute)) return *own;
  return catalog.get_number(catalog.get_text(entity, "accelerator"), attribute);
}

}  // namespace

TiledChip read_tiled_chip(const catalog::Catalog& catalog, std::string_view entity) {
  if (catalog.kind_of(entity) != "chips") {
    throw InputError({"data/chips.csv", 0}, "chip", std::string(entity), "an entity of chips");
  }
  TiledChip chip;
  chip.name = catalog.get_text(entity, "system");
  chip.accelerator = catalog.find_text(entity, "accelerator").value_or("");
  chip.architecture = catalog.get_text(entity, "architecture");
  chip.year = catalog.get_number(entity, "year");
  chip.tensor_cores = catalog.get_text(entity, "tensor_cores");
  chip.host_time = catalog.get_number(entity, "host_time");
  chip.sm_count = get_count(catalog, entity, "sm_count");
  chip.exponentials_per_cycle = catalog.get_number(entity, "exponentials_per_cycle");
  chip.product_share = catalog.find_number(entity, "product_share").value_or(1);
  chip.clock = get_figure<Frequency::kDim>(catalog, entity, "clock", "clock");
  chip.l2_cache = get_figure<Bytes::kDim>(catalog, entity, "l2_cache", "sram");
  chip.l2_partitions = catalog.get_number(entity, "l2_partitions");
  chip.hbm_bandwidth =
      get_figure<Bandwidth::kDim>(catalog, entity, "hbm_bandwidth", "hbm_bandwidth");
  chip.power_limit = get_figure<Power::kDim>(catalog, entity, "tdp", "tdp");
  constexpr Dim kRate = FlopRate::kDim;
  const auto set = [&](NumberFormat format, const char* attribute) {
    chip.rates[static_cast<std::size_t>(format)] =
        find_figure<kRate>(catalog, entity, attribute, attribute);
  };
  get_figure<kRate>(catalog, entity, "dense_bf16", "dense_bf16");
  set(NumberFormat::kBf16, "dense_bf16");
  set(NumberFormat::kFp8, "dense_fp8");
  set(NumberFormat::kInt8, "dense_int8");
  set(NumberFormat::kFp4, "dense_fp4");
  return chip;
}

std::string chip_entity(const catalog::Catalog& catalog, const std::string& system) {
  for (const std::string& chip : catalog.entities("chips")) {
    if (catalog.get_text(chip, "system") == system) return chip;
  }
  return "";
}

std::vector<TiledChip> read_tiled_chips(const catalog::Catalog& catalog) {
  std::vector<TiledChip> chips;
  for (const std::string& entity : catalog.entities("chips")) {
    chips.push_back(read_tiled_chip(catalog, entity));
  }
  return chips;
}

const TiledChip* find_tiled_chip(const std::vector<TiledChip>& chips, std::string_view name) {
  if (name.empty()) return nullptr;  // as the accelerator of a chip alone
  for (const std::string TiledChip::*member : {&TiledChip::name, &TiledChip::accelerator}) {
    for (const TiledChip& chip : chips) {
      if (chip.*member == name) return &chip;
    }
  }
  return nullptr;
}

std::vector<std::string> system_names(const std::vector<TiledChip>& chips,
                                      const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const std::string& system : wanted) {
    const TiledChip* chip = find_tiled_chip(chips, system);
    if (chip == nullptr) {
      std::vector<std::string> known;
      for (const TiledChip& c : chips) known.push_back(c.name);
      throw InputError({"command line", 0}, "--accelerator-without-tables", system,
                       join_alternatives(known));
    }
    names.push_back(chip->name);
  }
  return names;
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
      {"fp8_block", {NumberFormat::kFp8, 1, 1, true, true}},
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
