#pragma once

// The back ends, one file each; a file compiles to nothing when its library is absent.

#include <memory>

#include "astrolabe/milp/solver.h"

namespace astrolabe::milp {

std::unique_ptr<Solver> make_highs_solver();  // highs_solver.cc, with ASTROLABE_HIGHS
std::unique_ptr<Solver> make_cbc_solver();    // cbc_solver.cc, with ASTROLABE_CBC

}  // namespace astrolabe::milp
