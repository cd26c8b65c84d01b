#include <algorithm>
#include <cmath>

#include "astrolabe/device/tiled_roofs.h"
#include "astrolabe/device/tiled_time.h"

namespace astrolabe::device {
namespace {

constexpr double kTile = 128;          // query rows and keys of a block in prefill
constexpr double kWarpRows = 16;       // of a product that one warp issues
constexpr double kSharedBytes = 128;   // that an SM reads from shared memory in a cycle
constexpr double kSmallKernel = 2e-6;  // seconds, of one that narrows queries or combines results
// A pass that widens a cache from fp8 to bf16: seconds of its kernel (as other streams), bytes read
// and written for an element, and elements of a cycle and SM: those of other passes, which handle
// 12 bytes, 4 an element. PyTorch casts one element at a time, however narrow.
constexpr double kPassLaunch = 4e-6, kWidenedBytes = 3, kPassElements = 3;

// Blocks of keys over all tiles of one head (of `rows` tiles after `prefix` blocks, at most `most`
// each), and of the longest tile.
struct Blocks {
  double total, longest;
};
Blocks count_blocks(double rows, double prefix, double most, bool is_causal) {
  if (!is_causal) return {rows * std::min(prefix, most), std::min(prefix, most)};
  const double growing = std::clamp(most - prefix, 0.0, rows);
  return {growing * prefix + growing * (growing + 1) / 2 + (rows - growing) * most,
          std::min(prefix + rows, most)};
}

double cache_bytes(const AttentionShape& s, double tokens) {
  const double dims = s.is_latent ? s.qk_dim : s.qk_dim + s.v_dim;
  return s.sequences * s.kv_heads * tokens * dims * s.kv_bytes;
}

double widening_seconds(const TiledChip& chip, const AttentionShape& s) {
  if (!s.widens_cache) return 0;
  const double elements = cache_bytes(s, s.kv_tokens) / s.kv_bytes;
  return kPassLaunch + elements * (kWidenedBytes / chip.hbm_bandwidth.base() +
                                   1 / (kPassElements * chip.sm_count * chip.clock.base()));
}

// Results written and read in fp32 and written again in bf16.
double combining_seconds(const TiledChip& chip, const AttentionShape& s) {
  constexpr double kBytes = 4 + 4 + 2;
  if (!s.combines) return 0;
  return kSmallKernel + s.sequences * s.heads * s.v_dim * kBytes * tiled::pass_seconds(chip);
}

// Four SMs serve a sequence (TensorRT-LLM, xqa/mla_sm120.cu): two multiply its keys, 64 in turn,
// two its values, half of the columns each, side by side; the keys take longer. So many one after
// another:
double clusters(const TiledChip& chip, const AttentionShape& s) {
  return std::ceil(s.sequences * s.query_tokens / std::floor(chip.sm_count / 4));
}
// Cycles of a block of keys.
double cluster_block(const AttentionShape& s, double flop_cycle) {
  return 2 * s.heads * (kTile / 2) * s.qk_dim / flop_cycle;
}

double visible(const AttentionShape& s, double tokens) {
  return s.window > 0 ? std::min(s.window, tokens) : tokens;
}

}  // namespace

Duration prefill_attention_time(const TiledChip& chip, const TiledParameters& p,
                                const AttentionShape& s, Residency residency) {
  const auto& [launch, efficiency, power, exponential, overlap, hbm, fill, block_cost, kv_write,
               packed, wide, short_tile, l2_rate, l2_share, energy, r1, r2, r3, r4, r5] = p;
  const double peak = chip.peak(s.multiply).base();
  const double flop_cycle = tiled::flop_per_cycle(chip, peak);
  const double heads = s.sequences * s.heads;
  const double pack = std::min(s.heads / s.kv_heads, packed);
  const double q = s.query_tokens, prefix_tokens = std::max(0.0, s.kv_tokens - q);

  const double rows = std::ceil(q / kTile);
  const double share = q >= kTile ? 1 : std::max(q / kTile, std::min(1.0, 1 / pack));
  const double prefix =
      s.is_causal ? std::ceil(prefix_tokens / kTile) : std::ceil(s.kv_tokens / kTile);
  const double most =
      s.window > 0 ? std::ceil(std::min(s.window + kTile, std::max(s.kv_tokens, kTile)) / kTile)
                   : prefix + rows;
  const Blocks blocks = count_blocks(rows, prefix, most, s.is_causal);

  const double products = 2 * kTile * kTile * s.padding * (s.qk_dim + s.v_dim) / flop_cycle /
                          tiled::sustained(chip, peak, efficiency, power, energy);
  const double exponentials = kTile * kTile / (chip.exponentials_per_cycle * exponential);
  const double block = (tiled::join(products, exponentials, overlap) + block_cost) *
                       (std::max(s.qk_dim, s.v_dim) > 256 && !s.splits_values ? wide : 1.0) *
                       std::clamp(s.kv_tokens / kTile, short_tile, 1.0);
  const double waves = std::max(1.0, heads * rows * share / chip.sm_count);
  const double cycles =
      std::max(heads * share * blocks.total / chip.sm_count, blocks.longest) * block + waves * fill;

  const double new_elements = s.sequences * q;
  const double bytes =
      new_elements * s.heads * (s.qk_dim + s.v_dim) * s.query_bytes() +
      new_elements * s.kv_heads * (s.qk_dim + s.v_dim) * (s.query_bytes() + kv_write * s.kv_bytes) +
      cache_bytes(s, visible(s, prefix_tokens));
  const double memory = tiled::Memory{hbm, l2_rate, l2_share}.seconds(chip, bytes, residency);
  return Duration::from_base(tiled::with_launch(
      chip, launch, widening_seconds(chip, s) + std::hypot(cycles / chip.clock.base(), memory)));
}

Duration decode_attention_time(const TiledChip& chip, const TiledParameters& p,
                               const AttentionShape& s, Residency residency) {
  const auto& [launch, hbm, l2_rate, l2_share, load, fill, head_fill, efficiency, split_cost,
               block_cost, overlap, packed, packed_window, most_splits, r1, r2, r3, r4, r5, r6] = p;
  const double peak = chip.peak(s.multiply).base();
  const double flop_cycle = tiled::flop_per_cycle(chip, peak);
  const double tokens = visible(s, s.kv_tokens);
  const double group = s.heads / s.kv_heads * s.query_tokens;
  const double pack = !s.shares_cache ? 1 : s.window > 0 ? packed_window : packed;
  const double units = s.sequences * s.kv_heads * std::max(1.0, group / pack);

  const double dims = s.is_latent ? s.qk_dim : s.qk_dim + s.v_dim;
  const double row_tiles = std::max(1.0, std::min(group, pack) / s.tile_rows);
  const double load_cycles = kTile * dims * s.kv_bytes / load;
  // A warp reads the latent vectors from shared memory for every 16 of the rows that it multiplies.
  const double fragment_bytes = s.is_latent && chip.has_warp_products()
                                    ? kTile * (s.qk_dim + s.v_dim) * 2 * s.tile_rows / kWarpRows
                                    : 0;
  // wgmma takes fp8 values with the tokens innermost only: they are transposed in shared memory
  // (FlashMLA, SmemTransposeFp8_64x64).
  const bool transposes =
      s.is_latent && s.multiply == workload::NumberFormat::kFp8 && chip.has_wgmma();
  const double transposed_bytes = transposes ? kTile * s.v_dim * 2 : 0;
  const double product_cycles =
      row_tiles * (2 * kTile * (s.qk_dim + s.v_dim) * s.tile_rows / (flop_cycle * efficiency) +
                   (fragment_bytes + transposed_bytes) / kSharedBytes);
  const double block = std::hypot(load_cycles, product_cycles) + block_cost;
  const double start = fill + head_fill * std::min(group, pack);
  // A window begins within a block of keys.
  const double cut = s.window > 0 && s.kv_tokens > s.window ? 1 : 0;
  const double blocks = std::max(tokens / kTile, 0.1) + cut;

  double cycles = 1e300;
  if (s.has_clusters && chip.is_sm120()) {
    cycles = clusters(chip, s) * (start + blocks * cluster_block(s, flop_cycle));
  } else {
    const double most = std::max(most_splits, s.least_splits);
    for (double power = s.least_splits; power < 2 * most; power *= 2) {
      const double split = std::min(power, most);
      const double waves = std::max(1.0, units * split / chip.sm_count);
      cycles = std::min(cycles, waves * (start + std::max(blocks / split, 0.5) * block) +
                                    (split > 1 ? split_cost : 0));
      if (units * split >= 2 * chip.sm_count) break;
    }
  }
  const double bytes = cache_bytes(s, tokens) + s.sequences * s.query_tokens * s.heads *
                                                    (s.qk_dim + s.v_dim) * s.query_bytes();
  const double memory = tiled::Memory{hbm, l2_rate, l2_share}.seconds(chip, bytes, residency);
  const double attention = tiled::join(cycles / chip.clock.base(), memory, overlap);
  const double others = (s.quantises_queries ? kSmallKernel : 0) + widening_seconds(chip, s) +
                        combining_seconds(chip, s);
  return Duration::from_base(tiled::with_launch(chip, launch, others + attention));
}

}  // namespace astrolabe::device
