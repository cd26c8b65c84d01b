#include "astrolabe/parallel/roofline_correction.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "astrolabe/base/error.h"
#include "astrolabe/parallel/derated_clock.h"
#include "astrolabe/parallel/test/parallel_cases.h"

namespace astrolabe::parallel {
namespace {

RooflineCorrection read(const std::string& rows) {
  const std::string path = testing::TempDir() + "roofline_correction_test.csv";
  std::ofstream(path) << "kernels,launch_us,slope\n" << rows;
  RooflineCorrection c;
  try {
    c = RooflineCorrection::read(path);
  } catch (...) {
    std::remove(path.c_str());
    throw;
  }
  std::remove(path.c_str());
  return c;
}

const std::string kRows =
    "products,4,1.5\nattention,0,1\nexperts,30,1\nexchange,10,0.5\ncollective,0,2\n";

TEST(RooflineCorrectionTest, ProductsTakeTheirLine) {
  const DeratedClock plain(small_accelerator(), plain_derating());
  const DeratedClock corrected(small_accelerator(), plain_derating(), read(kRows));
  const workload::Operator op =
      workload::make_gemm({.m = 64, .n = 4096, .k = 4096, .format = workload::GemmFormat::kBf16});
  const double before = plain.time(op).in(units::microsecond);
  EXPECT_NEAR(corrected.time(op).in(units::microsecond), 4 + 1.5 * before, 1e-9);
}

TEST(RooflineCorrectionTest, BadTablesAreNamed) {
  EXPECT_THROW(read(kRows + "products,1,1\n"), InputError);     // twice
  EXPECT_THROW(read(kRows + "convolution,1,1\n"), InputError);  // unknown
  EXPECT_THROW(read("products,4,1.5\n"), InputError);           // the others are missing
  EXPECT_THROW(read("products,-1,1\n" + kRows), InputError);
  EXPECT_THROW(read("products,1,nan\n" + kRows), InputError);
}

}  // namespace
}  // namespace astrolabe::parallel
