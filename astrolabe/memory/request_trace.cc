#include "astrolabe/memory/request_trace.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <thread>

namespace astrolabe::memory {

namespace {

constexpr std::size_t kPiece = 1 << 16;

bool parse_address(std::string_view text, std::uint64_t* value) {
  const bool is_hex = text.rfind("0x", 0) == 0;
  if (is_hex) text.remove_prefix(2);
  const auto r = std::from_chars(text.data(), text.data() + text.size(), *value, is_hex ? 16 : 10);
  return !text.empty() && r.ec == std::errc() && r.ptr == text.data() + text.size();
}

// The next word, after a space where one is due; what is left begins with the space after it.
std::string_view next_word(std::string_view* rest) {
  if (!rest->empty() && rest->front() == ' ') rest->remove_prefix(1);
  const std::string_view word = rest->substr(0, rest->find(' '));
  rest->remove_prefix(word.size());
  return word;
}

class TraceRun {
 public:
  TraceRun(const MemoryConfig& config, const std::string& path, std::uint64_t most,
           const RunOptions& options)
      : config_(config),
        options_(options),
        plan_(config.spec),
        mapping_(config.mapping, config.spec.organization, config.mapping_where),
        map_(static_cast<std::uint64_t>(config.channels), config.interleave_bytes / kAccessBytes),
        left_(most == 0 ? ~std::uint64_t{0} : most),
        trace_(path, mapping_.accesses() * map_.channels()),
        sources_(map_.channels()),
        logs_(map_.channels()) {
    const auto n = static_cast<double>(config.channels);
    for (std::size_t c = 0; c < sources_.size(); ++c) {
      channels_.push_back(std::make_unique<Channel>(
          config.spec, plan_, config.controller,
          static_cast<double>(c) / n / config.spec.organization.pseudo_channels));
      channels_[c]->set_source(&sources_[c]);
      channels_[c]->set_interrupt(options.interrupt);
      if (options.on_commands) channels_[c]->set_command_log(&logs_[c]);
    }
  }

  RunResult result() {
    const double before = cpu_seconds();
    bool is_partial = false, is_ended = false;
    while (!is_ended && !is_partial) {
      is_ended = !read_piece();
      is_partial = run_channels();
      hand_over_commands(is_ended || is_partial);
    }
    RunResult r;
    r.is_partial = is_partial;
    for (const auto& c : channels_) r.statistics.merge(c->statistics());
    finish_run(config_, &r);
    r.cpu_seconds = cpu_seconds() - before;
    return r;
  }

 private:
  bool read_piece() {
    const double tick_ns = config_.spec.tick().in(units::nanosecond);
    for (std::size_t k = 0; k < kPiece; ++k) {
      TraceAccess a;
      if (left_ == 0 || !trace_.next(&a)) {
        for (RequestBuffer& s : sources_) s.end();
        return false;
      }
      --left_;
      Request r;
      mapping_.place(map_.local(a.access), &r);
      r.is_write = a.is_write ? 1 : 0;
      r.arrival = static_cast<Tick>(a.arrival_ns / tick_ns);
      r.qos_class = a.qos_class;
      sources_[map_.channel(a.access)].add(1).front() = r;
    }
    return true;
  }

  bool run_channels() {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_interrupted{false};
    const auto work = [&] {
      for (std::size_t c = next++; c < channels_.size(); c = next++) {
        if (channels_[c]->run(options_.until) == Channel::Progress::kInterrupted) {
          is_interrupted = true;
        }
      }
    };
    std::vector<std::thread> threads;
    for (int k = 1; k < options_.threads; ++k) threads.emplace_back(work);
    work();
    for (std::thread& t : threads) t.join();
    return is_interrupted;
  }

  // Commands up to the clock that all channels have reached.
  void hand_over_commands(bool is_last) {
    if (!options_.on_commands) return;
    Tick reached = kNever;
    for (const auto& c : channels_) reached = std::min(reached, c->now());
    hand_over(&logs_, is_last ? kNever : reached, options_);
  }

  const MemoryConfig& config_;
  const RunOptions& options_;
  TimingPlan plan_;
  AddressMapping mapping_;
  ChannelMapping map_;
  std::uint64_t left_;
  RequestTrace trace_;
  std::vector<RequestBuffer> sources_;
  std::vector<std::vector<IssuedCommand>> logs_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

}  // namespace

bool RequestTrace::next(TraceAccess* access) {
  std::string_view line;
  do {
    if (!reader_.next(&line)) return false;
  } while (line.empty() || line.front() == '#');
  const SourcePosition where = reader_.position();
  if (line.size() < 3 || (line[0] != 'R' && line[0] != 'W') || line[1] != ' ') {
    throw InputError(where, "access", "'" + std::string(line.substr(0, 60)) + "'",
                     "R or W, a space, an address");
  }
  access->is_write = line[0] == 'W';
  std::string_view rest = line.substr(2);
  const std::string_view digits = next_word(&rest);
  std::uint64_t address = 0;
  if (!parse_address(digits, &address)) {
    throw InputError(where, "address", "'" + std::string(digits.substr(0, 60)) + "'",
                     "bytes, decimal or 0x hexadecimal");
  }
  access->access = address / kAccessBytes;
  if (access->access >= accesses_) {
    throw InputError(
        where, "address", std::string(digits),
        "less than the memory: " + std::to_string(accesses_ * kAccessBytes) + " bytes");
  }
  access->arrival_ns = 0;
  access->qos_class = 0;
  if (rest.empty()) return true;
  const std::string_view time = next_word(&rest);
  const auto r = std::from_chars(time.data(), time.data() + time.size(), access->arrival_ns);
  if (r.ec != std::errc() || r.ptr != time.data() + time.size() ||
      !(access->arrival_ns >= last_ns_) || access->arrival_ns > 1e15) {
    throw InputError(where, "arrival", "'" + std::string(time.substr(0, 60)) + "'",
                     "nanoseconds, not before the line above");
  }
  last_ns_ = access->arrival_ns;
  if (rest.empty()) return true;
  rest.remove_prefix(1);
  if (rest.size() != 1 || rest[0] < '0' || rest[0] > '3') {
    throw InputError(where, "class", "'" + std::string(rest.substr(0, 60)) + "'", "0 to 3");
  }
  access->qos_class = static_cast<std::uint8_t>(rest[0] - '0');
  return true;
}

RunResult simulate_trace(const MemoryConfig& config, const std::string& path, std::uint64_t most,
                         const RunOptions& options) {
  return TraceRun(config, path, most, options).result();
}

}  // namespace astrolabe::memory
