#include "astrolabe/workload/config_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <set>
#include <vector>

namespace astrolabe::workload {
namespace {

constexpr double kLargest = 1e9;
constexpr std::size_t kLongest = std::size_t{16} << 20;
constexpr std::size_t kShownCharacters = 60;
constexpr int kDeepest = 32;

int line_at(std::string_view text, std::size_t at) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size()));
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

// Offset of `"key":` at or after `from`.
std::size_t find_key(std::string_view text, std::string_view key, std::size_t from) {
  const std::string quoted = '"' + std::string(key) + '"';
  for (std::size_t at = text.find(quoted, from); at != std::string_view::npos;
       at = text.find(quoted, at + 1)) {
    const std::size_t next = text.find_first_not_of(" \t\r\n", at + quoted.size());
    if (next != std::string_view::npos && text[next] == ':') return at;
  }
  return std::string_view::npos;
}

std::string shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kShownCharacters) text = text.substr(0, kShownCharacters) + "...";
  return text;
}

// The line of what occurs once after `at`, else 0.
int line_of_single(std::string_view text, std::size_t at, std::size_t next) {
  return at == std::string_view::npos || next != std::string_view::npos ? 0 : line_at(text, at);
}

nlohmann::json parse(const std::string& text, const std::string& file) {
  std::array<std::set<std::string>, kDeepest + 2> keys;  // of the open object at each depth
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    if (depth > kDeepest) {
      throw InputError({file, 0}, "config", "values nested deeper than 32",
                       "a model's config.json");
    }
    const auto level = static_cast<std::size_t>(depth);
    if (event == nlohmann::json::parse_event_t::object_start) keys[level + 1].clear();
    if (event == nlohmann::json::parse_event_t::key &&
        !keys[level].insert(value.get<std::string>()).second) {
      const auto key = value.get<std::string>();
      const std::size_t second = find_key(text, key, find_key(text, key, 0) + 1);
      const int line = line_of_single(text, second, find_key(text, key, second + 1));
      throw InputError({file, line}, key, "twice", "each key once");
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, check);
  } catch (const nlohmann::json::out_of_range& e) {  // "... parsing '1e400'"
    std::string number = e.what();
    number = number.substr(0, number.rfind('\''));
    number = number.substr(number.rfind('\'') + 1);
    const std::size_t at = text.find(number);
    throw InputError({file, line_of_single(text, at, text.find(number, at + 1))}, "config", number,
                     "numbers up to 1e308");
  } catch (const nlohmann::json::parse_error& e) {
    throw InputError({file, line_at(text, e.byte > 0 ? e.byte - 1 : 0)}, "config",
                     text.empty() ? "an empty file" : "text that is not JSON",
                     "a JSON object, the config.json of a model");
  }
}

struct Closer {
  void operator()(std::FILE* f) const {
    if (f != stdin) std::fclose(f);
  }
};

}  // namespace

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string read_config_text(const std::string& path) {
  const std::unique_ptr<std::FILE, Closer> file(path == "-" ? stdin
                                                            : std::fopen(path.c_str(), "rb"));
  const std::string allowed = "a readable config.json, or - for standard input";
  if (!file) throw InputError({}, "model", path, allowed);
  std::string text;
  std::array<char, 65536> block{};
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), n);
    if (text.size() > kLongest) {
      throw InputError({path, 0}, "config", "more than 16 MiB", allowed);
    }
  }
  if (std::ferror(file.get()) != 0) throw InputError({}, "model", path, allowed);
  return text;
}

ConfigJson::ConfigJson(const std::string& text, const std::string& file)
    : text_(text), file_(file == "-" ? "standard input" : file), root_(parse(text, file_)) {
  if (!root_.is_object()) {
    throw InputError({file_, 1}, "config", shown(root_), "a JSON object");
  }
  for (const char* key : {"text_config", "llm_config", "language_config"}) {
    const auto found = root_.find(key);
    if (found != root_.end() && found->is_object() && !found->empty()) {
      nested_ = &*found;
      nested_at_ = find_key(text_, key, 0);
      break;
    }
  }
  model_type_ = text_or({"model_type"}, "");
}

const nlohmann::json* ConfigJson::find(Keys keys) const {
  for (const nlohmann::json* object : {nested_, static_cast<const nlohmann::json*>(&root_)}) {
    if (object == nullptr) continue;
    for (const char* key : keys) {
      const auto found = object->find(key);
      if (found != object->end() && !found->is_null()) return &*found;
    }
  }
  return nullptr;
}

const char* ConfigJson::found_key(Keys keys) const {
  for (const char* key : keys) {
    if (find({key}) == find(keys)) return key;
  }
  return *keys.begin();
}

SourcePosition ConfigJson::position(std::string_view key) const {
  std::size_t at = std::string::npos;
  if (nested_ != nullptr && nested_->contains(std::string(key))) {
    at = find_key(text_, key, nested_at_);
  }
  if (at == std::string::npos) at = find_key(text_, key, 0);
  return {file_, at == std::string::npos ? 0 : line_at(text_, at)};
}

void ConfigJson::reject(const char* key, const std::string& allowed) const {
  const nlohmann::json* value = find({key});
  throw InputError(position(key), key, value != nullptr ? shown(*value) : "nothing", allowed);
}

void ConfigJson::reject_missing(Keys keys, const char* meaning) const {
  const std::vector<std::string> names(keys.begin(), keys.end());
  throw InputError({file_, 0}, names.front(), "nothing (a " + model_type_ + " model needs it)",
                   std::string(meaning) +
                       (names.size() > 1 ? ", as " + join_alternatives(names) : std::string()));
}

double ConfigJson::checked(const char* key, const nlohmann::json& value, double least) const {
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!value.is_number() || !(number >= least) || !(number <= kLargest)) {
    reject(key, least > 0 ? "a number above 0, at most 1e9" : "a number from 0 to 1e9");
  }
  if (number != std::floor(number)) reject(key, "a whole number");
  return number;
}

double ConfigJson::get_inner(const char* key, const char* inner) const {
  const nlohmann::json* object = find({key});
  const nlohmann::json value =
      object != nullptr && object->is_object() ? object->value(inner, nlohmann::json()) : nullptr;
  const double number = value.is_number() ? value.get<double>() : 0;
  if (!(number >= 1) || !(number <= kLargest) || number != std::floor(number)) {
    reject(key, std::string("an object with a ") + inner + ": a whole number above 0");
  }
  return number;
}

double ConfigJson::get_number(Keys keys, const char* meaning) const {
  const nlohmann::json* value = find(keys);
  if (value == nullptr) reject_missing(keys, meaning);
  return checked(found_key(keys), *value, 1e-9);
}

double ConfigJson::number_or(Keys keys, double otherwise) const {
  const nlohmann::json* value = find(keys);
  return value == nullptr ? otherwise : checked(found_key(keys), *value, 0);
}

int ConfigJson::count_or(Keys keys, int otherwise) const {
  return static_cast<int>(number_or(keys, otherwise));
}

std::string ConfigJson::text_or(Keys keys, const std::string& otherwise) const {
  const nlohmann::json* value = find(keys);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) reject(found_key(keys), "a text");
  return value->get<std::string>();
}

bool ConfigJson::flag_or(Keys keys, bool otherwise) const {
  const nlohmann::json* value = find(keys);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) reject(found_key(keys), "true or false");
  return value->get<bool>();
}

}  // namespace astrolabe::workload
