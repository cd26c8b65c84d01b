#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <memory>

#include "apps/commands.h"
#include "apps/terminal.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/study/scenario.h"

namespace astrolabe {

namespace {

struct PlanOptions {
  std::string scenario, out, solver = "auto", template_file, data_dir;
  double gap = 0.005;
  double time_limit_s = 600;
  int threads = 0;  // 0: all cores
  bool is_json = false;
};

void check_options(const PlanOptions& o) {
  if (!(o.gap >= 0 && o.gap < 1)) {
    throw InputError({}, "--gap", format_number(o.gap), "a number >= 0 and < 1");
  }
  if (!(std::isfinite(o.time_limit_s) && o.time_limit_s > 0)) {
    throw InputError({}, "--time-limit", format_number(o.time_limit_s), "seconds > 0");
  }
  constexpr int kMostThreads = 1024;
  if (o.threads < 0 || o.threads > kMostThreads) {
    throw InputError({}, "--threads", std::to_string(o.threads), "0 (all cores) to 1024");
  }
}

// The one place where the command meets the library.
int make_plan(const PlanOptions& options) {
  check_options(options);
  Progress progress;
  progress.start("reading");
  const study::ScenarioAndCatalog input = study::read_scenario(options.scenario, options.data_dir);
  progress.finish();
  std::fprintf(stderr, "%s is valid; this build cannot plan it yet\n", input.scenario.name.c_str());
  return kInternalError;
}

}  // namespace

void add_plan_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "plan",
      "Find the plan of a scenario, prove it by simulation and write its tables and report.\n"
      "\n"
      "  astrolabe plan scenarios/stargate_korea.toml\n"
      "  astrolabe plan scenarios/stargate_korea.toml --out out/korea --gap 0.001 --json\n");
  const auto options = std::make_shared<PlanOptions>();
  command->add_option("scenario", options->scenario, "Scenario file (TOML)")
      ->required()
      ->type_name("SCENARIO");
  command->add_option("--out", options->out, "Directory for the results; out/<name> if not given")
      ->type_name("DIR");
  command->add_option("--solver", options->solver, "MILP solver")
      ->check(CLI::IsMember({"auto", "highs", "cbc"}))
      ->capture_default_str();
  command->add_option("--gap", options->gap, "Stop at this relative gap to the proven bound")
      ->capture_default_str();
  command->add_option("--time-limit", options->time_limit_s, "Most time for the solver")
      ->type_name("SECONDS")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads; 0 for all cores")
      ->capture_default_str();
  command->add_option("--template", options->template_file, "HTML page that the report is put into")
      ->type_name("FILE");
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, options] {
    options->data_dir = invocation->data_dir;
    options->is_json = invocation->is_json;
    invocation->run = [options] { return make_plan(*options); };
  });
}

}  // namespace astrolabe
