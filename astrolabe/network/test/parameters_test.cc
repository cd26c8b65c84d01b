#include "astrolabe/network/parameters.h"

#include <gtest/gtest.h>

#include <fstream>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

const std::string kHeader = "model,class,parameter,value\n";

std::string every_row(const std::string& link, double factor) {
  std::string text;
  for (const ParameterMeaning& m : collective_meanings()) {
    const double v = std::min(m.upper, factor * m.start);
    text += "collective," + link + "," + m.name + "," + std::to_string(v) + "\n";
  }
  return text;
}

NetworkParameters read(const std::string& text) {
  const std::string path = testing::TempDir() + "network_parameters_test.csv";
  std::ofstream(path) << text;
  return NetworkParameters::read(path);
}

TEST(ParametersTest, TheNearestGenerationServesANewOne) {
  const NetworkParameters p =
      read(kHeader + every_row("nvlink3", 1) + every_row("nvlink5", 1.1) +
           "band,library.measured,p10,-0.1\nband,library.measured,p90,0.2\n");
  FabricFacts f;
  f.link = LinkKind::kNvlink;
  f.link_generation = 6;
  EXPECT_NEAR(p.collective(f)[CollectiveParameter::kLaunch], 5.5, 1e-9);
  f.link_generation = 3;
  EXPECT_NEAR(p.collective(f)[CollectiveParameter::kLaunch], 5, 1e-9);
  EXPECT_DOUBLE_EQ(p.band("library.measured").p90, 0.2);
  EXPECT_THROW(p.band("library.hearsay"), InputError);
  EXPECT_EQ(p.exchange(f, "deepep_ll.dispatch"), nullptr);
}

TEST(ParametersTest, BadFilesAreErrors) {
  EXPECT_THROW(read(kHeader + "collective,nvlink4,launch,5\n"), InputError);  // others missing
  EXPECT_THROW(read(kHeader + "collective,nvlink4,speed,5\n"), InputError);
  EXPECT_THROW(read(kHeader + "collective,nvlink4,launch,-5\n"), InputError);  // out of bounds
  EXPECT_THROW(read(kHeader + "collective,nvlink4,launch,fast\n"), InputError);
  EXPECT_THROW(read(kHeader + "rumour,nvlink4,launch,5\n"), InputError);
  EXPECT_THROW(read("model,class,value\n"), InputError);
}

}  // namespace
}  // namespace astrolabe::network
