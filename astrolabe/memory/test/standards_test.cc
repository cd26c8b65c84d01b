// The independent checker on every standard: nothing in our traces, whatever the traffic, refresh,
// page policy and power state; something for each timing that is one too short.

#include <gtest/gtest.h>

#include <string>

#include "astrolabe/memory/command_trace.h"
#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/test/memory_cases.h"
#include "astrolabe/memory/trace_checker.h"

namespace astrolabe::memory {

namespace {

struct Standard {
  const char *rules, *preset;
  std::map<std::string, TimingOverrides> companions;  // lowered too, where they hide the timing
};

std::ostream& operator<<(std::ostream& out, const Standard& s) { return out << s.rules; }

MemoryConfig config(const Standard& s, RefreshMode refresh, const TimingOverrides& lower = {}) {
  MemoryConfig c = load_preset(kData, s.preset, lower);
  c.controller.refresh = refresh;
  return c;
}

TraceChecker check(const Standard& s, const MemoryConfig& c, const Traffic& t,
                   Statistics* statistics = nullptr) {
  TraceChecker checker(TraceRules::read(kData + "/memory/rules/" + s.rules + ".rules"));
  SourcePosition where{"trace", 1};
  const auto check_text = [&](std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++where.line) {
      const std::size_t end = text.find('\n', at);
      checker.check_line(text.substr(at, end - at), where);
      at = end + 1;
    }
  };
  check_text(kCommandTraceHeader);
  RunOptions options;
  options.on_commands = [&](const std::vector<ChannelCommand>& commands) {
    std::string text;
    append_csv(commands, c.spec.organization, &text);
    check_text(text);
  };
  const RunResult result = simulate(c, t, options);
  if (statistics != nullptr) *statistics = result.statistics;
  return checker;
}

bool names(const TraceChecker& checker, const std::string& timing) {
  for (const Violation& v : checker.violations()) {
    const std::size_t colon = v.text.find(": ");
    const std::string rule =
        "+" + v.text.substr(colon + 2, v.text.find(':', colon + 2) - colon - 2);
    if ((rule + "+").find("+" + timing + "+") != std::string::npos) return true;
  }
  return false;
}

class StandardTest : public testing::TestWithParam<Standard> {};

TEST_P(StandardTest, FindsNothingInAnyKindOfTraffic) {
  const int requests = 3000 / kShareOfCases;
  for (const char* kind : {"sequential", "mixed21", "random", "random21", "stride4k", "copy",
                           "kv_gather:4096", "all_reduce", "weights", "checkpoint"}) {
    for (const RefreshMode refresh :
         {RefreshMode::kNone, RefreshMode::kAllBank, RefreshMode::kPerBank}) {
      for (const PagePolicy policy :
           {PagePolicy::kOpen, PagePolicy::kClosed, PagePolicy::kAdaptive}) {
        MemoryConfig c = config(GetParam(), refresh);
        c.controller.page_policy = policy;
        c.controller.raaimt = policy == PagePolicy::kClosed ? 16 : 0;
        const TraceChecker checker = check(GetParam(), c, traffic(kind, requests));
        EXPECT_GE(checker.commands(), requests);
        EXPECT_EQ(checker.violation_count(), 0)
            << kind << ": " << checker.violations().front().text;
      }
    }
  }
}

TEST_P(StandardTest, FindsNothingInPowerDownAndSelfRefresh) {
  for (const RefreshMode refresh : {RefreshMode::kAllBank, RefreshMode::kPerBank}) {
    MemoryConfig c = config(GetParam(), refresh);
    // Each refresh ends an idle time, and those of one bank come often.
    const bool is_all_bank = refresh == RefreshMode::kAllBank;
    c.controller.power_down_after = is_all_bank ? 200 : 50;
    c.controller.self_refresh_after = is_all_bank ? 4000 : 100;
    Traffic t = traffic("random21", 1000);
    t.rate_gb_per_s = 0.02;
    Statistics s;
    const TraceChecker checker = check(GetParam(), c, t, &s);
    EXPECT_EQ(checker.violation_count(), 0) << checker.violations().front().text;
    EXPECT_GT(s.commands[index(Command::kPowerDown)], 100);
    EXPECT_GT(s.commands[index(Command::kSelfRefresh)], 100);
    EXPECT_GT(s.self_refresh_ticks, s.channel_ticks / 8);
  }
}

TEST_P(StandardTest, NamesEachTimingThatIsOneTooShort) {
  const Standard& s = GetParam();
  const auto is_named = [&s](const std::string& timing, const TimingOverrides& lower) {
    for (const int requests : {500, 5000}) {
      for (const char* mapping : {"", "column sid bankgroup bank pseudochannel row",
                                  "row sid bank column bankgroup pseudochannel",
                                  "column pseudochannel row sid bankgroup bank"}) {
        for (const char* kind : {"random21", "sequential", "mixed11"}) {
          for (const RefreshMode refresh : {RefreshMode::kAllBank, RefreshMode::kPerBank}) {
            MemoryConfig c = config(s, refresh, lower);
            if (*mapping != '\0') c.mapping = mapping;
            if (names(check(s, c, traffic(kind, requests)), timing)) return true;
          }
        }
      }
    }
    return false;
  };
  int number = 0;
  for (const auto& [timing, value] : load_spec(kData, s.preset).timing) {
    // tCL bounds no command, tREFI is audited, power-down has its own test.
    if (timing == "tCL" || timing == "tREFI" || timing == "tXP" || timing == "tXS") continue;
    if (++number % kShareOfCases != 0) continue;
    TimingOverrides lower = {{timing, value - 1}};
    const auto companions = s.companions.find(timing);
    if (companions != s.companions.end()) {
      lower.insert(companions->second.begin(), companions->second.end());
    }
    EXPECT_TRUE(is_named(timing, lower)) << timing << " lowered to " << value - 1;
  }
}

// tBL and tCCDS bound one gap; tRAS + tRP is tRC or more; HBM2, HBM2E: four tRRD exceed tFAW.
INSTANTIATE_TEST_SUITE_P(
    Standards, StandardTest,
    testing::Values(
        Standard{"hbm3", "hbm3-6.4-16gb-8hi", {{"tBL", {{"tCCDS", 1}}}, {"tCCDS", {{"tBL", 1}}}}},
        Standard{"hbm2",
                 "hbm2-2.4-8gb-8hi",
                 {{"tBL", {{"tCCDS", 1}}},
                  {"tCCDS", {{"tBL", 1}}},
                  {"tRC", {{"tRAS", 35}}},
                  {"tRRDL", {{"tRRDS", 4}}},
                  {"tRRDS", {{"tRRDL", 4}}},
                  {"tFAW", {{"tRRDS", 4}, {"tRRDL", 4}}}}},
        Standard{"hbm3e",
                 "hbm3e-8.0-24gb-12hi",
                 {{"tBL", {{"tCCDS", 1}}}, {"tCCDS", {{"tBL", 1}}}, {"tRC", {{"tRAS", 52}}}}},
        Standard{"hbm4e",
                 "hbm4e-12.8-32gb-16hi",
                 {{"tBL", {{"tCCDS", 1}, {"tCCDR", 1}}},
                  {"tCCDS", {{"tBL", 1}, {"tCCDR", 1}}},
                  {"tCCDR", {{"tBL", 1}, {"tCCDS", 1}}},
                  {"tRC", {{"tRAS", 85}}}}},
        Standard{"hbm2e",
                 "hbm2e-3.2-16gb-8hi",
                 {{"tBL", {{"tCCDS", 1}}},
                  {"tCCDS", {{"tBL", 1}}},
                  {"tRC", {{"tRAS", 48}}},
                  {"tRRDL", {{"tRRDS", 6}}},
                  {"tRRDS", {{"tRRDL", 6}}},
                  {"tFAW", {{"tRRDS", 5}, {"tRRDL", 5}}}}},
        Standard{"hbm4",
                 "hbm4-8.0-24gb-12hi",
                 {{"tBL", {{"tCCDS", 1}, {"tCCDR", 1}}},
                  {"tCCDS", {{"tBL", 1}, {"tCCDR", 1}}},
                  {"tCCDR", {{"tBL", 1}, {"tCCDS", 1}}},
                  {"tRC", {{"tRAS", 52}}}}}),
    [](const auto& tested) { return std::string(tested.param.rules); });

}  // namespace
}  // namespace astrolabe::memory
