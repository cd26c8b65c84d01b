#include "astrolabe/milp/elastic.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"
#include "astrolabe/milp/verify.h"

namespace astrolabe::milp {

namespace {

// Price by family index; 0 where the family is not priced.
std::vector<double> prices_by_family(const Model& model, std::span<const FamilyPrice> prices) {
  std::vector<double> result(model.num_families(), 0);
  std::vector<std::string> names;
  for (std::size_t f = 0; f < model.num_families(); ++f) {
    names.push_back(model.family_name(FamilyId(f)));
  }
  for (const FamilyPrice& p : prices) {
    const FamilyId family = model.find_family(p.family);
    if (!family.is_valid()) throw InputError({}, "family", p.family, join_alternatives(names));
    if (!(p.price > 0) || std::isinf(p.price)) {
      throw InputError({}, p.family, std::to_string(p.price), "a price above 0");
    }
    result[family.index()] = p.price;
  }
  return result;
}

}  // namespace

ElasticModel make_elastic(const Model& model, std::span<const FamilyPrice> prices) {
  const std::vector<double> price = prices_by_family(model, prices);
  ElasticModel e;
  for (std::size_t j = 0; j < model.num_variables(); ++j) {
    const VariableId v(j);
    e.model.add_variable(model.name(v), model.lower(v), model.upper(v), 0, model.is_integer(v));
  }
  e.below.resize(model.num_constraints());
  e.above.resize(model.num_constraints());
  std::vector<Term> terms;
  for (std::size_t i = 0; i < model.num_constraints(); ++i) {
    const ConstraintId row(i);
    const auto own = model.terms(row);
    terms.assign(own.begin(), own.end());
    const double p = price[model.family(row).index()];
    if (p > 0 && model.lower(row) > -kInfinity) {
      e.below[i] = e.model.add_variable("below " + model.name(row), 0, kInfinity, p);
      terms.push_back({e.below[i], 1});
    }
    if (p > 0 && model.upper(row) < kInfinity) {
      e.above[i] = e.model.add_variable("above " + model.name(row), 0, kInfinity, p);
      terms.push_back({e.above[i], -1});
    }
    e.model.add_constraint(model.family_name(row), model.name(row), model.lower(row),
                           model.upper(row), terms);
  }
  return e;
}

ElasticRepair find_cheapest_repair(const Model& model, std::span<const FamilyPrice> prices,
                                   const ElasticOptions& options) {
  const ElasticModel elastic = make_elastic(model, prices);
  const auto solver = make_solver(options.solver);
  solver->load(elastic.model);
  const SolveResult r =
      options.with_integers
          ? solver->solve_mip({.time_limit = options.time_limit, .threads = options.threads})
          : solver->solve_lp({.time_limit = options.time_limit, .threads = options.threads});
  ElasticRepair repair;
  repair.status = r.status;
  if (!r.has_primal) return repair;
  const Verification check =
      options.with_integers ? verify_mip(solver->program(), r) : verify_lp(solver->program(), r);
  if (!check.passed) repair.status = ModelStatus::kNumericalTrouble;
  repair.price = r.objective;
  repair.x.assign(r.x.begin(), r.x.begin() + static_cast<std::ptrdiff_t>(model.num_variables()));
  const auto value = [&](VariableId v) { return v.is_valid() ? r.x[v.index()] : 0; };
  for (std::size_t i = 0; i < model.num_constraints(); ++i) {
    const double amount = value(elastic.above[i]) - value(elastic.below[i]);
    if (std::abs(amount) > options.tolerance) {
      repair.violations.push_back({ConstraintId(i), amount});
    }
  }
  return repair;
}

}  // namespace astrolabe::milp
