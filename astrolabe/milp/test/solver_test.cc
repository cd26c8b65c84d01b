// The contract every back end keeps. Expected values are worked out by hand beside each test.

#include "astrolabe/milp/solver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/test/programs.h"
#include "astrolabe/milp/verify.h"

namespace astrolabe::milp {
namespace {

class SolverContract : public testing::TestWithParam<SolverKind> {
 protected:
  std::unique_ptr<Solver> loaded(const Model& model) const {
    auto solver = make_solver(GetParam());
    solver->load(model);
    return solver;
  }
  SolveResult lp(const Model& model, const LpOptions& options = {}) const {
    const auto solver = loaded(model);
    SolveResult r = solver->solve_lp(options);
    if (r.is_optimal()) {
      const Verification v = verify_lp(model, r);
      EXPECT_TRUE(v.passed) << v.text();
    }
    return r;
  }
};

TEST_P(SolverContract, TransportHasTheOptimumAndDualsWorkedOutByHand) {
  const Transport t = make_transport();
  for (const LpMethod method : {LpMethod::kAuto, LpMethod::kSimplex, LpMethod::kIpm}) {
    const SolveResult r = lp(t.model, {.method = method});
    ASSERT_EQ(r.status, ModelStatus::kOptimal);
    EXPECT_EQ(r.call, CallStatus::kOk);
    EXPECT_NEAR(r.objective, 342, 1e-6);
    EXPECT_NEAR(r.bound, 342, 1e-6);
    const double x[] = {3, 25, 0, 7, 0, 15}, z[] = {0, 0, 4, 0, 5, 0};
    for (std::size_t j = 0; j < 6; ++j) {
      EXPECT_NEAR(r.x[j], x[j], 1e-6);
      EXPECT_NEAR(r.reduced_costs[j], z[j], 1e-6);
    }
    const double y[] = {-1, 0, 9, 7, 7}, activity[] = {28, 22, 10, 25, 15};
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR(r.row_duals[i], y[i], 1e-6);
      EXPECT_NEAR(r.row_activity[i], activity[i], 1e-6);
    }
  }
}

// Every unit sold brings 20, a fixed cost of 100 is an offset. All 50 wanted units are sold:
// 20*50 - 342 - 100 = 558. The dual of a plant is +1 and of a customer 20 less its marginal cost.
TEST_P(SolverContract, MaximisationKeepsDualsAsDerivatives) {
  Transport t = make_transport();
  t.model.set_sense(Sense::kMaximise);
  t.model.set_objective_offset(-100);
  for (const VariableId v : t.ship) t.model.set_cost(v, 20 - t.model.cost(v));
  const double wanted[] = {10, 25, 15};
  for (std::size_t c = 0; c < 3; ++c) t.model.set_row_bounds(t.wanted[c], -kInfinity, wanted[c]);
  const SolveResult r = lp(t.model);
  ASSERT_EQ(r.status, ModelStatus::kOptimal);
  EXPECT_NEAR(r.objective, 558, 1e-6);
  const double y[] = {1, 0, 11, 13, 13}, z[] = {0, 0, -4, 0, -5, 0};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(r.row_duals[i], y[i], 1e-6);
  for (std::size_t j = 0; j < 6; ++j) EXPECT_NEAR(r.reduced_costs[j], z[j], 1e-6);
}

TEST_P(SolverContract, DualsAreFiniteDifferencesOfTheObjective) {
  for (const Sense sense : {Sense::kMinimise, Sense::kMaximise}) {
    Transport t = make_transport();
    // At least 1 unit on p1-c3, so that a reduced cost prices a bound that is not zero.
    t.model.set_bounds(t.ship[2], 1, kInfinity);
    t.model.set_sense(sense);
    if (sense == Sense::kMaximise) {
      for (const VariableId v : t.ship) t.model.set_cost(v, -t.model.cost(v));
    }
    const auto solver = loaded(t.model);
    const SolveResult base = solver->solve_lp();
    ASSERT_EQ(base.status, ModelStatus::kOptimal);
    constexpr double kStep = 1e-3;
    for (std::size_t i = 0; i < t.model.num_constraints(); ++i) {
      const ConstraintId c(i);
      double objective[2];
      for (const int side : {0, 1}) {
        const double shift = side == 0 ? -kStep : kStep;
        solver->set_row_bounds(c, t.model.lower(c) + shift, t.model.upper(c) + shift);
        objective[side] = solver->solve_lp().objective;
      }
      solver->set_row_bounds(c, t.model.lower(c), t.model.upper(c));
      EXPECT_NEAR(base.row_duals[i], (objective[1] - objective[0]) / (2 * kStep), 1e-5) << i;
    }
    double objective[2];
    for (const int side : {0, 1}) {
      solver->set_bounds(t.ship[2], side == 0 ? 1 - kStep : 1 + kStep, kInfinity);
      objective[side] = solver->solve_lp().objective;
    }
    const double derivative = (objective[1] - objective[0]) / (2 * kStep);
    EXPECT_NEAR(base.reduced_costs[2], derivative, 1e-5);
    EXPECT_NEAR(std::abs(derivative), 4, 1e-5);
  }
}

// Buy q at 4, sell min(q, demand) at 10, demand 10, 20, ..., 80 with probability 1/8 each. The
// critical fractile is (10 - 4)/10 = 0.6; P(demand <= 40) = 0.5 < 0.6 <= P(demand <= 50) = 0.625,
// so q = 50, expected sales (10 + 20 + 30 + 40 + 4*50)/8 = 37.5 and profit 375 - 200 = 175.
TEST_P(SolverContract, NewsvendorOrdersTheCriticalFractile) {
  Model m;
  m.set_sense(Sense::kMaximise);
  const VariableId q = m.add_variable("q", 0, kInfinity, -4);
  for (int s = 1; s <= 8; ++s) {
    const VariableId sales = m.add_variable("sales", 0, 10.0 * s, 10.0 / 8);
    m.add_constraint("stock", "stock", -kInfinity, 0, std::vector<Term>{{sales, 1}, {q, -1}});
  }
  const SolveResult r = lp(m);
  ASSERT_EQ(r.status, ModelStatus::kOptimal);
  EXPECT_NEAR(r.x[q.index()], 50, 1e-6);
  EXPECT_NEAR(r.objective, 175, 1e-6);
}

// x + y >= 10 with x + 2z <= 3, y - z <= 2, z >= 1.5 gives x <= 0, y <= 2 + z, z <= 3/2 - x/2:
// together x + y <= 3.5 at best. The ray is checked here with its own sums: for the multipliers y,
// every feasible point has y'A x >= 0-th sum, and the columns cannot deliver it.
TEST_P(SolverContract, InfeasibleProgramComesWithAFarkasRay) {
  Model m;
  const VariableId x = m.add_variable("x", 0, kInfinity, 1), y = m.add_variable("y", 0, 100, 1),
                   z = m.add_variable("z", 1.5, kInfinity, 0);
  m.add_constraint("f", "sum", 10, kInfinity, std::vector<Term>{{x, 1}, {y, 1}});
  m.add_constraint("f", "x", -kInfinity, 3, std::vector<Term>{{x, 1}, {z, 2}});
  m.add_constraint("f", "y", -kInfinity, 2, std::vector<Term>{{y, 1}, {z, -1}});
  const SolveResult r = lp(m);
  EXPECT_EQ(r.status, ModelStatus::kInfeasible);
  EXPECT_FALSE(r.has_primal);
  ASSERT_EQ(r.dual_ray.size(), 3u);
  const std::vector<double>& d = r.dual_ray;
  EXPECT_GE(d[0], 0);  // >= row
  EXPECT_LE(d[1], 0);  // <= rows
  EXPECT_LE(d[2], 0);
  const double required = 10 * d[0] + 3 * d[1] + 2 * d[2];
  const double column_x = d[0] + d[1], column_y = d[0] + d[2], column_z = 2 * d[1] - d[2];
  ASSERT_LE(column_x, 1e-9);  // x has no upper bound: its best is at 0
  ASSERT_LE(column_z, 1e-9);
  const double delivered = std::max(0.0, 100 * column_y) + 1.5 * column_z;
  EXPECT_GT(required, delivered + 1e-6);
  EXPECT_GT(farkas_margin(m.column_form(), d), 1e-6);
}

// min -x - y, x - y <= 2: along (1, 1) the objective falls without limit.
TEST_P(SolverContract, UnboundedProgramComesWithAPrimalRay) {
  Model m;
  const VariableId x = m.add_variable("x", 0, kInfinity, -1),
                   y = m.add_variable("y", 0, kInfinity, -1);
  m.add_constraint("f", "difference", -kInfinity, 2, std::vector<Term>{{x, 1}, {y, -1}});
  const SolveResult r = lp(m);
  EXPECT_EQ(r.status, ModelStatus::kUnbounded);
  ASSERT_EQ(r.primal_ray.size(), 2u);
  EXPECT_GE(r.primal_ray[0], -1e-9);
  EXPECT_GE(r.primal_ray[1], -1e-9);
  EXPECT_LE(r.primal_ray[0] - r.primal_ray[1], 1e-9);
  EXPECT_GT(r.primal_ray[0] + r.primal_ray[1], 0);
}

TEST_P(SolverContract, CrossedBoundsAreInfeasible) {
  Transport t = make_transport();
  const auto solver = loaded(t.model);
  solver->set_bounds(t.ship[0], 2, 1);
  EXPECT_EQ(solver->solve_lp().status, ModelStatus::kInfeasible);
  EXPECT_EQ(solver->solve_mip().status, ModelStatus::kInfeasible);
  solver->set_bounds(t.ship[0], 0, kInfinity);
  EXPECT_NEAR(solver->solve_lp().objective, 342, 1e-6);
}

TEST_P(SolverContract, ProgramWithoutRowsStandsAtItsBounds) {
  Model m;
  m.add_variable("x", -2, 5, 3);
  m.add_variable("y", -2, 5, -4);
  const SolveResult r = lp(m);
  ASSERT_EQ(r.status, ModelStatus::kOptimal);
  EXPECT_NEAR(r.objective, -2 * 3 - 5 * 4, 1e-9);
}

// What is loaded can be changed between solves; the answer is that of a model built so.
TEST_P(SolverContract, ChangesBetweenSolvesAreSeen) {
  Transport t = make_transport();
  const auto solver = loaded(t.model);
  EXPECT_NEAR(solver->solve_lp().objective, 342, 1e-6);
  solver->set_cost(t.ship[4], 5);  // p2-c2 now 5: p2 has 8 spare and p1 is cheaper for c1 by 1,
  // so p2 serves c2 with 23 = 30 - 7... and the 7 of c1 move to p1 as well: c1 all from p1 (80),
  // c3 15 from p2 (105), c2 15 from p2 (75) and 10 from p1 (60): 320.
  const SolveResult cheaper = solver->solve_lp();
  EXPECT_NEAR(cheaper.objective, 320, 1e-6);
  EXPECT_TRUE(verify_lp(solver->program(), cheaper).passed);
  EXPECT_FALSE(verify_lp(t.model, cheaper).passed);  // of another program
  solver->set_cost(t.ship[4], 12);
  solver->set_row_bounds(t.available[0], -kInfinity, 30);  // 2 more at p1, worth 1 each
  EXPECT_NEAR(solver->solve_lp().objective, 340, 1e-6);
  solver->set_row_bounds(t.available[0], -kInfinity, 10);  // 40 against 50 wanted
  EXPECT_EQ(solver->solve_lp().status, ModelStatus::kInfeasible);
  solver->set_row_bounds(t.available[0], -kInfinity, 28);
  EXPECT_NEAR(solver->solve_lp().objective, 342, 1e-6);
}

TEST_P(SolverContract, WarmStartNeedsFewerIterations) {
  const Model m = make_random_lp(7, 40, 60);
  const auto solver = loaded(m);
  const SolveResult cold = solver->solve_lp();
  ASSERT_EQ(cold.status, ModelStatus::kOptimal);
  ASSERT_GT(cold.iterations, 5);
  const Basis basis = solver->basis();
  EXPECT_EQ(static_cast<std::size_t>(
                std::count(basis.columns.begin(), basis.columns.end(), BasisStatus::kBasic) +
                std::count(basis.rows.begin(), basis.rows.end(), BasisStatus::kBasic)),
            m.num_constraints());
  // The optimal basis of one back end is optimal in every other.
  for (const SolverKind kind : available_solvers()) {
    const auto other = make_solver(kind);
    other->load(m);
    other->set_basis(basis);
    const SolveResult warm = other->solve_lp();
    EXPECT_NEAR(warm.objective, cold.objective, 1e-6 * std::abs(cold.objective));
    EXPECT_LE(warm.iterations, 2) << text(kind);
    EXPECT_LT(warm.iterations, cold.iterations);
  }
  EXPECT_EQ(solver->solve_lp().iterations, 0);
  EXPECT_GT(solver->solve_lp({.warm_start = false}).iterations, 5);
}

TEST_P(SolverContract, ScalingAndPermutingChangeNothing) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    const Model m = make_random_lp(100 + seed, 15, 20);
    const double objective = lp(m).objective;
    Draws draw(seed);
    std::vector<std::size_t> order(m.num_variables());
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t k = order.size() - 1; k > 0; --k) {
      std::swap(order[k], order[static_cast<std::size_t>(draw.integer(0, static_cast<int>(k)))]);
    }
    Model other;  // column order[k] becomes column k, counted in units of 10^e
    std::vector<Term> place(m.num_variables());
    for (std::size_t k = 0; k < order.size(); ++k) {
      const VariableId v(order[k]);
      const double unit = std::pow(10.0, draw.integer(-2, 2));
      place[order[k]] = {
          other.add_variable("x", m.lower(v) / unit, m.upper(v) / unit, m.cost(v) * unit), unit};
    }
    for (std::size_t i = m.num_constraints(); i-- > 0;) {
      const ConstraintId c(i);
      const double factor = std::pow(10.0, draw.integer(-2, 2));
      std::vector<Term> terms;
      for (const Term& t : m.terms(c)) {
        const Term& p = place[t.variable.index()];
        terms.push_back({p.variable, t.coefficient * p.coefficient * factor});
      }
      other.add_constraint("row", "row", m.lower(c) * factor, m.upper(c) * factor, terms);
    }
    EXPECT_NEAR(lp(other).objective, objective, 1e-6 * std::abs(objective)) << seed;
  }
}

