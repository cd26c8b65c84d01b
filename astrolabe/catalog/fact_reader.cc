#include "astrolabe/catalog/fact_reader.h"

namespace astrolabe::catalog {

std::vector<std::pair<Quarter, double>> FactReader::path(std::string_view attribute,
                                                         const Dim& dim) {
  if (!catalog_.has_value(entity_, attribute)) {
    add_missing(attribute);
    return {};
  }
  add_used(attribute);
  return catalog_.path(entity_, attribute, dim);
}

void FactReader::add_used(std::string_view attribute) {
  used_.push_back(entity_ + "." + std::string(attribute));
}

void FactReader::add_missing(std::string_view attribute) {
  std::string text = "missing: " + entity_ + "." + std::string(attribute);
  const Fact* fact = catalog_.find_fact(entity_, attribute);
  if (fact != nullptr && !fact->note.empty()) text += " (" + fact->note + ")";
  missing_.push_back(text);
}

std::string FactReader::reason() const {
  std::string text;
  for (const std::string& m : missing_) text += (text.empty() ? "" : "; ") + m;
  return text;
}

}  // namespace astrolabe::catalog
