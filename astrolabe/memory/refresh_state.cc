#include "astrolabe/memory/refresh_state.h"

#include <algorithm>

namespace astrolabe::memory {

RefreshState::RefreshState(const DramSpec& spec, const ControllerSettings& settings, Tick first_due)
    : mode_(settings.refresh),
      postpone_(settings.postpone),
      pull_in_(settings.pull_in),
      raaimt_(settings.raaimt),
      per_interval_(refreshes_per_interval(spec, settings.refresh)) {
  const int banks = spec.organization.banks_per_pseudo_channel();
  all_banks_ = banks == kMostBanks ? ~Mask{0} : bit(banks) - 1;
  turn_ = all_banks_;
  if (mode_ == RefreshMode::kNone) return;
  interval_ = spec.ticks("tREFI") / refresh_rate(settings.temperature_c) / per_interval_;
  next_due_ = first_due % interval_ + interval_;
}

void RefreshState::become_due() {
  ++owed_;
  most_owed_ = std::max(most_owed_, owed_);
  next_due_ += interval_;
}

RefreshState::Mask RefreshState::choose(Mask with_work, bool has_requests) {
  if (mode_ == RefreshMode::kAllBank) {
    if (is_working()) return 0;
    is_all_bank_ = is_time(has_requests);
    if (is_all_bank_) return blocked_ = all_banks_;
  }
  const Mask before = blocked_, managed = to_manage_ & ~blocked_;
  managed_ |= managed;
  to_manage_ &= ~managed;
  blocked_ |= managed;
  while (mode_ == RefreshMode::kPerBank && is_time(has_requests)) {
    const Mask free = turn_ & ~blocked_, idle = free & ~with_work;
    if (free == 0) break;
    blocked_ |= bit(__builtin_ctzll(idle != 0 ? idle : free));
    ++begun_;
  }
  return blocked_ & ~before;
}

void RefreshState::finish(Command command, int bank) {
  if (command == Command::kRefreshAll) {
    --owed_;
    is_all_bank_ = false;
    blocked_ = 0;
    for (int& activates : activates_) activates = std::max(0, activates - raaimt_);
    return;
  }
  blocked_ &= ~bit(bank);
  int& activates = activates_[static_cast<std::size_t>(bank)];
  if (command == Command::kManageBank) {
    managed_ &= ~bit(bank);
    activates = 0;
    return;
  }
  --owed_;
  --begun_;
  turn_ &= ~bit(bank);
  if (turn_ == 0) turn_ = all_banks_;
  activates = std::max(0, activates - raaimt_);
}

void RefreshState::note_activate(int bank) {
  if (raaimt_ == 0) return;
  if (++activates_[static_cast<std::size_t>(bank)] >= raaimt_) to_manage_ |= bit(bank);
}

void RefreshState::skip_until(Tick t) {
  if (mode_ == RefreshMode::kNone) return;
  owed_ = 0;
  while (next_due_ <= t) next_due_ += interval_;
}

}  // namespace astrolabe::memory
