#pragma once

// The parts of build_problem, one per source of facts. Each adds to the problem what its tables
// hold; the order is lines, HBM, accelerators, sites, demand, money, energy, since ids point
// backwards.

#include "astrolabe/study/problem_builder.h"

namespace astrolabe::study {

// A dated attribute as steps: the value of the last date at or before q, 0 before the first.
double step_at(const std::vector<std::pair<Quarter, double>>& points, Quarter q);

void add_lines(const Scenario& scenario, const catalog::Catalog& catalog,
               planning::Problem* problem);
void add_sites(const Scenario& scenario, const catalog::Catalog& catalog,
               planning::Problem* problem);
void add_existing(const Scenario& scenario, planning::Problem* problem);
void add_vendors(const Scenario& scenario, planning::Problem* problem);
void add_demand(const Scenario& scenario, const catalog::Catalog& catalog,
                planning::Problem* problem);
void add_money(const Scenario& scenario, const catalog::Catalog& catalog,
               planning::Problem* problem);
void add_energy(const Scenario& scenario, const catalog::Catalog& catalog,
                planning::Problem* problem);
// problem_accelerators.cc: HBM recipes, accelerators with their bill of materials.
void add_accelerators(const Scenario& scenario, const catalog::Catalog& catalog,
                      BuiltProblem* built);
// problem_capability.cc: what each accelerator delivers for each class of work.
void add_capability(const Scenario& scenario, const catalog::Catalog& catalog, BuiltProblem* built);

}  // namespace astrolabe::study
