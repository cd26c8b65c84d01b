#include "astrolabe/study/hbm_validation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "astrolabe/base/csv.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/derating.h"
#include "astrolabe/memory/memory_system.h"

namespace astrolabe::study {

namespace {

// What a kernel sees that moves so many bytes: the simulated bandwidth, and its launch.
double kernel_bandwidth(memory::MemoryConfig config, memory::RefreshMode refresh,
                        const std::string& stream, Bytes moved, Duration launch) {
  config.controller.refresh = refresh;
  memory::Traffic traffic = memory::parse_traffic(stream);
  traffic.requests = 1'000'000'000;
  memory::RunOptions options;
  options.steady_tolerance = 0.01;
  const Bandwidth sustained = memory::simulate(config, traffic, options).bandwidth();
  return (moved / (moved / sustained + launch)).base() / 1e12;
}

double above_zero(const CsvTable& table, const CsvTable::Row& row, const std::string& column) {
  const double value = parse_number(table.cell(row, column), table.position(row), column);
  if (value > 0) return value;
  throw InputError(table.position(row), column, table.cell(row, column), "a number above 0");
}

}  // namespace

std::vector<HbmComparison> validate_hbm(const std::string& measurements,
                                        const std::string& data_dir) {
  const catalog::Catalog facts = catalog::Catalog::load(data_dir);
  const CsvTable table = CsvTable::read(measurements);
  std::vector<HbmComparison> rows;
  for (const CsvTable::Row& row : table.rows()) {
    HbmComparison c;
    c.accelerator = table.cell(row, "accelerator");
    c.kernel = table.cell(row, "kernel");
    c.measured = above_zero(table, row, "measured_tb_per_s");
    const Bytes moved = 1e6 * above_zero(table, row, "megabytes") * units::byte;
    const Duration launch = device::read_derating(facts, c.accelerator).kernel_overhead;
    const memory::MemoryConfig config = memory::load_product(data_dir, c.accelerator);
    const std::string& stream = table.cell(row, "stream");
    c.peak = config.peak_bandwidth().base() / 1e12;
    c.per_bank = kernel_bandwidth(config, memory::RefreshMode::kPerBank, stream, moved, launch);
    c.all_bank = kernel_bandwidth(config, memory::RefreshMode::kAllBank, stream, moved, launch);
    rows.push_back(c);
  }
  return rows;
}

std::string to_markdown(const std::vector<HbmComparison>& rows) {
  std::string text =
      "| accelerator | kernel | peak TB/s | measured | of peak | ours, per-bank refresh | error | "
      "all-bank | error |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const HbmComparison& c : rows) {
    text += fmt::format(
        "| {} | {} | {:.2f} | {:.2f} | {:.1f} % | {:.2f} | {:+.1f} % | {:.2f} | {:+.1f} % |\n",
        c.accelerator, c.kernel, c.peak, c.measured, 100 * c.measured / c.peak, c.per_bank,
        c.error_percent(c.per_bank), c.all_bank, c.error_percent(c.all_bank));
  }
  return text;
}

nlohmann::ordered_json to_json(const std::vector<HbmComparison>& rows) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const HbmComparison& c : rows) {
    json.push_back({{"accelerator", c.accelerator},
                    {"kernel", c.kernel},
                    {"peak_tb_per_s", c.peak},
                    {"measured_tb_per_s", c.measured},
                    {"per_bank_refresh_tb_per_s", c.per_bank},
                    {"per_bank_refresh_error_percent", c.error_percent(c.per_bank)},
                    {"all_bank_refresh_tb_per_s", c.all_bank},
                    {"all_bank_refresh_error_percent", c.error_percent(c.all_bank)}});
  }
  return json;
}

}  // namespace astrolabe::study
