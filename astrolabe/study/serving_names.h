#pragma once

// What published measurements call models, systems and engines, in the names of the catalogue.
//
// A model is found by its own name, by a row of data/serving/names.csv, or, at last, by its name
// without owner, format and edition: Qwen/Qwen3-30B-A3B-Instruct-2507 has the shapes of
// Qwen/Qwen3-30B-A3B. A system is found by a row, by its own name or by that of its accelerator,
// whatever the case. A name that is not found stays as it was published.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::study {

std::string lower_case(std::string_view text);

class ServingNames {
 public:
  ServingNames() = default;  // every name stays
  // InputError for a file that cannot be read, an unknown kind or a name given twice.
  static ServingNames read(const catalog::Catalog& catalog, const std::string& path);

  std::string model(const std::string& published) const;
  std::string system(const std::string& published) const;
  // "vllm 0.11.1": framework and version of what a file calls its engine, where that does not say.
  std::optional<std::string> engine(const std::string& published) const;
  // Mean tokens of the prompts of a named set.
  std::optional<double> prompt_tokens(const std::string& published) const;

 private:
  const std::string* find(const char* kind, const std::string& published) const;

  std::map<std::string, std::string> rows_;    // "kind published" -> ours
  std::map<std::string, std::string> shapes_;  // name of the shapes -> the shortest with them
};

}  // namespace astrolabe::study
