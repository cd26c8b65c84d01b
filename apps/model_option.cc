#include <CLI/CLI.hpp>

#include "apps/commands.h"
#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe {

workload::ModelConfig read_model_option(const std::string& model, const catalog::Catalog& facts) {
  const bool is_config =
      model == "-" || model.find('/') != std::string::npos || model.ends_with(".json");
  if (is_config) return workload::read_model_config(model);
  return {workload::read_model(facts, model), std::nullopt};
}

CLI::Validator number_within(double low, double high) {
  const auto check = [low, high](const std::string& text) {
    double value = 0;
    const bool is_number = CLI::detail::lexical_cast(text, value);
    return is_number && value >= low && value <= high
               ? std::string()
               : text + " is not a number from " + format_number(low) + " to " +
                     format_number(high);
  };
  return CLI::Validator(check, "", "number");
}

}  // namespace astrolabe
