// The reference question as a program: size and scale that open solvers can handle.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "astrolabe/planning/formulation.h"
#include "astrolabe/study/problem_builder.h"

namespace astrolabe::study {
namespace {

TEST(ReferenceModel, StaysUnderTwoHundredThousandNonzerosWithCoefficientsNearOne) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "takes minutes with sanitizers; the small scenarios run the same code";
#endif
  const ScenarioAndCatalog input = read_scenario(
      ASTROLABE_SOURCE_DIR "/scenarios/stargate_korea.toml", ASTROLABE_SOURCE_DIR "/data");
  const BuiltProblem built = build_problem(input.scenario, input.catalog);
  EXPECT_EQ(built.problem.quarters, 40);
  EXPECT_GE(built.problem.accelerators.size(), 12u);
  EXPECT_GE(built.problem.lines.size(), 8u);
  EXPECT_GE(built.problem.classes.size(), 6u);
  EXPECT_GE(built.problem.sites.size(), 8u);
  const auto formulation = planning::Formulation::build(built.problem);
  const milp::Model& model = formulation.model();
  std::map<std::string, std::pair<double, std::string>> smallest;
  std::map<std::string, std::size_t> nonzeros;
  for (std::size_t i = 0; i < model.num_constraints(); ++i) {
    const milp::ConstraintId row(i);
    nonzeros[model.family_name(row)] += model.terms(row).size();
    for (const milp::Term& term : model.terms(row)) {
      const double size = std::fabs(term.coefficient);
      EXPECT_LE(size, 1e3) << model.name(row) << " " << model.name(term.variable);
      auto& least = smallest.try_emplace(model.family_name(row), 1e99, "").first->second;
      if (size < least.first) least = {size, model.name(row) + " " + model.name(term.variable)};
    }
  }
  EXPECT_LT(model.num_nonzeros(), 200000u) << ::testing::PrintToString(nonzeros);
  for (const auto& [family, least] : smallest) {
    EXPECT_GE(least.first, 1e-3) << family << ": " << least.second;
  }
}

// The search for capabilities runs on several threads: a broken table is one error all the same.
TEST(ReferenceModel, ABrokenTableIsAnInputError) {
  namespace fs = std::filesystem;
  const fs::path real = ASTROLABE_SOURCE_DIR "/data",
                 copy = fs::path(testing::TempDir()) / "astrolabe_broken_data";
  fs::remove_all(copy);
  fs::create_directories(copy / "fitted");
  for (const auto& entry : fs::directory_iterator(real)) {
    const fs::path to = copy / entry.path().filename();
    if (!fs::exists(to)) fs::create_symlink(entry.path(), to);
  }
  for (const auto& entry : fs::directory_iterator(real / "fitted")) {
    fs::create_symlink(entry.path(), copy / "fitted" / entry.path().filename());
  }
  fs::remove(copy / "fitted/interpolation.csv");  // the first that is read
  std::ofstream(copy / "fitted/interpolation.csv") << "family\nx\n";
  const ScenarioAndCatalog input =
      read_scenario(ASTROLABE_SOURCE_DIR "/scenarios/stargate_korea.toml", copy.string());
  EXPECT_THROW(build_problem(input.scenario, input.catalog), InputError);
}

}  // namespace
}  // namespace astrolabe::study
