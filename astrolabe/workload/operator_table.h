#pragma once

// Operators as a table and their shapes as named values, for people and other programs to read.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/workload/operator.h"

namespace astrolabe::workload {

using ShapeField = std::pair<const char*, std::variant<double, std::string>>;

// The fields of operator_shape.h that this operator's kind has, by their names.
std::vector<ShapeField> shape_fields(const Operator& op);
std::string shape_text(const Operator& op);  // "m=64 n=6144 k=4096 format=fp8"

// One row an operator: name, kind, count, shape, GFLOP and MB of one execution; then the totals.
Table operator_table(const OperatorList& operators);

}  // namespace astrolabe::workload
