#include "astrolabe/study/simulator_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "astrolabe/base/csv.h"
#include "astrolabe/memory/memory_system.h"

namespace astrolabe::study {

namespace {

double number(const CsvTable& table, const CsvTable::Row& row, const char* column, double most) {
  const std::string& text = table.cell(row, column);
  const double value = parse_number(text, table.position(row), column);
  if (value > 0 && value <= most) return value;
  throw InputError(table.position(row), column, text, fmt::format("above 0, at most {:g}", most));
}

SimulatorComparison compare(const CsvTable& table, const CsvTable::Row& row,
                            const std::string& data_dir, const memory::RunOptions& options) {
  memory::MemoryConfig config = memory::load_preset(data_dir, table.cell(row, "preset"));
  config.channels = static_cast<int>(number(table, row, "channels", 4096));
  config.controller.refresh =
      memory::refresh_mode(table.cell(row, "refresh"), table.position(row), "refresh");
  memory::Traffic traffic = memory::parse_traffic(table.cell(row, "traffic"));
  traffic.requests = static_cast<std::uint64_t>(number(table, row, "requests", 1e9));
  SimulatorComparison c;
  c.name = table.cell(row, "case");
  c.simulator = table.cell(row, "simulator");
  c.source = table.cell(row, "source");
  c.why = table.cell(row, "why");
  c.peak = config.peak_bandwidth().base() / 1e9;
  c.ours = memory::simulate(config, traffic, options).bandwidth().base() / 1e9;
  if (!table.cell(row, "theirs_gb_per_s").empty()) {
    c.theirs = number(table, row, "theirs_gb_per_s", 1e6);
  }
  return c;
}

}  // namespace

std::vector<SimulatorComparison> validate_simulators(const std::string& settings,
                                                     const std::string& data_dir) {
  const CsvTable table = CsvTable::read(settings);
  memory::RunOptions options;
  options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<SimulatorComparison> rows;
  for (const CsvTable::Row& row : table.rows()) {
    rows.push_back(compare(table, row, data_dir, options));
  }
  return rows;
}

std::string to_markdown(const std::vector<SimulatorComparison>& rows) {
  std::string text =
      "| case | simulator | of peak GB/s | ours | theirs | ours over theirs | why |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const SimulatorComparison& c : rows) {
    text += fmt::format("| {} | {} | {:.1f} | {:.1f} | {} | {} | {} |\n", c.name, c.simulator,
                        c.peak, c.ours, c.theirs ? fmt::format("{:.1f}", *c.theirs) : "",
                        c.theirs ? fmt::format("{:.2f}", c.ours / *c.theirs) : "", c.why);
  }
  return text;
}

nlohmann::ordered_json to_json(const std::vector<SimulatorComparison>& rows) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const SimulatorComparison& c : rows) {
    json.push_back({{"case", c.name},
                    {"simulator", c.simulator},
                    {"peak_gb_per_s", c.peak},
                    {"ours_gb_per_s", c.ours},
                    {"theirs_gb_per_s", nullptr},
                    {"source", c.source},
                    {"why", c.why}});
    if (c.theirs) json.back()["theirs_gb_per_s"] = *c.theirs;
  }
  return json;
}

}  // namespace astrolabe::study
