#include "astrolabe/memory/requesters.h"

#include <gtest/gtest.h>

#include "astrolabe/base/csv.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/memory/test/memory_cases.h"

namespace astrolabe::memory {
namespace {

constexpr Duration kNs = units::nanosecond;

MemoryConfig one_channel() {
  MemoryConfig config = load_preset(kData, "hbm3-6.4-16gb-8hi");
  config.controller.refresh = RefreshMode::kNone;
  return config;
}

Requesters lone() {
  Requesters r;
  r.path = 600 * kNs;
  r.turnover = 400 * kNs;
  r.issue = 4 * kNs;
  return r;
}

double nanoseconds(const MemoryConfig& config, std::initializer_list<const char*> timings) {
  double sum = 0;
  for (const char* t : timings) sum += static_cast<double>(config.spec.ticks(t));
  return sum * config.spec.tick().in(kNs);
}

TEST(Requesters, OneOfThemTakesItsLatency) {
  const MemoryConfig config = one_channel();
  const RunResult r = simulate_requesters(config, lone(), traffic("sequential", 1000), {});
  EXPECT_EQ(r.statistics.reads, 1000);
  // 999 rounds and a read, each a hit in an open row or a conflict.
  const double hit = nanoseconds(config, {"tCL", "tBL"});
  const double conflict = hit + nanoseconds(config, {"tRP", "tRCDRD"});
  EXPECT_GT(r.time.in(kNs), 999 * 1000 + 1000 * hit);
  EXPECT_LT(r.time.in(kNs), 999 * 1000 + 1000 * conflict);
}

TEST(Requesters, BlockOfWarpsTakesTheirIssue) {
  const MemoryConfig config = one_channel();
  Requesters r = lone();
  r.warps = 11;
  r.pieces = 2;
  const RunResult run = simulate_requesters(config, r, traffic("sequential", 22000), {});
  // 10 x 2 x 4 ns from the first to the last warp, and its read.
  const double round = run.time.in(kNs) / 1000;
  EXPECT_GT(round, 1000 + 80 + nanoseconds(config, {"tCL", "tBL"}) - 1);
  EXPECT_LT(round, 1000 + 80 + nanoseconds(config, {"tCL", "tBL", "tRP", "tRCDRD"}) + 5);
}

TEST(Requesters, BandwidthIsLinearWhileTheMemoryIsIdle) {
  const MemoryConfig config = one_channel();
  Requesters r = lone();
  const double one =
      simulate_requesters(config, r, traffic("sequential", 2000), {}).bandwidth().base();
  r.processors = 4;
  r.groups = 5;
  const double twenty =
      simulate_requesters(config, r, traffic("sequential", 40000), {}).bandwidth().base();
  EXPECT_NEAR(twenty / one, 20, 0.4);
}

TEST(Requesters, EnoughOfThemGetWhatTheDramGives) {
  const MemoryConfig config = one_channel();
  Requesters r = lone();
  r.groups = 64;
  r.warps = 8;
  r.piece_bytes = 256;
  RunOptions options;
  options.steady_tolerance = 0.005;
  for (const char* name : {"sequential", "sequential_write"}) {
    const Traffic t = traffic(name, 10'000'000);
    const double asked = simulate_requesters(config, r, t, options).bandwidth().base();
    EXPECT_NEAR(asked / simulate(config, t, options).bandwidth().base(), 1, 0.01) << name;
  }
}

TEST(Requesters, WritesWaitForTheWarpsOwnReads) {
  const MemoryConfig config = one_channel();
  const RunResult r = simulate_requesters(config, lone(), traffic("copy", 2000), {});
  EXPECT_EQ(r.statistics.reads, 1000);
  EXPECT_EQ(r.statistics.writes, 1000);
  EXPECT_GT(r.time.in(kNs), 1000 * 1000.0);
  EXPECT_LT(r.time.in(kNs), 1000 * 1100.0);
}

TEST(Requesters, SameOnAnyNumberOfThreads) {
  MemoryConfig config = load_product(kData, "h100");
  const Requesters r = load_requesters(kData, config, parse_requesters("2x256", {}, ""), {}, "");
  for (const char* name : {"sequential", "all_reduce"}) {
    RunOptions options;
    const RunResult one = simulate_requesters(config, r, traffic(name, 100'000), options);
    options.threads = 4;
    const RunResult four = simulate_requesters(config, r, traffic(name, 100'000), options);
    EXPECT_EQ(one.statistics.clocks, four.statistics.clocks);
    EXPECT_EQ(one.statistics.commands, four.statistics.commands);
    EXPECT_EQ(one.statistics.lost, four.statistics.lost);
    EXPECT_EQ(one.statistics.read_latency.mean(), four.statistics.read_latency.mean());
  }
}

TEST(Requesters, MovesWholeBlocks) {
  const MemoryConfig config = load_product(kData, "mi300x");
  const Requesters r =
      load_requesters(kData, config, parse_requesters("2x1024x16", {}, ""), {}, "");
  EXPECT_EQ(r.processors, 304);
  EXPECT_EQ(r.warps, 16);          // of 64 threads
  EXPECT_EQ(r.piece_bytes, 512U);  // 8 bytes each
  EXPECT_EQ(r.pieces, 2);
  const RunResult run = simulate_requesters(config, r, traffic("sequential", 1), {});
  EXPECT_EQ(run.statistics.reads, 1024 * 16 / 32);
}

TEST(Requesters, StopsWhenInterrupted) {
  const std::atomic<bool> interrupt{true};
  RunOptions options;
  options.interrupt = &interrupt;
  EXPECT_TRUE(
      simulate_requesters(one_channel(), lone(), traffic("sequential", 1000), options).is_partial);
  options = {};
  options.until = 10'000;
  EXPECT_TRUE(
      simulate_requesters(one_channel(), lone(), traffic("sequential", 1000), options).is_partial);
}

TEST(Requesters, RefusesWhatMakesNoSense) {
  for (const char* text : {"", "2", "2x", "x1024", "0x32", "2x1024x12", "2x1024x8x8", "2x5000",
                           "-2x32", "2x32 ", "axb"}) {
    EXPECT_THROW(parse_requesters(text, {}, "--requesters"), InputError) << text;
  }
  const MemoryConfig h100 = load_product(kData, "h100");
  EXPECT_THROW(load_requesters(kData, h100, {3, 1024, 8}, {}, ""), InputError);
  EXPECT_THROW(load_requesters(kData, load_product(kData, "hbm4e"), {1, 32, 8}, {}, ""),
               InputError);
  EXPECT_THROW(simulate_requesters(h100, lone(), traffic("random", 1), {}), InputError);
  EXPECT_THROW(simulate_requesters(h100, lone(), traffic("mixed21", 1), {}), InputError);
}

// Facts: of products, and with the processors of the catalogue.
TEST(Requesters, FactsAreOfProducts) {
  const catalog::Catalog facts = catalog::Catalog::load(kData);
  const CsvTable products = CsvTable::read(kData + "/memory/products.csv");
  const CsvTable table = CsvTable::read(kData + "/memory/requesters.csv");
  int compared = 0;
  for (const CsvTable::Row& row : table.rows()) {
    const std::string& product = table.cell(row, "product");
    const MemoryConfig config = load_product(kData, product);
    const Requesters r = load_requesters(kData, config, {2, 1024, 8}, {}, "");
    EXPECT_GT(r.path, Duration()) << product;
    for (const CsvTable::Row& p : products.rows()) {
      const std::string& accelerator = products.cell(p, "accelerator");
      if (products.cell(p, "product") != product || accelerator.empty()) continue;
      const std::optional<double> of_catalogue = facts.find_number(accelerator, "sm_count");
      if (!of_catalogue) continue;
      ++compared;
      EXPECT_EQ(r.processors, *of_catalogue) << product;
    }
  }
  EXPECT_GE(compared, 4);
}

}  // namespace
}  // namespace astrolabe::memory
