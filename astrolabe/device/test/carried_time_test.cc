#include "astrolabe/device/carried_time.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "astrolabe/base/table.h"
#include "astrolabe/device/measured_time.h"

namespace astrolabe::device {
namespace {

TiledChip chip(const char* name, const char* architecture, const char* tensor_cores, double tflops,
               double gbps) {
  TiledChip c;
  c.name = name;
  c.architecture = architecture;
  c.tensor_cores = tensor_cores;
  c.year = 2022;
  c.sm_count = 100;
  c.clock = Frequency::from_base(2e9);
  c.l2_cache = 50.0 * units::MB;
  c.hbm_bandwidth = Bandwidth::from_base(gbps * 1e9);
  c.power_limit = 700.0 * units::watt;
  c.rates[0] = FlopRate::from_base(tflops * 1e12);
  return c;
}

double tiled_us(const TiledChip& on, const char* format, const Dims& dims) {
  const TiledKernel kernel = tiled_kernel(Family::kGemm, "vllm", "a", {format}, dims);
  return tiled_time(kernel.formula, on, prior_parameters(kernel.formula), kernel.shape,
                    Residency::kWarm)
      .in(units::microsecond);
}

double tiled_us(const TiledChip& on, float m, float n, float k) {
  return tiled_us(on, "bfloat16", {n, k, m});
}

// One architecture was measured; its kernels take `kShortfall` times what its parameters say.
class CarriedTimeTest : public testing::Test {
 protected:
  static constexpr double kShortfall = 1.3;

  void write_tables(double shortfall) {
    directory_ = testing::TempDir() + "carried_time";
    std::filesystem::create_directories(directory_);
    std::string text = "system,framework,fw_version,kernel,dtype,n,k,m,latency_us\n";
    for (float n = 128; n <= 16384; n *= 2) {
      for (float k = 128; k <= 16384; k *= 2) {
        for (float m = 1; m <= 4096; m *= 4) {
          text += "one,vllm,1,a,bfloat16," + format_number(n) + "," + format_number(k) + "," +
                  format_number(m) + "," +
                  format_number(shortfall * tiled_us(tiled_chips_[0], m, n, k)) + "\n";
        }
      }
    }
    std::ofstream(directory_ + "/gemm.csv.zst") << text;
    tables_ = MeasuredTables::compile(directory_, {}, chips_);
  }

  TiledTime tiled() const {
    TiledSet set{"gemm bfloat16", "vllm", "x", TiledFormula::kGemm,
                 prior_parameters(TiledFormula::kGemm)};
    TiledTables tables;
    tables.sets = {set};
    tables.families = {{"gemm"}};
    tables.families[0].tiled_weight = 1e-6;
    return TiledTime(tables, tiled_chips_);
  }

  TimeEstimate estimate(float m, float n, float k) const {
    const TiledTime tiled_time = tiled();
    const MeasuredTime time(tables_, chips_, {}, &tiled_time);
    return time.estimate({Family::kGemm, "new", "vllm", "1", "a", {"bfloat16"}}, chips_[1],
                         {n, k, m});
  }

