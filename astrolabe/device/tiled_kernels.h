#pragma once

// Measured kernels as the tiled fidelity sees them: the shape of a row of a table, and the set of
// parameters that it belongs to. A set is shared by what runs the same code in the same formats:
// family and formats (pool), then framework and class of kernel (table), then architecture.
//
// Classes of kernel: "native" for the framework's own, "triton", "flashinfer" and "marlin" for what
// it falls back to, and the pieces of linear attention. A prefill of one token is a decode.

#include <string>
#include <string_view>

#include "astrolabe/device/table_request.h"
#include "astrolabe/device/tiled_time.h"

namespace astrolabe::device {

// What a table of measurements is about.
struct TiledTable {
  std::string pool;   // "gemm fp8"
  std::string table;  // "sglang native", or "any flash": one library for all frameworks

  // Of the framework's own kernels, not of what it falls back to.
  bool is_native() const {
    return table.find(' ') == std::string::npos || table.ends_with("native") || is_flash();
  }
  bool is_flash() const { return table.ends_with("flash"); }
};

TiledTable tiled_table(Family family, std::string_view framework, std::string_view kernel,
                       const Categories& categories);

// The next wider format of a pool, "" when there is none: "gemm nvfp4" -> "gemm fp8".
std::string wider_pool(std::string_view pool);

// Whose code a kernel is on a chip, whichever framework calls it: "triton", "trtllm_gen", "xqa",
// "flash_attention", ..., "other" for what a framework has of its own. Products are everybody's.
std::string_view kernel_library(Family family, std::string_view framework, std::string_view kernel,
                                const TiledChip& chip);

struct TiledKernel {
  TiledFormula formula = TiledFormula::kGemm;
  TiledShape shape;
};

// Which formula, too, depends on the row: a prefill of one token runs the decode kernel.
TiledKernel tiled_kernel(Family family, std::string_view framework, std::string_view kernel,
                         const Categories& categories, const Dims& dims);
TiledKernel tiled_kernel(const TableRequest& request, const Dims& dims);

}  // namespace astrolabe::device
