#include "astrolabe/study/serving_measurements.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/csv.h"
#include "astrolabe/parallel/checkpoint_precision.h"

namespace astrolabe::study {
namespace {

constexpr double kMostTokens = 1e7, kMostInFlight = 1e5, kMostAccelerators = 10000,
                 kMostMilliseconds = 1e8;

// Cells of one row, the first problem kept as the reason.
class RowReader {
 public:
  RowReader(const CsvTable& table, const CsvTable::Row& row) : table_(table), row_(row) {}

  const std::string& text(std::string_view column) const { return table_.cell(row_, column); }

  // Empty where the file has no such column.
  std::string optional_text(std::string_view column) const {
    const auto& columns = table_.columns();
    return std::find(columns.begin(), columns.end(), column) == columns.end() ? "" : text(column);
  }

  // Empty cells are no number; anything else that is none, or out of range, is a problem.
  std::optional<double> number(std::string_view column, double low, double high) {
    const std::string& cell = text(column);
    if (cell.empty()) return std::nullopt;
    double value = 0;
    try {
      value = parse_number(cell, table_.position(row_), std::string(column));
    } catch (const InputError&) {
      fail(std::string(column) + " is no number");
      return std::nullopt;
    }
    if (value < low || value > high) {
      fail(std::string(column) + " is out of range");
      return std::nullopt;
    }
    return value;
  }

  double needed(std::string_view column, double low, double high) {
    const auto value = number(column, low, high);
    if (!value) fail(std::string(column) + " is missing");
    return value.value_or(low);
  }

  double needed_count(std::string_view column, double most) {
    const double value = needed(column, 1, most);
    if (value != std::floor(value)) fail(std::string(column) + " is no count");
    return value;
  }

  const std::string& needed_text(std::string_view column) {
    if (text(column).empty()) fail(std::string(column) + " is missing");
    return text(column);
  }

  void fail(const std::string& reason) {
    if (reason_.empty()) reason_ = reason;
  }
  const std::string& reason() const { return reason_; }

 private:
  const CsvTable& table_;
  const CsvTable::Row& row_;
  std::string reason_;
};

// Of experts 0 or nothing stands for 1.
int expert_degree(RowReader* row, const std::string& column) {
  const double value = row->number(column, 0, kMostAccelerators).value_or(1);
  if (value != std::floor(value)) row->fail(column + " is no count");
  return std::max(1, static_cast<int>(value));
}

// prefix "": aggregated; "prefill_" or "decode_": a pool.
ServingLayout read_layout(RowReader* row, const std::string& prefix) {
  ServingLayout layout;
  const auto degree = [&](const char* column) {
    return static_cast<int>(row->needed_count(prefix + column, kMostAccelerators));
  };
  if (!prefix.empty()) layout.workers = degree("workers");
  layout.shard.tensor = degree("attn_tp");
  layout.shard.data = degree("attn_dp");
  layout.shard.expert = expert_degree(row, prefix + "moe_ep");
  if (!prefix.empty()) {
    if (degree("gpus_per_worker") != layout.shard.group())
      row->fail(prefix + "gpus_per_worker is not tp x dp");
  }
  if (layout.shard.group() % layout.shard.expert != 0) {
    row->fail(prefix + "moe_ep does not divide the ranks");
  }
  return layout;
}

ServingMeasurement read_row(const CsvTable& table, const CsvTable::Row& cells) {
  RowReader row(table, cells);
  ServingMeasurement m;
  m.line = cells.line;
  m.group = row.text("group_id");
  m.source = row.text("source_family");
  m.model = row.text("arch_model").empty() ? row.needed_text("model") : row.text("arch_model");
  m.system = row.needed_text("system");
  m.day = row.optional_text("measured_date");
  m.version = row.text("backend_version");
  m.precision = row.needed_text("precision");
  if (!parallel::is_checkpoint_word(m.precision)) {
    row.fail("precision " + m.precision + " is unknown");
  }
  m.gemm_format = row.text("gemm_quant");
  const auto framework = parallel::find_framework(row.needed_text("backend"));
  if (!framework) row.fail("backend " + row.text("backend") + " is unknown");
  m.framework = framework.value_or(parallel::Framework::kTrtllm);
  m.is_disaggregated = row.text("mode") == "disagg";
  if (!m.is_disaggregated && row.text("mode") != "agg") row.fail("mode is neither agg nor disagg");
  const double primary = row.needed("primary", 0, 1);
  if (primary != std::floor(primary)) row.fail("primary is neither 0 nor 1");
  m.is_primary = primary == 1;
  const std::string& drafts = row.text("spec_decode");
  m.is_speculative =
      !drafts.empty() && drafts != "none" && drafts != "unknown" && drafts != "ambiguous";
  m.prompt = row.needed("isl_tokens", 1, kMostTokens);
  m.answer = row.needed("osl_tokens", 2, kMostTokens);
  m.concurrency = row.needed_count("concurrency", kMostInFlight);
  if (m.is_disaggregated) {
    m.prefill = read_layout(&row, "prefill_");
    m.decode = read_layout(&row, "decode_");
  } else {
    m.engine = read_layout(&row, "");
  }
  m.ttft_ms = row.number("ttft_ms", 1e-6, kMostMilliseconds);
  m.tpot_ms = row.number("tpot_ms", 1e-6, kMostMilliseconds);
  if (m.is_speculative) row.fail("speculative decoding without an acceptance length");
  m.reason = row.reason();
  return m;
}

}  // namespace

std::vector<ServingMeasurement> read_serving_measurements(const std::string& path,
                                                          const ServingRecipes& recipes) {
  const CsvTable table = CsvTable::read(path);
  if (table.rows().empty()) {
    throw InputError({path, 0}, "", "no measurement", "at least one row");
  }
  std::vector<ServingMeasurement> rows;
  for (const CsvTable::Row& row : table.rows()) {
    rows.push_back(read_row(table, row));
    recipes.apply(&rows.back());
  }
  return rows;
}

}  // namespace astrolabe::study
