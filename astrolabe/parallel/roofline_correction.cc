#include "astrolabe/parallel/roofline_correction.h"

#include <vector>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"

namespace astrolabe::parallel {

using workload::OperatorKind;

namespace {

constexpr std::array<const char*, kKernelKinds> kKindNames = {"products", "attention", "experts",
                                                              "exchange", "collective"};
constexpr double kLongestLaunch = 1000, kSteepest = 20;  // us; a chip is not that far off

}  // namespace

const char* kernel_kind_name(KernelKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

bool is_corrected(const workload::Operator& op) {
  return !workload::is_elementwise(op.kind) && op.kind != OperatorKind::kQuantize;
}

KernelKind kernel_kind(const workload::Operator& op) {
  switch (op.kind) {
    case OperatorKind::kGemm:
      return KernelKind::kProducts;
    case OperatorKind::kExperts:
      return KernelKind::kExperts;
    case OperatorKind::kDispatch:
    case OperatorKind::kCombine:
      return KernelKind::kExchange;
    default:
      return workload::is_collective(op.kind) ? KernelKind::kCollective : KernelKind::kAttention;
  }
}

RooflineCorrection RooflineCorrection::read(const std::string& path) {
  const CsvTable csv = CsvTable::read(path);
  RooflineCorrection c;
  std::array<bool, kKernelKinds> seen{};
  const std::vector<std::string> names(kKindNames.begin(), kKindNames.end());
  for (const CsvTable::Row& row : csv.rows()) {
    const SourcePosition where = csv.position(row);
    const std::string& kind = csv.cell(row, "kernels");
    const auto number = [&](const char* column, double low, double high) {
      const double value = parse_number(csv.cell(row, column), where, column);
      if (value < low || value > high) {
        throw InputError(where, column, csv.cell(row, column),
                         std::to_string(low) + " to " + std::to_string(high));
      }
      return value;
    };
    std::size_t i = 0;
    while (i < names.size() && names[i] != kind) ++i;
    if (i == names.size()) {
      throw InputError(where, "kernels", kind, join_alternatives(names, names.size()));
    }
    if (seen[i]) throw InputError(where, "kernels", kind + " a second time", "one row for each");
    seen[i] = true;
    c.lines[i] = {number("launch_us", 0, kLongestLaunch) * units::microsecond,
                  number("slope", 1 / kSteepest, kSteepest)};
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!seen[i]) throw InputError({path, 0}, names[i], "no row", "one row for each kind");
  }
  return c;
}

}  // namespace astrolabe::parallel
