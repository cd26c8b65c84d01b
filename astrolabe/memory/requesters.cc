#include "astrolabe/memory/requesters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <queue>
#include <thread>

#include "astrolabe/base/csv.h"

namespace astrolabe::memory {

namespace {

struct Arrays {
  int read = 0, written = 0;
  int all() const { return read + written; }
};

Arrays arrays_of(const Traffic& traffic) {
  switch (traffic.kind) {
    case Traffic::Kind::kSequential:
      if (traffic.write_every > 1) break;
      return traffic.write_every == 1 ? Arrays{0, 1} : Arrays{1, 0};
    case Traffic::Kind::kCopy:
      return {1, 1};
    case Traffic::Kind::kAllReduce:
      return {2, 1};
    default:
      break;
  }
  throw InputError({}, "--requesters", "with other traffic",
                   "--traffic sequential, sequential_write, copy or all_reduce");
}

struct Warp {
  std::uint64_t number = 0;  // of all in address order
  std::uint32_t open = 0;    // accesses not answered
  Tick last = 0;             // answer
  bool is_writing = false;
};

struct Group {
  int open = 0;                   // warps that have not ended
  double end = 0, may_write = 0;  // ticks
};

// A warp reads or writes, or (its group's first) a group starts.
struct Event {
  enum Kind : std::uint8_t { kStart, kRead, kWrite };
  Tick at = 0;
  std::uint32_t warp = 0;
  Kind kind = kStart;
  bool operator<(const Event& other) const {  // the earliest on top
    return at != other.at ? at > other.at : warp > other.warp;
  }
};

class RequestersRun {
 public:
  RequestersRun(const MemoryConfig& config, const Requesters& requesters, const Traffic& traffic,
                const RunOptions& options)
      : config_(config),
        options_(options),
        traffic_(traffic),
        pieces_(arrays_of(traffic)),
        warps_a_group_(static_cast<std::uint32_t>(requesters.warps)),
        plan_(config.spec),
        mapping_(config.mapping, config.spec.organization, config.mapping_where),
        channels_(static_cast<std::uint64_t>(config.channels),
                  config.interleave_bytes / kAccessBytes),
        memory_(mapping_.accesses() * channels_.channels()),
        piece_(requesters.piece_bytes / kAccessBytes),
        inboxes_(static_cast<std::size_t>(config.channels)),
        answers_(inboxes_.size()) {
    pieces_.read *= requesters.pieces;
    pieces_.written *= requesters.pieces;
    const auto ticks = [&config](Duration d) { return d / config.spec.tick(); };
    path_ = ticks(requesters.path);
    turnover_ = ticks(requesters.turnover);
    issue_ = ticks(requesters.issue);
    ASTROLABE_DEMAND(path_ >= 1 && turnover_ >= 1 && piece_ > 0, "requesters");
    ASTROLABE_DEMAND(config.controller.power_down_after == 0, "a channel that sleeps past a slice");
    const double feedback = pieces_.written == 0 ? path_ + turnover_
                            : pieces_.read == 0  ? turnover_
                                                 : std::min(path_, turnover_);
    slice_ = static_cast<Tick>(feedback);
    const std::uint64_t of_group = piece_ * warps_a_group_ * static_cast<unsigned>(pieces_.all());
    groups_left_ = (traffic.requests + of_group - 1) / of_group;
    const std::uint64_t page = (2U << 20) / kAccessBytes;
    of_array_ = groups_left_ * of_group / static_cast<unsigned>(pieces_.all());
    of_array_ = (of_array_ + page - 1) / page * page;
    make_channels();
    start_groups(static_cast<std::size_t>(requesters.processors) *
                 static_cast<std::size_t>(requesters.groups));
  }

  RunResult result() {
    const double before = cpu_seconds();
    RunResult r;
    if (!run_steady(&r)) {
      while (is_running_) run_slice();
      for (const auto& channel : running_) r.statistics.merge(channel->statistics());
      r.is_partial = is_partial_;
      finish_run(config_, &r);
    }
    r.cpu_seconds = cpu_seconds() - before;
    return r;
  }

