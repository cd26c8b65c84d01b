#include "astrolabe/parallel/kernel_library.h"

#include <algorithm>

#include "astrolabe/device/table_cache.h"
#include "astrolabe/parallel/derated_clock.h"

namespace astrolabe::parallel {
namespace {

// Of iterations, where kernels are a sister's: mean errors of 8 to 12 % against 7 % with own
// tables.
constexpr double kSisterBand = 0.1;
// The mean error of a roofline with constants on a chip not measured is 27 to 40 %; for a normal
// error the 90th percentile is 1.6 times that.
constexpr double kDeratedBand = 0.53;

// A scenario gives the chip other figures than those it was measured with.
bool is_changed(const catalog::Catalog& catalog, std::string_view accelerator) {
  const auto facts = catalog.facts_of(accelerator);
  return std::any_of(facts.begin(), facts.end(), [](const catalog::Fact* fact) {
    const std::string& a = fact->attribute;
    return fact->is_used && fact->source == "scenario" &&
           (a == "hbm_bandwidth" || a == "tdp" || a.starts_with("dense_") ||
            a.starts_with("scale_"));
  });
}

}  // namespace

const char* kernel_source_name(KernelSource source) {
  switch (source) {
    case KernelSource::kTables:
      return "measured kernels";
    case KernelSource::kSister:
      return "kernels measured on a chip of the same architecture";
    case KernelSource::kCoupled:
      return "derated kernels on a simulated memory";
    case KernelSource::kDerated:
      break;
  }
  return "derated roofline";
}

double kernel_source_band(KernelSource source) {
  return source == KernelSource::kTables   ? 0
         : source == KernelSource::kSister ? kSisterBand
                                           : kDeratedBand;
}

KernelLibrary::KernelLibrary(const catalog::Catalog& catalog, const std::string& data_dir)
    : catalog_(catalog),
      all_chips_(device::read_tiled_chips(catalog)),
      chips_(device::chips_of(all_chips_)),
      tables_(device::MeasuredTables::load(data_dir + "/measurements",
                                           data_dir + "/fitted/interpolation.csv", chips_,
                                           device::default_cache_path(data_dir + "/measurements"))),
      tiled_(device::read_tiled_tables(data_dir + "/fitted/tiled_parameters.csv"), all_chips_, {}),
      times_(tables_, chips_, {}, &tiled_),
      network_(network::NetworkPredictor::load(catalog, data_dir)),
      sources_{tables_, times_, chips_, network_, ""},
      engines_(EngineTable::read(data_dir + "/fitted/engines.csv")) {}

const device::Chip* KernelLibrary::find_system(std::string_view accelerator) const {
  if (is_changed(catalog_, accelerator)) return nullptr;
  for (const device::Chip& chip : chips_) {
    if (accelerator == chip.name || accelerator.starts_with(chip.name + "_")) return &chip;
  }
  return nullptr;
}

ServingChip KernelLibrary::chip(std::string_view accelerator, Framework framework,
                                std::string_view version) const {
  ServingChip chip;
  chip.accelerator = device::read_accelerator(catalog_, accelerator);
  chip.derating = device::read_derating(catalog_, accelerator);
  chip.engine = engines_.engine(framework, version);
  const device::Chip* system = find_system(accelerator);
  if (system != nullptr) {
    const bool has_tables =
        std::any_of(tables_.tables().begin(), tables_.tables().end(),
                    [&](const auto& table) { return table.key.system == system->name; });
    chip.source = has_tables ? KernelSource::kTables : KernelSource::kSister;
  }
  Clocks& clocks = clocks_[std::string(accelerator) + "|" + framework_name(framework)];
  if (!clocks.kept) {
    if (system != nullptr) {
      clocks.source = std::make_unique<MeasuredClock>(sources_, system->name, framework);
    } else {
      clocks.source = std::make_unique<DeratedClock>(chip.accelerator, chip.derating);
    }
    clocks.kept = std::make_unique<KeptClock>(*clocks.source);
  }
  chip.clock = clocks.kept.get();
  return chip;
}

}  // namespace astrolabe::parallel
