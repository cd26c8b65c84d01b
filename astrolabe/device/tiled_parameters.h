#pragma once

// Parameters of the tiled fidelity: few, named, bounded, per kind of kernel (formula), fitted per
// architecture on measurements by fit/fit_tiled and stored in data/fitted/tiled_parameters.csv.
//
// What carries over to another chip decides the unit: a launch is a time (us); what an SM does
// (filling its pipeline, loading a tile, a reduction between splits) is counted in cycles or bytes
// per cycle; what the whole chip reaches is a fraction of its data sheet.
// The prior of each is a round figure of the right order; the fit shrinks towards it where the
// measurements say little.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace astrolabe::device {

enum class TiledFormula : std::uint8_t {
  kGemm,
  kPrefill,
  kDecode,
  kExperts,
  kStream,
  kModulePrefill,  // kModuleParameters for the projections, then those of kPrefill
  kModuleDecode,   // the same, then those of kDecode but the last
};
inline constexpr int kTiledFormulas = 7;
inline constexpr int kModuleParameters = 5;
inline constexpr int kModuleDecodeParameters = 13;  // of kDecode: not how far the cache is split,
inline constexpr double kModuleSplits = 64;         // of which tables of modules say nothing
const char* tiled_formula_name(TiledFormula formula);

struct ParameterSpec {
  const char* name;
  const char* unit;
  double prior, low, high;
  const char* meaning;
};

std::span<const ParameterSpec> parameters_of(TiledFormula formula);
std::optional<TiledFormula> find_tiled_formula(std::string_view name);

inline constexpr int kMaxTiledParameters = 20;
using TiledParameters = std::array<double, kMaxTiledParameters>;  // in the order of parameters_of

TiledParameters prior_parameters(TiledFormula formula);

// Microseconds in which a kernel is launched at most. What goes beyond is time of the host.
inline constexpr double kMostLaunch = 25;
// Whether one call of a kernel is host time.
bool is_host_time(TiledFormula formula, const TiledParameters& parameters);

}  // namespace astrolabe::device
