#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "apps/terminal.h"
#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/milp/solver.h"
#include "astrolabe/report/page.h"
#include "astrolabe/study/pipeline.h"
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

planning::SolveOptions solve_options(const PlanOptions& o, Progress* progress) {
  planning::SolveOptions options;
  options.solver = o.solver == "cbc"     ? milp::SolverKind::kCbc
                   : o.solver == "highs" ? milp::SolverKind::kHighs
                                         : milp::available_solvers().front();
  options.gap = o.gap;
  options.time_limit = o.time_limit_s * units::second;
  options.threads = o.threads > 0
                        ? o.threads
                        : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.progress = [progress](const std::string& line) { progress->update(line); };
  return options;
}

report::Page make_page(const study::PlanStudy& plan, const study::ScenarioAndCatalog& input) {
  report::Page page;
  page.title = input.scenario.name;
  page.subtitle = input.scenario.description;
  std::replace(page.subtitle.begin(), page.subtitle.end(), '\n', ' ');
  page.run = plan.run;
  page.run.insert(page.run.begin(), {"astrolabe", ASTROLABE_VERSION});
  page.notes = plan.notes;
  page.tables = plan.tables;
  for (const study::Headline& h : plan.headlines) {
    page.headlines.push_back({h.label, h.value, h.unit, h.detail, h.facts});
  }
  page.facts = report::page_facts(input.catalog, plan.facts);
  return page;
}

std::string run_json(const report::Page& page) {
  nlohmann::ordered_json run;
  for (const auto& [key, value] : page.run) run[key] = value;
  return json_text(run);
}

struct ResultsPlace {
  std::string directory;
  std::optional<std::string> page_template;  // the text of the HTML page, where there is one
};

// Before the plan is made, so that no one waits for a plan that cannot be written. Creates nothing.
ResultsPlace results_place(const PlanOptions& o, const std::string& scenario_name) {
  ResultsPlace place{o.out.empty() ? "out/" + scenario_name : o.out, std::nullopt};
  std::filesystem::path parent = place.directory;
  while (!parent.empty() && !std::filesystem::exists(parent)) parent = parent.parent_path();
  if (!parent.empty() && !std::filesystem::is_directory(parent)) {
    throw InputError({place.directory, 0}, "--out", "Not a directory", "a directory to write to");
  }
  const std::string page =
      o.template_file.empty() ? ASTROLABE_SOURCE_DIR "/web/dist/report.html" : o.template_file;
  if (!o.template_file.empty() || std::filesystem::exists(page)) {
    place.page_template = read_text_file(page);
    report::to_html({}, *place.page_template, page);  // refuses what has no place for the data
  } else {
    std::fprintf(stderr,
                 "astrolabe: the page %s is not built (see README): no report.html is written\n",
                 page.c_str());
  }
  return place;
}

// Each file appears whole or not at all; the report last, so that it never shows what is not there.
void write_results(const report::Page& page, const ResultsPlace& place) {
  const std::string& directory = place.directory;
  std::error_code code;
  std::filesystem::create_directories(directory + "/tables", code);
  if (code) throw InputError({directory, 0}, "--out", code.message(), "a directory to write to");
  for (const Table& table : page.tables) {
    write_file_atomically(directory + "/tables/" + table.name + ".csv", to_csv(table));
  }
  write_file_atomically(directory + "/plan.json", report::to_json(page));
  write_file_atomically(directory + "/run.json", run_json(page));
  if (place.page_template) {
    write_file_atomically(directory + "/report.html", report::to_html(page, *place.page_template));
  }
}

int print_infeasible(const study::PlanStudy& plan, bool is_json) {
  if (is_json) {
    const nlohmann::json document = {{"status", "infeasible"}, {"explanation", plan.explanation}};
    print_json(document);
  } else {
    std::printf("infeasible\n%s\n", plan.summary.c_str());
  }
  return kInfeasible;
}

// The one place where the command meets the library.
int make_plan(const PlanOptions& options) {
  check_options(options);
  Progress progress;
  progress.start("reading");
  const study::ScenarioAndCatalog input = study::read_scenario(options.scenario, options.data_dir);
  const ResultsPlace place = results_place(options, input.scenario.name);
  progress.start("planning");
  const study::PlanStudy plan = study::run_plan(input, solve_options(options, &progress));
  if (plan.status == planning::PlanStatus::kInfeasible) {
    progress.finish();
    return print_infeasible(plan, options.is_json);
  }
  if (plan.status == planning::PlanStatus::kNotVerified) {
    progress.finish();
    std::fprintf(stderr, "astrolabe: internal error: %s\n", plan.reason.c_str());
    return kInternalError;
  }
  progress.start("writing");
  const report::Page page = make_page(plan, input);
  write_results(page, place);
  progress.finish();
  if (options.is_json) {
    std::printf("%s", report::to_json(page).c_str());
  } else {
    std::printf("%s\n  written to %s\n", plan.summary.c_str(), place.directory.c_str());
  }
  return kSuccess;
}

}  // namespace

void add_plan_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "plan",
      "Find the plan of a scenario, check it and write its tables and report.\n"
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
