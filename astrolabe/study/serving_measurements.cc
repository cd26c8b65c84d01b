#include "astrolabe/study/serving_measurements.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/csv.h"
#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/study/published_measurements.h"
#include "astrolabe/study/serving_row.h"

namespace astrolabe::study {
namespace {

// Of experts 0 or nothing stands for 1.
int expert_degree(ServingRow* row, const std::string& column) {
  const double value = row->number(column, 0, kMostAccelerators).value_or(1);
  if (value != std::floor(value)) row->fail(column + " is no count");
  return std::max(1, static_cast<int>(value));
}

// prefix "": aggregated; "prefill_" or "decode_": a pool.
ServingLayout read_layout(ServingRow* row, const std::string& prefix) {
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
  ServingRow row(table, cells);
  ServingMeasurement m;
  m.line = cells.line;
  m.group = row.text("group_id");
  m.source = row.text("source_family");
  // InferenceX draws lengths and decodes greedily; the others sample as the model's own
  // configuration says.
  m.draws_lengths = m.source != "nvidia_gap";
  m.is_sampled = m.is_host_exposed = !m.draws_lengths;
  m.model = row.text("arch_model").empty() ? row.needed_text("model") : row.text("arch_model");
  m.system = row.needed_text("system");
  m.day = row.optional_text("measured_date");
  m.version = row.text("backend_version");
  m.precision = row.needed_text("precision");
  if (!parallel::is_checkpoint_word(m.precision)) {
    row.fail("precision " + m.precision + " is unknown");
  }
  m.gemm_format = row.text("gemm_quant");
  m.framework = row.framework("backend").value_or(parallel::Framework::kTrtllm);
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

void require_runs(const CsvTable& table) {
  if (table.has_column("group_id")) return;
  throw InputError({table.file(), 1}, "columns", join_alternatives(table.columns(), 6),
                   "those of runs (group_id, ...), figures (metric, value, unit), requests "
                   "(request_id, arrival_s), batches (prompt_ms, token_ms) or sweeps "
                   "(median_tpot_ms, num_prompts)");
}

}  // namespace

ServingContext ServingContext::read(const catalog::Catalog& catalog, const std::string& data_dir) {
  return {ServingRecipes::read(data_dir + "/serving/recipes.csv"),
          ServingNames::read(catalog, data_dir + "/serving/names.csv"),
          ServingBenchmarks::read(data_dir + "/serving/benchmarks.csv")};
}

std::vector<ServingMeasurement> read_serving_measurements(const std::string& path,
                                                          const ServingContext& context) {
  const CsvTable table = CsvTable::read(path);
  if (table.rows().empty()) {
    throw InputError({path, 0}, "", "no measurement", "at least one row");
  }
  std::vector<ServingMeasurement> rows = read_published_measurements(table, context);
  if (rows.empty()) {
    require_runs(table);
    for (const CsvTable::Row& row : table.rows()) rows.push_back(read_row(table, row));
  }
  for (ServingMeasurement& row : rows) {
    row.model = context.names.model(row.model);
    row.system = context.names.system(row.system);
    context.recipes.apply(&row);
  }
  return rows;
}

}  // namespace astrolabe::study
