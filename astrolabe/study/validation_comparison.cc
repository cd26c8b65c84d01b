#include "astrolabe/study/validation_comparison.h"

#include <utility>

#include "astrolabe/base/error.h"

namespace astrolabe::study {

namespace {

constexpr const char* kOwnEstimateSource = "estimate";

const catalog::AttributeSchema& schema_of(const catalog::Catalog& catalog,
                                          std::string_view attribute) {
  const std::string_view name = attribute.substr(0, attribute.find('@'));
  for (const catalog::AttributeSchema& s : catalog.schema()) {
    if (s.kind == "checks" && s.attribute == name) return s;
  }
  throw InputError({"schema.csv", 0}, "checks." + std::string(name), "no such attribute",
                   "an attribute of the kind checks");
}

}  // namespace

Comparison::Comparison(const catalog::Catalog& catalog, std::string id, std::string claim,
                       double tolerance)
    : catalog_(catalog) {
  case_.id = std::move(id);
  case_.claim = std::move(claim);
  case_.tolerance = tolerance;
}

Comparison& Comparison::of(std::string quantity, Evidence evidence, std::string known_gap) {
  quantity_ = std::move(quantity);
  evidence_ = evidence;
  known_gap_ = std::move(known_gap);
  return *this;
}

void Comparison::add(const std::string& subject, double ours, ValidationRow theirs) {
  theirs.quantity = quantity_;
  theirs.subject = subject;
  theirs.ours = ours;
  theirs.tolerance = case_.tolerance;
  theirs.evidence = theirs.source == kOwnEstimateSource && evidence_ == Evidence::kIndependent
                        ? Evidence::kOwnEstimate
                        : evidence_;
  theirs.known_gap = known_gap_;
  case_.rows.push_back(std::move(theirs));
}

void Comparison::add_rows(const std::string& subject, double ours, const Dim& dim,
                          std::string_view entity, std::string_view attribute,
                          std::string_view source) {
  const catalog::AttributeSchema& schema = schema_of(catalog_, attribute);
  ASTROLABE_DEMAND(schema.unit.dim == dim, std::string(attribute) + " is of another dimension");
  const double unit = schema.unit.factor;
  bool is_found = false;
  for (const catalog::Fact* fact : catalog_.facts(entity, attribute)) {
    if (!fact->value || (!source.empty() && fact->source != source)) continue;
    is_found = true;
    ValidationRow row;
    row.unit = schema.unit_text == "1" ? "-" : schema.unit_text;
    row.theirs = *fact->value / unit;
    if (fact->low) row.low = *fact->low / unit;
    if (fact->high) row.high = *fact->high / unit;
    row.fact = fact->key();
    row.source = fact->source;
    row.locator = fact->locator;
    add(subject, ours / unit, std::move(row));
  }
  if (!is_found) {
    throw InputError({"checks.csv", 0}, std::string(entity) + "." + std::string(attribute),
                     "no figure" + (source.empty() ? "" : " from " + std::string(source)),
                     "a published figure to compare with");
  }
}

}  // namespace astrolabe::study
