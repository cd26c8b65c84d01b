#include "astrolabe/device/tiled_model.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "astrolabe/base/error.h"

namespace astrolabe::device {
namespace {

using workload::NumberFormat;

TiledChip chip(const char* architecture, double year) {
  TiledChip c;
  c.name = architecture;
  c.architecture = architecture;
  c.year = year;
  c.sm_count = 100;
  c.clock = Frequency::from_base(2e9);
  c.l2_cache = 50.0 * units::MB;
  c.hbm_bandwidth = Bandwidth::from_base(4e12);
  c.power_limit = 700.0 * units::watt;
  c.rates[0] = FlopRate::from_base(1e15);
  return c;
}

TiledSet gemm_set(const char* pool, const char* table, const char* architecture, double launch_us) {
  TiledSet set{pool, table, architecture, TiledFormula::kGemm,
               prior_parameters(TiledFormula::kGemm)};
  set.values[0] = launch_us;
  return set;
}

const GemmShape kTiny{{}, 1, 32, 32, 1};

// The launch shows which set was used: everything else of a tiny product is the same.
double launch_used(const TiledModel& model, const TiledTable& table, const TiledChip& on) {
  const TiledTimer timer = model.timer(table, TiledFormula::kGemm, on);
  const TiledModel none({}, {});
  const TiledTimer prior = none.timer(table, TiledFormula::kGemm, on);
  const double t = timer.estimate(kTiny, Residency::kWarm).time.in(units::microsecond);
  const double at_prior = prior.estimate(kTiny, Residency::kWarm).time.in(units::microsecond);
  return t - at_prior + prior_parameters(TiledFormula::kGemm)[0];
}

TiledModel small_model() {
  TiledTables tables;
  tables.sets = {gemm_set("gemm bfloat16", "all", "all", 50),
                 gemm_set("gemm bfloat16", "vllm", "all", 20),
                 gemm_set("gemm bfloat16", "vllm", "old", 9),
                 gemm_set("gemm bfloat16", "vllm", "middle", 7),
                 gemm_set("gemm bfloat16", "sglang", "middle", 5),
                 gemm_set("gemm bfloat16", "vllm", "battlemage", 2)};
  tables.families = {{"gemm", 0.5, 2}};
  return TiledModel(tables, {chip("old", 2020), chip("middle", 2022), chip("battlemage", 2022)});
}

TEST(TiledModel, AMeasuredArchitectureUsesItsOwnSet) {
  const TiledModel model = small_model();
  EXPECT_NEAR(launch_used(model, {"gemm bfloat16", "vllm"}, chip("middle", 2022)), 7, 1e-9);
  // Another framework on the same architecture before another architecture.
  EXPECT_NEAR(launch_used(model, {"gemm bfloat16", "sglang"}, chip("old", 2020)), 9, 1e-9);
  EXPECT_FALSE(
      model.timer({"gemm bfloat16", "vllm"}, TiledFormula::kGemm, chip("old", 2020)).is_carried());
}

TEST(TiledModel, ANewArchitectureTakesTheFastestKernelOfItsMake) {
  const TiledModel model = small_model();
  EXPECT_NEAR(launch_used(model, {"gemm bfloat16", "vllm"}, chip("new", 2026)), 7, 1e-9);
  const TiledTimer timer =
      model.timer({"gemm bfloat16", "vllm"}, TiledFormula::kGemm, chip("new", 2026));
  EXPECT_TRUE(timer.is_carried());
  const TiledEstimate e = timer.estimate(kTiny, Residency::kWarm);
  EXPECT_NEAR(e.low / e.time, 0.5, 1e-12);  // the carried band of the family
  EXPECT_NEAR(e.high / e.time, 2, 1e-12);
}

TEST(TiledModel, AnOlderArchitectureThanAllTakesThePooledSet) {
  EXPECT_NEAR(launch_used(small_model(), {"gemm bfloat16", "vllm"}, chip("oldest", 2016)), 20,
              1e-9);
}

TEST(TiledModel, AFormatNeverMeasuredTakesTheNextWiderOne) {
  EXPECT_NEAR(launch_used(small_model(), {"gemm nvfp4", "vllm"}, chip("middle", 2022)), 7, 1e-9);
}

// A framework whose tables elsewhere are host time is so on a new chip as well: its compiled kernel
// takes the mean of what the host took for compiled ones, and of Triton's over what Triton's
// launcher adds: its prompts take twice as long there. Grace takes 1.7 times that.
TEST(TiledModel, HostTimeIsTheFrameworks) {
  const auto set = [](const char* pool, const char* table, const char* architecture,
                      TiledFormula formula, double launch_us) {
    TiledSet made{pool, table, architecture, formula, prior_parameters(formula)};
    made.values[0] = launch_us;
    return made;
  };
  TiledTables tables;
  tables.sets = {set("mla_prefill bfloat16", "vllm native", "old", TiledFormula::kPrefill, 100),
                 set("mla_prefill bfloat16", "vllm triton", "middle", TiledFormula::kPrefill, 200),
                 set("mla_decode bfloat16", "vllm triton", "middle", TiledFormula::kDecode, 300),
                 set("mla_decode bfloat16", "sglang native", "middle", TiledFormula::kDecode, 9),
                 set("mla_decode bfloat16", "all", "all", TiledFormula::kDecode, 9),
                 set("gemm fp8_block", "vllm", "middle", TiledFormula::kGemm, 80)};
  const TiledModel model(tables, {chip("old", 2020), chip("middle", 2022)});
  const auto host_us = [&](const char* pool, const char* table, const char* architecture) {
    const bool is_product = std::string_view(pool).starts_with("gemm");
    return model.host_us({pool, table}, is_product ? TiledFormula::kGemm : TiledFormula::kDecode,
                         architecture);
  };
  EXPECT_NEAR(host_us("mla_decode bfloat16", "vllm triton", "new"), 300, 1e-9);
  EXPECT_NEAR(host_us("mla_decode bfloat16 fp8", "vllm native", "new"), 150, 1e-9);
  EXPECT_EQ(host_us("mla_decode bfloat16", "vllm triton", "middle"), 0);  // its own is known
  EXPECT_EQ(host_us("mla_decode bfloat16", "sglang native", "new"), 0);   // no host time
  EXPECT_EQ(host_us("gemm fp8_block", "vllm", "new"), 0);  // prepares other scales elsewhere
  TiledChip grace = chip("new", 2026);
  grace.host_time = 1.7;
  const TiledTimer timer =
      model.timer({"mla_decode bfloat16", "vllm native"}, TiledFormula::kDecode, grace);
  EXPECT_NEAR(timer.estimate(AttentionShape{}, Residency::kWarm).time.in(units::microsecond),
              1.7 * 150, 1e-9);
}

std::string write_parameters(const std::string& text) {
  std::string path =
      (std::filesystem::temp_directory_path() / "astrolabe_tiled_parameters.csv").string();
  std::ofstream(path) << text;
  return path;
}

std::string error_of(const std::string& text) {
  try {
    read_tiled_tables(write_parameters(text));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(TiledTables, WhatIsWrittenIsReadAgain) {
  const TiledTables written = small_model().tables();
  const TiledTables read = read_tiled_tables(write_parameters(to_csv(written)));
  ASSERT_EQ(read.sets.size(), written.sets.size());
  EXPECT_EQ(read.sets[3].architecture, "middle");
  EXPECT_NEAR(read.sets[3].values[0], 7, 1e-12);
  ASSERT_EQ(read.families.size(), 1u);
  EXPECT_NEAR(read.families[0].high, 2, 1e-12);
}

TEST(TiledTables, BadRowsAreNamed) {
  const std::string good = to_csv(small_model().tables());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_NE(error_of(replaced("launch", "lunch")).find("lunch; allowed: launch"),
            std::string::npos);
  EXPECT_NE(error_of(replaced("launch,50", "launch,5000")).find("allowed: 0.3 to 400"),
            std::string::npos);
  EXPECT_NE(error_of(replaced("gemm,launch,50", "matmul,launch,50")).find("matmul"),
            std::string::npos);
  const auto line = good.find('\n') + 1;
  EXPECT_NE(
      error_of(good.substr(0, line) + good.substr(good.find('\n', line) + 1)).find("no launch"),
      std::string::npos);
}

// Of the chip's own figures and those of its accelerator.
TEST(TiledChips, AreReadFromTheCatalogue) {
  const auto catalog = catalog::Catalog::load(ASTROLABE_SOURCE_DIR "/data");
  const TiledChip h100 = read_tiled_chip(catalog, "h100_chip");
  EXPECT_EQ(h100.name, "h100_sxm");
  EXPECT_EQ(h100.architecture, "hopper");
  EXPECT_NEAR(h100.hbm_bandwidth.base(), 3.35e12, 1);  // data sheet of the accelerator
  EXPECT_EQ(h100.sm_count, 132);
  EXPECT_NEAR(h100.peak(NumberFormat::kFp8).base(), 1979e12, 1e6);
  EXPECT_NEAR(h100.peak(NumberFormat::kFp4).base(), 989.4e12, 1e6);  // no fp4: bf16
  const TiledChip b300 = read_tiled_chip(catalog, "b300_chip");
  EXPECT_EQ(b300.exponentials_per_cycle, 32);  // twice B200
  const std::vector<TiledChip> all = read_tiled_chips(catalog);
  EXPECT_EQ(all.size(), 28u);
  EXPECT_EQ(h100.product_share, 1);
  EXPECT_NEAR(find_tiled_chip(all, "mi300x")->product_share, 0.511, 1e-12);
  EXPECT_EQ(find_tiled_chip(all, "gb200")->accelerator, "gb200_nvl72");
  EXPECT_EQ(find_tiled_chip(all, "gb200_nvl72")->name, "gb200");
  EXPECT_EQ(find_tiled_chip(all, "no_such_chip"), nullptr);
  EXPECT_THROW(read_tiled_chip(catalog, "h100_sxm"), InputError);
}

// The shipped parameters: every set complete and within bounds, every family with a carried band.
TEST(TiledTables, ShippedParametersAreComplete) {
  const TiledTables tables =
      read_tiled_tables(ASTROLABE_SOURCE_DIR "/data/fitted/tiled_parameters.csv");
  EXPECT_GT(tables.sets.size(), 300u);
  for (const char* family :
       {"gemm", "moe", "attention_prefill", "attention_decode", "mla_decode"}) {
    const bool has = std::any_of(tables.families.begin(), tables.families.end(),
                                 [&](const CarriedFamily& b) { return b.family == family; });
    EXPECT_TRUE(has) << family;
  }
}

}  // namespace
}  // namespace astrolabe::device
