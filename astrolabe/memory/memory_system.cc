#include "astrolabe/memory/memory_system.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>

namespace astrolabe::memory {

namespace {

// One channel with its source: not to be moved, the channel points at the source.
struct Running {
  Running(const MemoryConfig& config, const TimingPlan& plan, const Traffic& traffic,
          const AddressMapping& mapping, const ChannelMapping& channels, std::uint64_t number)
      : source(make_source(traffic, mapping, channels, number, config.spec.tick())),
        channel(config.spec, plan, config.controller,
                static_cast<double>(number) / static_cast<double>(channels.channels()) /
                    config.spec.organization.pseudo_channels) {
    channel.set_source(source.get());
  }
  std::unique_ptr<RequestSource> source;
  Channel channel;
};

class Run {
 public:
  Run(const MemoryConfig& config, const Traffic& traffic, const RunOptions& options)
      : config_(config),
        traffic_(traffic),
        options_(options),
        plan_(config.spec),
        mapping_(config.mapping, config.spec.organization, config.mapping_where),
        channels_(static_cast<std::uint64_t>(config.channels),
                  config.interleave_bytes / kAccessBytes) {}

  RunResult result() {
    const double before = cpu_seconds();
    RunResult r;
    if (options_.steady_tolerance > 0) {
      r = run_sample();
    } else if (options_.on_commands) {
      r = run_in_step();
    } else {
      r = run_all();
    }
    r.cpu_seconds = cpu_seconds() - before;
    return r;
  }

 private:
  std::unique_ptr<Running> start(std::uint64_t number) const {
    auto running = std::make_unique<Running>(config_, plan_, traffic_, mapping_, channels_, number);
    running->channel.set_interrupt(options_.interrupt);
    return running;
  }

  // Each channel to its end, on the next free thread.
  RunResult run_all() {
    const auto n = static_cast<std::size_t>(config_.channels);
    std::vector<std::unique_ptr<Statistics>> parts(n);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_partial{false};
    const auto work = [&] {
      for (std::size_t c = next++; c < n; c = next++) {
        const std::unique_ptr<Running> running = start(c);
        if (running->channel.run(options_.until) != Channel::Progress::kFinished) is_partial = true;
        parts[c] = std::make_unique<Statistics>(running->channel.statistics());
      }
    };
    std::vector<std::thread> threads;
    const std::size_t extra = std::min(n, static_cast<std::size_t>(options_.threads)) - 1;
    for (std::size_t k = 0; k < extra; ++k) threads.emplace_back(work);
    work();
    for (std::thread& t : threads) t.join();
    RunResult r;
    r.is_partial = is_partial;
    for (const auto& part : parts) r.statistics.merge(*part);
    finish_run(config_, &r);
    return r;
  }

  // All channels a window of time after the other, for commands in the order of their clocks.
  RunResult run_in_step() {
    constexpr Tick kWindow = 1 << 14;
    std::vector<std::unique_ptr<Running>> all;
    std::vector<std::vector<IssuedCommand>> logs(static_cast<std::size_t>(config_.channels));
    for (std::size_t c = 0; c < logs.size(); ++c) {
      all.push_back(start(c));
      all[c]->channel.set_command_log(&logs[c]);
    }
    bool is_running = true, is_partial = false;
    for (Tick end = kWindow; is_running; end += kWindow) {
      is_running = false;
      for (const auto& running : all) {
        const Channel::Progress p = running->channel.run(std::min(end, options_.until));
        is_running = is_running || (p == Channel::Progress::kPaused && end < options_.until);
        is_partial = is_partial || p == Channel::Progress::kInterrupted ||
                     (p == Channel::Progress::kPaused && end >= options_.until);
      }
      if (is_partial) is_running = false;
      hand_over(&logs, is_running ? std::min(end, options_.until) + 1 : kNever, options_);
    }
    RunResult r;
    r.is_partial = is_partial;
    for (const auto& running : all) r.statistics.merge(running->channel.statistics());
    finish_run(config_, &r);
    return r;
  }

