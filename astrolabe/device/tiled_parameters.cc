#include "astrolabe/device/tiled_parameters.h"

namespace astrolabe::device {
namespace {

constexpr ParameterSpec kFlopEnergy = {
    "flop_energy", "pJ", 1.5, 0.1, 5, "of the power limit, for a FLOP that warps issue"};

constexpr ParameterSpec kGemm[] = {
    {"launch", "us", 3, 0.3, 400, "start and end of the kernels"},
    {"compute_efficiency", "1", 0.75, 0.15, 0.99, "of the peak rate, at 1.4 GFLOP/s per watt/1e3"},
    {"power_exponent", "1", 0.15, 0.001, 0.4, "how fast that falls with peak rate per watt"},
    {"bandwidth_efficiency", "1", 0.85, 0.3, 0.99, "of HBM bandwidth, for streamed operands"},
    {"l2_bytes_per_cycle", "B/cycle", 40, 8, 128, "per SM, for operands in the L2 cache"},
    {"l2_share", "1", 0.9, 0.1, 1.2, "of the L2 cache (of a partition) that keeps operands"},
    {"tile_bytes_per_cycle", "B/cycle", 80, 4, 256, "per SM, into its shared memory"},
    {"tile_fill", "cycle", 2500, 50, 8000, "first and last stage of a tile"},
    {"overlap", "1", 2, 1, 6, "exponent that joins compute and memory time"},
    {"split_cost", "cycle", 2500, 100, 100000, "reduction between splits of k"},
    {"quantise_efficiency", "1", 0.5, 0.05, 1.5, "of HBM bandwidth, quantising activations"},
    {"quantise_cycles", "cycle", 0.5, 0.01, 10, "per element of k, quantising one token"},
    kFlopEnergy,
};

constexpr ParameterSpec kPrefill[] = {
    {"launch", "us", 9, 1, 400, "start and end of the kernels"},
    {"compute_efficiency", "1", 0.6, 0.15, 0.99, "of the peak rate, at 1.4 GFLOP/s per watt/1e3"},
    {"power_exponent", "1", 0.1, 0.001, 0.4, "how fast that falls with peak rate per watt"},
    {"exponential_efficiency", "1", 0.8, 0.2, 4, "of the special-function rate"},
    {"overlap", "1", 4, 1, 6, "exponent that joins products and exponentials"},
    {"bandwidth_efficiency", "1", 0.5, 0.05, 0.99, "of HBM bandwidth, all passes over Q, K, V"},
    {"tile_fill", "cycle", 5000, 100, 30000, "first and last stage of a query tile"},
    {"block_cost", "cycle", 80, 1, 1500, "per block of keys, beside products and exponentials"},
    {"kv_write", "1", 1, 0.2, 4, "passes over the KV cache entry that is written"},
    {"packed_heads", "1", 4, 1, 64, "query heads of a group that share a tile"},
    {"wide_head_cost", "1", 1.7, 1, 8, "factor for head dimensions above 256"},
    {"short_tile", "1", 0.3, 0.03, 1, "least share of a block of keys that is paid for"},
    {"l2_bytes_per_cycle", "B/cycle", 24, 4, 128, "per SM, for operands in the L2 cache"},
    {"l2_share", "1", 0.9, 0.1, 1.2, "of the L2 cache (of a partition) that keeps operands"},
    kFlopEnergy,
};

constexpr ParameterSpec kDecode[] = {
    {"launch", "us", 8, 1, 400, "start and end of the kernels"},
    {"bandwidth_efficiency", "1", 0.85, 0.2, 0.99, "of HBM bandwidth"},
    {"l2_bytes_per_cycle", "B/cycle", 32, 8, 128, "per SM, for a cache that fits in L2"},
    {"l2_share", "1", 0.9, 0.1, 1.2, "of the L2 cache (of a partition) that keeps operands"},
    {"tile_bytes_per_cycle", "B/cycle", 64, 4, 256, "per SM, into its shared memory"},
    {"tile_fill", "cycle", 2000, 50, 20000, "first and last stage of a block"},
    {"head_fill", "cycle", 60, 0.5, 2000, "the same, for each query head in it"},
    {"compute_efficiency", "1", 0.4, 0.05, 0.99, "of the peak rate, in a product of 64 rows"},
    {"split_cost", "cycle", 4000, 50, 30000, "reduction between splits of the cache"},
    {"block_cost", "cycle", 30, 1, 1500, "per 128 keys, beside loading and products"},
    {"overlap", "1", 4, 1, 6, "exponent that joins SM and memory time"},
    {"packed_heads", "1", 64, 1, 128, "query heads of a group that share one reading of the cache"},
    {"packed_heads_window", "1", 8, 1, 128, "the same, with a sliding window"},
    {"most_splits", "1", 32, 1, 128, "parts that the cache of one sequence is cut into"},
};

constexpr ParameterSpec kExperts[] = {
    {"launch", "us", 25, 2, 300, "start and end of the kernels"},
    {"bandwidth_efficiency", "1", 0.75, 0.2, 0.99, "of HBM bandwidth, expert weights"},
    {"compute_efficiency", "1", 0.6, 0.05, 0.99, "of the peak rate, at 1.4 GFLOP/s per watt/1e3"},
    {"power_exponent", "1", 0.1, 0.001, 0.4, "how fast that falls with peak rate per watt"},
    {"tile_bytes_per_cycle", "B/cycle", 64, 4, 256, "per SM, into its shared memory"},
    {"tile_fill", "cycle", 1500, 50, 20000, "first and last stage of a tile"},
    {"tile_rows", "token", 24, 4, 256, "least rows to which an expert's tokens are padded"},
    {"overlap", "1", 2, 1, 6, "exponent that joins compute and memory time"},
    {"rank_imbalance", "1", 0.8, 0.1, 3,
     "hottest rank over what independent draws give, power law"},
    {"token_passes", "1", 1, 0.1, 20, "over the passes that permuting and combining take"},
    {"expert_spread", "1", 0.7, 0.1, 5, "shape of the gamma law of tokens per expert, power law"},
    {"l2_bytes_per_cycle", "B/cycle", 32, 8, 128, "per SM, for weights that fit in L2"},
    {"l2_share", "1", 0.9, 0.1, 1.2, "of the L2 cache (of a partition) that keeps operands"},
    {"all_pair_passes", "1", 1, 0.03, 20, "the same over those of all ranks: routing, combine"},
    kFlopEnergy,
};

constexpr ParameterSpec kStream[] = {
    {"launch", "us", 4, 0.01, 300, "start and end of the kernels"},
    {"bandwidth_efficiency", "1", 0.6, 0.02, 0.99, "of HBM bandwidth"},
    {"l2_bytes_per_cycle", "B/cycle", 24, 1, 128, "per SM, for operands in the L2 cache"},
    {"l2_share", "1", 0.9, 0.1, 1.2, "of the L2 cache (of a partition) that keeps operands"},
    {"compute_efficiency", "1", 0.2, 0.005, 0.99, "of the bf16 peak rate"},
    {"step_cost", "cycle", 1000, 10, 30000, "serial step of a unit"},
    {"unit_fill", "cycle", 500, 1, 20000, "start of a unit"},
    {"overlap", "1", 2, 1, 6, "exponent that joins SM and memory time"},
};

constexpr ParameterSpec kModule[] = {
    {"projection_launch", "us", 20, 1, 400, "start and end of all kernels but attention"},
    {"projection_efficiency", "1", 0.6, 0.1, 0.99, "of the peak rate"},
    {"projection_bandwidth", "1", 0.7, 0.1, 0.99, "of HBM bandwidth, weights"},
    {"token_passes", "1", 3, 0.2, 60, "passes over the activations between projections"},
    {"index_efficiency", "1", 0.2, 0.005, 0.99, "of the roofline, sparse indexer"},
};

// The first N of an attention formula after those of the projections.
template <std::size_t N>
constexpr std::array<ParameterSpec, kModuleParameters + N> after_projections(
    const ParameterSpec* attention) {
  std::array<ParameterSpec, kModuleParameters + N> all{};
  for (std::size_t i = 0; i < kModuleParameters; ++i) all[i] = kModule[i];
  for (std::size_t i = 0; i < N; ++i) all[kModuleParameters + i] = attention[i];
  return all;
}
constexpr auto kModulePrefill = after_projections<std::size(kPrefill)>(kPrefill);
constexpr auto kModuleDecode = after_projections<kModuleDecodeParameters>(kDecode);
constexpr const char* kNames[] = {"gemm",   "prefill",        "decode",       "experts",
                                  "stream", "module_prefill", "module_decode"};

}  // namespace

const char* tiled_formula_name(TiledFormula formula) {
  return kNames[static_cast<std::size_t>(formula)];
}

std::span<const ParameterSpec> parameters_of(TiledFormula formula) {
  switch (formula) {
    case TiledFormula::kGemm:
      return kGemm;
    case TiledFormula::kPrefill:
      return kPrefill;
    case TiledFormula::kDecode:
      return kDecode;
    case TiledFormula::kExperts:
      return kExperts;
    case TiledFormula::kStream:
      return kStream;
    case TiledFormula::kModulePrefill:
      return kModulePrefill;
    case TiledFormula::kModuleDecode:
      return kModuleDecode;
  }
  return {};
}

std::optional<TiledFormula> find_tiled_formula(std::string_view name) {
  for (int i = 0; i < kTiledFormulas; ++i) {
    if (kNames[i] == name) return static_cast<TiledFormula>(i);
  }
  return std::nullopt;
}

bool is_host_time(TiledFormula formula, const TiledParameters& parameters) {
  const bool one_kernel = formula == TiledFormula::kGemm || formula == TiledFormula::kPrefill ||
                          formula == TiledFormula::kDecode;
  return one_kernel && parameters[0] > kMostLaunch;
}

TiledParameters prior_parameters(TiledFormula formula) {
  TiledParameters p{};
  const auto specs = parameters_of(formula);
  for (std::size_t i = 0; i < specs.size(); ++i) p[i] = specs[i].prior;
  return p;
}

}  // namespace astrolabe::device
