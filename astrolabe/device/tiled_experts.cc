#include <algorithm>
#include <cmath>

#include "astrolabe/device/tiled_roofs.h"
#include "astrolabe/device/tiled_time.h"

namespace astrolabe::device {
namespace {

constexpr double kTileColumns = 128;
constexpr double kMostTileRows = 256;

// Elements that a kernel of one element a thread handles in a cycle of an SM: PyTorch's cast of
// latent caches on H100 and H200.
constexpr double kSinglyPerCycle = 1.45;

// Of tcgen05's rate, what Triton's and Marlin's experts can use: as many FLOP per SM and cycle as
// on Hopper (Triton's own fits: 0.44 of the peak there, 0.24 on Blackwell in bf16, 0.53 and 0.28 in
// fp8; Marlin issues mma.sync).
constexpr double kPortableShare = 0.5;

// Weights of 4 bits that the cores of an SM widen to bf16 in a cycle, for products that the tensor
// cores cannot take as they are: at most. Marlin's and Triton's large experts reach 16 to 21 on
// A100, H100, H200 and B200 alike, so H200 with its 4.8 TB/s streams no more of them than H100.
constexpr double kWidenedPerCycle = 22;

// Tokens of the tiles among which the fastest is taken; of CUTLASS without tuning the first of its
// list, 128 by 16 columns of weights on Hopper, by 128 elsewhere, and for mma.sync 32 by 128. Of 4
// bits that has no tile below 128 (FlashInfer's and TensorRT-LLM's cutlass_heuristic.cpp).
struct TileRows {
  double least, most;
};
TileRows tile_rows_of(const TiledChip& chip, const ExpertShape& s, double fitted) {
  if (s.only_rows > 0) return {s.only_rows, s.only_rows};
  const bool is_4_bit =
      s.format.weight_bytes < 1 && s.format.multiply != workload::NumberFormat::kBf16;
  const bool is_synchronous = !chip.has_wgmma() && !chip.has_tcgen05();
  if (s.is_untuned) {
    const double first = is_synchronous && !is_4_bit ? 32 : 128;
    return {first, first};
  }
  return {is_synchronous && is_4_bit ? std::max(fitted, 128.0) : fitted, kMostTileRows};
}
double untuned_columns(const TiledChip& chip) { return chip.has_wgmma() ? 16 : 128; }

// The power law of the measurements: the tokens of an expert are spread as x^-1.2 between 1 and 0.8
// of all tokens (a ratio of 200 where they are few). Variance of x over its mean squared.
double variance_of_law(double tokens) {
  const double most = std::max(200.0, 0.8 * tokens);
  const double fifth = std::pow(most, 0.2), fourth = fifth * fifth * fifth * fifth;
  const double zeroth = (1 - 1 / fifth) / 0.2, first = (fourth - 1) / 0.8,
               second = (fourth * fourth * fifth - 1) / 1.8;
  return second * zeroth / (first * first) - 1;
}

// Experts of the hottest rank that get a token, and the token-expert pairs they share.
struct Load {
  double active, pairs;
};
Load expert_load(const ExpertShape& s, double imbalance, double spread) {
  const double local = s.experts / s.expert_ranks;
  const double all = s.tokens * s.top_k;
  const double even = all / s.expert_ranks;
  if (!s.is_power_law) {
    const double pairs = std::max(1.0, even);
    return {std::max(1.0, std::min(local, pairs)), pairs};
  }
  const double hottest =
      1 + imbalance * std::sqrt(variance_of_law(s.tokens) / local * 2 * std::log(s.expert_ranks));
  const double most = std::max(1.0, s.tokens * std::min(s.top_k, local));
  const double pairs = std::clamp(even * hottest, 1.0, most);
  const double mean = pairs / local;
  const double active = local * (1 - std::pow(1 + mean / spread, -spread));
  return {std::clamp(active, 1.0, std::max(1.0, std::min(pairs, local))), pairs};
}

}  // namespace

Duration expert_time(const TiledChip& chip, const TiledParameters& p, const ExpertShape& s,
                     Residency residency) {
  const auto& [launch, hbm, efficiency, power, load, fill, tile_rows, overlap, imbalance, passes,
               spread, l2_rate, l2_share, all_passes, energy, r1, r2, r3, r4, r5] = p;
  const KernelFormat& format = s.format;
  const double peak = chip.peak(format.multiply).base() *
                      (s.is_portable && chip.has_tcgen05() ? kPortableShare : 1);
  const double flop_cycle =
      tiled::flop_per_cycle(chip, peak) * tiled::sustained(chip, peak, efficiency, power, energy);
  const double all_pairs = s.tokens * s.top_k;
  Load experts = expert_load(s, imbalance, spread);
  if (s.multiplies_all && !s.is_dispatched) experts.pairs = all_pairs;
  const double weights = experts.active * s.matrices * s.hidden * s.inter * format.weight_bytes;
  const double bytes = weights + experts.pairs * (s.hidden * (format.activation_bytes + 2) +
                                                  2 * s.inter * format.activation_bytes);
  const double memory = tiled::Memory{hbm, l2_rate, l2_share}.seconds(chip, bytes, residency);

  // Padded rows: a whole tile at least for each active expert, half a tile more on average.
  const double uneven = s.is_power_law ? 0.5 : 0.0;
  const double columns = s.is_untuned ? untuned_columns(chip) : kTileColumns;
  // Without a tactic no CTAs join in a cluster: a tile shares no load with its neighbours.
  const double load_rate = s.is_untuned ? std::min(load, l2_rate) : load;
  const bool promotes = format.has_block_scales && (s.promotes || !chip.has_tcgen05());
  const double flop_cycles = 2 / flop_cycle + (promotes ? tiled::kPromotion : 0);
  const bool is_widened =
      format.multiply == workload::NumberFormat::kBf16 && format.weight_bytes < 1;
  const double widening = is_widened ? columns / kWidenedPerCycle : 0;
  double cycles = 1e300;
  const TileRows allowed = tile_rows_of(chip, s, tile_rows);
  for (double rows = allowed.least; rows <= allowed.most; rows *= 2) {
    const double row_tiles =
        std::max(experts.active, experts.pairs / rows + uneven * experts.active);
    const double tile_bytes = rows * format.activation_bytes + columns * format.weight_bytes;
    const double step =
        std::max(widening, tiled::join4(rows * columns * flop_cycles, tile_bytes / load_rate));
    const double up = row_tiles * std::ceil((s.matrices - 1) * s.inter / columns);
    const double down = row_tiles * std::ceil(s.hidden / columns);
    cycles = std::min(cycles, std::max(1.0, up / chip.sm_count) * (fill + s.hidden * step) +
                                  std::max(1.0, down / chip.sm_count) * (fill + s.inter * step));
  }
  // Routing looks at the pairs of all ranks even so; the passes of Triton and Marlin (is_portable)
  // and those that activate find the pairs that were sent.
  const double found = s.is_dispatched ? experts.pairs : all_pairs;
  const double elements =
      passes * experts.pairs * (s.pair_passes * s.hidden + s.activation_passes * s.inter) +
      all_passes * ((s.is_portable ? found : all_pairs) * s.all_pair_passes * s.hidden +
                    found * s.all_activation_passes * s.inter);
  const double singly = s.activates_singly ? found * s.inter : 0;
  const double extra = elements * 2 * tiled::pass_seconds(chip) +
                       singly / (kSinglyPerCycle * chip.sm_count * chip.clock.base());
  return Duration::from_base(launch * 1e-6 * s.launches + extra +
                             tiled::join(cycles / chip.clock.base(), memory, overlap));
}

Duration stream_time(const TiledChip& chip, const TiledParameters& p, const StreamShape& s,
                     Residency residency) {
  const auto& [launch, hbm, l2_rate, l2_share, efficiency, step_cost, unit_fill, overlap, r1, r2,
               r3, r4, r5, r6, r7, r8, r9, r10, r11, r12] = p;
  const double memory = tiled::Memory{hbm, l2_rate, l2_share}.seconds(chip, s.bytes, residency);
  const double waves = std::max(1.0, s.units / chip.sm_count);
  const double products = s.flops / (efficiency * chip.peak(workload::NumberFormat::kBf16).base());
  const double cycles = waves * (unit_fill + s.steps * step_cost);
  return Duration::from_base(
      launch * 1e-6 * s.launches +
      tiled::join(std::max(products, cycles / chip.clock.base()), memory, overlap));
}

Duration module_time(const TiledChip& chip, const TiledParameters& p, const ModuleShape& s,
                     Residency residency) {
  const double launch = p[0], efficiency = p[1], hbm = p[2], passes = p[3], index = p[4];
  TiledParameters attention{};
  std::copy(p.begin() + kModuleParameters, p.end(), attention.begin());
  if (s.attention.query_tokens <= 1) attention[kModuleDecodeParameters] = kModuleSplits;
  const double peak = chip.peak(s.format.multiply).base();
  const double bandwidth = chip.hbm_bandwidth.base();
  const double projections =
      std::hypot(s.projection_flops / (efficiency * peak),
                 s.projection_weights * s.format.weight_bytes / (hbm * bandwidth));
  const double activations = passes * s.activation_elements * 2 / bandwidth;
  const double indexer = std::max(s.index_bytes / bandwidth,
                                  s.index_flops / chip.peak(workload::NumberFormat::kFp8).base()) /
                         index;
  const Duration core = s.attention.query_tokens > 1
                            ? prefill_attention_time(chip, attention, s.attention, residency)
                            : decode_attention_time(chip, attention, s.attention, residency);
  return core + Duration::from_base(launch * 1e-6 + projections + activations + indexer);
}

Duration tiled_time(TiledFormula formula, const TiledChip& chip, const TiledParameters& p,
                    const TiledShape& shape, Residency residency) {
  switch (formula) {
    case TiledFormula::kGemm:
      return gemm_time(chip, p, std::get<GemmShape>(shape), residency);
    case TiledFormula::kPrefill:
      return prefill_attention_time(chip, p, std::get<AttentionShape>(shape), residency);
    case TiledFormula::kDecode:
      return decode_attention_time(chip, p, std::get<AttentionShape>(shape), residency);
    case TiledFormula::kExperts:
      return expert_time(chip, p, std::get<ExpertShape>(shape), residency);
    case TiledFormula::kStream:
      return stream_time(chip, p, std::get<StreamShape>(shape), residency);
    case TiledFormula::kModulePrefill:
    case TiledFormula::kModuleDecode:
      return module_time(chip, p, std::get<ModuleShape>(shape), residency);
  }
  return {};
}

}  // namespace astrolabe::device
