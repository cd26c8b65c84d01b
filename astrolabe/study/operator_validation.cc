#include "astrolabe/study/operator_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/measured_time.h"
#include "astrolabe/device/table_cache.h"
#include "astrolabe/study/network_validation.h"

namespace astrolabe::study {
namespace {

using device::Chip;
using device::Family;
using device::Measurement;

// The column that tells the format of the arithmetic or the weights.
std::string precision_of(Family family, const Measurement& m) {
  switch (family) {
    case Family::kLatentProjection:
      return std::string(m.categories[1]);
    case Family::kLatentModulePrefill:
    case Family::kLatentModuleDecode:
    case Family::kSparseModuleDecode:
      return std::string(m.categories[3]);
    case Family::kAttentionDecode:
    case Family::kLatentDecode:
    case Family::kLatentPrefill:
      return fmt::format("{} kv {}", m.categories[0], m.categories[1]);
    default:
      return std::string(m.categories[0]);
  }
}

std::vector<GroupKeys> groups_of(Family family, const Measurement& m, const char* source) {
  const std::string system(m.system), framework(m.framework);
  const std::string precision = precision_of(family, m);
  std::vector<GroupKeys> groups = {
      {{"system", system}},
      {{"framework", framework}},
      {{"precision", precision}},
      {{"system", system}, {"framework", framework}, {"precision", precision}}};
  if (!m.kernel.empty()) {
    groups.push_back({{"framework", framework}, {"kernel", std::string(m.kernel)}});
  }
  if (source != nullptr) groups.push_back({{"source", source}});
  return groups;
}

// Names that a measurer chooses.
bool is_open(std::string_view column) { return column == "distribution" || column == "model"; }

// The words by which tables tell their measurements apart, by family and column.
class KnownWords {
 public:
  explicit KnownWords(const device::MeasuredTables& tables) {
    for (const device::MeasuredTable& table : tables.tables()) {
      const device::TableKey& key = table.key;
      add(key.family, "framework", key.framework);
      add(key.family, "kernel", key.kernel);
      const auto& columns = device::columns_of(key.family).categories;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        add(key.family, columns[i], key.categories[i]);
      }
    }
  }

  // Modules of dense and of sparse latent attention have the same columns: their models, which
  // are not the same, tell them apart, whatever the file is called.
  Family family_of(const Measurement& m) const {
    constexpr Family kDense = Family::kLatentModuleDecode, kSparse = Family::kSparseModuleDecode;
    if (m.family != kDense && m.family != kSparse) return m.family;
    const Family other = m.family == kDense ? kSparse : kDense;
    return has(other, "model", m.categories[0]) && !has(m.family, "model", m.categories[0])
               ? other
               : m.family;
  }

  // "unknown kernel fast": the first word of `m` that no table has; empty if there is none.
  std::string unknown_of(const Measurement& m) const {
    std::string unknown;
    const auto check = [&](const char* column, std::string_view word) {
      if (!unknown.empty() || is_open(column) || !words_.contains({m.family, column})) return;
      if (!has(m.family, column, word)) unknown = fmt::format("unknown {} {}", column, word);
    };
    check("framework", m.framework);
    if (!m.kernel.empty()) check("kernel", m.kernel);
    const auto& columns = device::columns_of(m.family).categories;
    for (std::size_t i = 0; i < columns.size(); ++i) check(columns[i], m.categories[i]);
    return unknown;
  }

 private:
  void add(Family family, const char* column, const std::string& word) {
    words_[{family, column}].insert(word);
  }
  bool has(Family family, const char* column, std::string_view word) const {
    const auto known = words_.find({family, column});
    return known != words_.end() && known->second.count(word) > 0;
  }

