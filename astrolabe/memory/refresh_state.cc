#include "astrolabe/memory/refresh_state.h"

#include <algorithm>

namespace astrolabe::memory {

RefreshState::RefreshState(const DramSpec& spec, const ControllerSettings& settings, Tick first_due)
    : mode_(settings.refresh),
      postpone_(settings.postpone),
      pull_in_(settings.pull_in),
      raaimt_(settings.raaimt) {
  const int banks = spec.organization.banks_per_pseudo_channel();
  all_banks_ = banks == kMostBanks ? ~Mask{0} : bit(banks) - 1;
  turn_ = all_banks_;
  if (mode_ == RefreshMode::kNone) return;
  Tick interval = spec.ticks("tREFI");
  if (settings.temperature_c > 95) {
    interval /= 4;
  } else if (settings.temperature_c > 85) {
    interval /= 2;
  }
  if (mode_ == RefreshMode::kPerBank) interval /= banks;
  interval_ = interval;
  next_due_ = first_due % interval_ + interval_;
}

void RefreshState::become_due() {
  ++owed_;
  most_owed_ = std::max(most_owed_, owed_);
  next_due_ += interval_;
}

bool RefreshState::choose(Mask with_work) {
  if (to_manage_ != 0) {
    bank_ = __builtin_ctzll(to_manage_);
    command_ = Command::kManageBank;
    blocked_ = bit(bank_);
    return true;
  }
  if (mode_ == RefreshMode::kNone) return false;
  if (mode_ == RefreshMode::kAllBank) {
    bank_ = -1;
    command_ = Command::kRefreshAll;
    blocked_ = all_banks_;
    return true;
  }
  const Mask idle = turn_ & ~with_work;
  bank_ = __builtin_ctzll(idle != 0 ? idle : turn_);
  command_ = Command::kRefreshBank;
  blocked_ = bit(bank_);
  return true;
}

void RefreshState::finish() {
  if (command_ == Command::kManageBank) {
    to_manage_ &= ~bit(bank_);
    activates_[static_cast<std::size_t>(bank_)] = 0;
  } else {
    --owed_;
  }
  if (command_ == Command::kRefreshBank) {
    turn_ &= ~bit(bank_);
    if (turn_ == 0) turn_ = all_banks_;
    int& activates = activates_[static_cast<std::size_t>(bank_)];
    activates = std::max(0, activates - raaimt_);
  }
  if (command_ == Command::kRefreshAll) {
    for (int& activates : activates_) activates = std::max(0, activates - raaimt_);
  }
  command_ = Command::kRead;
  blocked_ = 0;
  bank_ = -1;
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
