// The checker's audit of refreshes: nothing in our traces, whatever the mode, temperature,
// postponing and load; something in the same traces without some of their refreshes.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "astrolabe/memory/command_trace.h"
#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/test/memory_cases.h"
#include "astrolabe/memory/trace_checker.h"

namespace astrolabe::memory {

namespace {

struct Audited {
  const char *rules, *preset;
};

std::ostream& operator<<(std::ostream& out, const Audited& a) { return out << a.rules; }

TraceRules audit_rules(const Audited& a, const MemoryConfig& c) {
  TraceRules rules = TraceRules::read(kData + "/memory/rules/" + a.rules + ".rules");
  rules.refresh_interval /= refresh_rate(c.controller.temperature_c);
  return rules;
}

std::vector<std::string> lines_of(const MemoryConfig& c, const Traffic& t) {
  std::string text = kCommandTraceHeader;
  RunOptions options;
  options.on_commands = [&](const std::vector<ChannelCommand>& commands) {
    append_csv(commands, c.spec.organization, &text);
  };
  simulate(c, t, options);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    lines.push_back(text.substr(at, text.find('\n', at) - at));
  }
  return lines;
}

// Without the lines that `is_left_out`.
TraceChecker audit(
    const TraceRules& rules, const std::vector<std::string>& lines,
    const std::function<bool(const std::string&)>& is_left_out = [](const std::string&) {
      return false;
    }) {
  TraceChecker checker(rules);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_left_out(lines[i])) continue;
    checker.check_line(lines[i], {"trace", static_cast<int>(i) + 1});
  }
  return checker;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A trickle of requests for `intervals` tREFI.
Traffic trickle(const MemoryConfig& c, int intervals) {
  Traffic t = traffic("random21", 1000);
  const double seconds = (c.spec.tick() * static_cast<double>(c.spec.ticks("tREFI"))).base() *
                         intervals / refresh_rate(c.controller.temperature_c);
  t.rate_gb_per_s = 1e-9 * kAccessBytes * 1000 * c.channels / seconds;
  return t;
}

class RefreshAudit : public testing::TestWithParam<Audited> {
 protected:
  static MemoryConfig config(RefreshMode refresh, double temperature_c = 85) {
    MemoryConfig c = load_preset(kData, GetParam().preset);
    c.controller.refresh = refresh;
    c.controller.temperature_c = temperature_c;
    return c;
  }
};

TEST_P(RefreshAudit, FindsNothingInAnyModeAtAnyTemperature) {
  for (const RefreshMode refresh : {RefreshMode::kAllBank, RefreshMode::kPerBank}) {
    for (const double temperature : {85, 90, 100}) {
      for (const int intervals : {0, 8}) {  // postponed and pulled in
        MemoryConfig c = config(refresh, temperature);
        c.channels = 2;
        const int refreshes = intervals * refreshes_per_interval(c.spec, refresh);
        c.controller.postpone = c.controller.pull_in = refreshes;
        const Traffic busy = traffic("random", 24000 / kShareOfCases);
        for (const Traffic& t : {busy, trickle(c, 24)}) {
          const TraceChecker checker = audit(audit_rules(GetParam(), c), lines_of(c, t));
          EXPECT_EQ(checker.violation_count(), 0)
              << temperature << " C: " << checker.violations().front().text;
        }
      }
    }
  }
}

TEST_P(RefreshAudit, NamesTheBankWhoseRefreshesAreMissing) {
  const MemoryConfig c = config(RefreshMode::kPerBank);
  const TraceRules rules = audit_rules(GetParam(), c);
  const std::vector<std::string> lines = lines_of(c, trickle(c, 30));
  const TraceChecker one =
      audit(rules, lines, [](const std::string& line) { return has(line, ",REFpb,0,1,0,1,2,"); });
  // One of its thirty is missing at each tREFI from the eleventh on.
  EXPECT_NEAR(static_cast<double>(one.violation_count()), 20, 1);
  const std::string& text = one.violations().front().text;
  EXPECT_TRUE(has(text,
                  "refresh: Channel 0, PseudoChannel 1, Sid 0, BankGroup 1, Bank 2 is owed 11, at "
                  "most 10 (1 of "))
      << text;
  // The command at which it is owed eleven, in the trace of 30 tREFI that they came in
  const std::string& line = lines[static_cast<std::size_t>(one.violations().front().line) - 1];
  const std::int64_t clock = std::stoll(line.substr(0, line.find(',')));
  EXPECT_GE(clock, 11 * rules.refresh_interval);
  EXPECT_LT(clock, 11 * rules.refresh_interval + rules.refresh_interval / 8);
}

