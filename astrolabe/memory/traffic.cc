#include "astrolabe/memory/traffic.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "astrolabe/base/error.h"
#include "astrolabe/memory/error_correction.h"

namespace astrolabe::memory {

namespace {

constexpr std::uint64_t kPage = 65536 / kAccessBytes;

std::uint64_t accesses_of(Bytes bytes) {
  return static_cast<std::uint64_t>(std::ceil(bytes.in(kAccessBytes * units::byte)));
}

// The series of segments of a traffic, the same for every channel.
class Pattern {
 public:
  Pattern(const Traffic& traffic, std::uint64_t accesses)
      : traffic_(traffic), accesses_(accesses), left_(traffic.requests), random_(traffic.seed, 0) {
    footprint_ = accesses;
    size_ = std::max<std::uint64_t>(1, traffic.bytes / kAccessBytes);
    if (traffic.footprint_gib > 0) {
      const double wanted = traffic.footprint_gib * 1073741824.0 / kAccessBytes;
      footprint_ = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, accesses);
    }
  }

  bool next(Segment* s) {
    if (left_ == 0) return false;
    if (traffic_.kind == Traffic::Kind::kStride) {  // every channel goes through all of them
      --left_;
      *s = {step_, 1, traffic_.write_every == 1};
      step_ += size_;
      if (step_ >= accesses_) step_ %= accesses_;
      return true;
    }
    *s = draw();
    s->accesses = std::min(s->accesses, left_);
    left_ -= s->accesses;
    return true;
  }

 private:
  Segment take(std::uint64_t region, std::uint64_t n, bool is_write) {
    // Region r of four starts at a quarter of the memory.
    const std::uint64_t quarter = accesses_ / 4;
    const Segment s{region * quarter + at_[region] % std::max<std::uint64_t>(1, quarter), n,
                    is_write};
    at_[region] += n;
    return s;
  }

  Segment draw() {
    const std::uint64_t n = size_;
    const bool writes_all = traffic_.write_every == 1;
    switch (traffic_.kind) {
      case Traffic::Kind::kSequential:
        return {0, left_, writes_all};
      case Traffic::Kind::kStride:
        break;
      case Traffic::Kind::kRandom:
        return {random_.below(footprint_), 1, writes_all};
      case Traffic::Kind::kCopy:
        turn_ = (turn_ + 1) % 2;
        return take(turn_, n, turn_ == 0);
      case Traffic::Kind::kAllReduce:
        turn_ = (turn_ + 1) % 3;
        return take(turn_, n, turn_ == 0);
      case Traffic::Kind::kWeights:
        return take(0, n, false);
      case Traffic::Kind::kGather:
        return {random_.below(std::max<std::uint64_t>(1, footprint_ / n)) * n, n, writes_all};
      case Traffic::Kind::kOperators:
        return draw_operator();
    }
    return {};
  }

  // An operator's streams in turn, a page of each at a time, in proportion.
  Segment draw_operator() {
    for (;;) {
      const OperatorTraffic& o = traffic_.operators[op_ % traffic_.operators.size()];
      const std::array<std::uint64_t, 3> whole = {accesses_of(o.streamed), accesses_of(o.gathered),
                                                  accesses_of(o.written)};
      std::size_t best = 3;
      double least = 1;
      for (std::size_t k = 0; k < 3; ++k) {
        if (whole[k] == 0 || done_[k] >= whole[k]) continue;
        const double share = static_cast<double>(done_[k]) / static_cast<double>(whole[k]);
        if (share < least) {
          least = share;
          best = k;
        }
      }
      if (best == 3) {
        done_ = {};
        ++op_;
        continue;
      }
      const std::uint64_t page =
          o.page.base() > 0 ? std::max<std::uint64_t>(1, accesses_of(o.page)) : kPage;
      const std::uint64_t n = std::min(page, whole[best] - done_[best]);
      done_[best] += n;
      if (best == 1) {
        return {random_.below(std::max<std::uint64_t>(1, footprint_ / page)) * page, n, false};
      }
      return take(best, n, best == 2);
    }
  }

  Traffic traffic_;
  std::uint64_t accesses_, left_, footprint_ = 0, size_ = 1;  // of a segment or stride
  RandomStream random_;
  std::uint64_t step_ = 0, turn_ = 0, op_ = 0;
  std::array<std::uint64_t, 4> at_{};
  std::array<std::uint64_t, 3> done_{};
};

// A channel's part of the series.
class SegmentSource final : public RequestSource {
 public:
  SegmentSource(const Traffic& traffic, const AddressMapping& mapping,
                const ChannelMapping& channels, std::uint64_t channel, Duration tick)
      : pattern_(traffic, mapping.accesses() * channels.channels()),
        mapping_(&mapping),
        channels_(channels),
        channel_(channel),
        memory_(mapping.accesses() * channels.channels()),
        write_every_(static_cast<std::uint64_t>(traffic.write_every)),
        arrivals_(traffic.seed, channel + 1) {
    if (traffic.rate_gb_per_s > 0) {
      const double ns = kAccessBytes * static_cast<double>(channels.channels()) /
                        traffic.rate_gb_per_s;  // between arrivals of the channel
      mean_ticks_ = ns / tick.in(units::nanosecond);
    }
  }

