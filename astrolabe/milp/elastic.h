#pragma once

// What is the least that must give way? Constraints of chosen families get priced slack, and the
// cheapest total violation is found:
//
//   minimise sum_i p_f(i) (s_i + t_i)   subject to   L_i <= a_i x + s_i - t_i <= U_i,  s, t >= 0
//
// with the model's own bounds, integrality and unpriced constraints kept, and its objective
// dropped. s is the shortfall below L, t the excess above U; a side without a finite bound gets no
// slack. Assumption: prices compare what is not comparable (a megawatt with a wafer); they are the
// caller's judgement and decide which family gives way. Source:
// [chinneck2008feasibility] on elastic programs.

#include <span>
#include <string>
#include <vector>

#include "astrolabe/milp/model.h"
#include "astrolabe/milp/solver.h"

namespace astrolabe::milp {

struct FamilyPrice {
  std::string family;
  double price = 1;  // per unit of the row, above 0
};

struct ElasticModel {
  Model model;                           // columns of the original first, same ids
  std::vector<VariableId> below, above;  // by constraint; invalid where there is no slack
};

// InputError when a family does not occur in the model or a price is not above 0.
ElasticModel make_elastic(const Model& model, std::span<const FamilyPrice> prices);

struct Violation {
  ConstraintId row;
  double amount = 0;  // above 0: excess over U; below 0: shortfall under L
};

struct ElasticRepair {
  ModelStatus status = ModelStatus::kNotSolved;  // kInfeasible: unpriced rows conflict already
  double price = 0;                              // of the cheapest repair; 0: the model is feasible
  std::vector<Violation> violations;             // by row, those above `tolerance`
  std::vector<double> x;                         // the plan after the repair, original columns
};

struct ElasticOptions {
  SolverKind solver = SolverKind::kHighs;
  bool with_integers = false;
  double tolerance = 1e-7;
  Duration time_limit = 60.0 * units::second;
  int threads = 1;
};

ElasticRepair find_cheapest_repair(const Model& model, std::span<const FamilyPrice> prices,
                                   const ElasticOptions& options = {});

}  // namespace astrolabe::milp
