#include "astrolabe/study/serving_names.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "astrolabe/base/csv.h"

namespace astrolabe::study {
namespace {

constexpr const char* kModel = "model";
constexpr const char* kSystem = "system";
constexpr const char* kEngine = "engine";
constexpr const char* kPromptTokens = "prompt_tokens";

// Words of a model's name that change weights or their format, not shapes.
bool is_edition(std::string_view word) {
  constexpr std::array<std::string_view, 15> kWords = {
      "instruct", "thinking", "chat", "it",   "hf",  "base",  "exp", "fp8",
      "fp4",      "nvfp4",    "bf16", "int4", "awq", "mxfp4", "gptq"};
  if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) return true;
  const bool is_date = word.size() == 4 && std::all_of(word.begin(), word.end(), [](char c) {
                         return std::isdigit(static_cast<unsigned char>(c)) != 0;
                       });
  return is_date || word.starts_with("v0.");
}

std::string shapes_name(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  std::string out = lower_case(name);
  if (out.starts_with("meta-")) out.erase(0, 5);
  for (std::size_t dash = out.rfind('-'); dash != std::string::npos; dash = out.rfind('-')) {
    if (!is_edition(std::string_view(out).substr(dash + 1))) break;
    out.erase(dash);
  }
  return out;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

ServingNames ServingNames::read(const catalog::Catalog& catalog, const std::string& path) {
  ServingNames names;
  for (const std::string& entity : catalog.entities("models")) {
    const auto name = catalog.find_text(entity, "name");
    if (!name) continue;
    names.rows_.emplace(std::string(kModel) + " " + *name, *name);
    std::string& shortest = names.shapes_.emplace(shapes_name(*name), *name).first->second;
    if (name->size() < shortest.size()) shortest = *name;
  }
  const CsvTable csv = CsvTable::read(path);
  for (const CsvTable::Row& row : csv.rows()) {
    const std::string& kind = csv.cell(row, "kind");
    const std::string& cell = csv.cell(row, "published");
    const std::string published = kind == kSystem ? lower_case(cell) : cell;
    const std::string& ours = csv.cell(row, "ours");
    if (kind != kModel && kind != kSystem && kind != kEngine && kind != kPromptTokens) {
      throw InputError(csv.position(row), "kind", kind, "model, system, engine or prompt_tokens");
    }
    if (kind == kPromptTokens) parse_number(ours, csv.position(row), "ours");
    if (!names.rows_.emplace(kind + " " + published, ours).second) {
      throw InputError(csv.position(row), "published", cell, "each name of a kind once");
    }
  }
  // A system by its own name or by that of its accelerator in the catalogue.
  for (const std::string& chip : catalog.entities("chips")) {
    const std::string& system = catalog.get_text(chip, "system");
    const std::string accelerator = catalog.find_text(chip, "accelerator").value_or(system);
    for (const std::string& name : {system, accelerator}) {
      names.rows_.emplace(std::string(kSystem) + " " + lower_case(name), system);
    }
  }
  return names;
}

const std::string* ServingNames::find(const char* kind, const std::string& published) const {
  const auto row = rows_.find(std::string(kind) + " " + published);
  return row == rows_.end() ? nullptr : &row->second;
}

std::string ServingNames::model(const std::string& published) const {
  if (const std::string* ours = find(kModel, published)) return *ours;
  const auto same = shapes_.find(shapes_name(published));
  return same == shapes_.end() ? published : same->second;
}

std::string ServingNames::system(const std::string& published) const {
  const std::string* ours = find(kSystem, lower_case(published));
  return ours == nullptr ? published : *ours;
}

std::optional<std::string> ServingNames::engine(const std::string& published) const {
  const std::string* ours = find(kEngine, published);
  return ours == nullptr ? std::nullopt : std::optional(*ours);
}

std::optional<double> ServingNames::prompt_tokens(const std::string& published) const {
  const std::string* ours = find(kPromptTokens, published);
  return ours == nullptr ? std::nullopt : std::optional(std::stod(*ours));
}

}  // namespace astrolabe::study