  std::size_t fill(std::span<Request> requests) override {
    std::size_t n = 0;
    while (n < requests.size()) {
      if (at_ == end_ && !next_block()) break;
      const auto run = requests.subspan(
          n, static_cast<std::size_t>(std::min<std::uint64_t>(requests.size() - n, end_ - at_)));
      mapping_->place(local_, run);
      const bool is_write = segment_.is_write;
      for (Request& r : run) {
        r.arrival = 0;
        r.is_write = is_write;
      }
      if (write_every_ > 1) spread_writes(run);
      if (mean_ticks_ > 0) spread_arrivals(run);
      at_ += run.size();
      local_ += run.size();
      n += run.size();
    }
    return n;
  }

 private:
  void spread_writes(std::span<Request> run) const {
    std::uint64_t turn = at_ % write_every_;
    for (Request& r : run) {
      r.is_write = ++turn == write_every_;
      if (turn == write_every_) turn = 0;
    }
  }
  void spread_arrivals(std::span<Request> run) {
    for (Request& r : run) {
      clock_ += mean_ticks_ * arrivals_.exponential();
      r.arrival = static_cast<Tick>(clock_) + 1;
    }
  }

  // The next run of accesses of this channel within the series.
  bool next_block() {
    for (;;) {
      if (group_ >= group_end_ && !next_segment()) return false;
      const std::uint64_t g = group_++, block = channels_.block_of(channel_, g);
      const std::uint64_t begin = std::max(block, segment_.first);
      const std::uint64_t end =
          std::min(block + channels_.accesses_per_block(), segment_.first + segment_.accesses);
      if (begin >= end) continue;
      at_ = begin;
      end_ = end;
      local_ = channels_.local(begin);
      if (local_ >= mapping_->accesses()) local_ %= mapping_->accesses();
      return true;
    }
  }

  // The next segment that may be of this channel.
  bool next_segment() {
    for (;;) {
      if (rest_.accesses == 0 && !pattern_.next(&rest_)) return false;
      // A segment that goes past the end of the memory begins again at its start.
      const std::uint64_t first = rest_.first < memory_ ? rest_.first : rest_.first % memory_;
      const std::uint64_t accesses = std::min(rest_.accesses, memory_ - first);
      const std::uint64_t last = first + accesses - 1;
      rest_.first = 0;
      rest_.accesses -= accesses;
      const bool is_in_block = accesses == 1 || channels_.block(first) == channels_.block(last);
      if (is_in_block && channels_.channel(first) != channel_) continue;
      segment_ = {first, accesses, rest_.is_write};
      group_ = channels_.group(first);
      group_end_ = channels_.group(last) + 1;
      return true;
    }
  }

  Pattern pattern_;
  const AddressMapping* mapping_;
  ChannelMapping channels_;
  std::uint64_t channel_, memory_, write_every_;
  RandomStream arrivals_;
  double mean_ticks_ = 0, clock_ = 0;
  Segment segment_, rest_;
  std::uint64_t group_ = 0, group_end_ = 0, at_ = 0, end_ = 0, local_ = 0;
};

// Random accesses need no common series: each channel draws its own share.
class RandomSource final : public RequestSource {
 public:
  RandomSource(const Traffic& traffic, const AddressMapping& mapping,
               const ChannelMapping& channels, std::uint64_t channel, Duration tick)
      : mapping_(&mapping),
        footprint_(mapping.accesses()),
        left_(traffic.requests / channels.channels() +
              (channel < traffic.requests % channels.channels() ? 1 : 0)),
        write_every_(static_cast<std::uint64_t>(traffic.write_every)),
        random_(traffic.seed, channel + 1) {
    const auto n = static_cast<double>(channels.channels());
    if (traffic.footprint_gib > 0) {
      const double wanted = traffic.footprint_gib * 1073741824.0 / kAccessBytes / n;
      footprint_ = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, footprint_);
    }
    if (traffic.rate_gb_per_s > 0) {
      mean_ticks_ = kAccessBytes * n / traffic.rate_gb_per_s / tick.in(units::nanosecond);
    }
  }