  // Four channels, batches of four refresh intervals; the first batch is warm-up.
  RunResult run_sample() {
    constexpr std::size_t kSample = 4, kLeastBatches = 8, kMostBatches = 4000;
    const auto n = static_cast<std::size_t>(config_.channels);
    const Tick batch = 4 * config_.spec.ticks("tREFI");
    std::vector<std::unique_ptr<Running>> sample;
    for (std::size_t k = 0; k < std::min(n, kSample); ++k) {
      sample.push_back(start(k * n / std::min(n, kSample)));
    }
    RunResult r;
    std::vector<double> rates;
    bool is_ended = false;
    for (std::size_t b = 0; b < kMostBatches && !is_ended; ++b) {
      std::int64_t before = 0, after = 0;
      for (const auto& s : sample) {
        before += s->channel.served();
        const Channel::Progress p = s->channel.run(static_cast<Tick>(b + 1) * batch);
        after += s->channel.served();
        is_ended = is_ended || p != Channel::Progress::kPaused;
        r.is_partial = r.is_partial || p == Channel::Progress::kInterrupted;
      }
      if (b > 0 && !is_ended) rates.push_back(static_cast<double>(after - before));
      r.relative_interval = relative_interval(rates);
      if (rates.size() >= kLeastBatches && r.relative_interval <= options_.steady_tolerance) break;
    }
    if (is_ended && !r.is_partial) return run_all();  // too short for a steady state
    for (const auto& s : sample) r.statistics.merge(s->channel.statistics());
    r.simulated_channels = static_cast<int>(sample.size());
    r.simulated_requests = r.statistics.requests();
    if (!is_ended && !rates.empty() && !r.is_partial) {
      extrapolate(config_, traffic_.requests, rates, batch, static_cast<int>(sample.size()), &r);
    } else {
      finish_run(config_, &r);
      r.simulated_channels = static_cast<int>(sample.size());
      r.is_partial = true;
    }
    return r;
  }

  const MemoryConfig& config_;
  const Traffic& traffic_;
  const RunOptions& options_;
  TimingPlan plan_;
  AddressMapping mapping_;
  ChannelMapping channels_;
};

}  // namespace

void hand_over(std::vector<std::vector<IssuedCommand>>* logs, Tick reached,
               const RunOptions& options) {
  std::vector<ChannelCommand> merged;
  for (std::size_t c = 0; c < logs->size(); ++c) {
    std::vector<IssuedCommand>& log = (*logs)[c];
    const auto end = std::find_if(log.begin(), log.end(),
                                  [&](const IssuedCommand& i) { return i.clock >= reached; });
    for (auto i = log.begin(); i != end; ++i) merged.push_back({static_cast<int>(c), *i});
    log.erase(log.begin(), end);
  }
  std::stable_sort(merged.begin(), merged.end(),
                   [](const ChannelCommand& a, const ChannelCommand& b) {
                     return a.command.clock < b.command.clock;
                   });
  options.on_commands(merged);
}

void finish_run(const MemoryConfig& config, RunResult* result) {
  Statistics& s = result->statistics;
  const int most_owed =
      kMostIntervalsOwed * refreshes_per_interval(config.spec, config.controller.refresh);
  if (s.most_postponed > most_owed) {
    throw InputError({}, "refresh", std::to_string(s.most_postponed) + " refreshes owed",
                     "at most " + std::to_string(most_owed) +
                         ", nine tREFI: the timings, the temperature or RAAIMT leave no time");
  }
  result->simulated_channels = config.channels;
  result->simulated_requests = s.requests();
  result->time = config.spec.tick() * static_cast<double>(s.clocks);
  const Tick lanes = Tick{config.channels} * config.spec.organization.pseudo_channels;
  if (result->is_partial) {  // channels got differently far: their mean time
    result->time =
        config.spec.tick() * static_cast<double>(s.bus_ticks) / static_cast<double>(lanes);
    return;
  }
  const Tick idle = s.clocks * lanes - s.bus_ticks;
  s.bus_ticks += idle;
  s.lost[static_cast<std::size_t>(LossCause::kIdle)] += idle;
  s.bank_ticks = s.bus_ticks * config.spec.organization.banks_per_pseudo_channel();
  s.channel_ticks = s.command_bus_ticks = s.clocks * config.channels;
}

double relative_interval(const std::vector<double>& rates) {
  if (rates.size() < 2) return 1;
  double mean = 0, square = 0;
  for (const double x : rates) mean += x / static_cast<double>(rates.size());
  for (const double x : rates) square += (x - mean) * (x - mean);
  const auto n = static_cast<double>(rates.size());
  return mean <= 0 ? 1 : 2.4 * std::sqrt(square / (n - 1) / n) / mean;  // t, 7 or more degrees
}

void extrapolate(const MemoryConfig& config, std::uint64_t requests,
                 const std::vector<double>& rates, Tick batch, int channels, RunResult* r) {
  double rate = 0;
  for (const double x : rates) rate += x / static_cast<double>(rates.size());
  rate *= static_cast<double>(config.channels) / static_cast<double>(channels);
  r->statistics.scale(static_cast<double>(requests) /
                      static_cast<double>(r->statistics.requests()));
  r->statistics.clocks =
      static_cast<Tick>(static_cast<double>(requests) / rate * static_cast<double>(batch));
  r->time = config.spec.tick() * static_cast<double>(r->statistics.clocks);
}

double cpu_seconds() {
  std::timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

RunResult simulate(const MemoryConfig& config, const Traffic& traffic, const RunOptions& options) {
  return Run(config, traffic, options).result();
}

}  // namespace astrolabe::memory
