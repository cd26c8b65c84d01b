#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>

#include "astrolabe/device/tiled_roofs.h"
#include "astrolabe/device/tiled_time.h"

namespace astrolabe::device {
namespace {

struct Tile {
  double m, n;
};
constexpr Tile kTiles[] = {{64, 64}, {64, 128}, {128, 128}, {128, 256}};
constexpr Tile kNarrowTile[] = {{32, 128}};
constexpr Tile kSquareTile[] = {{128, 128}};
constexpr Tile kLargestTile[] = {{128, 256}};
constexpr double kLeastSplit = 64;  // elements of k
constexpr double kMostSplits = 32;

// sgl-kernel's fp8 on sm_89 (fp8_gemm_kernel.cu, `sm89_fp8_dispatch_shape`): up to so many rows,
// the tile for up to 8192 columns, up to 16384, and more.
struct TileChoice {
  double most_m;
  Tile by_columns[3];
};
constexpr TileChoice kSquareOfSm89[] = {
    {16, {{16, 64}, {32, 64}, {16, 64}}},          {64, {{32, 64}, {32, 64}, {16, 64}}},
    {128, {{64, 64}, {64, 64}, {32, 64}}},         {256, {{128, 64}, {64, 128}, {128, 64}}},
    {1e300, {{128, 128}, {128, 128}, {128, 128}}},
};

std::span<const Tile> square_of_sm89(double m, double n) {
  const auto* choice = std::find_if(std::begin(kSquareOfSm89), std::end(kSquareOfSm89),
                                    [m](const TileChoice& c) { return m <= c.most_m; });
  const std::size_t column = n <= 8192 ? 0 : n <= 16384 ? 1 : 2;
  return std::span<const Tile>(choice->by_columns).subspan(column, 1);
}

// What a kernel may cut a product into.
struct Cuts {
  std::span<const Tile> tiles;
  double most_splits;  // of k
};

Cuts cuts_of(ProductKernel kernel, const TiledChip& chip, double m, double n) {
  switch (kernel) {
    case ProductKernel::kLibrary:
      break;
    case ProductKernel::kBlockScales:
      if (chip.is_sm89()) return {kNarrowTile, 1};
      break;
    case ProductKernel::kCutlass:
      return {kTiles, 1};
    case ProductKernel::kCutlassSquare:
      if (chip.is_sm89()) return {square_of_sm89(m, n), 1};
      if (chip.is_sm120()) return {kSquareTile, 1};
      return {kTiles, 1};
    case ProductKernel::kCutlassFirst:
      if (chip.is_sm120()) return {kSquareTile, 1};
      if (chip.has_tcgen05()) return {kLargestTile, 1};
      return {kTiles, 1};
  }
  return {kTiles, kMostSplits};
}

}  // namespace

Duration gemm_time(const TiledChip& chip, const TiledParameters& p, const GemmShape& shape,
                   Residency residency) {
  const auto& [launch, efficiency, power, hbm, l2_rate, l2_share, load, fill, overlap, split_cost,
               quantise, quantise_cycles, energy, r1, r2, r3, r4, r5, r6, r7] = p;
  const auto& [format, m, n, k, batch, copies, kernel] = shape;
  const double peak = chip.peak(format.multiply).base();
  const double flop_cycle = tiled::flop_per_cycle(chip, peak);
  const double cycle = 1 / chip.clock.base();

  const bool promotes = format.has_block_scales && !chip.has_tcgen05();
  const double promotion = promotes ? tiled::kPromotion : 0;
  const Cuts cuts = cuts_of(kernel, chip, m, n);
  double sm_cycles = 1e300;
  for (const Tile& tile : cuts.tiles) {
    const double tiles = batch * tile_count(m, n, tile.m, tile.n);
    const double step = tiled::join4(tile.m * tile.n * (2 / flop_cycle + promotion),
                                     (std::min(m, tile.m) * format.activation_bytes +
                                      std::min(n, tile.n) * format.weight_bytes) /
                                         load);
    for (double split = 1; split <= cuts.most_splits; split *= 2) {
      const double waves = std::ceil(tiles * split / chip.sm_count);
      const double reduce = split > 1 ? split_cost * (1 + 0.1 * split) : 0;
      sm_cycles =
          std::min(sm_cycles, waves * (fill + std::max(k / split, kLeastSplit) * step) + reduce);
      if (tiles * split >= 2 * chip.sm_count) break;
    }
  }
  const double flops = 2 * m * n * k * batch;
  const double sustained = flops / (peak * tiled::sustained(chip, peak, efficiency, power, energy));
  const double activations = m * k * format.activation_bytes;
  const double weights = batch * n * k * format.weight_bytes;
  const double others = batch * (activations + 2 * m * n);
  const tiled::Memory from{hbm, l2_rate, l2_share};
  const double memory = from.seconds(chip, weights, copies * weights + others, residency) +
                        from.seconds(chip, others, weights + others, residency);
  double t = tiled::join(std::max(sm_cycles * cycle, sustained), memory, overlap);
  if (format.quantises) {
    t += batch * m * k * (2 + format.activation_bytes) / (quantise * chip.hbm_bandwidth.base()) +
         quantise_cycles * k * cycle;
  }
  return Duration::from_base(tiled::with_launch(chip, launch, t));
}

}  // namespace astrolabe::device
