#pragma once

// Families of measured operators: which columns a table of each has, where an operation lies in the
// space in which measurements are interpolated, and the work it does.
//
// A measurement belongs to a table (system, framework, version, kernel and the family's category
// columns) and has numeric dimensions, the shape first, then what was swept (tokens, lengths).
// Coordinates are log2 of the dimensions, or of what the kernel sees of them (ratio of query to KV
// heads, expert width of one rank), and flags for alignment and windows.
// Work: FLOP and bytes as in workload/operator_graph.h. The reference time
//   t = t_launch + sqrt((F / 0.75 F_peak)^2 + (B / 0.85 B_peak)^2)
// is what measurements are divided by before they are interpolated: smooth, right in its limits,
// and the part of it that a faster chip changes is the part that the roofline explains.

#include <array>
#include <compare>
#include <optional>
#include <span>
#include <string_view>

#include "astrolabe/device/chip.h"
#include "astrolabe/device/local_regression.h"

namespace astrolabe::device {

enum class Family : unsigned char {
  kGemm,
  kAttentionPrefill,
  kAttentionDecode,
  kAttentionEncoder,
  kLatentPrefill,
  kLatentDecode,
  kLatentProjection,
  kLatentModulePrefill,
  kLatentModuleDecode,
  kSparseModuleDecode,
  kExperts,
  kWideExperts,
  kGatedDelta,
  kMamba,
  kQuantise,
};
inline constexpr int kFamilies = 15;
inline constexpr int kMaxDims = 8;
inline constexpr int kMaxCategories = 4;

struct FamilyColumns {
  const char* name;  // of the file that holds the table, without extension
  std::span<const char* const> categories;
  std::span<const char* const> dims;
  int n_shape;  // of the dims; the rest was swept
};

const FamilyColumns& columns_of(Family family);
std::optional<Family> find_family(std::string_view name);

using Dims = std::array<float, kMaxDims>;                         // in the order of the columns
using Categories = std::array<std::string_view, kMaxCategories>;  // in the order of the columns

int coordinate_count(Family family);
Coordinates coordinates_of(Family family, const Dims& dims);

// What engines choose a kernel of experts by.
struct ExpertLayer {
  long hidden = 0, topk = 0, experts = 0;
  bool is_spread = false;  // over several ranks

  auto operator<=>(const ExpertLayer&) const = default;
};
ExpertLayer expert_layer_of(const Dims& dims);      // of Family::kExperts
ExpertLayer expert_layer_at(const Coordinates& x);  // of the same

struct Work {
  double flops = 0, bytes = 0;
  MathFormat format = MathFormat::kBf16;
  double exponentials = 0;  // of the softmax of a prompt
  bool widens = false;      // weights of 4 bits that the SMs widen to bf16 before they multiply
};
// `kernel`: its name in the tables, of which experts depend; "" = three matrices, kept narrow.
Work work_of(Family family, const Categories& categories, const Dims& dims,
             std::string_view kernel = {});

// SGLang's Triton experts multiply MXFP4 weights that were widened to bf16 when they were loaded,
// as the times say too: on H100 and H200 they follow the bandwidth as bf16 weights do.
bool widens_when_loaded(std::string_view kernel, std::string_view dtype);

// Microseconds that a call takes however small it is: about the floor of the tables.
double launch_us(Family family);

// Microseconds, of one execution, warm (small operands may sit in the cache). A format that the
// chip lacks is computed as bf16.
double reference_time_us(Family family, const Work& work, const Chip& chip);
// The least time: max(F / F_peak, B / B_peak), of operands that come from HBM.
double roofline_us(const Work& work, const Chip& chip);

}  // namespace astrolabe::device
