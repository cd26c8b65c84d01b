#pragma once

// Time of one kernel from the tiles it is cut into, the waves they need on the chip's SMs, and the
// bytes that pass its caches: physics that also holds for a chip on which nothing was measured.
//
//   t = t_launch + (t_SM^q + t_memory^q)^(1/q)
//   t_SM = waves x (fill + work of one tile), the fastest of the tilings and splits tried
//   t_memory = B / (e HBM) for streamed bytes, B / L2 for operands that stay in the cache
// with the parameters of tiled_parameters.h. Large products are bound by F / (e F_peak), where e
// falls with the peak rate per watt (clocks follow the power limit). Attention has a third roof,
// the exponentials of softmax. Experts are padded to tiles each, and the hottest rank counts.
// kWarm: operands of the last call may still be in L2, as in a loop that measures one kernel.
// kCold: all come from HBM, as in a model whose layers flush the cache.
// Contract: not below max(F / F_peak, B / B_peak) of the same F and B when cold; more m, n, k,
// tokens, sequences or experts never take less time.
// Fails where an engine switches kernels by a rule not seen here, and for rows that are host time.

#include <variant>

#include "astrolabe/base/quantity.h"
#include "astrolabe/device/tiled_chip.h"
#include "astrolabe/device/tiled_parameters.h"
#include "astrolabe/device/tiled_shapes.h"

namespace astrolabe::device {

enum class Residency : unsigned char { kCold, kWarm };

Duration gemm_time(const TiledChip& chip, const TiledParameters& p, const GemmShape& shape,
                   Residency residency);
// Several query tokens per sequence.
Duration prefill_attention_time(const TiledChip& chip, const TiledParameters& p,
                                const AttentionShape& shape, Residency residency);
// One query token per sequence, or a few (speculation).
Duration decode_attention_time(const TiledChip& chip, const TiledParameters& p,
                               const AttentionShape& shape, Residency residency);
Duration expert_time(const TiledChip& chip, const TiledParameters& p, const ExpertShape& shape,
                     Residency residency);
Duration stream_time(const TiledChip& chip, const TiledParameters& p, const StreamShape& shape,
                     Residency residency);
Duration module_time(const TiledChip& chip, const TiledParameters& p, const ModuleShape& shape,
                     Residency residency);

using TiledShape = std::variant<GemmShape, AttentionShape, ExpertShape, StreamShape, ModuleShape>;
// By the formula's own shape: another one is a bug.
Duration tiled_time(TiledFormula formula, const TiledChip& chip, const TiledParameters& p,
                    const TiledShape& shape, Residency residency);

// Tiles of tm x tn that cover m x n.
constexpr double tile_count(double m, double n, double tm, double tn) {
  const auto up = [](double a) {
    const double whole = static_cast<double>(static_cast<long long>(a));
    return whole < a ? whole + 1 : whole;
  };
  return up(m / tm) * up(n / tn);
}

}  // namespace astrolabe::device
