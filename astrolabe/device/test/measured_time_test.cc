#include "astrolabe/device/measured_time.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "astrolabe/base/table.h"
#include "astrolabe/device/table_cache.h"

namespace astrolabe::device {
namespace {

Chip chip(const char* name, const char* architecture, double tflops, double gbps) {
  Chip c;
  c.name = name;
  c.architecture = architecture;
  c.generation = 2022;
  c.tflops = {tflops, 2 * tflops, 0, 0};
  c.hbm_gbps = gbps;
  return c;
}

// A made-up law that the model does not know: 3 us plus both roofs at other fractions.
double law_us(const Chip& c, double n, double k, double m) {
  return 3 + 2 * n * k * m / (c.tflops[0] * 1e6 * 0.6) +
         2 * (n * k + m * k + m * n) / (c.hbm_gbps * 1e3 * 0.9);
}

class MeasuredTimeTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "measured_time";
    std::filesystem::create_directories(directory_);
    std::string text = "system,framework,fw_version,kernel,dtype,n,k,m,latency_us\n";
    for (const Chip& c : {chips_[0], chips_[1]}) {
      for (double n = 128; n <= 16384; n *= 2) {
        for (double k = 128; k <= 16384; k *= 2) {
          for (double m = 1; m <= 4096; m *= 4) {
            if (n == 2048 && k == 1024) continue;  // a shape that no chip has
            text += c.name + ",vllm,1,a,bfloat16," + format_number(n) + "," + format_number(k) +
                    "," + format_number(m) + "," + format_number(law_us(c, n, k, m)) + "\n";
          }
        }
      }
    }
    std::ofstream(directory_ + "/gemm.csv.zst") << text;
    std::string how = "family";
    for (int i = 0; i < 8; ++i) how += ",scale_" + std::to_string(i);
    how +=
        ",neighbours,difference_neighbours,is_tiled,place_share,band_known,band_near,band_far,"
        "floor,near_floor,"
        "far_floor\n";
    std::ofstream(directory_ + "/how.csv")
        << how << "gemm,1,1,1,1,1,1,1,1,24,24,0,0.5,1.5,2,3,0.02,0.06,0.2\n";
  }

  MeasuredTables tables() const {
    return MeasuredTables::compile(directory_, read_interpolations(directory_ + "/how.csv"),
                                   chips_);
  }
  double error(const MeasuredTime& time, const Chip& c, double n, double k, double m) const {
    const TableRequest request{Family::kGemm, c.name, "vllm", "1", "a", {"bfloat16"}};
    const TimeEstimate e = time.estimate(
        request, c, {static_cast<float>(n), static_cast<float>(k), static_cast<float>(m)});
    return std::abs(e.us / law_us(c, n, k, m) - 1);
  }

  std::vector<Chip> chips_ = {chip("one", "x", 1000, 3000), chip("two", "x", 1000, 4500),
                              chip("three", "x", 1000, 2200), chip("old", "w", 300, 2000)};
  std::string directory_;
};

TEST_F(MeasuredTimeTest, ReturnsWhatWasMeasuredAndWhatLiesBetween) {
  const MeasuredTables t = tables();
  const MeasuredTime time(t, chips_);
  EXPECT_LT(error(time, chips_[0], 1024, 4096, 64), 0.01);
  EXPECT_LT(error(time, chips_[0], 1024, 4096, 128), 0.03);
  EXPECT_LT(error(time, chips_[0], 2048, 1024, 16), 0.03);
}

TEST_F(MeasuredTimeTest, AChipWithoutTablesTakesThoseOfItsSister) {
  const MeasuredTables t = tables();
  const MeasuredTime time(t, chips_, {"two"});
  EXPECT_LT(error(time, chips_[1], 8192, 8192, 1), 0.08);     // memory: 1.5 times faster
  EXPECT_LT(error(time, chips_[1], 8192, 8192, 4096), 0.08);  // compute: the same
  EXPECT_LT(error(time, chips_[1], 128, 128, 1), 0.03);       // launch: the same
  const TableRequest request{Family::kGemm, "three", "vllm", "1", "a", {"bfloat16"}};
  EXPECT_EQ(time.estimate(request, chips_[2], {1024, 1024, 16}).source, EstimateSource::kNear);
}

