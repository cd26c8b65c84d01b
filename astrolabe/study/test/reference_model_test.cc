// What goes wrong while the reference question is made into a program.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "astrolabe/study/problem_builder.h"

namespace astrolabe::study {
namespace {

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