  std::vector<TiledChip> tiled_chips_ = {chip("one", "x", "warp_group", 1000, 3000),
                                         chip("new", "y", "warp_group", 2500, 8000)};
  std::vector<Chip> chips_ = chips_of(tiled_chips_);
  std::string directory_;
  MeasuredTables tables_;
};

// Shapes between the measured ones, small, streaming and large: the shortfall is carried, and 5 %
// less is said (the shift of a family).
TEST_F(CarriedTimeTest, CarriesTheShortfallOfAKernelByThePhysics) {
  write_tables(kShortfall);
  for (const auto& [m, n, k] :
       {std::tuple{1.f, 512.f, 512.f}, {16.f, 8192.f, 8192.f}, {4096.f, 8192.f, 8192.f}}) {
    const TimeEstimate e = estimate(m, n, k);
    EXPECT_EQ(e.source, EstimateSource::kFar);
    const double expected = kShortfall * std::exp(-0.05) * tiled_us(tiled_chips_[1], m, n, k);
    EXPECT_NEAR(e.us / expected, 1, 0.04) << m << " " << n << " " << k;
    EXPECT_LT(e.low_us, e.us);
    EXPECT_GT(e.high_us, e.us);
  }
}

TEST_F(CarriedTimeTest, AWildTableCountsForAFactorOfEAtMost) {
  write_tables(40);
  const double expected = std::exp(1 - 0.05) * tiled_us(tiled_chips_[1], 256, 2048, 2048);
  EXPECT_NEAR(estimate(256, 2048, 2048).us / expected, 1, 0.01);
}

// Measured are the tiled formula times the shortfall: on that reference residuals are its
// logarithm.
TEST_F(CarriedTimeTest, ResidualsStandOnTheTiledFidelityWhereAsked) {
  write_tables(kShortfall);
  const TiledTime tiled_time = tiled();
  Interpolations how;
  how[static_cast<std::size_t>(Family::kGemm)].is_tiled = 1;
  const MeasuredTables tables = MeasuredTables::compile(directory_, how, chips_, &tiled_time);
  ASSERT_EQ(tables.tables().size(), 1u);
  for (float r : tables.tables()[0].residuals) EXPECT_NEAR(r, std::log(kShortfall), 1e-3);
  const MeasuredTime time(tables, chips_);
  const TimeEstimate e = time.estimate({Family::kGemm, "one", "vllm", "1", "a", {"bfloat16"}},
                                       chips_[0], {700, 900, 50});
  EXPECT_NEAR(e.us / (kShortfall * tiled_us(tiled_chips_[0], 50, 700, 900)), 1, 0.01);
}

// Asked for nvfp4. "one" has fp8 only; on "third" the same kernel takes 1.2 times its physics in
// nvfp4 and just that in fp8: what "one" says is raised by 1.2.
TEST_F(CarriedTimeTest, AWiderFormatAddsWhatTheStepIsElsewhere) {
  tiled_chips_.push_back(chip("third", "z", "warp", 800, 2000));
  chips_ = chips_of(tiled_chips_);
  std::string text = "system,framework,fw_version,kernel,dtype,n,k,m,latency_us\n";
  for (const auto& [on, dtype, shortfall] :
       {std::tuple{0, "fp8", kShortfall}, {2, "fp8", 1.0}, {2, "nvfp4", 1.2}}) {
    const TiledChip& c = tiled_chips_[static_cast<std::size_t>(on)];
    for (double n = 256; n <= 4096; n *= 2) {
      for (float m = 1; m <= 4096; m *= 4) {
        GemmShape shape{*find_kernel_format(dtype), m, n, 1024, 1};
        const double us =
            gemm_time(c, prior_parameters(TiledFormula::kGemm), shape, Residency::kWarm)
                .in(units::microsecond);
        text += c.name + ",vllm,1,a," + dtype + "," + format_number(n) + ",1024," +
                format_number(m) + "," + format_number(shortfall * us) + "\n";
      }
    }
  }
  directory_ = testing::TempDir() + "carried_step";
  std::filesystem::create_directories(directory_);
  std::ofstream(directory_ + "/gemm.csv.zst") << text;
  TiledTables sets;
  for (const char* architecture : {"x", "z"}) {
    for (const char* pool : {"gemm fp8", "gemm nvfp4"}) {
      sets.sets.push_back(
          {pool, "vllm", architecture, TiledFormula::kGemm, prior_parameters(TiledFormula::kGemm)});
    }
  }
  const TiledTime tiled_time(sets, tiled_chips_);
  Interpolations how;
  how[static_cast<std::size_t>(Family::kGemm)].is_tiled = 1;
  const MeasuredTables tables = MeasuredTables::compile(directory_, how, chips_, &tiled_time);
  const CarriedTime carried(tables, chips_, tiled_time, {});
  const TableRequest request{Family::kGemm, "new", "vllm", "1", "a", {"nvfp4"}};
  const Dims dims{1024, 1024, 64};
  const double physics = tiled_us(tiled_chips_[1], "nvfp4", dims);
  int seen = 0;
  for (const CarriedDonor& d : carried.all_donors(request, TiledFormula::kGemm, tiled_chips_[1])) {
    if (d.chip->name != "one") continue;
    ++seen;
    EXPECT_TRUE(d.other_format);
    const double us = std::exp(carried.answer(d, request, tiled_chips_[1], dims).log_us);
    EXPECT_NEAR(us / (kShortfall * 1.2 * physics), 1, 0.01);
  }
  EXPECT_EQ(seen, 1);
}

TEST(CarriedDonors, CountByWhatTheyHaveInCommon) {
  CarriedWeights weights;
  weights.framework = 1, weights.tensor_cores = 3;
  std::vector<CarriedDonor> donors(9);
  donors[0].other_tensor_cores = true;
  donors[1].other_framework = true;
  donors[2].chips_of_architecture = 2;
  for (std::size_t i = 0; i < donors.size(); ++i) donors[i].index = i;
  keep_heaviest(weights, &donors);
  ASSERT_EQ(donors.size(), kMostDonors);
  for (const CarriedDonor& d : donors) EXPECT_EQ(d.weight, 1);  // the six that have all in common
  std::vector<CarriedDonor> few(3);
  few[0].other_tensor_cores = true;
  few[1].other_framework = true;
  few[2].chips_of_architecture = 2;
  keep_heaviest(weights, &few);
  ASSERT_EQ(few.size(), 3u);
  EXPECT_NEAR(few[0].weight, 0.5, 1e-12);
  EXPECT_NEAR(few[1].weight, std::exp(-1), 1e-12);
  EXPECT_NEAR(few[2].weight, std::exp(-3), 1e-12);
}

// Two tables of equal weight say 1 and 3 (logarithms), the tiled fidelity counts nothing: mean 2,
// variance 1, less half of that and a shift of 0.1. Equal ones: their value and the shift.
TEST(CarriedMean, LiesBelowTheMeanWhereTablesDisagree) {
  CarriedWeights weights;
  weights.disagreement = 0.5;
  CarriedFamily family;
  family.shift = 0.1;
  CarriedDonor donor;
  donor.weight = 1;
  CarriedMean apart(1e-9, 0);
  apart.add(weights, donor, {1, 0});
  apart.add(weights, donor, {3, 0});
  EXPECT_NEAR(apart.log_us(weights, family), 2 - 0.5 - 0.1, 1e-6);
  CarriedMean alike(1e-9, 2);
  alike.add(weights, donor, {2, 0});
  EXPECT_NEAR(alike.log_us(weights, family), 2 - 0.1, 1e-6);
}

TEST(BandFactor, GrowsWithTheDifferenceOfTheNearestTable) {
  CarriedWeights weights;
  weights.widening = 0.1;
  std::vector<CarriedDonor> donors(2);
  donors[0].difference = 5, donors[1].difference = 3;
  EXPECT_NEAR(band_factor(weights, donors), 1.3, 1e-12);
  EXPECT_NEAR(band_factor(weights, {}), 1.9, 1e-12);  // none: as different as counts
}

TEST(KernelLibrary, IsWhoseCodeItIs) {
  TiledChip b200 = chip("b200", "blackwell", "warp_group", 2250, 8000);
  b200.year = 2024;
  const TiledChip h100 = chip("h100", "hopper", "warp_group", 989, 3350);
  const auto of = [](Family family, const char* framework, const char* kernel,
                     const TiledChip& on) { return kernel_library(family, framework, kernel, on); };
  EXPECT_EQ(of(Family::kAttentionDecode, "sglang", "trtllm_mha", b200), "trtllm_gen");
  EXPECT_EQ(of(Family::kAttentionDecode, "trtllm", "torch_flow", b200), "trtllm_gen");
  EXPECT_EQ(of(Family::kAttentionDecode, "trtllm", "torch_flow", h100), "xqa");
  EXPECT_EQ(of(Family::kAttentionDecode, "trtllm", "torch_flow_flashinfer", b200), "flashinfer");
  EXPECT_EQ(of(Family::kAttentionPrefill, "trtllm", "torch_flow", b200), "trtllm");
  EXPECT_EQ(of(Family::kAttentionPrefill, "vllm", "vllm_flash_attn_fa3", h100), "flash_attention");
  EXPECT_EQ(of(Family::kExperts, "sglang", "sglang_fused_moe_triton", h100), "triton");
  EXPECT_EQ(of(Family::kExperts, "sglang", "sglang_flashinfer_trtllm_moe", b200), "trtllm_gen");
  EXPECT_EQ(of(Family::kExperts, "trtllm", "moe_torch_flow_cutlass", b200), "trtllm");
  EXPECT_EQ(of(Family::kGemm, "trtllm", "torch_flow", h100),
            of(Family::kGemm, "vllm", "torch.nn.functional.linear", h100));
}

}  // namespace
}  // namespace astrolabe::device
