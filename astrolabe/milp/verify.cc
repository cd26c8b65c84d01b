#include "astrolabe/milp/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "astrolabe/base/error.h"

namespace astrolabe::milp {

namespace {

using Real = long double;  // 64-bit mantissa on x86-64; a plain double elsewhere

struct RowSums {
  std::vector<Real> activity;
  std::vector<double> largest_term;  // max_j |a_ij x_j|
};

RowSums row_sums(const ColumnForm& p, const std::vector<double>& x) {
  RowSums s{std::vector<Real>(p.rows(), 0), std::vector<double>(p.rows(), 0)};
  for (std::size_t j = 0; j < p.columns(); ++j) {
    if (x[j] == 0) continue;
    for (auto k = static_cast<std::size_t>(p.start[j]);
         k < static_cast<std::size_t>(p.start[j + 1]); ++k) {
      const auto i = static_cast<std::size_t>(p.row[k]);
      const Real term = static_cast<Real>(p.value[k]) * x[j];
      s.activity[i] += term;
      s.largest_term[i] = std::max(s.largest_term[i], std::abs(static_cast<double>(term)));
    }
  }
  return s;
}

struct ColumnSum {
  Real sum = 0;             // sum_i a_ij y_i
  double largest_term = 0;  // max_i |a_ij y_i|
};

ColumnSum column_sum(const ColumnForm& p, std::size_t j, const std::vector<double>& y) {
  ColumnSum s;
  for (auto k = static_cast<std::size_t>(p.start[j]); k < static_cast<std::size_t>(p.start[j + 1]);
       ++k) {
    const Real term = static_cast<Real>(p.value[k]) * y[static_cast<std::size_t>(p.row[k])];
    s.sum += term;
    s.largest_term = std::max(s.largest_term, std::abs(static_cast<double>(term)));
  }
  return s;
}

double outside(Real value, double lower, double upper) {
  const Real below = static_cast<Real>(lower) - value, above = value - static_cast<Real>(upper);
  return static_cast<double>(std::max<Real>(0, std::max(below, above)));
}

// `x` in place of `worst` when it is larger or not a number: a NaN is never hidden by a maximum.
bool is_worse(double x, double worst) { return !(x <= worst); }
void keep_worst(double x, double* worst) {
  if (is_worse(x, *worst) && !std::isnan(*worst)) *worst = x;
}

void check_primal(const ColumnForm& p, const std::vector<double>& x, const RowSums& sums,
                  Verification* v) {
  const auto record = [v](double violation, double scale, int row, int column) {
    keep_worst(violation, &v->primal_residual_absolute);
    if (is_worse(violation / scale, v->primal_residual) && !std::isnan(v->primal_residual)) {
      v->primal_residual = violation / scale;
      v->worst_row = row;
      v->worst_column = column;
    }
  };
  for (std::size_t i = 0; i < p.rows(); ++i) {
    record(std::isfinite(sums.largest_term[i])
               ? outside(sums.activity[i], p.row_lower[i], p.row_upper[i])
               : kInfinity,
           1 + sums.largest_term[i], static_cast<int>(i), -1);
  }
  for (std::size_t j = 0; j < p.columns(); ++j) {
    const double violation =
        std::isfinite(x[j]) ? outside(x[j], p.lower[j], p.upper[j]) : std::nan("");
    record(violation, 1 + std::abs(x[j]), -1, static_cast<int>(j));
  }
}

Real primal_objective(const ColumnForm& p, const std::vector<double>& x) {
  Real sum = 0;
  for (std::size_t j = 0; j < p.columns(); ++j) sum += static_cast<Real>(p.cost[j]) * x[j];
  return sum;
}

// One multiplier m (y_i or z_j) that prices `value` between its bounds, in minimisation signs.
struct DualSums {
  Real objective = 0, slackness = 0;
  double sign_violation = 0;

