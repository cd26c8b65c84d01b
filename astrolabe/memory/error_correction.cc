#include "astrolabe/memory/error_correction.h"

#include <array>

namespace astrolabe::memory {

namespace {

class PartialWrites final : public RequestSource {
 public:
  PartialWrites(std::unique_ptr<RequestSource> source, double share)
      : source_(std::move(source)), share_(share) {}

  std::size_t fill(std::span<Request> requests) override {
    std::size_t n = 0;
    while (n < requests.size()) {
      if (held_) {
        requests[n++] = *held_;
        held_.reset();
        continue;
      }
      if (at_ == size_ && !refill()) break;
      Request& r = requests[n++] = batch_[at_++];
      if (r.is_write == 0) continue;
      due_ += share_;
      if (due_ < 1) continue;
      due_ -= 1;
      held_ = r;
      r.is_write = 0;
    }
    return n;
  }

  bool is_at_end() const override { return source_->is_at_end(); }

 private:
  bool refill() {
    at_ = 0;
    size_ = source_->fill(batch_);
    return size_ > 0;
  }

  std::unique_ptr<RequestSource> source_;
  double share_, due_ = 0;
  std::array<Request, 64> batch_;
  std::size_t at_ = 0, size_ = 0;
  std::optional<Request> held_;
};

double accesses_per_pseudo_channel(const DramSpec& spec) {
  return static_cast<double>(spec.organization.accesses_per_channel()) /
         spec.organization.pseudo_channels;
}

}  // namespace

std::unique_ptr<RequestSource> read_before_partial_writes(std::unique_ptr<RequestSource> source,
                                                          double share) {
  return std::make_unique<PartialWrites>(std::move(source), share);
}

bool has_on_die_scrub(const DramSpec& spec) { return !spec.standard.starts_with("HBM2"); }

double scrubs(const Statistics& s, const DramSpec& spec) {
  if (!has_on_die_scrub(spec)) return 0;
  const double in_self_refresh = static_cast<double>(s.self_refresh_ticks) *
                                 spec.organization.pseudo_channels /
                                 static_cast<double>(spec.ticks("tREFI"));
  return static_cast<double>(s.commands[index(Command::kRefreshAll)]) + in_self_refresh;
}

Duration scrub_round(const DramSpec& spec, Duration interval) {
  return accesses_per_pseudo_channel(spec) * interval;
}

double scrub_bus_share(const DramSpec& spec, Duration round) {
  const Duration busy =
      2 * accesses_per_pseudo_channel(spec) * static_cast<double>(spec.ticks("tBL")) * spec.tick();
  return busy / round;
}

}  // namespace astrolabe::memory
