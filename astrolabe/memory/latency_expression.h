#pragma once

// Latencies of a standard are written as JEDEC does: "tCWL + tBL + tWR", "max(tRTP, 4)".
// Grammar: sum = term {(+|-) term}; term = number | name | (sum) | max(sum, sum).

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace astrolabe::memory {

// The value of a name, or nullopt if there is none.
using Parameters = std::function<std::optional<std::int64_t>(std::string_view)>;

struct ExpressionValue {
  std::optional<std::int64_t> value;
  std::string problem;  // what is wrong, if there is no value
};

ExpressionValue evaluate(std::string_view expression, const Parameters& parameters);

}  // namespace astrolabe::memory