  void add(double m, Real value, double lower, double upper, double scale) {
    if (m == 0) return;
    const double bound = m > 0 ? lower : upper;
    if (std::isinf(bound)) {
      keep_worst(std::abs(m) / scale, &sign_violation);
      return;
    }
    objective += static_cast<Real>(m) * bound;
    slackness += std::abs(static_cast<Real>(m) * (value - bound));
  }
};

void check_dual(const ColumnForm& p, const SolveResult& r, const RowSums& sums, Real cost_of_x,
                Verification* v) {
  const double sign = p.sense == Sense::kMaximise ? -1 : 1;
  std::vector<double> y = r.row_duals;
  for (double& m : y) m *= sign;
  std::vector<double> row_scale(p.rows(), 1);
  DualSums dual;
  for (std::size_t j = 0; j < p.columns(); ++j) {
    const double c = sign * p.cost[j], z = sign * r.reduced_costs[j];
    const ColumnSum s = column_sum(p, j, y);
    const double scale = 1 + std::abs(c) + s.largest_term;
    keep_worst(std::abs(static_cast<double>(c - s.sum - z)) / scale, &v->dual_residual);
    dual.add(z, r.x[j], p.lower[j], p.upper[j], scale);
  }
  for (std::size_t i = 0; i < p.rows(); ++i) {
    dual.add(y[i], sums.activity[i], p.row_lower[i], p.row_upper[i], 1 + std::abs(y[i]));
  }
  v->dual_sign_violation = dual.sign_violation;
  const double scale = 1 + std::abs(static_cast<double>(cost_of_x));
  v->complementarity = static_cast<double>(dual.slackness) / scale;
  v->duality_gap = std::abs(static_cast<double>(sign * cost_of_x - dual.objective)) / scale;
  v->dual_objective = sign * static_cast<double>(dual.objective) + p.offset;
}

Verification verify(const ColumnForm& p, const SolveResult& r, const Tolerances& tolerances,
                    bool is_mip) {
  Verification v;
  if (!r.has_primal || r.x.size() != p.columns()) {
    v.failure = "no solution";
    return v;
  }
  const RowSums sums = row_sums(p, r.x);
  check_primal(p, r.x, sums, &v);
  const Real cost_of_x = primal_objective(p, r.x);
  v.objective = static_cast<double>(cost_of_x + p.offset);
  v.objective_error =
      std::abs(r.objective - v.objective) / (1 + std::abs(static_cast<double>(cost_of_x)));
  for (std::size_t j = 0; is_mip && j < p.columns(); ++j) {
    if (p.is_integer[j] != 0)
      keep_worst(std::abs(r.x[j] - std::round(r.x[j])), &v.integrality_violation);
  }
  v.has_dual = !is_mip && r.has_dual && r.row_duals.size() == p.rows() &&
               r.reduced_costs.size() == p.columns();
  if (v.has_dual) check_dual(p, r, sums, cost_of_x, &v);

  const auto require = [&v](bool holds, const char* what) {
    if (!holds && v.failure.empty()) v.failure = what;
  };
  require(v.primal_residual <= tolerances.primal, "primal residual");
  require(v.integrality_violation <= tolerances.integrality, "integrality");
  require(v.objective_error <= tolerances.objective, "objective");
  require(is_mip || v.has_dual, "no duals");
  require(v.dual_residual <= tolerances.dual, "dual residual");
  require(v.dual_sign_violation <= tolerances.dual, "dual sign");
  require(v.complementarity <= tolerances.complementarity, "complementary slackness");
  require(v.duality_gap <= tolerances.gap, "duality gap");
  v.passed = v.failure.empty();
  return v;
}

}  // namespace

std::string Verification::text() const {
  std::string line = passed ? "verified" : "NOT verified (" + failure + ")";
  line += fmt::format(": objective {:.9g}, primal residual {:.1e} ({:.1e} absolute)", objective,
                      primal_residual, primal_residual_absolute);
  if (worst_row >= 0) line += fmt::format(" at row {}", worst_row);
  if (worst_column >= 0) line += fmt::format(" at column {}", worst_column);
  line += fmt::format(", integrality {:.1e}, claimed objective off by {:.1e}",
                      integrality_violation, objective_error);
  if (has_dual) {
    line += fmt::format(
        ", dual residual {:.1e}, dual sign {:.1e}, complementarity {:.1e}, duality gap {:.1e}",
        dual_residual, dual_sign_violation, complementarity, duality_gap);
  }
  return line;
}

Verification verify_lp(const ColumnForm& program, const SolveResult& result,
                       const Tolerances& tolerances) {
  return verify(program, result, tolerances, false);
}

Verification verify_mip(const ColumnForm& program, const SolveResult& result,
                        const Tolerances& tolerances) {
  return verify(program, result, tolerances, true);
}

Verification verify_lp(const Model& model, const SolveResult& result,
                       const Tolerances& tolerances) {
  return verify(model.column_form(), result, tolerances, false);
}

Verification verify_mip(const Model& model, const SolveResult& result,
                        const Tolerances& tolerances) {
  return verify(model.column_form(), result, tolerances, true);
}

double farkas_margin(const ColumnForm& p, const std::vector<double>& y) {
  if (y.size() != p.rows()) return -kInfinity;
  Real margin = 0;
  double scale = 0;
  const auto add = [&](Real term) {
    margin += term;
    scale = std::max(scale, std::abs(static_cast<double>(term)));
  };
  double largest = 0;
  for (const double m : y) largest = std::max(largest, std::abs(m));
  if (!(largest > 0) || std::isinf(largest)) return -kInfinity;
  const auto is_noise = [&](double m) { return std::abs(m) <= 1e-11 * largest; };
  for (std::size_t i = 0; i < p.rows(); ++i) {
    if (y[i] == 0) continue;
    const double bound = y[i] > 0 ? p.row_lower[i] : p.row_upper[i];
    if (std::isinf(bound)) {
      if (is_noise(y[i])) continue;
      return -kInfinity;
    }
    add(static_cast<Real>(y[i]) * bound);
  }
  for (std::size_t j = 0; j < p.columns(); ++j) {
    const ColumnSum s = column_sum(p, j, y);
    const double d = static_cast<double>(s.sum);
    if (d == 0) continue;
    const double bound = d > 0 ? p.upper[j] : p.lower[j];
    if (std::isinf(bound)) {
      if (std::abs(d) <= 1e-9 * s.largest_term) continue;  // terms that cancel
      return -kInfinity;
    }
    add(-s.sum * bound);
  }
  return scale == 0 ? -kInfinity : static_cast<double>(margin) / scale;
}

double unbounded_improvement(const ColumnForm& p, const std::vector<double>& d, double tolerance) {
  if (d.size() != p.columns()) return -kInfinity;
  double length = 0;
  for (const double component : d) length = std::max(length, std::abs(component));
  if (!(length > 0) || std::isinf(length)) return -kInfinity;
  for (std::size_t j = 0; j < p.columns(); ++j) {
    if (d[j] > tolerance * length && p.upper[j] < kInfinity) return -kInfinity;
    if (d[j] < -tolerance * length && p.lower[j] > -kInfinity) return -kInfinity;
  }
  const RowSums sums = row_sums(p, d);
  for (std::size_t i = 0; i < p.rows(); ++i) {
    const double slack = tolerance * std::max(length, sums.largest_term[i]);
    if (sums.activity[i] > slack && p.row_upper[i] < kInfinity) return -kInfinity;
    if (sums.activity[i] < -slack && p.row_lower[i] > -kInfinity) return -kInfinity;
  }
  const double change = static_cast<double>(primal_objective(p, d)) / length;
  return p.sense == Sense::kMaximise ? change : -change;
}

}  // namespace astrolabe::milp
