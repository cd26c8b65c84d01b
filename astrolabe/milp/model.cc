#include "astrolabe/milp/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "astrolabe/base/error.h"

namespace astrolabe::milp {

namespace {

bool is_bound_pair(double lower, double upper) {
  return !std::isnan(lower) && !std::isnan(upper) && lower < kInfinity && upper > -kInfinity;
}

void widen(double value, MagnitudeRange* range) {
  const double magnitude = std::abs(value);
  if (magnitude == 0 || !std::isfinite(magnitude)) return;
  range->smallest = range->smallest == 0 ? magnitude : std::min(range->smallest, magnitude);
  range->largest = std::max(range->largest, magnitude);
}

std::string range_text(const char* name, const MagnitudeRange& r) {
  return r.largest == 0 ? fmt::format(", no {}", name)
                        : fmt::format(", {} {:.0e}..{:.0e}", name, r.smallest, r.largest);
}

}  // namespace

std::string Statistics::text() const {
  return fmt::format("{} rows, {} columns ({} integer), {} nonzeros", rows, columns, integers,
                     nonzeros) +
         range_text("matrix", matrix) + range_text("cost", cost) + range_text("bounds", bounds) +
         range_text("rhs", rhs);
}

std::size_t ColumnForm::integers() const {
  return static_cast<std::size_t>(std::count(is_integer.begin(), is_integer.end(), char{1}));
}

VariableId Model::add_variable(std::string name, double lower, double upper, double cost,
                               bool is_integer) {
  ASTROLABE_DEMAND(is_bound_pair(lower, upper), name);
  ASTROLABE_DEMAND(std::isfinite(cost), name);
  const VariableId id(num_variables());
  names_.push_back(std::move(name));
  lower_.push_back(lower);
  upper_.push_back(upper);
  cost_.push_back(cost);
  is_integer_.push_back(is_integer ? 1 : 0);
  last_position_.push_back(0);
  return id;
}

FamilyId Model::intern_family(std::string_view name) {
  if (!row_family_.empty() && families_[row_family_.back().index()] == name) {
    return row_family_.back();
  }
  const auto [it, is_new] = family_ids_.try_emplace(std::string(name), FamilyId(families_.size()));
  if (is_new) families_.emplace_back(name);
  return it->second;
}

FamilyId Model::find_family(std::string_view name) const {
  const auto it = family_ids_.find(std::string(name));
  return it == family_ids_.end() ? FamilyId{} : it->second;
}

ConstraintId Model::add_constraint(std::string_view family, std::string name, double lower,
                                   double upper, std::span<const Term> terms) {
  ASTROLABE_DEMAND(is_bound_pair(lower, upper), name);
  const ConstraintId id(num_constraints());
  const std::size_t first = coefficients_.size();
  bool has_zero = false;
  for (const Term& term : terms) {
    ASTROLABE_DEMAND(term.variable.is_valid() && term.variable.index() < num_variables(), name);
    ASTROLABE_DEMAND(std::isfinite(term.coefficient), name);
    std::size_t& position = last_position_[term.variable.index()];
    if (position > first) {
      coefficients_[position - 1].coefficient += term.coefficient;
      has_zero = has_zero || coefficients_[position - 1].coefficient == 0;
    } else if (term.coefficient != 0) {
      coefficients_.push_back(term);
      position = coefficients_.size();
    }
  }
  if (has_zero) {  // terms move, so the positions of this row are void: forget them
    for (std::size_t k = first; k < coefficients_.size(); ++k) {
      last_position_[coefficients_[k].variable.index()] = 0;
    }
    const auto begin = coefficients_.begin() + static_cast<std::ptrdiff_t>(first);
    coefficients_.erase(std::remove_if(begin, coefficients_.end(),
                                       [](const Term& t) { return t.coefficient == 0; }),
                        coefficients_.end());
  }
  row_family_.push_back(intern_family(family));
  row_names_.push_back(std::move(name));
  row_lower_.push_back(lower);
  row_upper_.push_back(upper);
  row_start_.push_back(coefficients_.size());
  return id;
}

void Model::set_bounds(VariableId v, double lower, double upper) {
  ASTROLABE_DEMAND(is_bound_pair(lower, upper), name(v));
  lower_[v.index()] = lower;
  upper_[v.index()] = upper;
}

void Model::set_cost(VariableId v, double cost) {
  ASTROLABE_DEMAND(std::isfinite(cost), name(v));
  cost_[v.index()] = cost;
}

void Model::set_integer(VariableId v, bool is_integer) {
  is_integer_[v.index()] = is_integer ? 1 : 0;
}

void Model::set_row_bounds(ConstraintId c, double lower, double upper) {
  ASTROLABE_DEMAND(is_bound_pair(lower, upper), name(c));
  row_lower_[c.index()] = lower;
  row_upper_[c.index()] = upper;
}

void Model::reserve(std::size_t rows, std::size_t columns, std::size_t nonzeros) {
  for (auto* v : {&lower_, &upper_, &cost_}) v->reserve(columns);
  for (auto* v : {&row_lower_, &row_upper_}) v->reserve(rows);
  names_.reserve(columns);
  is_integer_.reserve(columns);
  last_position_.reserve(columns);
  row_names_.reserve(rows);
  row_family_.reserve(rows);
  row_start_.reserve(rows + 1);
  coefficients_.reserve(nonzeros);
}

std::span<const Term> Model::terms(ConstraintId c) const {
  const std::size_t begin = row_start_[c.index()], end = row_start_[c.index() + 1];
  return std::span<const Term>(coefficients_).subspan(begin, end - begin);
}

Statistics Model::statistics() const {
  Statistics s;
  s.rows = num_constraints();
  s.columns = num_variables();
  s.nonzeros = num_nonzeros();
  s.integers = static_cast<std::size_t>(std::count(is_integer_.begin(), is_integer_.end(), 1));
  for (const Term& t : coefficients_) widen(t.coefficient, &s.matrix);
  for (const double c : cost_) widen(c, &s.cost);
  for (const auto* bounds : {&lower_, &upper_}) {
    for (const double b : *bounds) widen(b, &s.bounds);
  }
  for (const auto* rhs : {&row_lower_, &row_upper_}) {
    for (const double b : *rhs) widen(b, &s.rhs);
  }
  return s;
}

ColumnForm Model::column_form() const {
  ColumnForm f;
  f.sense = sense_;
  f.offset = offset_;
  f.cost = cost_;
  f.lower = lower_;
  f.upper = upper_;
  f.is_integer = is_integer_;
  f.row_lower = row_lower_;
  f.row_upper = row_upper_;
  f.start.assign(num_variables() + 1, 0);
  f.row.resize(num_nonzeros());
  f.value.resize(num_nonzeros());
  for (const Term& t : coefficients_) ++f.start[t.variable.index() + 1];
  for (std::size_t j = 0; j < num_variables(); ++j) f.start[j + 1] += f.start[j];
  std::vector<int> next(f.start.begin(), f.start.end() - 1);
  for (std::size_t i = 0; i < num_constraints(); ++i) {
    for (const Term& t : terms(ConstraintId(i))) {
      const auto place = static_cast<std::size_t>(next[t.variable.index()]++);
      f.row[place] = static_cast<int>(i);
      f.value[place] = t.coefficient;
    }
  }
  return f;
}

}  // namespace astrolabe::milp