TEST_P(SolverContract, RelaxingABoundNeverWorsens) {
  const Model m = make_random_lp(3, 15, 20);
  const auto solver = loaded(m);
  double best = solver->solve_lp().objective;
  const double slack = 1e-7 * std::abs(best);
  for (std::size_t i = 0; i < m.num_constraints(); ++i) {
    solver->set_row_bounds(ConstraintId(i), m.lower(ConstraintId(i)) - 0.5,
                           m.upper(ConstraintId(i)) + 0.5);
    const double objective = solver->solve_lp().objective;
    EXPECT_LE(objective, best + slack) << i;
    best = objective;
  }
}

// Every integer program small enough is solved by looking at each of its points.
TEST_P(SolverContract, TinyIntegerProgramsMatchEnumeration) {
  int infeasible = 0;
  for (unsigned seed = 0; seed < 30; ++seed) {
    Draws draw(seed);
    Model m;
    m.set_sense(seed % 2 == 0 ? Sense::kMinimise : Sense::kMaximise);
    m.set_objective_offset(draw.integer(-9, 9));
    for (int j = 0; j < 4; ++j) m.add_variable("x", 0, 4, draw.integer(-9, 9), true);
    for (int i = 0; i < 3; ++i) {
      std::vector<Term> terms;
      for (std::size_t j = 0; j < 4; ++j) {
        terms.push_back({VariableId(j), static_cast<double>(draw.integer(-5, 9))});
      }
      const int lower = draw.integer(0, 30);
      m.add_constraint("row", "row", lower, lower + draw.integer(0, 6), terms);
    }
    double best = kInfinity;  // of the minimisation
    const double sign = m.sense() == Sense::kMinimise ? 1 : -1;
    for (int point = 0; point < 625; ++point) {
      const int x[] = {point % 5, point / 5 % 5, point / 25 % 5, point / 125};
      bool holds = true;
      for (std::size_t i = 0; i < 3; ++i) {
        double activity = 0;
        for (const Term& t : m.terms(ConstraintId(i))) {
          activity += t.coefficient * x[t.variable.index()];
        }
        holds =
            holds && activity >= m.lower(ConstraintId(i)) && activity <= m.upper(ConstraintId(i));
      }
      double objective = m.objective_offset();
      for (std::size_t j = 0; j < 4; ++j) objective += m.cost(VariableId(j)) * x[j];
      if (holds) best = std::min(best, sign * objective);
    }
    const auto solver = loaded(m);
    const SolveResult r = solver->solve_mip({.relative_gap = 0});
    if (best == kInfinity) {
      EXPECT_EQ(r.status, ModelStatus::kInfeasible) << seed;
      ++infeasible;
      continue;
    }
    ASSERT_EQ(r.status, ModelStatus::kOptimal) << seed;
    EXPECT_NEAR(r.objective, sign * best, 1e-6) << seed;
    EXPECT_NEAR(r.bound, sign * best, 1e-6) << seed;
    ASSERT_EQ(r.row_activity.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      double activity = 0;
      for (const Term& t : m.terms(ConstraintId(i))) {
        activity += t.coefficient * r.x[t.variable.index()];
      }
      EXPECT_NEAR(r.row_activity[i], activity, 1e-6) << seed;
    }
    const Verification v = verify_mip(m, r);
    EXPECT_TRUE(v.passed) << v.text();
  }
  EXPECT_GT(infeasible, 0);  // both answers occur
  EXPECT_LT(infeasible, 30);
}