// The law's 3 us of launch stay, products that neither roof explains follow the clock; where the
// table's floor is tens of microseconds it is the host's time.
TEST_F(MeasuredTimeTest, WhatNoRoofExplainsFollowsTheClockOrTheHost) {
  std::string text = "system,framework,fw_version,kernel,dtype,n,k,m,latency_us\n";
  for (double n = 128; n <= 16384; n *= 2) {
    for (double k = 128; k <= 16384; k *= 2) {
      text += "one,vllm,1,slow,bfloat16," + format_number(n) + "," + format_number(k) + ",16,";
      text += format_number(4 + n / 16) + "\n";
      text += "one,vllm,1,host,bfloat16," + format_number(n) + "," + format_number(k) + ",16,100\n";
    }
  }
  std::ofstream(directory_ + "/gemm.csv.zst") << text;
  chips_[0].clock_mhz = 1000;
  chips_[1] = chips_[0];
  chips_[1].name = "two", chips_[1].clock_mhz = 2000, chips_[1].host_time = 1.5;
  const MeasuredTables t = tables();
  const MeasuredTime time(t, chips_);
  const auto us = [&](const Chip& c, const char* kernel, float n) {
    const TableRequest request{Family::kGemm, c.name, "vllm", "1", kernel, {"bfloat16"}};
    return time.estimate(request, c, {n, 128, 16}).us;
  };
  const double launch = 1.3 * (4 + 128 / 16.0);  // over the fastest of the table
  const double own = us(chips_[0], "slow", 16384);
  EXPECT_NEAR(us(chips_[1], "slow", 16384), launch + (own - launch) / 2, 0.02 * own);
  EXPECT_NEAR(us(chips_[1], "slow", 128) / us(chips_[0], "slow", 128), 1, 0.01);
  EXPECT_NEAR(us(chips_[1], "host", 1024) / us(chips_[0], "host", 1024), 1.5, 0.01);
}

TEST_F(MeasuredTimeTest, SourcesAndBandsWidenWithDistance) {
  const MeasuredTables t = tables();
  const MeasuredTime time(t, chips_);
  const auto estimate = [&](const char* system, const Chip& c, const char* dtype) {
    return time.estimate({Family::kGemm, system, "vllm", "1", "a", {dtype}}, c, {1024, 1024, 64});
  };
  const TimeEstimate known = estimate("one", chips_[0], "bfloat16");
  const TimeEstimate far = estimate("old", chips_[3], "bfloat16");
  const TimeEstimate none = estimate("one", chips_[0], "fp8");
  EXPECT_EQ(known.source, EstimateSource::kTable);
  EXPECT_EQ(far.source, EstimateSource::kFar);
  EXPECT_EQ(none.source, EstimateSource::kReference);
  const auto width = [](const TimeEstimate& e) { return e.high_us / e.low_us; };
  EXPECT_LT(width(known), width(far));
  EXPECT_LT(width(far), width(none));
  for (const TimeEstimate& e : {known, far, none}) {
    EXPECT_LT(e.low_us, e.us);
    EXPECT_LT(e.us, e.high_us);
  }
}

TEST_F(MeasuredTimeTest, CacheGivesTheSameAnswersAndNoticesDamageAndChange) {
  const std::string cache = directory_ + "/cache/tables";
  std::filesystem::remove_all(directory_ + "/cache");
  const auto load = [&] {
    return MeasuredTables::load(directory_, directory_ + "/how.csv", chips_, nullptr, cache);
  };
  const MeasuredTables fresh = load();
  ASSERT_TRUE(std::filesystem::exists(cache));
  const auto answer = [&](const MeasuredTables& t) {
    return MeasuredTime(t, chips_)
        .estimate({Family::kGemm, "two", "vllm", "1", "a", {"bfloat16"}}, chips_[1],
                  {1500, 700, 33})
        .us;
  };
  EXPECT_EQ(answer(load()), answer(fresh));
  const auto written = std::filesystem::last_write_time(cache);
  EXPECT_EQ(answer(load()), answer(fresh));
  EXPECT_EQ(std::filesystem::last_write_time(cache), written);  // it was used, not made again
  {
    std::fstream file(cache, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4000);
    file.put('x');
  }
  EXPECT_EQ(answer(load()), answer(fresh));
  EXPECT_NE(std::filesystem::last_write_time(cache), written);  // damage: made again
  EXPECT_TRUE(TableCache::read(cache, 1) == std::nullopt);      // another fingerprint: stale
  std::filesystem::resize_file(cache, 10);
  EXPECT_EQ(answer(load()), answer(fresh));
}

}  // namespace
}  // namespace astrolabe::device
