#pragma once

// Which serving frameworks run on whose accelerators: the catalogue kind `frameworks`, one entity
// for each pair of a framework and a vendor.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/engine.h"

namespace astrolabe::parallel {

// `accelerator`: an entity of the kinds `accelerators` or `chips`.
std::optional<std::string> find_vendor(const catalog::Catalog& catalog,
                                       std::string_view accelerator);

// In the order of Framework; empty where nothing is known to run.
std::vector<Framework> frameworks_on(const catalog::Catalog& catalog, const std::string& vendor);

// Why the framework cannot serve on a vendor's accelerators; empty when it can.
std::string framework_conflict(const catalog::Catalog& catalog, Framework framework,
                               const std::string& vendor);

// --framework: the one that is named, or the first that runs there. InputError for an unknown one,
// for one that does not run there, and for an accelerator whose vendor is not known.
Framework choose_framework(const catalog::Catalog& catalog, std::string_view accelerator,
                           const std::string& name);

}  // namespace astrolabe::parallel