  std::size_t fill(std::span<Request> requests) override {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(requests.size(), left_));
    for (Request& r : requests.first(n)) {
      r = {};
      // The high half of footprint x 64 random bits: uniform to footprint / 2^64.
      const auto product = static_cast<unsigned __int128>(random_.next()) * footprint_;
      mapping_->place(static_cast<std::uint64_t>(product >> 64U), &r);
      if (write_every_ > 0) r.is_write = random_.below(write_every_) == 0;
      if (mean_ticks_ > 0) {
        clock_ += mean_ticks_ * random_.exponential();
        r.arrival = static_cast<Tick>(clock_) + 1;
      }
    }
    left_ -= n;
    return n;
  }

 private:
  const AddressMapping* mapping_;
  std::uint64_t footprint_, left_, write_every_;
  RandomStream random_;
  double mean_ticks_ = 0, clock_ = 0;
};

struct Named {
  const char* name;
  Traffic::Kind kind;
  std::uint64_t bytes;
  int write_every;
};
constexpr std::array<Named, 13> kNamed = {{
    {"sequential", Traffic::Kind::kSequential, 0, 0},
    {"sequential_write", Traffic::Kind::kSequential, 0, 1},
    {"mixed21", Traffic::Kind::kSequential, 0, 3},
    {"mixed11", Traffic::Kind::kSequential, 0, 2},
    {"random", Traffic::Kind::kRandom, 0, 0},
    {"random_write", Traffic::Kind::kRandom, 0, 1},
    {"random21", Traffic::Kind::kRandom, 0, 3},
    {"copy", Traffic::Kind::kCopy, 4096, 0},
    {"weights", Traffic::Kind::kWeights, 16384, 0},
    {"kv_gather", Traffic::Kind::kGather, 65536, 0},
    {"moe_gather", Traffic::Kind::kGather, 8388608, 0},
    {"all_reduce", Traffic::Kind::kAllReduce, 8192, 0},
    {"checkpoint", Traffic::Kind::kSequential, 0, 1},
}};

// "4096", "4k" or "2m" as bytes; 0 if it is neither.
std::uint64_t parse_bytes(std::string_view text) {
  std::uint64_t factor = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'm')) {
    factor = text.back() == 'k' ? 1024 : 1048576;
    text.remove_suffix(1);
  }
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return 0;
  return value > (std::uint64_t{1} << 40) ? 0 : value * factor;
}

}  // namespace

std::uint64_t OperatorTraffic::accesses() const {
  return accesses_of(streamed) + accesses_of(gathered) + accesses_of(written);
}

std::vector<std::string> traffic_names() {
  std::vector<std::string> names = {"stride4k", "kv_gather:BYTES", "moe_gather:BYTES"};
  for (const Named& n : kNamed) names.emplace_back(n.name);
  return names;
}

Traffic parse_traffic(const std::string& name) {
  Traffic traffic;
  const std::size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  const std::uint64_t given = colon == std::string::npos ? 0 : parse_bytes(name.substr(colon + 1));
  if (kind.rfind("stride", 0) == 0) {
    traffic.kind = Traffic::Kind::kStride;
    traffic.bytes = parse_bytes(kind.substr(6));
    if (traffic.bytes >= kAccessBytes && colon == std::string::npos) return traffic;
  }
  for (const Named& n : kNamed) {
    if (kind != n.name) continue;
    const bool has_size = n.kind == Traffic::Kind::kGather || n.kind == Traffic::Kind::kCopy;
    if (colon != std::string::npos && (!has_size || given < kAccessBytes)) break;
    traffic.kind = n.kind;
    traffic.bytes = colon == std::string::npos ? n.bytes : given;
    traffic.write_every = n.write_every;
    return traffic;
  }
  const std::string nearest = nearest_word(name, traffic_names());
  throw InputError({}, "--traffic", name + (nearest.empty() ? "" : " (nearest: " + nearest + ")"),
                   join_alternatives(traffic_names(), 20) + "; sizes of 32 bytes or more");
}

std::unique_ptr<RequestSource> make_source(const Traffic& traffic, const AddressMapping& mapping,
                                           const ChannelMapping& channels, std::uint64_t channel,
                                           Duration tick) {
  ASTROLABE_DEMAND(traffic.kind != Traffic::Kind::kOperators || !traffic.operators.empty(),
                   "operators");
  std::unique_ptr<RequestSource> source;
  if (traffic.kind == Traffic::Kind::kRandom) {
    source = std::make_unique<RandomSource>(traffic, mapping, channels, channel, tick);
  } else {
    source = std::make_unique<SegmentSource>(traffic, mapping, channels, channel, tick);
  }
  if (traffic.partial_writes <= 0) return source;
  return read_before_partial_writes(std::move(source), traffic.partial_writes);
}

}  // namespace astrolabe::memory
