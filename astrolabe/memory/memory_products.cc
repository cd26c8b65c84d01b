#include <algorithm>
#include <cmath>

#include "astrolabe/base/csv.h"
#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {

namespace {

constexpr const char* kProducts = "/memory/products.csv";

std::int64_t whole(const CsvTable& table, const CsvTable::Row& row, const std::string& column,
                   std::int64_t least, std::int64_t most) {
  const double v = parse_number(table.cell(row, column), table.position(row), column);
  if (v < static_cast<double>(least) || v > static_cast<double>(most) || v != std::floor(v)) {
    throw InputError(
        table.position(row), column, table.cell(row, column),
        "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<std::int64_t>(v);
}

struct MappingText {
  std::string text;
  SourcePosition where;
};

MappingText find_mapping(const std::string& data_dir, const std::string& name) {
  if (name.find(' ') != std::string::npos) return {name, {}};
  const CsvTable table = CsvTable::read(data_dir + "/memory/mappings.csv");
  std::vector<std::string> names;
  for (const CsvTable::Row& row : table.rows()) {
    if (table.cell(row, "name") == name) return {table.cell(row, "text"), table.position(row)};
    names.push_back(table.cell(row, "name"));
  }
  const std::string nearest = nearest_word(name, names);
  throw InputError({}, "mapping", name + (nearest.empty() ? "" : " (nearest: " + nearest + ")"),
                   join_alternatives(names) + ", or a text of parts");
}

std::vector<std::string> names_of(const CsvTable& products) {
  std::vector<std::string> names;
  for (const CsvTable::Row& row : products.rows()) names.push_back(products.cell(row, "product"));
  return names;
}

const CsvTable::Row& product_row(const CsvTable& table, const std::string& name,
                                 const SourcePosition& where, const std::string& key) {
  for (const CsvTable::Row& row : table.rows()) {
    const bool is_built_in = !name.empty() && table.cell(row, "accelerator") == name;
    if (is_built_in || table.cell(row, "product") == name) return row;
  }
  const std::vector<std::string> names = names_of(table);
  const std::string nearest = nearest_word(name, names);
  throw InputError(where, key, name + (nearest.empty() ? "" : " (nearest: " + nearest + ")"),
                   join_alternatives(names, 20));
}

MemoryConfig read_product(const std::string& data_dir, const CsvTable& table,
                          const CsvTable::Row& row, const TimingOverrides& overrides) {
  MemoryConfig config;
  config.name = table.cell(row, "product");
  const double rate =
      parse_number(table.cell(row, "pin_rate_gbps"), table.position(row), "pin_rate_gbps");
  if (rate <= 0 || rate > 100) {
    throw InputError(table.position(row), "pin_rate_gbps", table.cell(row, "pin_rate_gbps"),
                     "0 to 100 Gb/s");
  }
  config.spec = load_spec(data_dir, table.cell(row, "preset"), rate, overrides);
  config.channels = static_cast<int>(whole(table, row, "channels", 1, 4096));
  const std::int64_t stacks = whole(table, row, "stacks", 1, 64);
  if (config.channels != stacks * config.spec.organization.channels_per_stack) {
    throw InputError(table.position(row), "channels", std::to_string(config.channels),
                     std::to_string(stacks * config.spec.organization.channels_per_stack) +
                         ": stacks times channels of a stack");
  }
  config.interleave_bytes =
      static_cast<std::uint64_t>(whole(table, row, "interleave_bytes", 32, 1 << 20));
  const MappingText mapping = find_mapping(data_dir, table.cell(row, "mapping"));
  config.mapping = mapping.text;
  config.mapping_where = mapping.where;
  config.controller.read_queue = config.controller.write_queue =
      static_cast<std::size_t>(whole(table, row, "queue", 2, 512));
  config.controller.refresh =
      refresh_mode(table.cell(row, "refresh"), table.position(row), "refresh");
  return config;
}

}  // namespace

std::string mapping_text(const std::string& data_dir, const std::string& name_or_text) {
  return find_mapping(data_dir, name_or_text).text;
}

RefreshMode refresh_mode(const std::string& name, const SourcePosition& where,
                         const std::string& key) {
  if (name == "none") return RefreshMode::kNone;
  if (name == "all_bank") return RefreshMode::kAllBank;
  if (name == "per_bank") return RefreshMode::kPerBank;
  throw InputError(where, key, name, "none, all_bank or per_bank");
}

std::vector<std::string> product_names(const std::string& data_dir) {
  return names_of(CsvTable::read(data_dir + kProducts));
}

void check_product(const std::string& data_dir, const std::string& product,
                   const SourcePosition& where, const std::string& key) {
  product_row(CsvTable::read(data_dir + kProducts), product, where, key);
}

MemoryConfig load_product(const std::string& data_dir, const std::string& product,
                          const TimingOverrides& overrides) {
  const CsvTable table = CsvTable::read(data_dir + kProducts);
  return read_product(data_dir, table, product_row(table, product, {}, "--product"), overrides);
}

MemoryConfig load_preset(const std::string& data_dir, const std::string& preset,
                         const TimingOverrides& overrides) {
  MemoryConfig config;
  config.name = preset;
  config.spec = load_spec(data_dir, preset, 0, overrides);
  const MappingText mapping = find_mapping(data_dir, "mop4clxor");
  config.mapping = mapping.text;
  config.mapping_where = mapping.where;
  return config;
}

}  // namespace astrolabe::memory
