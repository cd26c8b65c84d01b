// On short sequences every command issues at the earliest legal clock: no other order and no other
// clocks end earlier for one bank after the other, by exhaustive search over start ticks.

#include <gtest/gtest.h>

#include <vector>

#include "astrolabe/memory/dram_device.h"
#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/test/memory_cases.h"
#include "astrolabe/memory/trace_checker.h"

namespace astrolabe::memory {

namespace {

class ShortSource final : public RequestSource {
 public:
  explicit ShortSource(std::vector<Request> requests) : requests_(std::move(requests)) {}
  std::size_t fill(std::span<Request> to) override {
    const std::size_t n = std::min(to.size(), requests_.size());
    std::copy_n(requests_.begin(), n, to.begin());
    requests_.erase(requests_.begin(), requests_.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }

 private:
  std::vector<Request> requests_;
};

// Whether commands at these clocks pass the independent checker.
bool is_legal(const std::vector<IssuedCommand>& commands, const Organization& o) {
  static const TraceRules rules = TraceRules::read(kData + "/memory/rules/hbm3.rules");
  TraceChecker checker(rules);
  SourcePosition where{"t", 1};
  checker.check_line("clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column", where);
  for (const IssuedCommand& c : commands) {
    const int group = c.bank / o.banks;
    checker.check_line(
        std::to_string(c.clock) + "," + std::string(kCommandNames[index(c.command)]) + ",0," +
            std::to_string(c.pseudo_channel) + "," + std::to_string(group / o.bank_groups) + "," +
            std::to_string(group % o.bank_groups) + "," + std::to_string(c.bank % o.banks) + "," +
            std::to_string(c.row) + "," + std::to_string(c.column),
        where);
  }
  return checker.violation_count() == 0;
}

}  // namespace

TEST(Tightness, NoCommandCanStartATickEarlier) {
  const DramSpec spec = load_spec(kData, "hbm3-6.4-16gb-8hi");
  ControllerSettings settings;
  settings.refresh = RefreshMode::kNone;
  settings.read_queue = settings.write_queue = 64;
  RandomStream random(7, 0);
  for (int sequence = 0; sequence < 40 / kShareOfCases; ++sequence) {
    std::vector<Request> requests;
    for (int i = 0; i < 6; ++i) {
      Request r;
      r.pseudo_channel = static_cast<std::uint8_t>(random.below(2));
      r.bank = static_cast<std::uint8_t>(random.below(3) * 5);
      r.row = static_cast<std::uint32_t>(random.below(2));
      r.is_write = static_cast<std::uint8_t>(sequence % 2);  // one direction: no policy waits
      requests.push_back(r);
    }
    const TimingPlan plan(spec);
    Channel channel(spec, plan, settings, 0);
    ShortSource source(requests);
    std::vector<IssuedCommand> log;
    channel.set_source(&source);
    channel.set_command_log(&log);
    channel.run();
    ASSERT_TRUE(is_legal(log, spec.organization));
    // Every clock before a command's own, down to the command before it in the trace, is illegal.
    for (std::size_t k = 0; k < log.size(); ++k) {
      const Tick floor = k == 0 ? 0 : log[k - 1].clock;
      for (Tick t = floor; t < log[k].clock; ++t) {
        std::vector<IssuedCommand> earlier(log.begin(),
                                           log.begin() + static_cast<std::ptrdiff_t>(k) + 1);
        earlier.back().clock = t;
        EXPECT_FALSE(is_legal(earlier, spec.organization))
            << "sequence " << sequence << ": " << kCommandNames[index(log[k].command)] << " at "
            << log[k].clock << " could start at " << t;
      }
    }
  }
}

}  // namespace astrolabe::memory
