#include "astrolabe/milp/model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace astrolabe::milp {
namespace {

TEST(Model, MergesTermsOfOneVariableAndDropsZeros) {
  Model m;
  const VariableId x = m.add_variable("x", 0, 1, 0), y = m.add_variable("y", 0, 1, 0),
                   z = m.add_variable("z", 0, 1, 0);
  const std::vector<Term> terms = {{x, 2}, {y, 1}, {x, 3}, {y, -1}, {z, 0}, {z, 4}, {y, 0.5}};
  const ConstraintId a = m.add_constraint("f", "a", 0, 1, terms);
  ASSERT_EQ(m.terms(a).size(), 3u);  // y: 1 - 1 + 0.5
  EXPECT_EQ(m.terms(a)[0].coefficient, 5);
  EXPECT_EQ(m.terms(a)[1].coefficient, 0.5);
  EXPECT_EQ(m.terms(a)[2].coefficient, 4);
  const ConstraintId b =
      m.add_constraint("f", "b", 0, 1, std::vector<Term>{{y, 1}, {x, 7}, {y, -1}});
  ASSERT_EQ(m.terms(b).size(), 1u);
  EXPECT_EQ(m.terms(b)[0].variable, x);
  // The merging of one row leaves nothing behind in the next.
  const ConstraintId c =
      m.add_constraint("f", "c", 0, 1, std::vector<Term>{{y, 1}, {x, 1}, {x, 1}});
  ASSERT_EQ(m.terms(c).size(), 2u);
  EXPECT_EQ(m.terms(c)[0].coefficient, 1);
  EXPECT_EQ(m.terms(c)[1].coefficient, 2);
  EXPECT_EQ(m.num_nonzeros(), 6u);
}

TEST(Model, FamiliesAreNumberedInOrderOfFirstUse) {
  Model m;
  const ConstraintId a = m.add_constraint("site_power", "site_power[pohang,2028Q1]", 0, 1, {});
  const ConstraintId b = m.add_constraint("demand", "demand[chat]", 0, 1, {});
  const ConstraintId c = m.add_constraint("site_power", "site_power[pohang,2028Q2]", 0, 1, {});
  EXPECT_EQ(m.num_families(), 2u);
  EXPECT_EQ(m.family(a), m.family(c));
  EXPECT_NE(m.family(a), m.family(b));
  EXPECT_EQ(m.family_name(c), "site_power");
  EXPECT_EQ(m.find_family("demand"), m.family(b));
  EXPECT_FALSE(m.find_family("wafers").is_valid());
  EXPECT_EQ(m.name(a), "site_power[pohang,2028Q1]");
}

TEST(Model, ColumnFormIsTheTranspose) {
  Model m;
  const VariableId x = m.add_variable("x", 0, 4, 3),
                   y = m.add_variable("y", -1, kInfinity, 5, true);
  m.add_variable("unused", 0, 1, 0);
  m.add_constraint("f", "a", 1, 2, std::vector<Term>{{y, 7}, {x, 6}});
  m.add_constraint("f", "b", -kInfinity, 9, std::vector<Term>{{y, 8}});
  m.set_sense(Sense::kMaximise);
  m.set_objective_offset(-2);
  const ColumnForm f = m.column_form();
  EXPECT_EQ(f.start, (std::vector<int>{0, 1, 3, 3}));
  EXPECT_EQ(f.row, (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(f.value, (std::vector<double>{6, 7, 8}));
  EXPECT_EQ(f.row_lower, (std::vector<double>{1, -kInfinity}));
  EXPECT_EQ(f.upper, (std::vector<double>{4, kInfinity, 1}));
  EXPECT_EQ(f.integers(), 1u);
  EXPECT_EQ(f.sense, Sense::kMaximise);
  EXPECT_EQ(f.offset, -2);
}

TEST(Model, StatisticsGiveRangesOfFiniteNonzeros) {
  Model m;
  const VariableId x = m.add_variable("x", 0, kInfinity, -1e-3),
                   y = m.add_variable("y", 0, 50, 20, true);
  m.add_constraint("f", "a", -kInfinity, 1e4, std::vector<Term>{{x, -0.5}, {y, 1e3}});
  const Statistics s = m.statistics();
  EXPECT_EQ(s.rows, 1u);
  EXPECT_EQ(s.columns, 2u);
  EXPECT_EQ(s.nonzeros, 2u);
  EXPECT_EQ(s.integers, 1u);
  EXPECT_EQ(s.matrix.smallest, 0.5);
  EXPECT_EQ(s.matrix.largest, 1e3);
  EXPECT_EQ(s.cost.smallest, 1e-3);
  EXPECT_EQ(s.cost.largest, 20);
  EXPECT_EQ(s.bounds.largest, 50);
  EXPECT_EQ(s.rhs.smallest, 1e4);
  EXPECT_EQ(s.text(),
            "1 rows, 2 columns (1 integer), 2 nonzeros, matrix 5e-01..1e+03, cost 1e-03..2e+01, "
            "bounds 5e+01..5e+01, rhs 1e+04..1e+04");
}

TEST(ModelDeathTest, RefusesNumbersThatAreNotNumbers) {
  Model m;
  const VariableId x = m.add_variable("x", 0, 1, 0);
  EXPECT_DEATH(m.add_variable("y", std::nan(""), 1, 0), "y");
  EXPECT_DEATH(m.add_variable("y", 0, 1, kInfinity), "y");
  EXPECT_DEATH(m.add_constraint("f", "a", kInfinity, kInfinity, {}), "a");
  EXPECT_DEATH(m.add_constraint("f", "a", 0, 1, std::vector<Term>{{x, kInfinity}}), "a");
  EXPECT_DEATH(m.add_constraint("f", "a", 0, 1, std::vector<Term>{{VariableId(7), 1}}), "a");
}

}  // namespace
}  // namespace astrolabe::milp
