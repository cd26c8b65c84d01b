#pragma once

// The keys of a scenario file: every table and key with its unit, bounds, what holds without it and
// what it means. The reader checks files against it, `astrolabe check --keys` prints it, and a test
// holds docs/guide.md to it.

#include <vector>

#include "astrolabe/study/toml_reader.h"

namespace astrolabe::study {

const std::vector<TableSpec>& scenario_tables();

}  // namespace astrolabe::study
