#pragma once

// A linear or mixed-integer program as plain data, every row and column with a name:
//
//   minimise (or maximise)  offset + sum_j c_j x_j
//   subject to              L_i <= sum_j a_ij x_j <= U_i     for every constraint i
//                           l_j <= x_j <= u_j                for every variable j
//                           x_j integer                      where is_integer
//
// An equation has L = U; an absent bound is -kInfinity or +kInfinity. A constraint belongs to a
// family ("site_power") and has a name ("site_power[pohang,2028Q1]"); the family is what reports,
// duals and explanations are grouped by. The model never changes while a solver works on it: the
// solver copies it in column form.
//
// Coefficients are plain numbers: whoever builds a model chooses the units of its columns and rows
// (near 1, so that a tolerance of 1e-7 means little) and keeps them in one place.

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "astrolabe/base/ids.h"

namespace astrolabe::milp {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

using VariableId = Id<struct VariableTag>;
using ConstraintId = Id<struct ConstraintTag>;
using FamilyId = Id<struct FamilyTag>;

enum class Sense { kMinimise, kMaximise };

struct Term {
  VariableId variable;
  double coefficient = 0;
};

// Smallest and largest magnitude among the nonzero finite entries; both 0 when there are none.
struct MagnitudeRange {
  double smallest = 0, largest = 0;
};

struct Statistics {
  std::size_t rows = 0, columns = 0, nonzeros = 0, integers = 0;
  MagnitudeRange matrix, cost, bounds, rhs;
  std::string text() const;  // one line, for a log
};

// The model as solvers read it: matrix by columns, no names. `start` has one entry more than there
// are columns; rows of a column are ascending.
struct ColumnForm {
  Sense sense = Sense::kMinimise;
  double offset = 0;
  std::vector<double> cost, lower, upper;    // by column
  std::vector<char> is_integer;              // by column
  std::vector<double> row_lower, row_upper;  // by row
  std::vector<int> start, row;
  std::vector<double> value;

  std::size_t columns() const { return cost.size(); }
  std::size_t rows() const { return row_lower.size(); }
  std::size_t integers() const;
};

class Model {
 public:
  // Bounds may be infinite, never NaN, and lower <= upper is not required: crossed bounds are an
  // infeasible model, which is an answer. Ids are given in order from 0.
  VariableId add_variable(std::string name, double lower, double upper, double cost,
                          bool is_integer = false);

  // Terms of the same variable are added up; terms that are or become zero are dropped.
  ConstraintId add_constraint(std::string_view family, std::string name, double lower, double upper,
                              std::span<const Term> terms);

  void set_bounds(VariableId v, double lower, double upper);
  void set_cost(VariableId v, double cost);
  void set_integer(VariableId v, bool is_integer);
  void set_row_bounds(ConstraintId c, double lower, double upper);
  void set_sense(Sense sense) { sense_ = sense; }
  void set_objective_offset(double offset) { offset_ = offset; }
  void reserve(std::size_t rows, std::size_t columns, std::size_t nonzeros);

  std::size_t num_variables() const { return cost_.size(); }
  std::size_t num_constraints() const { return row_lower_.size(); }
  std::size_t num_nonzeros() const { return coefficients_.size(); }
  Sense sense() const { return sense_; }
  double objective_offset() const { return offset_; }

  const std::string& name(VariableId v) const { return names_[v.index()]; }
  double lower(VariableId v) const { return lower_[v.index()]; }
  double upper(VariableId v) const { return upper_[v.index()]; }
  double cost(VariableId v) const { return cost_[v.index()]; }
  bool is_integer(VariableId v) const { return is_integer_[v.index()] != 0; }

  const std::string& name(ConstraintId c) const { return row_names_[c.index()]; }
  double lower(ConstraintId c) const { return row_lower_[c.index()]; }
  double upper(ConstraintId c) const { return row_upper_[c.index()]; }
  std::span<const Term> terms(ConstraintId c) const;

  FamilyId family(ConstraintId c) const { return row_family_[c.index()]; }
  const std::string& family_name(FamilyId f) const { return families_[f.index()]; }
  const std::string& family_name(ConstraintId c) const { return family_name(family(c)); }
  std::size_t num_families() const { return families_.size(); }
  FamilyId find_family(std::string_view name) const;  // invalid id when there is none

  Statistics statistics() const;
  ColumnForm column_form() const;

 private:
  FamilyId intern_family(std::string_view name);

  Sense sense_ = Sense::kMinimise;
  double offset_ = 0;
  std::vector<std::string> names_, row_names_, families_;
  std::unordered_map<std::string, FamilyId> family_ids_;
  std::vector<double> lower_, upper_, cost_;
  std::vector<char> is_integer_;
  std::vector<double> row_lower_, row_upper_;
  std::vector<FamilyId> row_family_;
  std::vector<std::size_t> row_start_{0};
  std::vector<Term> coefficients_;          // row by row
  std::vector<std::size_t> last_position_;  // by variable: 1 + its place in the newest row, or less
};

}  // namespace astrolabe::milp