TEST_P(RefreshAudit, FiresWhenMoreAreMissingThanMayBePostponed) {
  const MemoryConfig c = config(RefreshMode::kAllBank);
  const TraceRules rules = audit_rules(GetParam(), c);
  const std::vector<std::string> lines = lines_of(c, trickle(c, 30));
  const auto violations_without = [&](int missing) {
    return audit(rules, lines,
                 [&](const std::string& line) { return has(line, ",REFab,0,0,") && missing-- > 0; })
        .violation_count();
  };
  EXPECT_EQ(violations_without(8), 0);
  EXPECT_GT(violations_without(11), 0);
  EXPECT_GT(violations_without(1000), violations_without(11));
}

TEST_P(RefreshAudit, OfATraceWithoutRefreshesIsFreeOnlyIfAskedFor) {
  const MemoryConfig c = config(RefreshMode::kNone);
  TraceRules rules = audit_rules(GetParam(), c);
  const std::vector<std::string> lines = lines_of(c, trickle(c, 20));
  EXPECT_GT(audit(rules, lines).violation_count(), 0);
  rules.counts_refresh_all = rules.counts_refresh_bank = false;
  EXPECT_EQ(audit(rules, lines).violation_count(), 0);
}

INSTANTIATE_TEST_SUITE_P(Standards, RefreshAudit,
                         testing::Values(Audited{"hbm2", "hbm2-2.4-8gb-8hi"},
                                         Audited{"hbm2e", "hbm2e-3.2-16gb-8hi"},
                                         Audited{"hbm3", "hbm3-6.4-16gb-8hi"},
                                         Audited{"hbm3e", "hbm3e-8.0-24gb-12hi"},
                                         Audited{"hbm4", "hbm4-8.0-24gb-12hi"},
                                         Audited{"hbm4e", "hbm4e-12.8-32gb-16hi"}),
                         [](const auto& tested) { return std::string(tested.param.rules); });

TEST(RefreshAuditByHand, SelfRefreshOwesNothingAfterwards) {
  const auto count = [](const std::vector<std::string>& rows) {
    TraceChecker checker(TraceRules::read(kData + "/memory/rules/hbm3.rules"));
    checker.check_line("clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column", {});
    for (const std::string& row : rows) checker.check_line(row, {});
    return checker.violation_count();
  };
  // tREFI 12480 ticks; ten owed until 137279.
  EXPECT_EQ(count({"137278,PDE,0,-1,-1,-1,-1,-1,-1"}), 0);
  EXPECT_EQ(count({"137280,PDE,0,-1,-1,-1,-1,-1,-1"}), 2);  // both pseudo-channels
  EXPECT_EQ(count({"0,SRE,0,-1,-1,-1,-1,-1,-1", "1248000,SRX,0,-1,-1,-1,-1,-1,-1",
                   "1385278,PDE,0,-1,-1,-1,-1,-1,-1"}),
            0);
  EXPECT_EQ(count({"0,SRE,0,-1,-1,-1,-1,-1,-1", "1248000,SRX,0,-1,-1,-1,-1,-1,-1",
                   "1385280,PDE,0,-1,-1,-1,-1,-1,-1"}),
            2);
  EXPECT_EQ(count({"0,PDE,0,-1,-1,-1,-1,-1,-1", "9000000000,PDX,0,-1,-1,-1,-1,-1,-1"}), 2);
}

}  // namespace
}  // namespace astrolabe::memory
