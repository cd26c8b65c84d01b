// A curve that was kept is read back as it was.

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "astrolabe/base/csv.h"
#include "astrolabe/memory/bandwidth_curve.h"
#include "astrolabe/memory/test/memory_cases.h"

namespace astrolabe::memory {

TEST(CurveCache, KeptPointsAreReadBackAndOtherMemoriesHaveOtherFiles) {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / "astrolabe_curve_cache_test";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  MemoryConfig config = load_product(kData, "h100");
  CurveOptions options;
  options.cache_dir = dir.string();
  std::vector<CurvePoint> points(2);
  for (CurvePoint& p : points) {
    p.piece_bytes = &p == points.data() ? 65536 : 1048576;
    p.bandwidth = 0.7 * config.peak_bandwidth() * (p.piece_bytes / 1048576);
    p.pj_per_bit = 3.25;
    p.latency = 412.5 * units::nanosecond;
  }
  const BandwidthCurve kept(config.name, config.peak_bandwidth(), points);
  const std::string path = curve_cache_path(kData, config, options);
  EXPECT_TRUE(write_curve_file(path, kept));
  const BandwidthCurve read = bandwidth_curve(kData, config, options);
  ASSERT_EQ(read.points().size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(read.points()[i].bandwidth / points[i].bandwidth, 1, 1e-9);
    EXPECT_DOUBLE_EQ(read.points()[i].pj_per_bit, 3.25);
    EXPECT_NEAR(read.points()[i].latency / points[i].latency, 1, 1e-9);
  }
  EXPECT_EQ(read.table().rows, kept.table().rows);
  const std::string text = read_text_file(path);
  std::string changed = text;
  changed[changed.size() - 3] = changed[changed.size() - 3] == '1' ? '2' : '1';
  const std::array<std::string, 4> damages = {text.substr(0, text.size() / 2), changed, "x", ""};
  for (const std::string& damaged : damages) {
    write_file_atomically(path, damaged);
    EXPECT_TRUE(read_curve_file(path).empty());
  }
  config.controller.temperature_c = 90;
  EXPECT_NE(curve_cache_path(kData, config, options), path);
  config.controller.temperature_c = 85;
  options.tolerance = 0.02;
  EXPECT_NE(curve_cache_path(kData, config, options), path);
  options.tolerance = 0.01;
  for (const auto change : {+[](ControllerSettings* c) { c->pull_in = 8; },
                            +[](ControllerSettings* c) { c->raaimt = 32; },
                            +[](ControllerSettings* c) { c->power_down_after = 100; },
                            +[](ControllerSettings* c) { c->self_refresh_after = 100; },
                            +[](ControllerSettings* c) { c->hit_cap = 3; }}) {
    MemoryConfig other = config;
    change(&other.controller);
    EXPECT_NE(curve_cache_path(kData, other, options), path);
  }
  // A directory that cannot be made is done without.
  write_file_atomically(path, "x");
  EXPECT_FALSE(write_curve_file(path + "/below/curve.csv", kept));
  EXPECT_TRUE(read_curve_file(path + "/below/curve.csv").empty());
  std::filesystem::remove_all(dir);
}

TEST(CurveCache, AnInterruptedCurveHasThePointsSoFarAndIsNotKept) {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / "astrolabe_curve_interrupt_test";
  std::filesystem::remove_all(dir);
  const MemoryConfig config = load_preset(kData, "hbm3-6.4-16gb-8hi");
  std::atomic<bool> interrupt{false};
  CurveOptions options;
  options.tolerance = 0.02;
  options.cache_dir = dir.string();
  options.interrupt = &interrupt;
  options.on_progress = [&](std::size_t done, std::size_t) { interrupt = done == 3; };
  const BandwidthCurve partial = bandwidth_curve(kData, config, options);
  EXPECT_TRUE(partial.is_partial());
  EXPECT_NE(partial.table().title.find("partial: interrupted"), std::string::npos);
  ASSERT_EQ(partial.points().size(), 3U);
  EXPECT_FALSE(std::filesystem::exists(curve_cache_path(kData, config, options)));
  // The next one is whole, has the same points, and is kept.
  interrupt = false;
  options.on_progress = nullptr;
  const BandwidthCurve whole = bandwidth_curve(kData, config, options);
  EXPECT_FALSE(whole.is_partial());
  EXPECT_EQ(whole.points().size(), 51U);  // 4 x 11 sizes, 7 loads
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(whole.points()[i].bandwidth.base(), partial.points()[i].bandwidth.base());
  }
  // A kept one stays what it is when the reader is interrupted.
  interrupt = true;
  EXPECT_EQ(bandwidth_curve(kData, config, options).points().size(), 51U);
  std::filesystem::remove_all(dir);
}

}  // namespace astrolabe::memory
