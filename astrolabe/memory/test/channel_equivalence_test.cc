// Event by event is the same as tick by tick: identical command traces on random traffic.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <string>
#include <vector>

#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/test/cycle_stepped_channel.h"
#include "astrolabe/memory/test/memory_cases.h"

namespace astrolabe::memory {

namespace {

class ListSource final : public RequestSource {
 public:
  explicit ListSource(const std::vector<Request>& requests) : requests_(requests) {}
  std::size_t fill(std::span<Request> to) override {
    const std::size_t n = std::min(to.size(), requests_.size() - at_);
    std::copy_n(requests_.begin() + static_cast<std::ptrdiff_t>(at_), n, to.begin());
    at_ += n;
    return n;
  }

 private:
  const std::vector<Request>& requests_;
  std::size_t at_ = 0;
};

std::vector<IssuedCommand> event_driven(const DramSpec& spec, const ControllerSettings& settings,
                                        const std::vector<Request>& requests) {
  const TimingPlan plan(spec);
  Channel channel(spec, plan, settings, 0);
  ListSource source(requests);
  std::vector<IssuedCommand> log;
  channel.set_source(&source);
  channel.set_command_log(&log);
  EXPECT_EQ(channel.run(), Channel::Progress::kFinished);
  return log;
}

// What is counted; with a log no round of refreshes is skipped.
Statistics counted(const DramSpec& spec, const ControllerSettings& settings,
                   const std::vector<Request>& requests, bool is_logged) {
  const TimingPlan plan(spec);
  Channel channel(spec, plan, settings, 0.3);
  ListSource source(requests);
  std::vector<IssuedCommand> log;
  channel.set_source(&source);
  if (is_logged) channel.set_command_log(&log);
  EXPECT_EQ(channel.run(), Channel::Progress::kFinished);
  return channel.statistics();
}

// The reference stops at the last request; what the other does after it are refreshes only.
::testing::AssertionResult are_same(const std::vector<IssuedCommand>& event,
                                    const std::vector<IssuedCommand>& plain) {
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const IssuedCommand& p = plain[i];
    if (i >= event.size()) return ::testing::AssertionFailure() << "ends after " << i;
    const IssuedCommand& e = event[i];
    if (e.clock != p.clock || e.command != p.command || e.bank != p.bank || e.row != p.row ||
        e.column != p.column || e.pseudo_channel != p.pseudo_channel) {
      return ::testing::AssertionFailure()
             << "command " << i << ": event-driven " << kCommandNames[index(e.command)] << " at "
             << e.clock << " of bank " << int{e.bank} << ", tick by tick "
             << kCommandNames[index(p.command)] << " at " << p.clock << " of bank " << int{p.bank};
    }
  }
  return event.size() == plain.size()
             ? ::testing::AssertionSuccess()
             : ::testing::AssertionFailure() << event.size() << " against " << plain.size();
}

struct Case {
  int locality = 4;  // rows in use
  int writes = 0;    // of 8
  bool is_open_loop = false;
  int banks = 32;
  bool has_qos = false;
};

std::vector<Request> draw(const Case& c, std::uint64_t seed, std::size_t n,
                          const Organization& organization) {
  RandomStream random(seed, 1);
  std::vector<Request> requests;
  double clock = 0;
  const auto banks =
      static_cast<std::uint64_t>(std::min(c.banks, organization.banks_per_pseudo_channel()));
  for (std::size_t i = 0; i < n; ++i) {
    Request r;
    r.pseudo_channel = static_cast<std::uint8_t>(
        random.below(static_cast<std::uint64_t>(organization.pseudo_channels)));
    r.bank = static_cast<std::uint8_t>(random.below(banks));
    r.row = static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(c.locality)));
    r.column = static_cast<std::uint16_t>(random.below(32));
    r.is_write = random.below(8) < static_cast<std::uint64_t>(c.writes) ? 1 : 0;
    if (c.has_qos) r.qos_class = static_cast<std::uint8_t>(random.below(4));
    if (c.is_open_loop) {
      clock += 20 * random.exponential();
      r.arrival = static_cast<Tick>(clock) + 1;
    }
    requests.push_back(r);
  }
  return requests;
}

std::vector<DramSpec> all_specs() {
  std::vector<DramSpec> specs;
  for (const std::string& name : preset_names(kData)) specs.push_back(load_spec(kData, name));
  return specs;
}