 private:
  void make_channels() {
    for (std::size_t c = 0; c < inboxes_.size(); ++c) {
      const double phase = static_cast<double>(c) / static_cast<double>(inboxes_.size()) /
                           config_.spec.organization.pseudo_channels;
      running_.push_back(std::make_unique<Channel>(config_.spec, plan_, config_.controller, phase));
      running_[c]->set_timely_source(&inboxes_[c]);
      running_[c]->set_answers(&answers_[c]);
      running_[c]->set_interrupt(options_.interrupt);
    }
  }

  // Spread over a round, as they are once they have gone on for a while.
  void start_groups(std::size_t n) {
    groups_.resize(n);
    warps_.resize(n * warps_a_group_);
    const double apart = (path_ + turnover_) / static_cast<double>(n);
    for (std::size_t g = 0; g < n; ++g) {
      events_.push({1 + static_cast<Tick>(apart * static_cast<double>(g)),
                    static_cast<std::uint32_t>(g) * warps_a_group_, Event::kStart});
    }
  }

  // Whether its bandwidth was known before it ended: batches of a refresh interval, after a first
  // that is not counted.
  bool run_steady(RunResult* r) {
    constexpr std::size_t kLeastBatches = 8, kMostBatches = 4000;
    if (options_.steady_tolerance <= 0) return false;
    const Tick slices = 1 + config_.spec.ticks("tREFI") / slice_;
    std::vector<double> rates;
    while (rates.size() < kMostBatches) {
      const std::int64_t before = served();
      for (Tick s = 0; s < slices && is_running_; ++s) run_slice();
      if (!is_running_) return false;
      if (before > 0) rates.push_back(static_cast<double>(served() - before));
      r->relative_interval = relative_interval(rates);
      if (rates.size() >= kLeastBatches && r->relative_interval <= options_.steady_tolerance) break;
    }
    for (const auto& channel : running_) r->statistics.merge(channel->statistics());
    r->simulated_channels = config_.channels;
    r->simulated_requests = r->statistics.requests();
    extrapolate(config_, traffic_.requests, rates, slices * slice_, config_.channels, r);
    return true;
  }

  std::int64_t served() const {
    std::int64_t n = 0;
    for (const auto& channel : running_) n += channel->served();
    return n;
  }

  void run_slice() {
    ask(now_ + slice_);
    run_channels(now_ + slice_ - 1);
    now_ += slice_;
    take_answers();
    const bool has_ended = events_.empty() && n_running_ == 0;
    const bool is_over = has_ended || now_ > options_.until;
    is_running_ = !is_over && !is_partial_;
    is_partial_ = is_partial_ || (is_over && !has_ended);
  }

  void run_channels(Tick until) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_interrupted{false};
    const auto work = [&] {
      for (std::size_t c = next++; c < running_.size(); c = next++) {
        if (running_[c]->run(until) == Channel::Progress::kInterrupted) is_interrupted = true;
      }
    };
    std::vector<std::thread> threads;
    const std::size_t extra =
        std::min(running_.size(), static_cast<std::size_t>(options_.threads)) - 1;
    for (std::size_t k = 0; k < extra; ++k) threads.emplace_back(work);
    work();
    for (std::thread& t : threads) t.join();
    is_partial_ = is_partial_ || is_interrupted;
  }

  // All that arrives before `until`.
  void ask(Tick until) {
    while (!events_.empty() && events_.top().at < until) {
      const Event e = events_.top();
      events_.pop();
      ASTROLABE_ASSERT(e.at >= now_, "an answer asks for something before its slice");
      if (e.kind == Event::kStart) {
        start_group(e);
      } else {
        start_warp(e);
      }
    }
  }

  Group& group_of(std::uint32_t warp) { return groups_[warp / warps_a_group_]; }

