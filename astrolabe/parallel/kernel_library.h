#pragma once

// Times of kernels of every chip and software stack that anything is known of, loaded once: tables
// of measurements, the network, the constants of engines.
//
// An accelerator of the catalogue is looked up in tables by the name of its system, which is its
// own or the beginning of it (gb200 of gb200_nvl72). What is known of its kernels:
//   kTables   measured on the chip
//   kSister   on a chip of the same architecture, carried over by MeasuredTime
//   kTiled    on no chip of its architecture: formulas with parameters of others (tiled_model.h)
//   kForeign  the same, and on no chip of its maker
//   kDerated  no row in data/chips.csv, or a scenario changes the chip's figures: data sheet and
//             measured fractions of other chips (derated_clock.h)
//   kCoupled  data sheet and fractions with a simulated memory (coupled_clock.h), where one is
//             asked for
// with a band that is added to the engine's (in squares): half width of 10-90 % in log.

#include <map>
#include <memory>
#include <string>

#include "astrolabe/device/derating.h"
#include "astrolabe/parallel/improved_clock.h"
#include "astrolabe/parallel/kept_clock.h"
#include "astrolabe/parallel/measured_clock.h"
#include "astrolabe/parallel/roofline_correction.h"

namespace astrolabe::parallel {

enum class KernelSource : unsigned char { kTables, kSister, kTiled, kForeign, kDerated, kCoupled };
const char* kernel_source_name(KernelSource source);  // "measured kernels", ...
double kernel_source_band(KernelSource source);

// What the models of this folder need of one accelerator under one framework.
struct ServingChip {
  device::Accelerator accelerator;
  device::Derating derating;
  KernelSource source = KernelSource::kDerated;
  const KernelClock* clock = nullptr;  // of the library
  Engine engine;

  bool has_fp4() const {
    return accelerator.executed_format(workload::NumberFormat::kFp4) ==
           workload::NumberFormat::kFp4;
  }
};

struct ChipOptions {
  std::string version = {};  // of the framework; empty: whichever is newest
  std::string memory = {};   // simulated in place of what is known of its kernels (couple_memory)
  double speedup = 1;        // of the software over today's, 1 or more (improved_clock.h)
};

class KernelLibrary {
 public:
  // The catalogue must outlive the library. `without`: systems to time from what is known of
  // others. InputError when one is unknown, or for tables that are absent or broken.
  KernelLibrary(const catalog::Catalog& catalog, const std::string& data_dir,
                const std::vector<std::string>& without = {});
  KernelLibrary(const KernelLibrary&) = delete;
  KernelLibrary& operator=(const KernelLibrary&) = delete;

  // InputError for an accelerator that is unknown or lacks a fact, and for an unknown memory. The
  // clock lives as long as the library and keeps what it was asked.
  ServingChip chip(std::string_view entity, Framework framework,
                   const ChipOptions& options = {}) const;

  const MeasuredSources& sources() const { return sources_; }
  const EngineTable& engines() const { return engines_; }

 private:
  struct Clocks {
    device::Accelerator accelerator;  // with the bandwidth of its simulated memory
    std::unique_ptr<const KernelClock> source;
    std::unique_ptr<const KeptClock> kept;
    std::map<double, ImprovedClock> improved;  // by speed-up
  };

  const device::Chip* find_system(std::string_view entity, const std::string& accelerator) const;
  KernelSource source_of(std::string_view entity, const device::Chip* system) const;

  const catalog::Catalog& catalog_;
  std::string data_dir_;
  std::vector<device::TiledChip> all_chips_;
  std::vector<std::string> without_;
  std::vector<device::Chip> chips_;
  device::TiledTime all_tiled_;  // with the parameters of architectures left out
  device::MeasuredTables tables_;
  device::TiledTime tiled_;
  device::MeasuredTime times_;
  network::NetworkPredictor network_;
  ExpertKernels expert_kernels_;
  MeasuredSources sources_;
  EngineTable engines_;
  RooflineCorrection correction_, coupled_correction_;
  mutable std::map<std::string, Clocks> clocks_;
};

}  // namespace astrolabe::parallel
