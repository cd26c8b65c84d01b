// Tables of a plan that is worked out by hand: water, depreciation, cost per million tokens.

#include "astrolabe/study/plan_tables.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "astrolabe/planning/asset_life.h"
#include "astrolabe/planning/test/small_problem.h"
#include "astrolabe/study/token_costs.h"

namespace astrolabe::study {
namespace {

using namespace units;
using planning::Problem;
using planning::testing::kTokensEach;
using planning::testing::small_problem;

// A solved problem with its view; it stays where it is, since a formulation refers to its problem.
struct Solved {
  explicit Solved(Problem problem)
      : p(std::move(problem)),
        formulation(planning::Formulation::build(p)),
        solution(planning::solve(formulation, options())) {
    EXPECT_EQ(solution.status, planning::PlanStatus::kSolved) << solution.reason;
  }
  Solved(const Solved&) = delete;
  static planning::SolveOptions options() {
    planning::SolveOptions o;
    o.solver = milp::available_solvers().front();
    o.gap = 1e-7;
    return o;
  }
  double npv_without_penalty() const {
    double sum = 0;
    for (const auto& item : formulation.costs()) {
      if (item.name != planning::kUnservedDemand) sum += solution.value(item.cost);
    }
    return sum;
  }

  Problem p;
  planning::Formulation formulation;
  planning::Solution solution;
  std::vector<planning::Bottleneck> none;
  PlanView view{formulation, solution, none};
};

double number(const Table& table, const std::vector<std::string>& key, const std::string& column) {
  std::size_t c = 0;
  while (c < table.columns.size() && table.columns[c].name != column) ++c;
  for (const auto& row : table.rows) {
    bool is_row = true;
    for (std::size_t i = 0; i < key.size(); ++i) {
      is_row = is_row && std::get<std::string>(row[i]) == key[i];
    }
    if (is_row) return std::get<double>(row[c]);
  }
  ADD_FAILURE() << table.name << " has no row " << key.front() << " with " << column;
  return 0;
}

// Two classes on two sites of different price, idle power, losses of value, discounting.
Problem two_sites() {
  Problem p = small_problem(8);
  p.discount_rate = 0.066;
  p.accelerator_residual_rate = 0.33;
  p.building_life_years = 20;
  p.operations_cost = 0.03;
  p.idle_power_share = 0.3;
  p.availability = 0.9;
  planning::Site korea = p.sites[0];
  korea.name = "korea";
  korea.country = "KR";
  korea.grid = "kr";
  korea.electricity_price.assign(8, 130 * usd / MWh);
  p.sites.push_back(korea);
  planning::DemandClass public_work = p.classes[0];
  public_work.name = "public";
  for (Tokens& t : public_work.demand) t = 0.25 * t;
  public_work.peak_to_average = 2;
  public_work.in_country = {{"KR", 1}};
  p.classes.push_back(public_work);
  p.needs.push_back({planning::ClassId(1), planning::AcceleratorId(0), p.needs[0].points, ""});
  return p;
}

TEST(TokenCosts, OneClassOnOneSiteCostsThePlan) {
  const Solved s(small_problem());
  const Table table = token_cost_table(s.view);
  // 50 million USD of chips, 800 of buildings, 2.5 MW x 8,766 h x 100 USD/MWh; 1,000 chips of 1e6
  // tokens a second for a year of 31,557,600 s.
  const double mtokens = 1000 * kTokensEach * 31557600 / 1e6;
  const double energy = 2.5 * 8766 * 100;
  EXPECT_NEAR(number(table, {"chat", "all sites"}, "served_ttokens"), mtokens / 1e6, 1e-6);
  EXPECT_NEAR(number(table, {"chat", "all sites"}, "usd_per_mtokens"), (850e6 + energy) / mtokens,
              1e-9);
  EXPECT_NEAR(number(table, {"chat", "site"}, "accelerators_usd_per_mtokens"), 50e6 / mtokens,
              1e-9);
  EXPECT_NEAR(number(table, {"all classes", "site"}, "site_usd_per_mtokens"), 800e6 / mtokens,
              1e-9);
  EXPECT_NEAR(number(table, {"all classes", "site"}, "energy_usd_per_mtokens"), energy / mtokens,
              1e-9);
}

TEST(TokenCosts, ThePartsAddUpToThePlanAndATightPeakCostsMore) {
  const Solved s(two_sites());
  double sum = 0;
  TokenCost chat, at_peak;
  for (const auto& [key, cost] : token_costs(s.view)) {
    sum += cost.total();
    if (key.first == 0) chat.add(cost);
    if (key.first == 1) at_peak.add(cost);
  }
  EXPECT_NEAR(sum, s.npv_without_penalty(), 1e-9);
  // Twice the chips for each token of mean demand.
  EXPECT_NEAR(at_peak.accelerators / at_peak.discounted_ttokens,
              2 * chat.accelerators / chat.discounted_ttokens, 1e-9);
}

TEST(TokenCosts, WithContractsAndFundsTheyStillAddUp) {
  Problem p = two_sites();
  planning::EnergySource solar;
  solar.name = "solar";
  solar.grid = "kr";
  solar.capacity_factor = 0.2;
  solar.seasonal = {0.8, 1.2, 1.2, 0.8};
  solar.price = 90 * usd / MWh;
  solar.potential.assign(8, 1000 * MW);
  p.energy = {solar};
  p.contract_years = 15;
  p.sites[1].renewable_share.assign(8, 0.4);
  planning::Fund fund;
  fund.name = "fund";
  fund.eligible = {planning::AssetClass::kAccelerators, planning::AssetClass::kOperations};
  fund.size = 100 * billion_usd;
  fund.yearly_ceiling = {50 * billion_usd, 50 * billion_usd};
  fund.yearly_cost = 0.09;
  p.funds = {fund};
  p.funds_cover_running_costs = true;
  const Solved s(p);
  double sum = 0;
  for (const auto& [key, cost] : token_costs(s.view)) sum += cost.total();
  EXPECT_NEAR(sum, s.npv_without_penalty(), 1e-9);
}

TEST(Depreciation, FollowsTheValueLeftAndEndsAtTheResidualOfTheObjective) {
  Problem p = small_problem(8);
  p.accelerator_residual_rate = 0.36;
  p.building_life_years = 20;
  const Solved s(p);
  const Table table = depreciation_table(s.view);
  // 50 million USD delivered in 2026Q1: four quarters later 64 %, eight quarters later 41 %; the
  // life of 20 quarters would leave 80 and 60 %.
  EXPECT_NEAR(number(table, {"2026", "accelerators"}, "added_musd"), 50, 1e-9);
  EXPECT_NEAR(number(table, {"2026", "accelerators"}, "depreciation_musd"), 50 * 0.36, 1e-9);
  EXPECT_NEAR(number(table, {"2027", "accelerators"}, "depreciation_musd"), 50 * 0.64 * 0.36, 1e-9);
  EXPECT_NEAR(number(table, {"2027", "accelerators"}, "book_value_musd"), 50 * 0.4096, 1e-9);
  // 800 million USD of buildings, straight over 20 years.
  EXPECT_NEAR(number(table, {"2027", "buildings"}, "book_value_musd"), 720, 1e-9);
  // No discounting: what is not depreciated is the residual value credited.
  double spent = 0;
  for (const auto& item : s.formulation.costs()) {
    if (item.name == "accelerators" || item.name == "buildings")
      spent += s.solution.value(item.cost);
  }
  EXPECT_NEAR(850 - 1e3 * spent, 50 * 0.4096 + 720, 1e-6);
}

TEST(MeanPower, OfTheSitesAddsUpToTheEnergyOfTheZones) {
  const Solved s(two_sites());
  for (int t = 0; t < 8; ++t) {
    const auto power = mean_it_power(s.view, t);
    double sum = 0;
    for (std::size_t i = 0; i < power.size(); ++i) sum += power[i].in(MW)*s.p.sites[i].pue;
    double zones = 0;
    for (std::size_t z = 0; z < s.formulation.zones().size(); ++z) {
      zones += s.solution.value(s.formulation.zone_energy(z, t));
    }
    EXPECT_NEAR(sum, zones, 1e-9);
  }
}

TEST(Water, IsEnergyTimesTheFact) {
  const catalog::Catalog catalog = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
  Problem p = small_problem();
  p.sites[0].name = "haenam_solaseado";  // 2.5 litres per kWh in data/sites.csv
  const Solved s(p);
  std::vector<std::string> unknown;
  const Table table = water_table(s.view, catalog, &unknown);
  EXPECT_TRUE(unknown.empty());
  // 2 MW of IT power for 2,191.5 hours; 2.5 megalitres a GWh.
  EXPECT_NEAR(number(table, {"2026Q1", "haenam_solaseado"}, "it_energy_gwh"), 4.383, 1e-9);
  EXPECT_NEAR(number(table, {"2026Q1", "haenam_solaseado"}, "water_megalitres"), 4.383 * 2.5, 1e-9);
}

}  // namespace
}  // namespace astrolabe::study