  void start_group(const Event& e) {
    if (groups_left_ == 0) return;
    --groups_left_;
    ++n_running_;
    group_of(e.warp) = {static_cast<int>(warps_a_group_), 0, 0};
    const bool has_reads = pieces_.read > 0;
    const double apart = issue_ * (has_reads ? pieces_.read : pieces_.written);
    for (std::uint32_t w = 0; w < warps_a_group_; ++w) {
      warps_[e.warp + w].number = next_warp_++;
      events_.push({e.at + static_cast<Tick>(apart * w), e.warp + w,
                    has_reads ? Event::kRead : Event::kWrite});
    }
  }

  void start_warp(const Event& e) {
    Warp& warp = warps_[e.warp];
    warp.is_writing = e.kind == Event::kWrite;
    warp.last = 0;
    const int n = warp.is_writing ? pieces_.written : pieces_.read;
    warp.open = static_cast<std::uint32_t>(n) * static_cast<std::uint32_t>(piece_);
    for (int k = 0; k < n; ++k) {
      const auto array = static_cast<std::uint64_t>(warp.is_writing ? pieces_.read + k : k);
      const std::uint64_t first = array * of_array_ + (warp.number * piece_) % of_array_;
      send(first % memory_, e);
    }
  }

  // A piece, block of a channel by block of a channel.
  void send(std::uint64_t first, const Event& e) {
    const std::uint64_t block = channels_.accesses_per_block();
    for (std::uint64_t left = piece_; left > 0;) {
      const std::uint64_t n = std::min(left, block - first % block);
      const std::span<Request> requests = inboxes_[channels_.channel(first)].add(n);
      mapping_.place(channels_.local(first), requests);
      for (Request& r : requests) {
        r.arrival = e.at;
        r.is_write = e.kind == Event::kWrite;
        r.requester = e.warp;
      }
      left -= n;
      first = (first + n) % memory_;
    }
  }

  void take_answers() {
    done_.clear();
    for (std::vector<Answer>& answers : answers_) {
      for (const Answer& a : answers) {
        Warp& warp = warps_[a.requester];
        warp.last = std::max(warp.last, a.at);
        if (--warp.open == 0) done_.push_back({warp.last, a.requester});
      }
      answers.clear();
    }
    std::sort(done_.begin(), done_.end(), [](const Answer& a, const Answer& b) {
      return a.at != b.at ? a.at < b.at : a.requester < b.requester;
    });
    for (const Answer& a : done_) end_access(a);
  }

  // All that the warp read is there, or all that it wrote is handed over.
  void end_access(const Answer& a) {
    Group& group = group_of(a.requester);
    auto at = static_cast<double>(a.at);
    if (!warps_[a.requester].is_writing) {
      at += path_;
      if (pieces_.written > 0) {
        at = std::max(at, group.may_write);
        group.may_write = at + issue_ * pieces_.written;
        events_.push({static_cast<Tick>(at), a.requester, Event::kWrite});
        return;
      }
    }
    group.end = std::max(group.end, at);
    if (--group.open > 0) return;
    --n_running_;
    events_.push({static_cast<Tick>(group.end + turnover_),
                  a.requester / warps_a_group_ * warps_a_group_, Event::kStart});
  }

  const MemoryConfig& config_;
  const RunOptions& options_;
  const Traffic& traffic_;
  Arrays pieces_;  // of a warp
  std::uint32_t warps_a_group_;
  TimingPlan plan_;
  AddressMapping mapping_;
  ChannelMapping channels_;
  std::uint64_t memory_, piece_, of_array_ = 0, groups_left_ = 0, next_warp_ = 0;  // accesses
  double path_ = 0, turnover_ = 0, issue_ = 0;                                     // ticks
  std::vector<RequestBuffer> inboxes_;  // of the channels, in the order of arrival
  std::vector<std::vector<Answer>> answers_;
  std::vector<std::unique_ptr<Channel>> running_;
  std::priority_queue<Event> events_;
  std::vector<Group> groups_;
  std::vector<Warp> warps_;
  std::vector<Answer> done_;
  Tick slice_ = 1, now_ = 0;
  std::int64_t n_running_ = 0;  // groups
  bool is_running_ = true, is_partial_ = false;
};

double above_zero(const CsvTable& table, const CsvTable::Row& row, const std::string& column,
                  double most) {
  const double v = parse_number(table.cell(row, column), table.position(row), column);
  if (v > 0 && v <= most) return v;
  throw InputError(table.position(row), column, table.cell(row, column),
                   "above 0, at most " + std::to_string(static_cast<int>(most)));
}

}  // namespace