// 3 items of weight 5, 4, 3 and worth 10, 7, 5 in a knapsack of 8: {5, 3} worth 15; the relaxation
// takes item 1 whole, item 2 three quarters: 15.25.
TEST_P(SolverContract, IntegralityCanBeRelaxed) {
  Model m;
  m.set_sense(Sense::kMaximise);
  std::vector<Term> weights;
  const double worth[] = {10, 7, 5}, weight[] = {5, 4, 3};
  for (std::size_t j = 0; j < 3; ++j) {
    weights.push_back({m.add_variable("item", 0, 1, worth[j], true), weight[j]});
  }
  m.add_constraint("weight", "weight", -kInfinity, 8, weights);
  const auto solver = loaded(m);
  EXPECT_NEAR(solver->solve_mip({.relative_gap = 0}).objective, 15, 1e-6);
  EXPECT_NEAR(solver->solve_lp().objective, 15.25, 1e-6);
  for (std::size_t j = 0; j < 3; ++j) solver->set_integer(VariableId(j), false);
  const SolveResult relaxed = solver->solve_mip();
  EXPECT_NEAR(relaxed.objective, 15.25, 1e-6);
  EXPECT_FALSE(relaxed.has_dual);
  solver->set_integer(VariableId(0), true);  // item 1 whole costs nothing
  EXPECT_NEAR(solver->solve_mip({.relative_gap = 0}).objective, 15.25, 1e-6);
  solver->set_integer(VariableId(1), true);  // item 2 in or out: 10 + 5 or 7 + 5 + ...: 15
  EXPECT_NEAR(solver->solve_mip({.relative_gap = 0}).objective, 15, 1e-6);
}

