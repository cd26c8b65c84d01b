#pragma once

// Programs that several tests solve.

#include <random>
#include <string>
#include <vector>

#include "astrolabe/milp/model.h"

namespace astrolabe::milp {

// Two plants (28 and 30 available), three customers (10, 25, 15 wanted), unit costs
//          c1   c2   c3
//   p1      8    6   10
//   p2      9   12    7
// By hand: p1 serves all of c2 (25) and with its last 3 units c1; p2 the other 7 of c1 and c3.
// Cost 25*6 + 3*8 + 7*9 + 15*7 = 342. One more unit at p1 moves a unit of c1 from p2: -1; p2 has 8
// spare: 0. One more wanted at c1 comes from p2: 9; at c2 from p1, which pushes a unit of c1 to p2:
// 6 + 9 - 8 = 7; at c3: 7. Forcing a unit onto p1-c3 costs 10 - 7 + (9 - 8) = 4, onto p2-c2
// 12 - 6 - (9 - 8) = 5. No basic variable is at a bound, so these derivatives are two-sided.
struct Transport {
  Model model;
  std::vector<VariableId> ship;  // p1c1 p1c2 p1c3 p2c1 p2c2 p2c3
  std::vector<ConstraintId> available, wanted;
};

inline Transport make_transport() {
  const double cost[2][3] = {{8, 6, 10}, {9, 12, 7}};
  Transport t;
  for (const auto& plant : cost) {
    for (const double c : plant) {
      t.ship.push_back(t.model.add_variable("ship", 0, kInfinity, c));
    }
  }
  const double available[] = {28, 30}, wanted[] = {10, 25, 15};
  for (std::size_t p = 0; p < 2; ++p) {
    std::vector<Term> terms;
    for (std::size_t c = 0; c < 3; ++c) terms.push_back({t.ship[3 * p + c], 1});
    t.available.push_back(t.model.add_constraint(
        "available", "available[p" + std::to_string(p) + "]", -kInfinity, available[p], terms));
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const std::vector<Term> terms = {{t.ship[c], 1}, {t.ship[3 + c], 1}};
    t.wanted.push_back(t.model.add_constraint("wanted", "wanted[c" + std::to_string(c) + "]",
                                              wanted[c], kInfinity, terms));
  }
  return t;
}

// Uniform doubles and integers that are the same on every standard library.
class Draws {
 public:
  explicit Draws(unsigned seed) : engine_(seed) {}
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_()) / 4294967296.0;
  }
  int integer(int low, int high) {  // both included
    return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1));
  }

 private:
  std::mt19937 engine_;
};

// A random LP that has a solution (its rows hold at a random point) and an optimum (its columns are
// bounded): about a third of the coefficients are nonzero; rows are <=, >=, two-sided or equations.
inline Model make_random_lp(unsigned seed, std::size_t rows, std::size_t columns) {
  Draws draw(seed);
  Model model;
  std::vector<double> x;
  for (std::size_t j = 0; j < columns; ++j) {
    const double lower = draw.uniform(-5, 5), upper = lower + draw.uniform(0.5, 10);
    model.add_variable("x" + std::to_string(j), lower, upper, draw.uniform(-10, 10));
    x.push_back(draw.uniform(lower, upper));
  }
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<Term> terms;
    double activity = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      if (draw.integer(0, 2) != 0) continue;
      terms.push_back({VariableId(j), draw.uniform(-3, 3)});
      activity += terms.back().coefficient * x[j];
    }
    const int kind = draw.integer(0, 3);
    const double lower = kind == 0 ? -kInfinity : activity - (kind == 3 ? 0 : draw.uniform(0, 1));
    const double upper = kind == 1 ? kInfinity : activity + (kind == 3 ? 0 : draw.uniform(0, 1));
    model.add_constraint("row", "row" + std::to_string(i), lower, upper, terms);
  }
  return model;
}

// Market split [cornuejols1998hard]: pick columns so that several row sums are met exactly; the
// misses are minimised. Right-hand sides come from `planted`, so its misses are zero. Far out of
// reach of branch and bound with 5 rows and 40 columns of coefficients up to 99.
inline Model make_market_split(unsigned seed, std::vector<double>* planted) {
  constexpr std::size_t kRows = 5, kColumns = 40;
  Draws draw(seed);
  Model model;
  planted->clear();
  for (std::size_t j = 0; j < kColumns; ++j) {
    model.add_variable("pick" + std::to_string(j), 0, 1, 0, true);
    planted->push_back(draw.integer(0, 1));
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    std::vector<Term> terms;
    double sum = 0;
    for (std::size_t j = 0; j < kColumns; ++j) {
      terms.push_back({VariableId(j), static_cast<double>(draw.integer(1, 99))});
      sum += terms.back().coefficient * (*planted)[j];
    }
    for (const double sign : {1.0, -1.0}) {
      terms.push_back({model.add_variable("miss", 0, kInfinity, 1), sign});
    }
    model.add_constraint("split", "split" + std::to_string(i), sum, sum, terms);
  }
  planted->resize(model.num_variables(), 0.0);
  return model;
}

}  // namespace astrolabe::milp
