#include "astrolabe/milp/elastic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/test/programs.h"

namespace astrolabe::milp {
namespace {

class ElasticContract : public testing::TestWithParam<SolverKind> {};

// 60 are available and 50 wanted: nothing to repair. With p2 closed and p1 at 28, 22 are missing.
TEST_P(ElasticContract, FindsTheCheapestRepair) {
  Transport t = make_transport();
  const std::vector<FamilyPrice> prices = {{"available", 2}, {"wanted", 3}};
  ElasticRepair r = find_cheapest_repair(t.model, prices, {.solver = GetParam()});
  EXPECT_EQ(r.status, ModelStatus::kOptimal);
  EXPECT_NEAR(r.price, 0, 1e-9);
  EXPECT_TRUE(r.violations.empty());

  t.model.set_bounds(t.ship[3], 0, 0);  // p2 closed
  t.model.set_bounds(t.ship[4], 0, 0);
  t.model.set_bounds(t.ship[5], 0, 0);
  r = find_cheapest_repair(t.model, prices, {.solver = GetParam()});
  EXPECT_EQ(r.status, ModelStatus::kOptimal);
  EXPECT_NEAR(r.price, 2 * 22, 1e-6);  // 22 more at p1 for 2 each beat 22 unserved for 3
  ASSERT_EQ(r.violations.size(), 1u);
  EXPECT_EQ(r.violations[0].row, t.available[0]);
  EXPECT_NEAR(r.violations[0].amount, 22, 1e-6);  // above its upper bound
  EXPECT_EQ(r.x.size(), 6u);

  const std::vector<FamilyPrice> wanted_only = {{"wanted", 3}};
  r = find_cheapest_repair(t.model, wanted_only, {.solver = GetParam()});
  EXPECT_NEAR(r.price, 3 * 22, 1e-6);
  double short_of = 0;
  for (const Violation& v : r.violations) {
    EXPECT_LT(v.amount, 0);  // below its lower bound
    short_of -= v.amount;
  }
  EXPECT_NEAR(short_of, 22, 1e-6);
}

TEST_P(ElasticContract, UnpricedConflictsStayInfeasible) {
  Transport t = make_transport();
  for (const VariableId v : t.ship) t.model.set_bounds(v, 0, 1);
  const std::vector<FamilyPrice> prices = {{"available", 1}};
  EXPECT_EQ(find_cheapest_repair(t.model, prices, {.solver = GetParam()}).status,
            ModelStatus::kInfeasible);
}

// 2x + 2y = 5: in integers the nearest sums are 4 and 6, one away.
TEST_P(ElasticContract, IntegralityIsKeptWhenAsked) {
  Model m;
  const VariableId x = m.add_variable("x", 0, 10, 1, true), y = m.add_variable("y", 0, 10, 1, true);
  m.add_constraint("parity", "parity", 5, 5, std::vector<Term>{{x, 2}, {y, 2}});
  const std::vector<FamilyPrice> prices = {{"parity", 1}};
  EXPECT_NEAR(find_cheapest_repair(m, prices, {.solver = GetParam()}).price, 0, 1e-9);
  const ElasticRepair r =
      find_cheapest_repair(m, prices, {.solver = GetParam(), .with_integers = true});
  EXPECT_NEAR(r.price, 1, 1e-6);
  ASSERT_EQ(r.violations.size(), 1u);
  EXPECT_NEAR(std::abs(r.violations[0].amount), 1, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(BackEnds, ElasticContract, testing::ValuesIn(available_solvers()),
                         [](const auto& p) { return std::string(text(p.param)); });

TEST(Elastic, PutsSlackOnlyOnFiniteSidesOfPricedRows) {
  const Transport t = make_transport();
  const std::vector<FamilyPrice> prices = {{"available", 2}};
  const ElasticModel e = make_elastic(t.model, prices);
  EXPECT_EQ(e.model.num_variables(), 6u + 2u);
  for (const ConstraintId c : t.available) {
    EXPECT_FALSE(e.below[c.index()].is_valid());
    ASSERT_TRUE(e.above[c.index()].is_valid());
    EXPECT_EQ(e.model.cost(e.above[c.index()]), 2);
  }
  for (const ConstraintId c : t.wanted) EXPECT_FALSE(e.below[c.index()].is_valid());
  EXPECT_EQ(e.model.cost(t.ship[0]), 0);
}

TEST(Elastic, RefusesUnknownFamiliesAndFreeSlack) {
  const Transport t = make_transport();
  const std::vector<FamilyPrice> unknown = {{"wafers", 1}}, free = {{"wanted", 0}};
  EXPECT_THROW(make_elastic(t.model, unknown), InputError);
  EXPECT_THROW(make_elastic(t.model, free), InputError);
}

}  // namespace
}  // namespace astrolabe::milp
