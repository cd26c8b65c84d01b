#pragma once

// How much longer kernels of measured chips take than their derated rooflines say:
//   t = launch + slope t_derated
// by kind of kernel; on a simulated memory (coupled_clock.h) by a table of its own. Derating
// fractions are medians over large shapes; at the sizes of serving kernels fill a chip less well,
// and latencies within them (pipeline fill, reductions, routing of tokens, handshakes of ranks) do
// not shrink. Fitted by fit/fit_roofline.cc over models, layouts and batches on the chips that have
// tables, each with its own fractions; for chips without. Fails as any such mean does: software of
// another make may reach more or less.

#include <array>
#include <string>

#include "astrolabe/base/quantity.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::parallel {

enum class KernelKind : unsigned char { kProducts, kAttention, kExperts, kExchange, kCollective };
inline constexpr int kKernelKinds = 5;
const char* kernel_kind_name(KernelKind kind);  // "products", ...

// Elementwise kernels and quantisation are bytes over bandwidth and are not corrected.
bool is_corrected(const workload::Operator& op);
KernelKind kernel_kind(const workload::Operator& op);

struct RooflineCorrection {
  struct Line {
    Duration launch;
    double slope = 1;
  };
  std::array<Line, kKernelKinds> lines{};

  // data/fitted/roofline_correction.csv, coupled_correction.csv. InputError for a row that is
  // unknown, missing or absurd.
  static RooflineCorrection read(const std::string& path);
  Duration apply(KernelKind kind, Duration derated) const {
    const Line& line = lines[static_cast<std::size_t>(kind)];
    return line.launch + line.slope * derated;
  }
};

}  // namespace astrolabe::parallel
