#pragma once

// The whole data flow on one page:
//
//   scenario + catalogue -> problem (capability, bill of materials, capacity paths)
//     -> formulation -> solution -> bottlenecks -> tables, headlines, notes
//   or, when there is no plan, -> explanation.
//
// Everything the front ends show comes out of run_plan; they parse, call and print.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/planning/solve.h"
#include "astrolabe/study/scenario.h"

namespace astrolabe::study {

// One answer in words and figures, with the facts behind it.
struct Headline {
  std::string label, value, unit, detail;
  std::vector<std::string> facts;  // "entity.attribute"
};

struct PlanStudy {
  planning::PlanStatus status = planning::PlanStatus::kInfeasible;
  std::string reason;                    // when there is no verified plan
  std::vector<std::string> explanation;  // infeasible: conflicts and verified fixes, one a line
  std::vector<Headline> headlines;
  std::vector<Table> tables;
  std::vector<std::string> notes;                        // assumptions, exclusions, warnings
  std::vector<std::pair<std::string, std::string>> run;  // inputs, hashes, seed, solver statuses
  std::vector<std::string> facts;                        // every fact the plan read
  std::string summary;                                   // one screen of text
};

// Solves the scenario. Deterministic for the same input and build; `options.progress` may be empty.
PlanStudy run_plan(const ScenarioAndCatalog& input, const planning::SolveOptions& options);

}  // namespace astrolabe::study
