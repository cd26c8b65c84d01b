#pragma once

// A Hugging Face config.json with the lines of its keys, for errors that say where. A nested
// language model (`text_config`) is looked into first, then the file itself. Not for use outside
// this folder.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/base/error.h"
#include "astrolabe/workload/model.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::workload {

using Keys = std::initializer_list<const char*>;

class ConfigJson {
 public:
  // InputError for what is not a JSON object, a key given twice or a number that overflows.
  ConfigJson(const std::string& text, const std::string& file);

  // The value of the first key that is there and not null.
  const nlohmann::json* find(Keys keys) const;
  bool has(Keys keys) const { return find(keys) != nullptr; }

  // A whole number above 0 and at most 1e9. InputError when it is something else, or (get) absent.
  double get_number(Keys keys, const char* meaning) const;
  double number_or(Keys keys, double otherwise) const;         // 0 is allowed
  int count_or(Keys keys, int otherwise) const;                // the same
  double get_inner(const char* key, const char* inner) const;  // of the object at `key`
  std::string text_or(Keys keys, const std::string& otherwise) const;
  bool flag_or(Keys keys, bool otherwise) const;

  const char* found_key(Keys keys) const;  // of them, the first if none is there
  SourcePosition position(std::string_view key) const;
  [[noreturn]] void reject(const char* key, const std::string& allowed) const;
  [[noreturn]] void reject_missing(Keys keys, const char* meaning) const;

  const std::string& model_type() const { return model_type_; }

 private:
  double checked(const char* key, const nlohmann::json& value, double least) const;

  std::string text_, file_, model_type_;
  nlohmann::json root_;
  const nlohmann::json* nested_ = nullptr;
  std::size_t nested_at_ = 0;
};

// Of a part of a configuration: empty if the key is not there, or no text.
std::string text_of(const nlohmann::json& object, const char* key);

// Of the checkpoint: its linear layers, not the cache. Empty for bf16, that is without a
// quantization_config; InputError for one that is not known.
std::optional<Precision> find_native_precision(const ConfigJson& config,
                                               const ModelArchitecture& model);

// At most 16 MiB of a file, or of standard input for "-". InputError when it cannot be read.
std::string read_config_text(const std::string& path);

}  // namespace astrolabe::workload
