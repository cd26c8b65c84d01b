// Closed forms, the independent checker with mutations, sums that must be whole.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "astrolabe/memory/bandwidth_curve.h"
#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/operator_traffic.h"
#include "astrolabe/memory/test/memory_cases.h"
#include "astrolabe/memory/trace_checker.h"

namespace astrolabe::memory {

namespace {

const std::string kPreset = "hbm3-6.4-16gb-8hi";

MemoryConfig config(const TimingOverrides& overrides = {}) {
  MemoryConfig c = load_preset(kData, kPreset, overrides);
  c.controller.refresh = RefreshMode::kNone;
  return c;
}

double gb_per_s(const MemoryConfig& c, const Traffic& t, const RunOptions& options = {}) {
  return simulate(c, t, options).bandwidth().base() / 1e9;
}

// Row by row in one bank: "row" least significant.
constexpr const char* kOneBank = "column sid bankgroup bank pseudochannel row";

}  // namespace

TEST(Preset, HasTheValuesOnWhichToolsAreCompared) {
  const DramSpec spec = load_spec(kData, kPreset);
  const std::map<std::string, std::int64_t> expected = {
      {"tBL", 2},     {"tCL", 20},     {"tCWL", 10},    {"tRCDRD", 31}, {"tRCDWR", 15},
      {"tRP", 26},    {"tRAS", 45},    {"tRC", 72},     {"tWR", 33},    {"tRTP", 9},
      {"tCCDS", 2},   {"tCCDL", 4},    {"tCCDR", 3},    {"tRRDS", 4},   {"tRRDL", 5},
      {"tFAW", 24},   {"tWTRS", 7},    {"tWTRL", 10},   {"tRTW", 20},   {"tPPD", 2},
      {"tRREFD", 13}, {"tRFCpb", 320}, {"tRFCab", 560}, {"tREFI", 6240}};
  for (const auto& [name, value] : expected) EXPECT_EQ(spec.timing.at(name), value) << name;
  EXPECT_DOUBLE_EQ(spec.tCK.in(units::nanosecond), 0.625);
  EXPECT_EQ(spec.organization.banks_per_pseudo_channel(), 32);
  // 2 pseudo-channels x 32 bytes / (2 x 0.625 ns)
  EXPECT_NEAR(spec.peak_bandwidth().base() / 1e9, 51.2, 1e-9);
  // 16 GiB in 16 channels
  EXPECT_EQ(spec.organization.accesses_per_channel() * kAccessBytes, std::int64_t{1} << 30);
}

TEST(Preset, AllOfThemLoadAndKeepTheirPeak) {
  for (const std::string& name : preset_names(kData)) {
    const DramSpec spec = load_spec(kData, name);
    const double bits = spec.standard.rfind("HBM2", 0) == 0 ? 128 : 64;  // DQ of a channel
    EXPECT_NEAR(spec.peak_bandwidth().base() / 1e9, spec.pin_rate_gbps * bits / 8, 0.02) << name;
  }
  for (const std::string& name : product_names(kData)) {
    const MemoryConfig c = load_product(kData, name);
    EXPECT_GT(gb_per_s(c, traffic("sequential", 20000)), 0) << name;
  }
  for (const std::string& name : preset_names(kData)) {
    EXPECT_GT(gb_per_s(load_preset(kData, name), traffic("random", 2000)), 0) << name;
  }
  // 5 stacks x 1024 pins x 5.23 Gb/s / 8
  EXPECT_NEAR(load_product(kData, "h100").peak_bandwidth().base() / 1e9, 3347.2, 1);
  EXPECT_EQ(load_product(kData, "h100").controller.refresh, RefreshMode::kPerBank);
  EXPECT_EQ(load_product(kData, "mi300x").controller.refresh, RefreshMode::kAllBank);
  EXPECT_THROW(refresh_mode("sometimes", {"products.csv", 2}, "refresh"), InputError);
}

TEST(ClosedForm, PeakOfOpenRows) {
  MemoryConfig c = config();
  c.mapping = "row sid bank column bankgroup pseudochannel";
  Traffic t = traffic("random", 40000);
  t.footprint_gib = 8192.0 / 1073741824;  // one row of each bank group of both pseudo-channels
  EXPECT_NEAR(gb_per_s(c, t), 51.2, 0.512);
}

TEST(ClosedForm, RowCycle) {
  MemoryConfig c = config();
  c.mapping = kOneBank;
  EXPECT_NEAR(gb_per_s(c, traffic("sequential", 10000)), 32 / (72 * 0.625), 0.01 * 0.711);
}

TEST(ClosedForm, FourActivateWindow) {
  MemoryConfig c = config();
  c.mapping = "column pseudochannel row sid bank bankgroup";
  EXPECT_NEAR(gb_per_s(c, traffic("sequential", 20000)), 4 * 32 / (24 * 0.625), 0.085);
}

TEST(ClosedForm, GroupSpacing) {
  MemoryConfig c = config();
  c.mapping = "pseudochannel sid bankgroup row bank column";
  EXPECT_NEAR(gb_per_s(c, traffic("sequential", 100000)), 32 / (4 * 0.625), 0.128);
}

// A read and a write in turn to one open row: tRTW, then tCWL + tBL + tWTRL.
TEST(ClosedForm, Turnaround) {
  class InTurn final : public RequestSource {
   public:
    std::size_t fill(std::span<Request> requests) override {
      for (Request& r : requests) {
        r = {};
        r.is_write = static_cast<std::uint8_t>(n_++ % 2);
      }
      return requests.size();
    }
    bool is_at_end() const override { return false; }

   private:
    std::uint64_t n_ = 0;
  };
  const MemoryConfig c = config();
  ControllerSettings settings = c.controller;
  settings.read_queue = settings.write_queue = 2;  // one entry a pseudo-channel
  const TimingPlan plan(c.spec);
  Channel channel(c.spec, plan, settings, 0);
  InTurn source;
  channel.set_source(&source);
  channel.run(Tick{2} * 42000);
  EXPECT_NEAR(static_cast<double>(channel.served()), 2 * 42000 / (20.0 + 10 + 2 + 10), 20);
}

TEST(ClosedForm, RefreshTakesItsShareOfRowCycles) {
  MemoryConfig c = config();
  c.mapping = kOneBank;
  const Traffic t = traffic("sequential", 60000);
  const double without = gb_per_s(c, t);
  c.controller.refresh = RefreshMode::kAllBank;
  EXPECT_NEAR(gb_per_s(c, t) / without, 1 - 560.0 / 6240, 0.01);
}

TEST(LostCycles, AddUpToAllCycles) {
  for (const char* name : {"sequential", "random", "mixed21", "stride4k", "copy"}) {
    MemoryConfig c = config();
    c.channels = 3;
    c.controller.refresh = RefreshMode::kPerBank;
    const Statistics s = simulate(c, traffic(name, 30000), {}).statistics;
    Tick sum = s.data_ticks;
    for (const Tick lost : s.lost) {
      EXPECT_GE(lost, 0) << name;
      sum += lost;
    }
    EXPECT_EQ(sum, s.bus_ticks) << name;
    EXPECT_EQ(s.bus_ticks, s.clocks * 6) << name;
    EXPECT_EQ(s.data_ticks, s.requests() * 4) << name;
    EXPECT_EQ(s.requests(), 30000) << name;
    EXPECT_EQ(s.row_hits + s.row_misses + s.row_conflicts, 30000) << name;
  }
}

TEST(Threads, DoNotChangeTheResult) {
  MemoryConfig c = load_product(kData, "h100");
  const Traffic t = traffic("random", 60000);
  RunOptions one, four;
  four.threads = 4;
  const RunResult a = simulate(c, t, one), b = simulate(c, t, four);
  EXPECT_EQ(a.statistics.clocks, b.statistics.clocks);
  EXPECT_EQ(a.statistics.lost, b.statistics.lost);
  EXPECT_EQ(a.statistics.commands, b.statistics.commands);
  EXPECT_EQ(a.statistics.read_latency.percentile(0.99), b.statistics.read_latency.percentile(0.99));
}

TEST(SteadyState, IsWithinItsStatedError) {
  MemoryConfig c = load_product(kData, "h100");
  c.channels = 8;
  const Traffic t = traffic("random", 1000000);
  RunOptions whole, sample;
  sample.steady_tolerance = 0.01;
  const RunResult s = simulate(c, t, sample);
  EXPECT_LT(s.simulated_requests, 600000);
  EXPECT_LE(s.relative_interval, 0.01);
  if (kShareOfCases > 1) return;
  EXPECT_NEAR(s.bandwidth() / simulate(c, t, whole).bandwidth(), 1, 0.01);
}

// Raise a binding one: bandwidth must fall.
TEST(Mutation, BandwidthFallsWithEachBindingTimingThatIsLonger) {
  const auto falls = [](const char* name, std::int64_t by, const char* mapping, const char* kind) {
    const std::int64_t value = load_spec(kData, kPreset).timing.at(name);
    MemoryConfig before = config(), after = config({{name, value + by}});
    if (*mapping != '\0') before.mapping = after.mapping = mapping;
    const Traffic t = traffic(kind, 20000);
    EXPECT_LT(gb_per_s(after, t), gb_per_s(before, t)) << name;
  };
  falls("tRC", 1, kOneBank, "sequential");
  falls("tFAW", 1, "column pseudochannel row sid bank bankgroup", "sequential");
  falls("tCCDL", 1, "pseudochannel sid bankgroup row bank column", "sequential");
  falls("tBL", 1, "row sid bank column bankgroup pseudochannel", "sequential");
  falls("tRTW", 20, "", "mixed11");
  falls("tRP", 4, kOneBank, "sequential");
  falls("tRCDRD", 4, "", "sequential");
}

TEST(Checker, NamesWhatIsWrongInATraceMadeByHand) {
  const auto count = [](const std::vector<std::string>& rows) {
    TraceChecker checker(TraceRules::read(kData + "/memory/rules/hbm3.rules"));
    SourcePosition where{"t", 1};
    checker.check_line("clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column", where);
    for (const std::string& row : rows) checker.check_line(row, where);
    return checker.violation_count();
  };
  // ACT at 0 counts at 2; tRCDRD 31 tCK = 62 ticks: RD at 64, not 62.
  EXPECT_EQ(count({"0,ACT,0,0,0,0,0,7,-1", "64,RD,0,0,0,0,0,7,3"}), 0);
  EXPECT_EQ(count({"0,ACT,0,0,0,0,0,7,-1", "62,RD,0,0,0,0,0,7,3"}), 1);
  EXPECT_EQ(count({"0,ACT,0,0,0,0,0,7,-1", "64,RD,0,0,0,0,0,8,3"}), 1);   // another row
  EXPECT_EQ(count({"64,RD,0,0,0,0,0,8,3"}), 1);                           // closed
  EXPECT_EQ(count({"0,ACT,0,0,0,0,0,7,-1", "2,ACT,0,1,0,0,0,7,-1"}), 1);  // row bus, 3 ticks
  EXPECT_EQ(count({"1,ACT,0,0,0,0,0,7,-1"}), 1);                          // falling edge
  // PREpb at 0, tRP 26 tCK: ACT counts at 52, so it starts at 50.
  EXPECT_EQ(count({"0,PREpb,0,0,0,0,0,-1,-1", "50,ACT,0,0,0,0,0,7,-1"}), 0);
  EXPECT_EQ(count({"0,PREpb,0,0,0,0,0,-1,-1", "48,ACT,0,0,0,0,0,7,-1"}), 1);
  EXPECT_THROW(count({"0,ACT,0,0,0,0,4,7,-1"}), InputError);  // Bank 0 to 3
  EXPECT_THROW(count({"0,ACT,0,0,0,0"}), InputError);
  EXPECT_THROW(count({"x,ACT,0,0,0,0,0,7,-1"}), InputError);
}

TEST(Refresh, EveryBankHasItsTurnWithinThePostponingLimit) {
  for (const int postpone : {0, 8}) {
    MemoryConfig c = config();
    c.controller.refresh = RefreshMode::kAllBank;
    c.controller.postpone = postpone;
    const RunResult r = simulate(c, traffic("random", 60000), {});
    EXPECT_LE(r.statistics.most_postponed, postpone + 1);
    const auto due = static_cast<double>(r.statistics.clocks) / (2 * 6240) * 2;
    EXPECT_NEAR(static_cast<double>(r.statistics.commands[index(Command::kRefreshAll)]), due,
                2 * (postpone + 1));
  }
}

// 64 banks above 95 C: one is due every 15.2 ns, less than tRP, and closing one takes up to 45 ns.
TEST(Refresh, KeepsUpWhereOneBankAtATimeCouldNot) {
  for (const char* name : {"sequential", "random", "random21"}) {
    MemoryConfig c = load_preset(kData, "hbm4e-12.8-32gb-16hi");
    c.controller.refresh = RefreshMode::kPerBank;
    c.controller.temperature_c = 100;
    const RunResult r = simulate(c, traffic(name, 100000), {});
    EXPECT_LE(r.statistics.most_postponed, 8) << name;
    // tREFI / 4 / 64 = 97.5 ticks, in whole ones; two pseudo-channels
    const auto due = static_cast<double>(r.statistics.clocks) / 97 * 2;
    EXPECT_NEAR(static_cast<double>(r.statistics.commands[index(Command::kRefreshBank)]), due, 20);
  }
}

// Refreshes just as far apart as tRREFD: each that waits for a row to close delays all after it.
TEST(Refresh, ThatComesTooLateIsAnError) {
  MemoryConfig c = config({{"tRREFD", 195}});
  c.controller.refresh = RefreshMode::kPerBank;
  EXPECT_THROW(simulate(c, traffic("random", 20000), {}), InputError);
}

TEST(Refresh, ThatLeavesNoTimeForARowIsRefused) {
  // 6240 - max(45, 31 + 9, 15 + 10 + 2 + 33) - 1 - 26
  EXPECT_NO_THROW(config({{"tRFCab", 6153}}));
  EXPECT_THROW(config({{"tRFCab", 6154}}), InputError);
  EXPECT_NO_THROW(config({{"tRREFD", 195}}));  // 6240 / 32 banks
  EXPECT_THROW(config({{"tRREFD", 196}}), InputError);
}

// HBM2E: a PREab may come right after a PREpb, and starts on a rising edge like all else.
TEST(CommandTrace, OfHbm2eIsOnRisingEdges) {
  MemoryConfig c = load_preset(kData, "hbm2e-3.2-16gb-8hi");
  c.channels = 2;
  c.mapping = mapping_text(kData, "chunk_interleaved");
  c.controller.page_policy = PagePolicy::kAdaptive;
  Traffic t = traffic("stride4k", 100000);
  t.rate_gb_per_s = 1;
  std::int64_t n = 0, on_falling_edge = 0;
  RunOptions options;
  options.on_commands = [&](const std::vector<ChannelCommand>& commands) {
    for (const ChannelCommand& each : commands) on_falling_edge += each.command.clock % 2;
    n += static_cast<std::int64_t>(commands.size());
  };
  simulate(c, t, options);
  EXPECT_GT(n, 100000);
  EXPECT_EQ(on_falling_edge, 0);
}

TEST(CommandTrace, IsInOrderWhereChannelsSleep) {
  MemoryConfig c = config();
  c.channels = 3;
  c.controller.power_down_after = 160;
  c.controller.self_refresh_after = 3200;
  c.controller.page_policy = PagePolicy::kAdaptive;
  Traffic t = traffic("copy", 3000);
  t.rate_gb_per_s = 0.15;
  Tick last = 0;
  RunOptions options;
  options.on_commands = [&last](const std::vector<ChannelCommand>& commands) {
    for (const ChannelCommand& each : commands) {
      EXPECT_GE(each.command.clock, last);
      last = each.command.clock;
    }
  };
  simulate(c, t, options);
  EXPECT_GT(last, 0);
}

// Requests that arrive while the channel falls asleep, without refreshes that would wake it.
TEST(PowerDown, EndsForEachPseudoChannelsRequests) {
  MemoryConfig c = config();
  c.controller.power_down_after = 160;
  Traffic t = traffic("mixed11", 3000);
  t.rate_gb_per_s = 0.35;
  const Statistics s = simulate(c, t, {}).statistics;
  EXPECT_EQ(s.requests(), 3000);
  const double ns = c.spec.tick().in(units::nanosecond);
  EXPECT_LT(s.read_latency.percentile(1) * ns, 500);
}

TEST(Mapping, IsOneToOne) {
  Organization o = load_spec(kData, kPreset).organization;
  o.rows = 4;
  for (const int sids : {2, 3}) {
    o.sids = sids;
    std::string text = "row sid bank column[4:1] bankgroup pseudochannel column[0]";
    text += "; bankgroup ^= row[1:0]; bank ^= row[3:2]; sid ^= row[2:2]";
    o.rows = 16;
    const AddressMapping mapping(text, o);
    std::set<std::tuple<int, int, std::uint32_t, int>> seen;
    for (std::uint64_t a = 0; a < mapping.accesses(); ++a) {
      Request r, by_parts;
      mapping.place(a, &r);
      mapping.place_by_parts(a, &by_parts);
      EXPECT_EQ(r.row, by_parts.row);
      EXPECT_EQ(r.bank, by_parts.bank);
      EXPECT_LT(r.bank, o.banks_per_pseudo_channel());
      EXPECT_TRUE(seen.emplace(r.pseudo_channel, r.bank, r.row, r.column).second) << a;
    }
  }
}

TEST(Mapping, DividesByAProductWithinItsBound) {
  RandomStream random(1, 1);
  for (const std::uint64_t d : {1, 2, 3, 7, 8, 80, 96, 640, 3072, 12345677}) {
    const Divisor divisor(d);
    const std::uint64_t bound = ~std::uint64_t{0} / d;
    for (int k = 0; k < 10000; ++k) {
      const std::uint64_t multiple = random.below(bound / d) * d;
      for (const std::uint64_t x : {random.below(bound), multiple, multiple + d - 1}) {
        ASSERT_EQ(divisor.quotient(x), x / d) << x << " / " << d;
        ASSERT_EQ(divisor.remainder(x), x % d) << x << " / " << d;
      }
    }
  }
}

TEST(Mapping, ChannelsShareEveryGroupEvenly) {
  const ChannelMapping map(80, 8);
  for (std::uint64_t g = 0; g < 300; ++g) {
    std::set<std::uint64_t> channels;
    for (std::uint64_t b = 0; b < 80; ++b) channels.insert(map.channel((g * 80 + b) * 8));
    EXPECT_EQ(channels.size(), 80U);
    EXPECT_EQ(map.channel(map.block_of(17, g) + 7), 17U);
    EXPECT_EQ(map.local(map.block_of(17, g) + 7), g * 8 + 7);
  }
}

TEST(Mapping, RefusesTextsThatMissOrRepeatBits) {
  const Organization o = load_spec(kData, kPreset).organization;
  for (const char* text :
       {"", "row column bank bankgroup sid", "row row column bank bankgroup sid pseudochannel",
        "row column[3:0] bank bankgroup sid pseudochannel", "row column[9:0] bank bankgroup sid",
        "row columns bank bankgroup sid pseudochannel",
        "row column bank bankgroup sid pseudochannel; bank ^= column[1:0]",
        "row column bank bankgroup sid pseudochannel; bank = row[1:0]"}) {
    EXPECT_THROW(AddressMapping(text, o), InputError) << text;
  }
}

TEST(Traffic, ChannelsShareEveryPatternWithoutLossOrRepetition) {
  const MemoryConfig c = load_product(kData, "h100");
  const AddressMapping mapping(c.mapping, c.spec.organization);
  const ChannelMapping channels(7, 8);
  for (const char* name :
       {"sequential", "stride4k", "copy", "kv_gather:4096", "all_reduce", "random", "mixed21"}) {
    std::uint64_t n = 0, writes = 0;
    for (std::uint64_t ch = 0; ch < 7; ++ch) {
      const auto source = make_source(traffic(name, 9000), mapping, channels, ch, c.spec.tick());
      std::array<Request, 64> requests;
      for (std::size_t got = 64; got == 64;) {
        got = source->fill(requests);
        n += got;
        for (std::size_t i = 0; i < got; ++i) writes += requests[i].is_write;
      }
    }
    EXPECT_EQ(n, 9000U) << name;
    if (std::string(name) == "mixed21") {
      EXPECT_EQ(writes, 3000U);
    }
  }
}

TEST(Traffic, OfOperatorsMovesTheirBytes) {
  workload::Operator o;
  o.weights = 4096 * units::byte;
  o.activations = 2048 * units::byte;
  o.kv = 8192 * units::byte;
  o.count = 3;
  const std::vector<OperatorTraffic> t = operator_traffic({o}, 1024 * units::byte);
  ASSERT_EQ(t.size(), 1U);
  EXPECT_DOUBLE_EQ(t[0].streamed.base(), 4096 + 1024);
  EXPECT_DOUBLE_EQ(t[0].gathered.base(), 8192);
  EXPECT_DOUBLE_EQ(t[0].written.base(), 1024);
  const OperatorRuns runs = simulate_operators(config(), t, {});
  ASSERT_EQ(runs.operators.size(), 1U);
  EXPECT_EQ(runs.operators[0].statistics.writes, 1024 / 32);
  EXPECT_EQ(runs.operators[0].statistics.reads, (4096 + 1024 + 8192) / 32);
  EXPECT_EQ(runs.all.statistics.reads, 3 * (4096 + 1024 + 8192) / 32);
  EXPECT_DOUBLE_EQ(runs.all.time.base(), 3 * runs.operators[0].time.base());
  EXPECT_DOUBLE_EQ(runs.all.bandwidth().base(), runs.operators[0].bandwidth().base());
}

TEST(Traffic, OfExpertsIsGatheredAnExpertAtATime) {
  workload::ExpertsShape s;
  s.tokens = 1;
  s.hidden = 256;
  s.expert_ffn = 128;
  s.topk = 2;
  s.experts = s.slots = 8;
  const workload::Operator o = workload::make_experts(s);
  const std::vector<OperatorTraffic> t = operator_traffic({o}, 1024 * units::byte);
  EXPECT_DOUBLE_EQ(t[0].page.base(), 3 * 256 * 128 * 2);  // gate, up and down in bf16
  EXPECT_DOUBLE_EQ(t[0].gathered.base(), o.weights.base());
  EXPECT_DOUBLE_EQ(t[0].streamed.base(), o.activations.base() / 2);
}

TEST(Curve, InterpolatesInSizeAndWrites) {
  std::vector<CurvePoint> points;
  for (const double size : {32.0, 128.0}) {
    for (const double writes : {0.0, 0.5}) {
      CurvePoint p;
      p.piece_bytes = size;
      p.write_share = writes;
      p.bandwidth = (size - 100 * writes) * units::byte / units::second;
      points.push_back(p);
    }
  }
  const BandwidthCurve curve("x", points[0].bandwidth, points);
  EXPECT_DOUBLE_EQ(curve.bandwidth(64 * units::byte).base(), 80);          // half in the logarithm
  EXPECT_DOUBLE_EQ(curve.bandwidth(16 * units::byte).base(), 32);          // the end of the table
  EXPECT_DOUBLE_EQ(curve.bandwidth(128 * units::byte, 0.25).base(), 103);  // 128 to 78
}

TEST(Energy, OfACountedRunIsTheSumByHand) {
  MemoryConfig c = config();
  const RunResult r = simulate(c, traffic("random", 10000), {});
  const EnergyTable table = load_energy(kData, "HBM2");
  const EnergySplit e = energy_of(table.used, r.statistics, c.spec);
  // 909 pJ an activation; 256 bits of 1.51 + 1.17 + 0.80 pJ an access (O'Connor 2017, table 3)
  EXPECT_NEAR(e.activate.base() * 1e12,
              909.0 * static_cast<double>(r.statistics.commands[index(Command::kActivate)]), 1);
  EXPECT_NEAR((e.core + e.tsv + e.phy).base() * 1e12, 10000 * 256 * 3.48, 1e-3);
  EXPECT_LT(energy_of(table.low, r.statistics, c.spec).total(), e.total());
  EXPECT_GT(energy_of(table.high, r.statistics, c.spec).total(), e.total());
}

}  // namespace astrolabe::memory
