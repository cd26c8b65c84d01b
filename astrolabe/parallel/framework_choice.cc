#include "astrolabe/parallel/framework_choice.h"

#include <algorithm>

namespace astrolabe::parallel {

namespace {

std::string names_of(const std::vector<Framework>& frameworks) {
  std::vector<std::string> names;
  for (const Framework f : frameworks) names.emplace_back(framework_name(f));
  return names.empty() ? "none is known" : join_alternatives(names);
}

}  // namespace

std::optional<std::string> find_vendor(const catalog::Catalog& catalog,
                                       std::string_view accelerator) {
  if (catalog.kind_of(accelerator) == "chips") {
    const auto named = catalog.find_text(accelerator, "accelerator");
    if (named) return catalog.find_text(*named, "vendor");
  }
  return catalog.find_text(accelerator, "vendor");
}

std::vector<Framework> frameworks_on(const catalog::Catalog& catalog, const std::string& vendor) {
  std::vector<Framework> result;
  for (const std::string& pair : catalog.entities("frameworks")) {
    if (catalog.get_text(pair, "vendor") != vendor) continue;
    const catalog::Fact& name = *catalog.find_fact(pair, "framework");
    result.push_back(parse_framework(name.text, name.position));
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::string framework_conflict(const catalog::Catalog& catalog, Framework framework,
                               const std::string& vendor) {
  const std::vector<Framework> known = frameworks_on(catalog, vendor);
  if (std::find(known.begin(), known.end(), framework) != known.end()) return "";
  return std::string(framework_name(framework)) + " does not run on accelerators of " + vendor +
         "; there: " + names_of(known);
}

Framework choose_framework(const catalog::Catalog& catalog, std::string_view accelerator,
                           const std::string& name) {
  const auto vendor = find_vendor(catalog, accelerator);
  if (!vendor) throw InputError({}, std::string(accelerator) + ".vendor", "no row", "a value");
  const std::vector<Framework> known = frameworks_on(catalog, *vendor);
  const std::string allowed = names_of(known) + " (data/frameworks.csv)";
  if (name.empty()) {
    if (known.empty()) throw InputError({}, "--framework", "nothing", allowed);
    return known.front();
  }
  const Framework framework = parse_framework(name);
  if (framework_conflict(catalog, framework, *vendor).empty()) return framework;
  throw InputError({}, "--framework", name + " on an accelerator of " + *vendor, allowed);
}

}  // namespace astrolabe::parallel
