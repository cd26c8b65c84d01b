#pragma once

// A result table on stdout: aligned columns for a reader, JSON or CSV for a program.

#include <nlohmann/json.hpp>
#include <string>

#include "astrolabe/base/table.h"

namespace astrolabe {

// Numbers to the right, from the third column on; the last column is not padded.
std::string aligned_text(const Table& table);
// {"name", "title", "rows": a list of objects}
nlohmann::ordered_json to_json(const Table& table);
// A document and the end of its line; bytes that are not UTF-8 are replaced.
std::string json_text(const nlohmann::ordered_json& document);
void print_json(const nlohmann::ordered_json& document);

}  // namespace astrolabe
