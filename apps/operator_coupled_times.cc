#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/operator_command.h"
#include "astrolabe/base/error.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/coupled_time.h"
#include "astrolabe/study/estimate.h"

namespace astrolabe {

int print_coupled_times(const workload::OperatorList& operators, const TimeOptions& options,
                         const Invocation& invocation) {
  const catalog::Catalog facts = catalog::Catalog::load(invocation.data_dir);
  const std::string entity = study::accelerator_entity(facts, options.accelerator);
  const std::string product = options.memory.empty() ? entity : options.memory;
  memory::CurveOptions curve_options;
  curve_options.cache_dir = options.cache;
  const device::Derating derating = device::read_derating(facts, entity);
  const device::CoupledTime coupled(
      device::read_accelerator(facts, entity), derating,
      memory::bandwidth_curve(invocation.data_dir,
                              memory::load_product(invocation.data_dir, product), curve_options));
  const device::RooflineTime roofline(coupled.accelerator());
  const device::DeratedTime derated(coupled.accelerator(), derating);
  std::string text = fmt::format("{:<28}{:>6}{:>11}{:>13}{:>12}{:>12}{:>12}\n", "operator", "count",
                                 "MB", "GB/s", "roofline us", "derated us", "coupled us");
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const workload::Operator& op : operators) {
    if (workload::is_collective(op.kind)) continue;
    const double us[3] = {1e6 * roofline.cost(op).time.base(), 1e6 * derated.cost(op).time.base(),
                          1e6 * coupled.cost(op).time.base()};
    const double gb_per_s = coupled.sustained(op).base() / 1e9;
    text += fmt::format("{:<28}{:>6}{:>11.3f}{:>13.1f}{:>12.2f}{:>12.2f}{:>12.2f}\n", op.name,
                        op.count, op.bytes().base() / 1e6, gb_per_s, us[0], us[1], us[2]);
    rows.push_back({{"name", op.name},
                    {"count", op.count},
                    {"bytes", op.bytes().base()},
                    {"sustained_gb_per_s", gb_per_s},
                    {"roofline_us", us[0]},
                    {"derated_us", us[1]},
                    {"coupled_us", us[2]}});
  }
  const nlohmann::ordered_json document = {
      {"accelerator", entity},
      {"memory", product},
      {"peak_gb_per_s", coupled.accelerator().hbm_bandwidth.base() / 1e9},
      {"operators", rows}};
  std::fputs(invocation.is_json ? (document.dump(2) + "\n").c_str() : text.c_str(), stdout);
  return kSuccess;
}

}  // namespace astrolabe
