#include "astrolabe/milp/deletion_filter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "astrolabe/milp/test/programs.h"

namespace astrolabe::milp {
namespace {

class DeletionFilterContract : public testing::TestWithParam<SolverKind> {
 protected:
  InfeasibleSubset explain(const Model& m, const std::vector<ConstraintGroup>& groups,
                           bool with_integers = false) const {
    return find_infeasible_subset(m, groups,
                                  {.solver = GetParam(), .with_integers = with_integers});
  }
};

// 40 are wanted; grid gives 30, turbines 20, a carbon rule allows 5 of turbines, labour 100.
// Grid and carbon rule cannot hold together with the demand: 30 + 5 < 40. Turbines (30 + 20 >= 40)
// and labour are not to blame.
struct Power {
  Model model;
  std::vector<ConstraintGroup> groups;
};

Power make_power() {
  Power p;
  const VariableId grid = p.model.add_variable("grid", 0, kInfinity, 1),
                   turbine = p.model.add_variable("turbine", 0, kInfinity, 2);
  const auto row = [&](const char* family, double lower, double upper, std::vector<Term> terms) {
    p.groups.push_back({family, {p.model.add_constraint(family, family, lower, upper, terms)}});
  };
  row("labour", -kInfinity, 100, {{grid, 1}, {turbine, 1}});
  row("demand", 40, kInfinity, {{grid, 1}, {turbine, 1}});
  row("turbines", -kInfinity, 20, {{turbine, 1}});
  row("grid", -kInfinity, 30, {{grid, 1}});
  row("carbon", -kInfinity, 5, {{turbine, 1}});
  return p;
}

TEST_P(DeletionFilterContract, NamesExactlyTheGroupsInConflict) {
  const Power p = make_power();
  const InfeasibleSubset s = explain(p.model, p.groups);
  EXPECT_EQ(s.status, SubsetStatus::kIrreducible);
  EXPECT_EQ(s.groups, (std::vector<std::size_t>{1, 3, 4}));
  EXPECT_LE(s.solves, 6);
}

TEST_P(DeletionFilterContract, RowsOutsideGroupsStay) {
  Power p = make_power();
  p.groups.erase(p.groups.begin() + 1);  // demand is not up for discussion
  const InfeasibleSubset s = explain(p.model, p.groups);
  EXPECT_EQ(s.status, SubsetStatus::kIrreducible);
  EXPECT_EQ(s.groups, (std::vector<std::size_t>{2, 3}));
}

TEST_P(DeletionFilterContract, SaysWhenThereIsNothingToExplain) {
  Power p = make_power();
  p.model.set_row_bounds(p.groups[4].rows[0], -kInfinity, 10);
  EXPECT_EQ(explain(p.model, p.groups).status, SubsetStatus::kFeasible);
}

TEST_P(DeletionFilterContract, SaysWhenTheGroupsAreNotTheReason) {
  Power p = make_power();
  p.model.add_constraint("physics", "physics", 10, 5, std::vector<Term>{{VariableId(0), 1}});
  const InfeasibleSubset crossed = explain(p.model, p.groups);
  EXPECT_EQ(crossed.status, SubsetStatus::kInfeasibleAlone);
  EXPECT_TRUE(crossed.groups.empty());
  Power q = make_power();
  q.model.add_constraint("physics", "physics", -kInfinity, -1,
                         std::vector<Term>{{VariableId(0), 1}});
  EXPECT_EQ(explain(q.model, q.groups).status, SubsetStatus::kInfeasibleAlone);
}

TEST_P(DeletionFilterContract, ARowOfTwoGroupsHoldsWhileOneIsIn) {
  Power p = make_power();
  p.groups[2].rows.push_back(p.groups[4].rows[0]);  // "turbines" now carries the carbon row too
  const InfeasibleSubset s = explain(p.model, p.groups);
  EXPECT_EQ(s.status, SubsetStatus::kIrreducible);
  // One of the two groups that carry the row is enough; which one depends on the order.
  EXPECT_EQ(s.groups.size(), 3u);
  EXPECT_EQ(s.groups[0], 1u);
}

// 2x + 2y = 5 has solutions, but none in integers; the bound on x is innocent.
TEST_P(DeletionFilterContract, IntegerConflictsAreExplainedWhenAsked) {
  Model m;
  const VariableId x = m.add_variable("x", 0, 10, 1, true), y = m.add_variable("y", 0, 10, 1, true);
  const std::vector<ConstraintGroup> groups = {
      {"limit", {m.add_constraint("limit", "limit", -kInfinity, 8, std::vector<Term>{{x, 1}})}},
      {"parity", {m.add_constraint("parity", "parity", 5, 5, std::vector<Term>{{x, 2}, {y, 2}})}}};
  EXPECT_EQ(explain(m, groups).status, SubsetStatus::kFeasible);
  const InfeasibleSubset s = explain(m, groups, true);
  EXPECT_EQ(s.status, SubsetStatus::kIrreducible);
  EXPECT_EQ(s.groups, (std::vector<std::size_t>{1}));
}

// On random infeasible programs the set is checked from scratch: infeasible with exactly these
// groups, feasible without any one of them.
TEST_P(DeletionFilterContract, SubsetIsInfeasibleAndIrreducible) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    Model m = make_random_lp(seed, 12, 15);
    Draws draw(seed);
    for (int k = 0; k < 4; ++k) {  // rows that contradict each other more often than not
      std::vector<Term> terms;
      for (std::size_t j = 0; j < 15; ++j) terms.push_back({VariableId(j), draw.uniform(-3, 3)});
      const double centre = draw.uniform(-150, 150);
      m.add_constraint("shock", "shock", centre, centre + 5, terms);
    }
    std::vector<ConstraintGroup> groups;
    for (std::size_t i = 0; i < m.num_constraints(); ++i) {
      groups.push_back({m.name(ConstraintId(i)), {ConstraintId(i)}});
    }
    const InfeasibleSubset s = explain(m, groups);
    if (s.status == SubsetStatus::kFeasible) continue;
    ASSERT_EQ(s.status, SubsetStatus::kIrreducible) << seed;
    const auto status_without = [&](std::size_t left_out) {
      const auto solver = make_solver(GetParam());
      solver->load(m);
      for (std::size_t i = 0; i < m.num_constraints(); ++i) {
        const bool is_in = std::find(s.groups.begin(), s.groups.end(), i) != s.groups.end();
        if (!is_in || i == left_out) {
          solver->set_row_bounds(ConstraintId(i), -kInfinity, kInfinity);
        }
      }
      return solver->solve_lp().status;
    };
    EXPECT_EQ(status_without(m.num_constraints()), ModelStatus::kInfeasible) << seed;
    for (const std::size_t g : s.groups) {
      EXPECT_EQ(status_without(g), ModelStatus::kOptimal) << seed << " " << g;
    }
  }
}

TEST_P(DeletionFilterContract, WithoutTimeTheWholeSetIsReturnedAsUnfinished) {
  const Power p = make_power();
  const InfeasibleSubset s = find_infeasible_subset(
      p.model, p.groups, {.solver = GetParam(), .time_limit = 0.0 * units::second});
  EXPECT_EQ(s.status, SubsetStatus::kStopped);
  EXPECT_EQ(s.groups.size(), 5u);
  EXPECT_EQ(s.reason, "time limit");
}

INSTANTIATE_TEST_SUITE_P(BackEnds, DeletionFilterContract, testing::ValuesIn(available_solvers()),
                         [](const auto& p) { return std::string(text(p.param)); });

TEST(GroupsByFamily, HoldEveryRowOnce) {
  const Transport t = make_transport();
  const auto groups = groups_by_family(t.model);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].label, "available");
  EXPECT_EQ(groups[0].rows, t.available);
  EXPECT_EQ(groups[1].rows, t.wanted);
}

}  // namespace
}  // namespace astrolabe::milp
