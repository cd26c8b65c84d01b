#pragma once

// From a scenario and the catalogue to the planner's plain values. Every figure comes from a fact
// of the catalogue or a key of the scenario; nothing is chosen here. Capacity of lines is linear
// between dated facts and constant outside; power of sites and ceilings of funds are steps that
// hold until the next date. Lead times are rounded up to whole quarters. Prices and rates are real:
// the nominal cost of capital is deflated by finance_base.inflation. An accelerator with a missing
// fact, or that no line makes, is left out and named in `excluded`.

#include <string>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/planning/problem.h"
#include "astrolabe/study/scenario.h"

namespace astrolabe::study {

struct BuiltProblem {
  planning::Problem problem;
  std::vector<std::string> excluded;  // "openai_jalapeno: its price is missing (data/...:12)"
  Table capability;                   // what one accelerator delivers for each class
  Table materials;                    // wafers and stacks per accelerator and per GW, mature
  Table yields;                       // by year of wafer start
};

BuiltProblem build_problem(const Scenario& scenario, const catalog::Catalog& catalog);

}  // namespace astrolabe::study