ControllerSettings drawn_policies() {
  ControllerSettings settings;
  settings.refresh = static_cast<RefreshMode>(*rc::gen::inRange(0, 3));
  settings.page_policy = static_cast<PagePolicy>(*rc::gen::inRange(0, 3));
  return settings;
}

}  // namespace

TEST(Equivalence, OnRandomTrafficAndSettings) {
  const std::vector<DramSpec> specs = all_specs();
  ASSERT_TRUE(rc::check("event-driven is tick by tick", [&] {
    const DramSpec& spec = specs[*rc::gen::inRange<std::size_t>(0, specs.size())];
    ControllerSettings settings = drawn_policies();
    settings.read_queue = static_cast<std::size_t>(*rc::gen::inRange(2, 33));
    settings.write_queue = static_cast<std::size_t>(*rc::gen::inRange(2, 33));
    settings.hit_cap = *rc::gen::element(0, 1, 4, 16);
    settings.postpone = *rc::gen::element(0, 0, 2);
    settings.pull_in = *rc::gen::element(0, 0, 1);
    settings.raaimt = *rc::gen::element(0, 0, 4);
    settings.temperature_c = *rc::gen::element(25, 100);
    Case c;
    c.locality = *rc::gen::element(1, 2, 8, 1000);
    c.writes = *rc::gen::inRange(0, 9);
    c.is_open_loop = *rc::gen::arbitrary<bool>();
    c.banks = *rc::gen::element(1, 4, 32);
    c.has_qos = *rc::gen::element(false, false, true);
    const auto n = static_cast<std::size_t>(*rc::gen::inRange(1, 400 / kShareOfCases));
    const std::vector<Request> requests =
        draw(c, *rc::gen::arbitrary<std::uint64_t>(), n, spec.organization);
    const auto same = are_same(event_driven(spec, settings, requests),
                               CycleSteppedChannel(spec, settings, requests).run());
    if (!same) RC_LOG() << same.message();
    RC_ASSERT(bool{same});
  }));
}

// Long idle times, in which rounds of refreshes are counted and not simulated.
TEST(Equivalence, OfIdleTimesCountedAndSimulated) {
  const std::vector<DramSpec> specs = all_specs();
  ASSERT_TRUE(rc::check("idle rounds are alike", [&] {
    const DramSpec& spec = specs[*rc::gen::inRange<std::size_t>(0, specs.size())];
    ControllerSettings settings = drawn_policies();
    settings.postpone = *rc::gen::element(0, 0, 8);
    settings.pull_in = *rc::gen::element(0, 0, 1, 8);
    settings.raaimt = *rc::gen::element(0, 0, 4);
    settings.temperature_c = *rc::gen::element(25, 90, 100);
    settings.power_down_after = *rc::gen::element(0, 50, 300, 20000);
    settings.self_refresh_after = *rc::gen::element(0, 100, 1000, 20000);
    Case c;
    c.locality = *rc::gen::element(1, 8, 1000);
    c.writes = *rc::gen::inRange(0, 9);
    c.is_open_loop = true;
    const auto n = static_cast<std::size_t>(*rc::gen::inRange(1, 100 / kShareOfCases));
    std::vector<Request> requests =
        draw(c, *rc::gen::arbitrary<std::uint64_t>(), n, spec.organization);
    const int gaps = *rc::gen::inRange(1, 4);
    for (int g = 0; g < gaps; ++g) {  // of 0 to 40 tREFI
      const auto gap = *rc::gen::inRange<Tick>(0, 40 * spec.ticks("tREFI"));
      for (std::size_t i = *rc::gen::inRange<std::size_t>(0, n); i < n; ++i) {
        requests[i].arrival += gap;
      }
    }
    RC_ASSERT(counted(spec, settings, requests, false) == counted(spec, settings, requests, true));
  }));
}

// Of 1e9 tREFI, more than an hour, each pseudo-channel refreshes in each, and both requests are
// served. Refresh by refresh this would take minutes.
TEST(IdleTime, OfAnHourIsCounted) {
  const DramSpec spec = load_spec(kData, "hbm3-6.4-16gb-8hi");
  std::vector<Request> requests(2);
  const auto intervals = std::int64_t{1'000'000'000};
  requests[1].arrival = intervals * 2 * 6240;
  const Statistics s = counted(spec, {}, requests, false);
  EXPECT_EQ(s.reads, 2);
  EXPECT_NEAR(static_cast<double>(s.commands[index(Command::kRefreshAll)] - 2 * intervals), 0, 2);
}

}  // namespace astrolabe::memory
