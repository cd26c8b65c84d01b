#include "astrolabe/parallel/expert_kernels.h"

#include "astrolabe/base/csv.h"
#include "astrolabe/network/predictor.h"

namespace astrolabe::parallel {

ExpertKernels ExpertKernels::read(const std::string& path) {
  const CsvTable csv = CsvTable::read(path);
  ExpertKernels kernels;
  for (const CsvTable::Row& row : csv.rows()) {
    const SourcePosition where = csv.position(row);
    const std::string& before = csv.cell(row, "before");
    if (!network::is_version(before)) {
      throw InputError(where, "before", before, "a release, as in 0.20.0");
    }
    for (const char* column : {"dtype", "kernel"}) {
      if (csv.cell(row, column).empty()) throw InputError(where, column, "nothing", "a word");
    }
    kernels.rows_.push_back({parse_framework(csv.cell(row, "framework"), where),
                             network::version_number(before), csv.cell(row, "dtype"),
                             csv.cell(row, "kernel")});
  }
  return kernels;
}

std::string_view ExpertKernels::of(Framework framework, std::string_view version,
                                   std::string_view dtype) const {
  if (!network::is_version(version)) return "";
  for (const Row& row : rows_) {
    if (row.framework == framework && row.dtype == dtype &&
        network::version_number(version) < row.before) {
      return row.kernel;
    }
  }
  return "";
}

}  // namespace astrolabe::parallel