TEST_P(SolverContract, LpStaysWarmAcrossAMip) {
  Model m = make_random_lp(11, 40, 60);
  m.set_integer(VariableId(0), true);
  m.set_integer(VariableId(1), true);
  const auto solver = loaded(m);
  const SolveResult before = solver->solve_lp();
  ASSERT_GT(before.iterations, 5);
  const SolveResult mip = solver->solve_mip({.relative_gap = 0});
  EXPECT_GE(mip.objective, before.objective - 1e-6);
  const SolveResult after = solver->solve_lp();
  EXPECT_LE(after.iterations, 2);
  EXPECT_NEAR(after.objective, before.objective, 1e-6);
  EXPECT_TRUE(after.has_dual);
}

TEST_P(SolverContract, TimeLimitKeepsTheIncumbent) {
  std::vector<double> planted;
  const Model m = make_market_split(1, &planted);
  const SolveResult r =
      loaded(m)->solve_mip({.relative_gap = 0, .time_limit = 0.5 * units::second});
  EXPECT_EQ(r.status, ModelStatus::kTimeLimit);
  EXPECT_EQ(r.call, CallStatus::kOk);
  ASSERT_TRUE(r.has_primal);
  EXPECT_LE(r.bound, r.objective);
  EXPECT_GT(r.objective, 0.5);  // the planted optimum is 0; it is not found in half a second
  const Verification v = verify_mip(m, r);
  EXPECT_TRUE(v.passed) << v.text();
}

