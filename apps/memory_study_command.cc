#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "apps/memory_command.h"
#include "apps/table_output.h"
#include "apps/terminal.h"
#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/memory/bandwidth_curve.h"
#include "astrolabe/report/page.h"

namespace astrolabe {

namespace {

struct CurveFiles {
  std::string out, cache, report;
};

void give_table(const Table& table, bool is_json, const std::string& out) {
  if (!out.empty()) write_file_atomically(out, to_csv(table));
  if (is_json) {
    print_json(to_json(table));
  } else if (out.empty()) {
    std::fputs(to_csv(table).c_str(), stdout);
  }
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

// One row for each of the lists' combinations: memories x traffics x refresh x page policies.
int sweep(const MemoryOptions& lists, const std::string& out, const Invocation& invocation) {
  Table table;
  table.name = "memory_sweep";
  for (const char* name : {"memory", "traffic", "refresh", "page_policy", "bandwidth_gb_per_s",
                           "peak_share", "read_latency_mean_ns", "read_latency_p99_ns",
                           "row_hit_share", "energy_pj_per_bit", "relative_interval"}) {
    table.columns.push_back({name, name, {}});
  }
  const bool is_product = lists.preset.empty();
  for (const std::string& name : split(is_product ? lists.product : lists.preset)) {
    for (const std::string& traffic : split(lists.traffic)) {
      for (const std::string& refresh : split(lists.refresh)) {
        for (const std::string& policy : split(lists.page_policy)) {
          MemoryOptions o = lists;
          (is_product ? o.product : o.preset) = name;
          o.traffic = traffic;
          o.refresh = refresh;
          o.page_policy = policy;
          const memory::MemoryConfig config = memory_config(o, invocation.data_dir);
          const memory::RunResult r =
              memory::simulate(config, memory_traffic(o), memory_run_options(o));
          if (r.is_partial) {
            table.title += ", partial: interrupted";
            give_table(table, invocation.is_json, out);
            std::fputs("partial: interrupted, the rows so far\n", stderr);
            return kInterrupted;
          }
          const memory::Statistics& s = r.statistics;
          const double n = static_cast<double>(s.requests()), bits = 8.0 * memory::kAccessBytes * n;
          const double tick = config.spec.tick().in(units::nanosecond);
          const Energy energy =
              memory::energy_of(memory::load_energy(invocation.data_dir, config.spec.standard).used,
                                s, config.spec)
                  .total();
          table.add_row({config.name, traffic, refresh.empty() ? "default" : refresh,
                         policy.empty() ? "open" : policy, r.bandwidth().base() / 1e9,
                         r.bandwidth() / config.peak_bandwidth(), s.read_latency.mean() * tick,
                         s.read_latency.percentile(0.99) * tick,
                         static_cast<double>(s.row_hits) / n, energy.base() * 1e12 / bits,
                         r.relative_interval});
        }
      }
    }
  }
  give_table(table, invocation.is_json, out);
  return kSuccess;
}

// The report's page with this one table.
void write_report(const Table& table, const memory::MemoryConfig& config, const std::string& path) {
  report::Page page;
  page.title = table.title;
  page.subtitle = fmt::format("{} channels, {:.0f} GB/s at the pins", config.channels,
                              config.peak_bandwidth().base() / 1e9);
  page.notes = {
      "Address mappings and controllers of products are secret: one mapping and 256 + 256 "
      "entries a channel stand for all.",
      "Timings partly are estimates; public sources differ by 20 %. The DRAM alone is simulated: "
      "caches and the network on chip are not."};
  page.tables = {table};
  page.tables.front().name = "bandwidth_curve";
  const std::string page_template = ASTROLABE_SOURCE_DIR "/web/dist/report.html";
  write_file_atomically(path, report::to_html(page, read_text_file(page_template), page_template));
}

int curve(const MemoryOptions& options, const CurveFiles& files, const Invocation& invocation) {
  const memory::MemoryConfig config = memory_config(options, invocation.data_dir);
  const memory::RunOptions run = memory_run_options(options);
  memory::CurveOptions curve_options;
  curve_options.tolerance = options.steady > 0 ? options.steady : 0.01;
  curve_options.threads = run.threads;
  curve_options.cache_dir = files.cache;
  curve_options.interrupt = run.interrupt;
  Progress progress;
  progress.start("bandwidth curve of " + config.name);
  curve_options.on_progress = [&](std::size_t done, std::size_t all) {
    progress.update(fmt::format("{} of {} points", done, all));
  };
  const memory::BandwidthCurve result =
      memory::bandwidth_curve(invocation.data_dir, config, curve_options);
  progress.finish();
  give_table(result.table(), invocation.is_json, files.out);
  if (!files.report.empty()) write_report(result.table(), config, files.report);
  if (!result.is_partial()) return kSuccess;
  std::fputs("partial: interrupted, the points so far\n", stderr);
  return kInterrupted;
}

}  // namespace

void add_memory_study_commands(CLI::App* memory, Invocation* invocation) {
  struct Study {
    MemoryOptions memory;
    CurveFiles files;
  };
  const auto add = [&](const char* name, const char* description) {
    CLI::App* command = memory->add_subcommand(name, description);
    const auto study = std::make_shared<Study>();
    add_memory_options(command, &study->memory);
    command->add_option("--out", study->files.out, "Write the table as CSV instead of printing it");
    add_data_option(command, invocation);
    add_json_option(command, invocation);
    return std::make_pair(command, study);
  };
  const auto [sweeps, swept] =
      add("sweep",
          "Bandwidth over lists: --product, --preset, --traffic, --refresh and --page-policy "
          "take several, separated by commas");
  add_traffic_options(sweeps, &swept->memory);
  sweeps->callback([invocation, study = swept] {
    invocation->run = [invocation, study] {
      return sweep(study->memory, study->files.out, *invocation);
    };
  });
  const auto [curves, drawn] = add(
      "curve", "Sustained bandwidth, latency and energy against size, writes, footprint and load");
  curves->add_option("--cache", drawn->files.cache,
                     "Keep the table in this directory, and read it there");
  curves->add_option("--report", drawn->files.report, "Draw it on a page: FILE.html");
  curves->callback([invocation, study = drawn] {
    invocation->run = [invocation, study] {
      return curve(study->memory, study->files, *invocation);
    };
  });
}

}  // namespace astrolabe