  std::map<std::pair<Family, std::string>, std::set<std::string, std::less<>>> words_;
};

// Each measurement beside its prediction, in the columns of its family.
class RowTable {
 public:
  // `e` null: not predicted, for `reason`.
  void add(const Measurement& m, const device::TimeEstimate* e, const std::string& reason) {
    const device::FamilyColumns& columns = device::columns_of(m.family);
    if (table_.columns.empty()) set_columns(columns);
    std::vector<Table::Cell> row = {double(m.line), std::string(m.system), std::string(m.framework),
                                    std::string(m.version), std::string(m.kernel)};
    for (std::size_t i = 0; i < columns.categories.size(); ++i) {
      row.emplace_back(std::string(m.categories[i]));
    }
    for (std::size_t i = 0; i < columns.dims.size(); ++i) row.emplace_back(double{m.dims[i]});
    row.emplace_back(m.latency_us);
    for (const auto member : {&device::TimeEstimate::us, &device::TimeEstimate::low_us,
                              &device::TimeEstimate::high_us}) {
      if (e == nullptr) {
        row.emplace_back("");
      } else {
        row.emplace_back(e->*member);
      }
    }
    row.emplace_back(e == nullptr ? "" : device::estimate_source_name(e->source));
    row.emplace_back(reason);
    table_.add_row(std::move(row));
  }
  std::string csv() const { return to_csv(table_); }

 private:
  void set_columns(const device::FamilyColumns& columns) {
    const auto add = [this](const char* name) { table_.columns.push_back({name, "", {}}); };
    for (const char* name : {"line", "system", "framework", "fw_version", "kernel"}) add(name);
    for (const char* name : columns.categories) add(name);
    for (const char* name : columns.dims) add(name);
    for (const char* name :
         {"measured_us", "predicted_us", "low_us", "high_us", "source", "not_predicted"}) {
      add(name);
    }
  }

  Table table_;
};

}  // namespace

AccuracyReport validate_operators(const OperatorValidationRequest& request) {
  require_not_input("--rows", request.rows, request.measurements);
  if (auto network = validate_network(request)) {
    if (!request.rows.empty()) {
      throw InputError({}, "--rows", "a table of collectives or exchanges", "one of operators");
    }
    return std::move(*network);
  }
  const std::vector<device::TiledChip> all =
      device::read_tiled_chips(catalog::Catalog::load(request.data));
  const std::vector<Chip> chips = device::chips_of(all);
  const std::vector<std::string> without = device::system_names(all, request.without_tables);
  const std::string directory = request.data + "/measurements";
  const device::TiledTime all_tiled(
      device::read_tiled_tables(request.data + "/fitted/tiled_parameters.csv"), all);
  const device::MeasuredTables tables =
      device::MeasuredTables::load(directory, request.data + "/fitted/interpolation.csv", chips,
                                   &all_tiled, device::default_cache_path(directory));
  const device::TiledTime tiled(all_tiled.model.tables(), all,
                                device::architectures_without(chips, tables, without));
  const device::MeasuredTime time(tables, chips, without, &tiled);
  const KnownWords known(tables);
  AccuracyScorer scorer;
  RowTable rows;
  const auto leave_out = [&](const Measurement& m, const std::string& reason) {
    scorer.add_unscored(groups_of(m.family, m, nullptr), reason);
    if (!request.rows.empty()) rows.add(m, nullptr, reason);
  };
  const device::MeasurementFile file =
      device::read_measurements(request.measurements, [&](Measurement m) {
        m.family = known.family_of(m);
        const auto chip = std::find_if(chips.begin(), chips.end(),
                                       [&](const Chip& c) { return c.name == m.system; });
        if (chip == chips.end()) {
          leave_out(m, fmt::format("unknown accelerator {}", m.system));
          return;
        }
        if (const std::string unknown = known.unknown_of(m); !unknown.empty()) {
          leave_out(m, unknown);
          return;
        }
        const device::TableRequest wanted{m.family,  m.system, m.framework,
                                          m.version, m.kernel, m.categories};
        const device::TimeEstimate e = time.estimate(wanted, *chip, m.dims);
        scorer.add(groups_of(m.family, m, device::estimate_source_name(e.source)), m.latency_us,
                   e.us, e.low_us, e.high_us);
        if (!request.rows.empty()) rows.add(m, &e, "");
      });
  if (!request.rows.empty()) write_file_atomically(request.rows, rows.csv());
  for (const auto& [reason, count] : file.excluded.by_reason) {
    for (long i = 0; i < count.rows; ++i) {
      scorer.add_unscored({}, fmt::format("{} (first: line {})", reason, count.first_line));
    }
  }
  return scorer.report();
}

}  // namespace astrolabe::study