// The planted solution misses nothing, so once it is accepted the search is over.
TEST_P(SolverContract, StartSolutionIsAccepted) {
  std::vector<double> planted;
  const Model m = make_market_split(1, &planted);
  const SolveResult r = loaded(m)->solve_mip(
      {.relative_gap = 0, .time_limit = 60.0 * units::second, .start = planted});
  EXPECT_EQ(r.status, ModelStatus::kOptimal);
  EXPECT_NEAR(r.objective, 0, 1e-6);
  EXPECT_NEAR(r.bound, 0, 1e-6);
}

// A gap of half of the objective is reached long before this search would end.
TEST_P(SolverContract, StopsAtTheGapAskedFor) {
  Draws draw(5);
  Model m;
  m.set_sense(Sense::kMaximise);
  std::vector<Term> weights[3];
  for (int j = 0; j < 40; ++j) {
    const VariableId v = m.add_variable("item", 0, 1, draw.integer(20, 99), true);
    for (auto& row : weights) row.push_back({v, static_cast<double>(draw.integer(20, 99))});
  }
  for (auto& row : weights) m.add_constraint("weight", "weight", -kInfinity, 1000, row);
  const auto solver = loaded(m);
  const SolveResult r = solver->solve_mip({.relative_gap = 0.5});
  EXPECT_TRUE(r.status == ModelStatus::kGapReached || r.status == ModelStatus::kOptimal)
      << text(r.status);
  EXPECT_LE(r.gap(), 0.5);
  const SolveResult exact = solver->solve_mip({.relative_gap = 0});
  ASSERT_EQ(exact.status, ModelStatus::kOptimal);
  EXPECT_GE(exact.objective, r.objective - 1e-6);
  EXPECT_LE(exact.objective, r.bound + 1e-6);
}

