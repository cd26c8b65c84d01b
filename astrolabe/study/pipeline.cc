#include "astrolabe/study/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "astrolabe/planning/bottleneck.h"
#include "astrolabe/planning/explain.h"
#include "astrolabe/study/headlines.h"
#include "astrolabe/study/plan_tables.h"
#include "astrolabe/study/problem_builder.h"
#include "astrolabe/study/wafer_readings.h"

namespace astrolabe::study {

namespace {

const char* status_text(planning::PlanStatus status) {
  switch (status) {
    case planning::PlanStatus::kSolved:
      return "solved to the gap";
    case planning::PlanStatus::kGapOpen:
      return "time limit: the gap is open";
    case planning::PlanStatus::kInfeasible:
      return "infeasible";
    case planning::PlanStatus::kNotVerified:
      return "not verified";
  }
  return "";
}

Table steps_table(const planning::Solution& solution) {
  Table table{"solver_steps",
              "How the plan was found and checked",
              {{"step", "Step", {}},
               {"objective_busd", "Objective", {}},
               {"verification", "Our own check of the answer", {}}},
              {}};
  for (const planning::SolveStep& step : solution.steps) {
    table.add_row(
        {step.name,
         step.is_feasible ? Table::Cell(step.objective) : Table::Cell(std::string("no plan")),
         step.verification});
  }
  return table;
}

bool has_fact(const catalog::Catalog& catalog, const std::string& entity,
              const std::string& attribute) {
  const auto facts = catalog.facts_of(entity);
  return std::any_of(facts.begin(), facts.end(), [&](const catalog::Fact* fact) {
    return fact->attribute.substr(0, fact->attribute.find('@')) == attribute;
  });
}

// Facts behind the figures of tables whose rows mix many entities: those that enter their
// arithmetic.
void name_facts(const planning::Problem& p, const catalog::Catalog& catalog, Table* table) {
  struct Basis {
    const char* table;
    std::size_t column;
    std::vector<const char*> accelerator, hbm, line, site;
  };
  static const std::vector<Basis> kBases = {
      {"orders",
       5,
       {"packaging", "process_node"},
       {"cycle_time"},
       {"cycle_time", "module_lead_time"},
       {"build_time", "grid_lead_time"}},
      {"timeline",
       3,
       {},
       {},
       {"module_lead_time", "module_ramp_time"},
       {"build_time", "grid_lead_time"}},
      {"flows",
       4,
       {"hbm_stacks", "hbm_bandwidth"},
       {"die_area", "defect_density", "test_yield"},
       {},
       {}},
      {"bottlenecks",
       5,
       {"price", "it_power"},
       {},
       {"capacity", "hbm_capacity"},
       {"contracted_power", "expandable_power", "shell_capex"}},
      {"cost_summary", 1, {"price"}, {}, {"module_capex"}, {"shell_capex", "grid_capex"}},
      {"supply", 3, {"packages_per_wafer", "die_area"}, {"net_capacity_per_wafer"}, {}, {}},
      {"demand", 3, {"hbm_bandwidth", "dense_fp8"}, {}, {}, {}},
      {"allocation", 6, {"hbm_bandwidth", "dense_fp8"}, {}, {}, {}},
      {"energy", 2, {"it_power"}, {}, {}, {"pue", "grid"}},
      {"funds", 2, {"price"}, {}, {}, {"shell_capex"}},
  };
  for (const Basis& basis : kBases) {
    if (table->name != basis.table) continue;
    std::vector<std::string>& facts = table->columns[basis.column].facts;
    auto add = [&](const auto& items, const std::vector<const char*>& attributes) {
      for (const auto& item : items) {
        for (const char* attribute : attributes) {
          if (has_fact(catalog, item.name, attribute)) facts.push_back(item.name + "." + attribute);
        }
      }
    };
    add(p.accelerators, basis.accelerator);
    add(p.hbm, basis.hbm);
    add(p.lines, basis.line);
    add(p.sites, basis.site);
  }
}

void add_run_facts(const ScenarioAndCatalog& input, const planning::Solution& solution,
                   const planning::Formulation& formulation, PlanStudy* study) {
  const milp::Statistics statistics = formulation.model().statistics();
  study->run = {
      {"scenario", input.scenario.file},
      {"name", input.scenario.name},
      {"hash of the scenario", input.scenario.hash},
      {"seed", std::to_string(input.scenario.seed)},
      {"solver", solution.solver_name},
      {"status", status_text(solution.status)},
      {"model", statistics.text()},
      {"objective_busd", format_number(solution.objective)},
      {"bound_busd", format_number(solution.bound)},
      {"gap_percent", format_number(100 * solution.gap)},
      {"gap_without_unserved_percent", format_number(100 * solution.gap_without_unserved)}};
  for (const auto& [file, hash] : input.catalog.file_hashes()) {
    study->run.emplace_back("hash of " + file, hash);
  }
}

// Logic and packaging lines that no accelerator is made on.
std::vector<std::string> unused_lines(const planning::Problem& p) {
  std::vector<std::string> unused;
  for (std::size_t l = 0; l < p.lines.size(); ++l) {
    const planning::LineId id(l);
    const bool is_used = std::any_of(
        p.accelerators.begin(), p.accelerators.end(),
        [&](const planning::AcceleratorType& a) { return a.logic == id || a.packaging == id; });
    if (p.lines[l].kind != planning::LineKind::kDram && !is_used) unused.push_back(p.lines[l].name);
  }
  return unused;
}

// The letter of intent over wafers, where the scenario asks what it means.
void add_letter_tables(const ScenarioAndCatalog& input, const planning::Problem& problem,
                       PlanStudy* study) {
  if (!input.scenario.letter) return;
  study->tables.push_back(readings_table(input.scenario, input.catalog, problem));
  study->tables.push_back(reading_fabs_table(input.scenario, input.catalog, problem));
}

// Facts named by any table or headline, each once.
std::vector<std::string> facts_of(const PlanStudy& study, const catalog::Catalog& catalog) {
  std::set<std::string> keys;
  for (const Headline& h : study.headlines) keys.insert(h.facts.begin(), h.facts.end());
  for (const Table& table : study.tables) {
    for (const Table::Column& column : table.columns) {
      keys.insert(column.facts.begin(), column.facts.end());
    }
  }
  // Everything else that the catalogue knows of what takes part.
  std::set<std::string> entities;
  for (const std::string& key : keys) entities.insert(key.substr(0, key.find('.')));
  entities.insert("finance_base");
  for (const std::string& entity : entities) {
    if (!catalog.has_entity(entity)) continue;
    for (const catalog::Fact* fact : catalog.facts_of(entity)) keys.insert(fact->key());
  }
  return {keys.begin(), keys.end()};
}

}  // namespace

PlanStudy run_plan(const ScenarioAndCatalog& input, const planning::SolveOptions& options) {
  PlanStudy study;
  const BuiltProblem built = build_problem(input.scenario, input.catalog);
  const planning::Problem& problem = built.problem;
  study.notes = input.scenario.notes;
  for (const std::string& excluded : built.excluded) study.notes.push_back("left out: " + excluded);
  for (const std::string& line : unused_lines(problem)) {
    study.notes.push_back("supplier " + line + ": no accelerator of this scenario needs it");
  }
  for (const catalog::Override& o : input.scenario.overrides) {
    study.notes.push_back(
        fmt::format("supposed: {} = {} {}: {}", o.key, format_number(o.value), o.unit_text, o.why));
  }
  const auto start = std::chrono::steady_clock::now();
  const planning::Formulation formulation = planning::Formulation::build(problem);
  if (options.progress) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    options.progress(fmt::format("{:6.2f} s  model built: {}", seconds,
                                 formulation.model().statistics().text()));
  }
  const planning::Solution solution = planning::solve(formulation, options);
  study.status = solution.status;
  study.reason = solution.reason;
  add_run_facts(input, solution, formulation, &study);
  if (solution.status == planning::PlanStatus::kInfeasible) {
    const planning::Explanation why = planning::explain_infeasibility(problem, options);
    study.explanation = why.conflicts;
    for (const planning::Fix& fix : why.fixes) study.explanation.push_back("fix: " + fix.sentence);
    study.summary = why.text();
    return study;
  }
  if (solution.duals.empty()) return study;
  const std::vector<planning::Bottleneck> bottlenecks =
      planning::find_bottlenecks(formulation, solution);
  const PlanView view{formulation, solution, bottlenecks};
  study.headlines = plan_headlines(view);
  study.tables = plan_tables(view);
  study.tables.insert(study.tables.begin(), summary_table(view));
  study.tables.push_back(sites_table(view, input.catalog));
  std::vector<std::string> without_water;
  study.tables.push_back(water_table(view, input.catalog, &without_water));
  for (const std::string& site : without_water) {
    study.notes.push_back("water of " + site + " is not known and not in the table");
  }
  study.tables.push_back(built.capability);
  study.tables.push_back(built.materials);
  study.tables.push_back(built.yields);
  study.tables.push_back(steps_table(solution));
  add_letter_tables(input, problem, &study);
  for (Table& table : study.tables) name_facts(problem, input.catalog, &table);
  study.summary = plan_summary(view, study.headlines);
  study.facts = facts_of(study, input.catalog);
  study.notes.emplace_back(
      "Shadow prices come from the linear program with whole numbers of phases and modules fixed: "
      "a whole phase or module has no marginal price of its own.");
  return study;
}

}  // namespace astrolabe::study
