#include "astrolabe/milp/verify.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/milp/test/programs.h"

namespace astrolabe::milp {
namespace {

// The optimum of the transport problem, written down by hand (see programs.h): no solver involved.
SolveResult transport_optimum() {
  SolveResult r;
  r.call = CallStatus::kOk;
  r.status = ModelStatus::kOptimal;
  r.has_primal = r.has_dual = true;
  r.objective = r.bound = 342;
  r.x = {3, 25, 0, 7, 0, 15};
  r.row_activity = {28, 22, 10, 25, 15};
  r.reduced_costs = {0, 0, 4, 0, 5, 0};
  r.row_duals = {-1, 0, 9, 7, 7};
  return r;
}

TEST(Verify, AcceptsAnOptimumAndSaysSo) {
  const Verification v = verify_lp(make_transport().model, transport_optimum());
  EXPECT_TRUE(v.passed) << v.text();
  EXPECT_EQ(v.objective, 342);
  EXPECT_EQ(v.dual_objective, 342);  // -28 + 9*10 + 7*25 + 7*15
  EXPECT_EQ(v.duality_gap, 0);
  EXPECT_EQ(v.text().substr(0, 8), "verified");
}

TEST(Verify, FindsAViolatedRowAndNamesIt) {
  SolveResult r = transport_optimum();
  r.x[5] = 14;  // c3 gets 14 of 15
  const Verification v = verify_lp(make_transport().model, r);
  EXPECT_FALSE(v.passed);
  EXPECT_EQ(v.failure, "primal residual");
  EXPECT_DOUBLE_EQ(v.primal_residual_absolute, 1);
  EXPECT_DOUBLE_EQ(v.primal_residual, 1.0 / (1 + 14));
  EXPECT_EQ(v.worst_row, 4);
  EXPECT_EQ(v.worst_column, -1);
  EXPECT_DOUBLE_EQ(v.objective, 342 - 7);
}

TEST(Verify, FindsAViolatedBound) {
  SolveResult r = transport_optimum();
  r.x[2] = -0.5;
  r.x[5] = 15.5;
  const Verification v = verify_lp(make_transport().model, r);
  EXPECT_EQ(v.failure, "primal residual");
  EXPECT_EQ(v.worst_column, 2);
  EXPECT_DOUBLE_EQ(v.primal_residual, 0.5 / 1.5);
}

TEST(Verify, FindsEachKindOfWrongDual) {
  const Model m = make_transport().model;
  SolveResult r = transport_optimum();
  r.row_duals[3] = 7.5;  // columns of c2: 6 - 7.5 + 1 = -0.5 against z = 0
  EXPECT_EQ(verify_lp(m, r).failure, "dual residual");
  EXPECT_DOUBLE_EQ(verify_lp(m, r).dual_residual, 0.5 / (1 + 6 + 7.5));

  r = transport_optimum();
  r.row_duals[1] = 0.5;  // an availability cannot have a positive price
  r.reduced_costs = {0, 0, 4, -0.5, 4.5, -0.5};
  EXPECT_EQ(verify_lp(m, r).failure, "dual sign");

  r = transport_optimum();
  r.row_duals[1] = -0.5;  // p2 has 8 spare: its price must be 0
  r.reduced_costs = {0, 0, 4, 0.5, 5.5, 0.5};
  const Verification v = verify_lp(m, r);
  EXPECT_EQ(v.failure, "complementary slackness");
  EXPECT_NEAR(v.complementarity, (0.5 * 8 + 0.5 * 7 + 0.5 * 15) / 343, 1e-12);
  EXPECT_NEAR(v.duality_gap, 0.5 * 30 / 343, 1e-12);  // the same sum, seen from the objective
}

TEST(Verify, FindsAWrongObjective) {
  SolveResult r = transport_optimum();
  r.objective = 341;
  const Verification v = verify_lp(make_transport().model, r);
  EXPECT_EQ(v.failure, "objective");
  EXPECT_DOUBLE_EQ(v.objective_error, 1.0 / 343);
}

TEST(Verify, AFeasiblePointThatIsNotOptimalFails) {
  SolveResult r = transport_optimum();
  r.x = {2, 25, 0, 8, 0, 15};  // one unit of c1 from the dearer plant
  r.objective = 343;
  const Verification v = verify_lp(make_transport().model, r);
  EXPECT_EQ(v.primal_residual, 0);
  EXPECT_EQ(v.failure, "complementary slackness");
  EXPECT_NEAR(v.duality_gap, 1.0 / 344, 1e-12);
}

TEST(Verify, NotANumberNeverPasses) {
  const Model m = make_transport().model;
  for (std::size_t j = 0; j < 6; ++j) {
    SolveResult r = transport_optimum();
    r.x[j] = std::nan("");
    EXPECT_FALSE(verify_lp(m, r).passed);
    EXPECT_FALSE(verify_mip(m, r).passed);
    r = transport_optimum();
    r.reduced_costs[j] = std::nan("");
    EXPECT_FALSE(verify_lp(m, r).passed);
  }
  SolveResult r = transport_optimum();
  r.row_duals[1] = std::nan("");
  EXPECT_FALSE(verify_lp(m, r).passed);
  r = transport_optimum();
  r.x[5] = kInfinity;
  EXPECT_FALSE(verify_lp(m, r).passed);
  r = transport_optimum();
  r.objective = std::nan("");
  EXPECT_FALSE(verify_mip(m, r).passed);
}

TEST(Verify, IntegralityIsAskedOfMipsOnly) {
  Transport t = make_transport();
  t.model.set_integer(t.ship[0], true);
  SolveResult r = transport_optimum();
  EXPECT_TRUE(verify_mip(t.model, r).passed);
  r.x[0] = 2.75;
  r.x[3] = 7.25;
  r.objective = 342.25;
  EXPECT_EQ(verify_mip(t.model, r).failure, "integrality");
  EXPECT_DOUBLE_EQ(verify_mip(t.model, r).integrality_violation, 0.25);
}

TEST(Verify, LpWithoutDualsOrSolutionIsNotVerified) {
  SolveResult r = transport_optimum();
  r.has_dual = false;
  EXPECT_EQ(verify_lp(make_transport().model, r).failure, "no duals");
  EXPECT_TRUE(verify_mip(make_transport().model, r).passed);
  r.has_primal = false;
  EXPECT_EQ(verify_mip(make_transport().model, r).failure, "no solution");
}

// Signs of a maximisation: max 3x, x <= 2 (row), 0 <= x <= 10: y = +3, z = 0.
TEST(Verify, MaximisationHasDerivativeSigns) {
  Model m;
  m.set_sense(Sense::kMaximise);
  const VariableId x = m.add_variable("x", 0, 10, 3);
  m.add_constraint("f", "row", -kInfinity, 2, std::vector<Term>{{x, 1}});
  SolveResult r;
  r.has_primal = r.has_dual = true;
  r.objective = 6;
  r.x = {2};
  r.row_duals = {3};
  r.reduced_costs = {0};
  EXPECT_TRUE(verify_lp(m, r).passed) << verify_lp(m, r).text();
  r.row_duals = {-3};
  r.reduced_costs = {6};
  EXPECT_EQ(verify_lp(m, r).failure, "dual sign");
}

// 1e16 + 1 - 1e16 is 0 in doubles; the residual must see the 1.
TEST(Verify, SumsKeepWhatDoublesLose) {
  Model m;
  const VariableId x = m.add_variable("x", -kInfinity, kInfinity, 0),
                   y = m.add_variable("y", -kInfinity, kInfinity, 0),
                   z = m.add_variable("z", -kInfinity, kInfinity, 0);
  m.add_constraint("f", "row", 0, 0, std::vector<Term>{{x, 1e8}, {y, 1}, {z, -1e8}});
  SolveResult r;
  r.has_primal = true;
  r.x = {1e8, 1, 1e8};
  const Verification v = verify_mip(m, r);
  EXPECT_EQ(v.primal_residual_absolute, 1);
}

TEST(Farkas, MarginIsAProofOrNothing) {
  Model m;  // x >= 5 and x <= 3 as rows, x free
  const VariableId x = m.add_variable("x", -kInfinity, kInfinity, 0);
  m.add_constraint("f", "low", 5, kInfinity, std::vector<Term>{{x, 1}});
  m.add_constraint("f", "high", -kInfinity, 3, std::vector<Term>{{x, 1}});
  const ColumnForm f = m.column_form();
  EXPECT_DOUBLE_EQ(farkas_margin(f, {1, -1}), 2.0 / 5);  // 0 >= 5 - 3, on the scale of the 5
  EXPECT_EQ(farkas_margin(f, {1, -0.5}), -kInfinity);    // x is free: nothing is delivered at most
  EXPECT_EQ(farkas_margin(f, {-1, 1}), -kInfinity);      // sides that do not exist
  EXPECT_EQ(farkas_margin(f, {0, 0}), -kInfinity);
  EXPECT_EQ(farkas_margin(f, {1}), -kInfinity);
}

TEST(PrimalRay, ImprovementIsPerLengthOrNothing) {
  Model m;
  const VariableId x = m.add_variable("x", 0, kInfinity, -1),
                   y = m.add_variable("y", 0, kInfinity, -1);
  m.add_constraint("f", "difference", -kInfinity, 2, std::vector<Term>{{x, 1}, {y, -1}});
  EXPECT_DOUBLE_EQ(unbounded_improvement(m.column_form(), {3, 3}), 2);
  EXPECT_EQ(unbounded_improvement(m.column_form(), {1, 0}), -kInfinity);   // the row stops it
  EXPECT_EQ(unbounded_improvement(m.column_form(), {-1, 1}), -kInfinity);  // x >= 0 stops it
}

}  // namespace
}  // namespace astrolabe::milp