TEST_P(SolverContract, UnboundedAndInfeasibleMipsAreToldApart) {
  Model m;
  const VariableId x = m.add_variable("x", 0, kInfinity, -1, true),
                   y = m.add_variable("y", 0, kInfinity, 0, true);
  const ConstraintId row = m.add_constraint("f", "row", 0, 1, std::vector<Term>{{x, 1}, {y, -1}});
  const auto solver = loaded(m);
  const SolveResult unbounded = solver->solve_mip();
  EXPECT_TRUE(unbounded.status == ModelStatus::kUnbounded ||
              unbounded.status == ModelStatus::kInfeasibleOrUnbounded)
      << text(unbounded.status);
  solver->set_cost(x, 1);
  solver->set_row_bounds(row, 0.25, 0.75);  // no two integers differ by that
  solver->set_bounds(x, 0, 100);
  solver->set_bounds(y, 0, 100);
  EXPECT_EQ(solver->solve_mip().status, ModelStatus::kInfeasible);
  EXPECT_EQ(solver->solve_lp().status, ModelStatus::kOptimal);
}

TEST_P(SolverContract, LogIsQuietUnlessAskedFor) {
  const Model m = make_random_lp(1, 20, 30);
  const auto solver = loaded(m);
  testing::internal::CaptureStdout();
  std::string log;
  solver->solve_lp();
  EXPECT_EQ(log, "");
  solver->solve_lp({.warm_start = false, .log = [&](std::string_view s) { log += s; }});
  EXPECT_NE(log, "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST_P(SolverContract, MipIsQuietToo) {
  Model m = make_random_lp(2, 10, 15);
  for (std::size_t j = 0; j < 15; ++j) m.set_integer(VariableId(j), true);
  const auto solver = loaded(m);
  testing::internal::CaptureStdout();
  solver->solve_mip();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST_P(SolverContract, NumberOfThreadsMayChangeBetweenSolves) {
  const Model m = make_random_lp(4, 20, 30);
  const double objective = lp(m).objective;
  for (const int threads : {2, 1, 2}) {
    EXPECT_NEAR(lp(m, {.threads = threads}).objective, objective, 1e-6);
  }
}

TEST_P(SolverContract, SameModelGivesTheSameBytes) {
  Model m = make_random_lp(8, 20, 30);
  for (std::size_t j = 0; j < 10; ++j) m.set_integer(VariableId(j), true);
  const SolveResult a = loaded(m)->solve_mip(), b = loaded(m)->solve_mip();
  ASSERT_EQ(a.has_primal, b.has_primal);
  EXPECT_EQ(a.x, b.x);
  EXPECT_EQ(a.bound, b.bound);
}

INSTANTIATE_TEST_SUITE_P(BackEnds, SolverContract, testing::ValuesIn(available_solvers()),
                         [](const auto& p) { return std::string(text(p.param)); });

TEST(Solvers, AtLeastOneIsAvailableAndMakesItself) {
  ASSERT_FALSE(available_solvers().empty());
  for (const SolverKind kind : available_solvers()) {
    EXPECT_TRUE(is_available(kind));
    EXPECT_EQ(make_solver(kind)->kind(), kind);
    EXPECT_NE(make_solver(kind)->name_and_version(), "");
  }
}

TEST(Solvers, RandomProgramsHaveOneOptimum) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Model m = make_random_lp(seed, 20, 30);
    std::vector<double> objectives;
    for (const SolverKind kind : available_solvers()) {
      const auto solver = make_solver(kind);
      solver->load(m);
      for (const LpMethod method : {LpMethod::kSimplex, LpMethod::kIpm}) {
        const SolveResult r = solver->solve_lp({.method = method});
        ASSERT_EQ(r.status, ModelStatus::kOptimal) << text(kind) << " " << seed;
        const Verification v = verify_lp(m, r);
        EXPECT_TRUE(v.passed) << text(kind) << " " << seed << " " << v.text();
        objectives.push_back(r.objective);
      }
    }
    for (const double o : objectives) {
      EXPECT_NEAR(o, objectives[0], 1e-6 * (1 + std::abs(o))) << seed;
    }
  }
}

// A row that asks for 1 more than the columns can deliver at best makes any of them infeasible.
TEST(Solvers, RandomInfeasibleProgramsAreProven) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Model m = make_random_lp(seed, 20, 30);
    std::vector<Term> terms;
    for (std::size_t j = 0; j < 30; ++j) terms.push_back({VariableId(j), m.cost(VariableId(j))});
    const auto solver = make_solver(available_solvers()[0]);
    solver->load(m);
    const double best = solver->solve_lp().objective;
    m.add_constraint("f", "better than the best", -kInfinity, best - 1, terms);
    for (const SolverKind kind : available_solvers()) {
      const auto s = make_solver(kind);
      s->load(m);
      const SolveResult r = s->solve_lp();
      EXPECT_EQ(r.status, ModelStatus::kInfeasible) << text(kind) << " " << seed;
      EXPECT_GT(farkas_margin(m.column_form(), r.dual_ray), 1e-9) << text(kind) << " " << seed;
    }
  }
}

}  // namespace
}  // namespace astrolabe::milp
