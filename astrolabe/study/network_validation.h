#pragma once

// `astrolabe validate operators` for tables of collectives and of exchanges between experts.

#include <optional>

#include "astrolabe/study/operator_validation.h"

namespace astrolabe::study {

// Nothing when the table is of another kind. Groups: system, library, operation, evidence. Rows
// that cannot be used are counted under their reason; InputError for a damaged table.
std::optional<AccuracyReport> validate_network(const OperatorValidationRequest& request);

}  // namespace astrolabe::study
