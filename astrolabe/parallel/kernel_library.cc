#include "astrolabe/parallel/kernel_library.h"

#include <algorithm>
#include <optional>

#include "astrolabe/device/table_cache.h"
#include "astrolabe/parallel/coupled_clock.h"
#include "astrolabe/parallel/framework_choice.h"

namespace astrolabe::parallel {
namespace {

// Of iterations, beside the engine's band. Sister: mean errors of 8 to 12 % against 7 % with own
// tables when it was chosen, 7 to 9 % now. Tiled: with all tables of Hopper or of Blackwell
// withheld, 88 to 95 % of TPOTs lie within 20 %, of pools 54 to 88 % (docs/theory/parallel.md).
// Foreign: other software, of which large products are published to reach 51 to 62 % of the peak
// where NVIDIA's reach 70 to 80.
constexpr double kSisterBand = 0.1, kTiledBand = 0.25, kForeignBand = 0.45;
// The mean error of a roofline with constants on a chip not measured is 27 to 40 %; for a normal
// error the 90th percentile is 1.6 times that.
constexpr double kDeratedBand = 0.53;

// Vendor of a system of the tables; nothing when the catalogue lacks it.
std::optional<std::string> vendor_of_system(const catalog::Catalog& catalog,
                                            const std::string& system) {
  const std::string chip = device::chip_entity(catalog, system);
  return chip.empty() ? std::nullopt : find_vendor(catalog, chip);
}

// Whether a scenario gives an accelerator another figure of those that `matters` names.
template <class Matters>
bool is_changed(const catalog::Catalog& catalog, std::string_view accelerator, Matters matters) {
  const auto facts = catalog.facts_of(accelerator);
  return std::any_of(facts.begin(), facts.end(), [&](const catalog::Fact* fact) {
    return fact->is_used && fact->source == "scenario" && matters(fact->attribute);
  });
}

// Other figures than the chip was measured with.
bool is_changed_chip(const catalog::Catalog& catalog, std::string_view accelerator) {
  return is_changed(catalog, accelerator, [](const std::string& a) {
    return a == "hbm_bandwidth" || a == "tdp" || a.starts_with("dense_");
  });
}

// Other links than its collectives were measured on.
bool has_changed_links(const catalog::Catalog& catalog, std::string_view accelerator) {
  return is_changed(catalog, accelerator,
                    [](const std::string& a) { return a.starts_with("scale_"); });
}

// As they were measured, and then those that the catalogue of a scenario changes, as sisters.
std::vector<device::TiledChip> read_chips(const catalog::Catalog& catalog,
                                          const std::string& data_dir) {
  std::vector<device::TiledChip> chips = device::read_tiled_chips(catalog), changed;
  for (const device::TiledChip& chip : chips) {
    if (chip.accelerator.empty() || !is_changed_chip(catalog, chip.accelerator)) continue;
    changed.push_back(chip);
    changed.back().name += kChangedMark;
  }
  if (!changed.empty()) chips = device::read_tiled_chips(catalog::Catalog::load(data_dir));
  chips.insert(chips.end(), changed.begin(), changed.end());
  return chips;
}

std::vector<device::Chip> measured_chips(std::vector<device::Chip> chips) {
  std::erase_if(chips, [](const device::Chip& c) { return c.name.back() == kChangedMark; });
  return chips;
}

}  // namespace

const char* kernel_source_name(KernelSource source) {
  switch (source) {
    case KernelSource::kTables:
      return "measured kernels";
    case KernelSource::kSister:
      return "kernels measured on a chip of the same architecture";
    case KernelSource::kTiled:
      return "kernels by formula, no chip of the architecture measured";
    case KernelSource::kForeign:
      return "kernels by formula, no chip of the maker measured";
    case KernelSource::kCoupled:
      return "derated kernels on a simulated memory";
    case KernelSource::kDerated:
      break;
  }
  return "derated roofline";
}

double kernel_source_band(KernelSource source) {
  switch (source) {
    case KernelSource::kTables:
      return 0;
    case KernelSource::kSister:
      return kSisterBand;
    case KernelSource::kTiled:
      return kTiledBand;
    case KernelSource::kForeign:
      return kForeignBand;
    case KernelSource::kDerated:
    case KernelSource::kCoupled:
      break;
  }
  return kDeratedBand;
}

KernelLibrary::KernelLibrary(const catalog::Catalog& catalog, const std::string& data_dir,
                             const std::vector<std::string>& without)
    : catalog_(catalog),
      data_dir_(data_dir),
      all_chips_(read_chips(catalog, data_dir)),
      without_(device::system_names(all_chips_, without)),
      chips_(device::chips_of(all_chips_)),
      all_tiled_(device::read_tiled_tables(data_dir + "/fitted/tiled_parameters.csv"), all_chips_),
      tables_(device::MeasuredTables::load(data_dir + "/measurements",
                                           data_dir + "/fitted/interpolation.csv",
                                           measured_chips(chips_), &all_tiled_,
                                           device::default_cache_path(data_dir + "/measurements"))),
      tiled_(all_tiled_.model.tables(), all_chips_,
             device::architectures_without(chips_, tables_, without_)),
      times_(tables_, chips_, without_, &tiled_),
      network_(network::NetworkPredictor::load(catalog, data_dir, without_)),
      expert_kernels_(ExpertKernels::read(data_dir_ + "/serving/kernels.csv")),
      sources_{tables_, times_, chips_, network_, expert_kernels_, without_},
      engines_(EngineTable::read(data_dir + "/fitted/engines.csv")),
      correction_(RooflineCorrection::read(data_dir + "/fitted/roofline_correction.csv")),
      coupled_correction_(RooflineCorrection::read(data_dir + "/fitted/coupled_correction.csv")) {}

const device::Chip* KernelLibrary::find_system(std::string_view entity,
                                               const std::string& accelerator) const {
  if (has_changed_links(catalog_, entity)) return nullptr;
  const bool is_changed = is_changed_chip(catalog_, entity);
  for (const device::Chip& chip : chips_) {
    const std::string name = chip.name.substr(0, chip.name.find(kChangedMark));
    if ((chip.name != name) != is_changed) continue;
    if (accelerator == name || accelerator.starts_with(name + "_")) return &chip;
  }
  return nullptr;
}

KernelSource KernelLibrary::source_of(std::string_view entity, const device::Chip* system) const {
  if (system == nullptr) return KernelSource::kDerated;
  KernelSource source = KernelSource::kForeign;
  const auto vendor = catalog_.find_text(entity, "vendor");
  for (const auto& table : tables_.tables()) {
    if (sources_.is_left_out(table.key.system)) continue;
    if (table.key.system == system->name) return KernelSource::kTables;
    const auto measured = std::find_if(chips_.begin(), chips_.end(), [&](const device::Chip& c) {
      return c.name == table.key.system;
    });
    if (measured == chips_.end()) continue;
    if (measured->architecture == system->architecture) source = KernelSource::kSister;
    if (source != KernelSource::kForeign || !vendor) continue;
    if (vendor == vendor_of_system(catalog_, measured->name)) source = KernelSource::kTiled;
  }
  return source;
}

ServingChip KernelLibrary::chip(std::string_view entity, Framework framework,
                                const ChipOptions& options) const {
  ServingChip chip;
  chip.accelerator = device::read_accelerator(catalog_, entity);
  chip.derating = device::read_derating(catalog_, chip.accelerator.name);
  chip.engine = engines_.engine(framework, options.version);
  const device::Chip* system = find_system(entity, chip.accelerator.name);
  chip.source = options.memory.empty() ? source_of(entity, system) : KernelSource::kCoupled;
  Clocks& clocks = clocks_[std::string(entity) + "|" + framework_name(framework) + "|" +
                           options.memory + "|" + options.version];
  if (!clocks.kept) {
    clocks.accelerator = chip.accelerator;
    if (!options.memory.empty()) {
      const device::CoupledTime times =
          device::couple_memory(clocks.accelerator, chip.derating, data_dir_, options.memory);
      clocks.accelerator = times.accelerator();
      clocks.source = std::make_unique<CoupledClock>(times, chip.derating, coupled_correction_);
    } else if (system != nullptr) {
      clocks.source =
          std::make_unique<MeasuredClock>(sources_, system->name, framework, options.version);
    } else {
      clocks.source =
          std::make_unique<DeratedClock>(clocks.accelerator, chip.derating, correction_);
    }
    clocks.kept = std::make_unique<KeptClock>(*clocks.source);
  }
  chip.accelerator = clocks.accelerator;
  chip.clock = clocks.kept.get();
  if (options.speedup > 1) {
    chip.clock = &clocks.improved
                      .try_emplace(options.speedup, *clocks.kept, chip.accelerator, options.speedup)
                      .first->second;
    chip.engine.constants.kernel = chip.engine.constants.kernel / options.speedup;
    chip.engine.constants.host = chip.engine.constants.host / options.speedup;
    chip.engine.constants.sequence = chip.engine.constants.sequence / options.speedup;
    chip.engine.constants.prompt_layer = chip.engine.constants.prompt_layer / options.speedup;
  }
  return chip;
}

}  // namespace astrolabe::parallel
