#pragma once

// The solver is not believed: every claim of a result is recomputed from our own data, with sums in
// extended precision. For the program min c'x, L <= Ax <= U, l <= x <= u (a maximisation is
// checked with c negated) and claimed x, y, z:
//
//   primal residual      max over rows and columns of how far an activity or value is outside its
//                        bounds, divided by its scale s_i = 1 + max_j |a_ij x_j| (columns: 1 +
//                        |x_j|)
//   integrality          max over integer columns of |x_j - round(x_j)|
//   dual residual        max_j |c_j - sum_i a_ij y_i - z_j| / (1 + |c_j| + max_i |a_ij y_i|)
//   dual sign            max of a y_i or z_j with the sign its bounds forbid (y_i > 0 needs a
//   finite
//                        L_i, y_i < 0 a finite U_i; likewise z and l, u), on the scale of the above
//   complementarity      sum of |multiplier| * distance from the bound it prices, / (1 + |c'x|)
//   objective            |claimed - c'x| / (1 + |c'x|)
//   duality gap          |c'x - b(y, z)| / (1 + |c'x|), b the dual objective from y and z alone
//
// An LP result passes when all are within tolerance: then x is optimal to that tolerance, whoever
// found it. A MIP result passes when x is feasible and integral and the objective is as claimed;
// its bound rests on the tree of the solver and cannot be rechecked here.
// Where it fails: scaled tolerances say little about a row whose terms cancel from 1e9 to 1.
// Source: [bertsimas1997linear] chapter 4.

#include <string>

#include "astrolabe/milp/model.h"
#include "astrolabe/milp/solver.h"

namespace astrolabe::milp {

struct Tolerances {
  double primal = 1e-6, integrality = 1e-6, dual = 1e-6, complementarity = 1e-6, objective = 1e-6,
         gap = 1e-6;
};

struct Verification {
  bool passed = false;
  bool has_dual = false;       // dual figures were checked (LP results)
  double primal_residual = 0;  // scaled
  double primal_residual_absolute = 0;
  int worst_row = -1, worst_column = -1;  // where the scaled primal residual is; at most one is set
  double integrality_violation = 0;
  double dual_residual = 0;        // scaled
  double dual_sign_violation = 0;  // scaled
  double complementarity = 0;
  double objective = 0;        // recomputed, offset included, in the model's sense
  double objective_error = 0;  // against the claim, relative
  double dual_objective = 0;   // recomputed, likewise
  double duality_gap = 0;      // relative
  std::string failure;         // the first figure out of tolerance, or ""

  std::string text() const;  // one line
};

Verification verify_lp(const ColumnForm& program, const SolveResult& result,
                       const Tolerances& tolerances = {});
Verification verify_mip(const ColumnForm& program, const SolveResult& result,
                        const Tolerances& tolerances = {});
Verification verify_lp(const Model& model, const SolveResult& result,
                       const Tolerances& tolerances = {});
Verification verify_mip(const Model& model, const SolveResult& result,
                        const Tolerances& tolerances = {});

// By how much y proves that no x satisfies rows and bounds, divided by the scale of the terms:
// sum_i (y_i > 0 ? y_i L_i : y_i U_i) - max { y'A x : l <= x <= u }. Above 0 (in practice above
// 1e-9) it is a proof; minus infinity when y proves nothing at all.
double farkas_margin(const ColumnForm& program, const std::vector<double>& y);

// By how much d improves the objective per unit of its length, or minus infinity when some row or
// bound stops it (checked to `tolerance` on the scale of the terms).
double unbounded_improvement(const ColumnForm& program, const std::vector<double>& d,
                             double tolerance = 1e-7);

}  // namespace astrolabe::milp