RequesterShape parse_requesters(const std::string& text, const SourcePosition& where,
                                const std::string& key) {
  RequesterShape shape;
  int* const fields[] = {&shape.groups, &shape.threads, &shape.thread_bytes};
  const char *at = text.data(), *end = at + text.size();
  int n = 0;
  bool is_good = true, is_at_end = false;
  while (is_good && !is_at_end && n < 3) {
    int& field = *fields[n++];
    const auto r = std::from_chars(at, end, field);
    is_at_end = r.ptr == end;
    is_good = r.ec == std::errc() && field >= 1 && field <= 4096 && (is_at_end || *r.ptr == 'x');
    at = r.ptr + 1;
  }
  is_good = is_good && is_at_end && n >= 2;
  if (is_good && (shape.thread_bytes == 4 || shape.thread_bytes % 8 == 0)) return shape;
  throw InputError(where, key, text,
                   "BLOCKSxTHREADS or BLOCKSxTHREADSxBYTES such as 2x1024x64; bytes: 4 or a "
                   "multiple of 8");
}

Requesters load_requesters(const std::string& data_dir, const MemoryConfig& config,
                           const RequesterShape& shape, const SourcePosition& where,
                           const std::string& key) {
  const CsvTable table = CsvTable::read(data_dir + "/memory/requesters.csv");
  std::vector<std::string> names;
  for (const CsvTable::Row& row : table.rows()) {
    names.push_back(table.cell(row, "product"));
    if (names.back() != config.name) continue;
    const auto number = [&](const char* column, double most) {
      return above_zero(table, row, column, most);
    };
    const int resident = static_cast<int>(number("threads", 65536));
    if (shape.groups * shape.threads > resident) {
      throw InputError(where, key, std::to_string(shape.groups * shape.threads) + " threads",
                       "at most " + std::to_string(resident) + " on a processor of " + config.name);
    }
    Requesters r;
    r.processors = static_cast<int>(number("processors", 4096));
    r.groups = shape.groups;
    const int warp = static_cast<int>(number("warp", 1024));
    const int active = std::min(warp, shape.threads), piece = std::min(8, shape.thread_bytes);
    r.warps = (shape.threads + warp - 1) / warp;
    r.piece_bytes = static_cast<std::uint64_t>(std::max(kAccessBytes, active * piece));
    r.piece_bytes -= r.piece_bytes % kAccessBytes;
    r.pieces = shape.thread_bytes / piece;
    const DramSpec& spec = config.spec;
    const Duration dram = spec.tick() * static_cast<double>(spec.ticks("tRCDRD") +
                                                            spec.ticks("tCL") + spec.ticks("tBL"));
    r.path = number("read_ns", 1e6) * units::nanosecond - dram;
    if (r.path <= Duration()) {
      throw InputError(table.position(row), "read_ns", table.cell(row, "read_ns"),
                       "more than the DRAM alone");
    }
    r.turnover = number("turnover_ns", 1e6) * units::nanosecond;
    r.issue = number("issue_ns", 1e6) * units::nanosecond;
    return r;
  }
  throw InputError(where, key, "for " + config.name,
                   "a product of requesters.csv: " + join_alternatives(names, 20));
}

RunResult simulate_requesters(const MemoryConfig& config, const Requesters& requesters,
                              const Traffic& traffic, const RunOptions& options) {
  return RequestersRun(config, requesters, traffic, options).result();
}

}  // namespace astrolabe::memory
