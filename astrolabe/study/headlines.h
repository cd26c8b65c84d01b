#pragma once

// What a plan says in a few sentences: the figures a reader asks for first, and one screen of text.

#include <string>
#include <vector>

#include "astrolabe/study/pipeline.h"
#include "astrolabe/study/plan_tables.h"

namespace astrolabe::study {

// A calendar year of the plan, at its last quarter unless said otherwise.
struct YearFigures {
  int year = 0, t = 0;
  double demand = 0, served = 0;  // 1e12 tokens a day, inference
  double it_power_mw = 0, facility_power_mw = 0;
  double accelerators = 0;                   // in service
  double hbm_kwafers = 0, dram_kwafers = 0;  // wafer starts a month, mean of the year
  double spending_busd = 0;                  // in the year, undiscounted
  std::string bottleneck;                    // the one with the largest rent over the year
  bool is_scarce = false;
};
std::vector<YearFigures> yearly_figures(const PlanView& view);

std::vector<Headline> plan_headlines(const PlanView& view);
std::string plan_summary(const PlanView& view, const std::vector<Headline>& headlines);
Table summary_table(const PlanView& view);
Table sites_table(const PlanView& view, const catalog::Catalog& catalog);

}  // namespace astrolabe::study
