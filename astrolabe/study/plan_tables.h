#pragma once

// The tables of a plan, evaluated from the columns of its solution: what the report, the CSV files
// and plan.json show. Units are in the column names; a column names the catalogue facts behind it.
// Tables and columns are the contract with web/ (docs/theory/report.md).

#include <string>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/planning/bottleneck.h"
#include "astrolabe/planning/formulation.h"
#include "astrolabe/planning/solve.h"

namespace astrolabe::study {

struct PlanView {
  const planning::Formulation& formulation;
  const planning::Solution& solution;
  const std::vector<planning::Bottleneck>& bottlenecks;

  const planning::Problem& problem() const { return formulation.problem(); }
  std::string quarter_text(int t) const { return problem().quarter(t).text(); }
  double value(const planning::Linear& e) const { return solution.value(e); }
  double value(milp::VariableId v) const { return solution.value(v); }
};

// Served tokens a day by class, accelerator, zone in quarter t (1e12 tokens).
struct ServedFlow {
  std::size_t work, accelerator, zone;
  double ttokens_per_day;
};
std::vector<ServedFlow> served_flows(const PlanView& view, int t);

// Mean IT power that each site draws in quarter t, idle power included.
std::vector<Power> mean_it_power(const PlanView& view, int t);

Table demand_table(const PlanView& view);
Table fleet_table(const PlanView& view);
Table power_table(const PlanView& view);
Table supply_table(const PlanView& view);
Table orders_table(const PlanView& view);
Table timeline_table(const PlanView& view);
Table flows_table(const PlanView& view);
Table bottleneck_table(const PlanView& view);
Table allocation_table(const PlanView& view);
Table cost_table(const PlanView& view);          // by year, undiscounted
Table cost_summary_table(const PlanView& view);  // net present value
Table depreciation_table(const PlanView& view);  // by year, undiscounted
Table funds_table(const PlanView& view);
Table energy_table(const PlanView& view);
// Cooling water by site and quarter; a site without a figure is left out and named in `unknown`.
Table water_table(const PlanView& view, const catalog::Catalog& catalog,
                  std::vector<std::string>* unknown);

std::vector<Table> plan_tables(const PlanView& view);

}  // namespace astrolabe::study
