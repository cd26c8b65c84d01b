#include "astrolabe/study/hbm_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "astrolabe/base/csv.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/derating.h"
#include "astrolabe/memory/requesters.h"

namespace astrolabe::study {

namespace {

memory::RunOptions steady() {
  memory::RunOptions options;
  options.steady_tolerance = 0.01;
  options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return options;
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
  std::map<std::pair<std::string, std::string>, memory::RunResult> streams;
  for (const CsvTable::Row& row : table.rows()) {
    HbmComparison c;
    c.accelerator = table.cell(row, "accelerator");
    c.kernel = table.cell(row, "kernel");
    c.measured = above_zero(table, row, "measured_tb_per_s");
    const Bytes moved = 1e6 * above_zero(table, row, "megabytes") * units::byte;
    Duration launch = device::read_derating(facts, c.accelerator).kernel_overhead;
    if (!table.cell(row, "host_us").empty()) {
      launch = above_zero(table, row, "host_us") * units::microsecond;
    }
    const memory::MemoryConfig config = memory::load_product(data_dir, c.accelerator);
    c.peak = config.peak_bandwidth().base() / 1e12;
    // What a kernel sees that moves so many bytes.
    const auto of_kernel = [&](const memory::RunResult& run) {
      return (moved / (moved / run.bandwidth() + launch)).base() / 1e12;
    };
    const std::string& stream = table.cell(row, "stream");
    memory::Traffic traffic = memory::parse_traffic(stream);
    const auto [known, is_new] = streams.try_emplace({c.accelerator, stream});
    if (is_new) {
      traffic.requests = 1'000'000'000;
      known->second = memory::simulate(config, traffic, steady());
    }
    c.stream = c.ours = of_kernel(known->second);
    c.requesters = table.cell(row, "requesters");
    if (!c.requesters.empty()) {
      const SourcePosition where = table.position(row);
      const memory::RequesterShape shape =
          memory::parse_requesters(c.requesters, where, "requesters");
      traffic.requests = static_cast<std::uint64_t>(moved.in(memory::kAccessBytes * units::byte));
      c.ours = of_kernel(memory::simulate_requesters(
          config, memory::load_requesters(data_dir, config, shape, where, "requesters"), traffic,
          steady()));
    }
    rows.push_back(c);
  }
  return rows;
}

std::string to_markdown(const std::vector<HbmComparison>& rows) {
  std::string text =
      "| accelerator | kernel | thread blocks | peak TB/s | measured | of peak | DRAM alone | "
      "error | "
      "ours, as asked | error |\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const HbmComparison& c : rows) {
    text += fmt::format(
        "| {} | {} | {} | {:.2f} | {:.2f} | {:.1f} % | {:.2f} | {:+.1f} % | {:.2f} | {:+.1f} % |\n",
        c.accelerator, c.kernel, c.requesters, c.peak, c.measured, 100 * c.measured / c.peak,
        c.stream, c.error_percent(c.stream), c.ours, c.error_percent(c.ours));
  }
  return text;
}

nlohmann::ordered_json to_json(const std::vector<HbmComparison>& rows) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const HbmComparison& c : rows) {
    json.push_back({{"accelerator", c.accelerator},
                    {"kernel", c.kernel},
                    {"requesters", c.requesters},
                    {"peak_tb_per_s", c.peak},
                    {"measured_tb_per_s", c.measured},
                    {"dram_alone_tb_per_s", c.stream},
                    {"dram_alone_error_percent", c.error_percent(c.stream)},
                    {"as_asked_tb_per_s", c.ours},
                    {"as_asked_error_percent", c.error_percent(c.ours)}});
  }
  return json;
}

}  // namespace astrolabe::study
