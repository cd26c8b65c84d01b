// Partial writes and scrubbing against closed forms.

#include "astrolabe/memory/error_correction.h"

#include <gtest/gtest.h>

#include <string>

#include "astrolabe/memory/energy.h"
#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/test/memory_cases.h"

namespace astrolabe::memory {

namespace {

RunResult run(const char* preset, RefreshMode refresh, const char* traffic, double partial) {
  MemoryConfig config = load_preset(kData, preset);
  config.controller.refresh = refresh;
  Traffic t = parse_traffic(traffic);
  t.requests = 60000;
  t.partial_writes = partial;
  return simulate(config, t, {});
}

class Writes final : public RequestSource {
 public:
  std::size_t fill(std::span<Request> requests) override {
    for (Request& r : requests) {
      r = {};
      r.is_write = 1;
    }
    return requests.size();
  }
  bool is_at_end() const override { return false; }
};

// One open row, one entry a queue: each write waits for its read, the next read for the write.
TEST(PartialWrites, OfOneRowTakeAReadAWriteAndBothTurnarounds) {
  const DramSpec spec = load_spec(kData, "hbm3-6.4-16gb-8hi");
  const TimingPlan plan(spec);
  ControllerSettings settings;
  settings.refresh = RefreshMode::kNone;
  settings.read_queue = settings.write_queue = 2;
  Channel channel(spec, plan, settings, 0);
  const auto source = read_before_partial_writes(std::make_unique<Writes>(), 1);
  channel.set_source(source.get());
  channel.run(2 * 42000);
  // tRTW 20, tCWL 10 + tBL 2 + tWTRL 10
  EXPECT_NEAR(static_cast<double>(channel.served()), 2 * 42000 / (20.0 + 10 + 2 + 10), 20);
}

TEST(PartialWrites, AddOneReadEach) {
  const Statistics half =
      run("hbm2-2.4-8gb-8hi", RefreshMode::kNone, "sequential_write", 0.5).statistics;
  EXPECT_EQ(half.writes, 60000);
  EXPECT_EQ(half.reads, 30000);
  const Statistics mixed = run("hbm3-6.4-16gb-8hi", RefreshMode::kNone, "mixed21", 1).statistics;
  EXPECT_EQ(mixed.writes, 20000);
  EXPECT_EQ(mixed.reads, 60000);
  const Statistics none = run("hbm3-6.4-16gb-8hi", RefreshMode::kNone, "random", 1).statistics;
  EXPECT_EQ(none.reads, 60000);
}

TEST(Scrub, ComesWithAllBankRefreshesOfDevicesThatHaveIt) {
  const auto of = [](const char* preset, RefreshMode refresh) {
    const RunResult r = run(preset, refresh, "random", 0);
    return scrubs(r.statistics, load_spec(kData, preset));
  };
  // 60000 random reads of 14.9 GB/s take 129 us: 33 intervals of 3.9 us on two pseudo-channels.
  EXPECT_NEAR(of("hbm3-6.4-16gb-8hi", RefreshMode::kAllBank), 66, 3);
  EXPECT_EQ(of("hbm3-6.4-16gb-8hi", RefreshMode::kPerBank), 0);
  EXPECT_EQ(of("hbm2e-3.2-16gb-8hi", RefreshMode::kAllBank), 0);
}

TEST(Scrub, GoesOnInSelfRefresh) {
  const DramSpec spec = load_spec(kData, "hbm4-8.0-24gb-12hi");
  Statistics s;
  s.self_refresh_ticks = 1000 * spec.ticks("tREFI");
  EXPECT_DOUBLE_EQ(scrubs(s, spec), 2000);
}

TEST(Scrub, CostsAReadAndAWriteInsideTheArray) {
  const DramSpec spec = load_spec(kData, "hbm3-6.4-16gb-8hi");
  const EnergyTable table = load_energy(kData, "HBM3");
  Statistics s;
  s.commands[index(Command::kRefreshAll)] = 1000;
  // 1.27 pJ/bit of the core (energy.csv)
  EXPECT_NEAR(energy_of(table.used, s, spec).scrub.base() * 1e12, 1000 * 2 * 256 * 1.27, 1);
}

TEST(Scrub, ARoundAndItsShareOfTheBusByHand) {
  const DramSpec hbm3 = load_spec(kData, "hbm3-6.4-16gb-8hi");
  // 1 GiB a channel: 2^24 accesses of a pseudo-channel, one each 3.9 us
  EXPECT_NEAR(scrub_round(hbm3, 3900 * units::nanosecond).in(units::second), 65.43, 0.01);
  const DramSpec hbm2 = load_spec(kData, "hbm2-2.4-8gb-8hi");
  // 2^24 accesses, twice 2 x 0.8333 ns each, in a day: 0.0559 of 86,400 s
  EXPECT_NEAR(scrub_bus_share(hbm2, 86400 * units::second), 6.47e-7, 1e-9);
}

}  // namespace
}  // namespace astrolabe::memory
