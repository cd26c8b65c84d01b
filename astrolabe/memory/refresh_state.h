#pragma once

// Which refresh one pseudo-channel owes and which it works on.
//
// Every tREFI (all-bank) or tREFI / banks (per bank) one more is due. It is begun at once if there
// is no request, else when more are owed than may be postponed. While one is worked on its bank
// (or all) takes no other command: open rows are closed, then the refresh starts. Per bank, every
// bank has its turn once in a round; within a round banks without requests go first; as many banks
// are worked on side by side as are due, since one alone takes up to tRC to close and a hot DRAM
// is given less. Refresh management (RFM): a bank that was activated RAAIMT times is given a RFMpb
// in the same way. More than nine tREFI owed are too late: the DRAM would lose its data.
// Assumption: all SIDs of a pseudo-channel refresh together in an all-bank refresh.

#include <array>
#include <cstdint>

#include "astrolabe/memory/controller_settings.h"
#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

// Refreshes that are due in one tREFI.
inline int refreshes_per_interval(const DramSpec& spec, RefreshMode mode) {
  return mode == RefreshMode::kPerBank ? spec.organization.banks_per_pseudo_channel() : 1;
}
// A refresh may be postponed by eight tREFI [jesd238].
inline constexpr int kMostIntervalsOwed = 9;

class RefreshState {
 public:
  using Mask = std::uint64_t;
  RefreshState(const DramSpec& spec, const ControllerSettings& settings, Tick first_due);

  Tick next_due() const { return next_due_; }
  // After it each bank was refreshed once; kNever without refreshes.
  Tick round() const {
    return mode_ == RefreshMode::kPerBank ? interval_ * per_interval_ : interval_;
  }
  int owed() const { return owed_; }
  int most_owed() const { return most_owed_; }
  bool is_too_late() const { return owed_ > kMostIntervalsOwed * per_interval_; }
  bool is_working() const { return blocked_ != 0; }
  bool is_all_bank() const { return is_all_bank_; }
  Mask blocked() const { return blocked_; }  // banks in work: they take no other command
  // What a bank in work is to be given.
  Command command(int bank) const {
    return (managed_ & bit(bank)) != 0 ? Command::kManageBank : Command::kRefreshBank;
  }

  void become_due();
  // Begins what it is time for; `with_work`: banks with queued requests. Returns the banks.
  Mask begin(Mask with_work, bool has_requests) {
    return is_time(has_requests) || to_manage_ != 0 ? choose(with_work, has_requests) : 0;
  }
  void finish(Command command, int bank);  // it started
  void note_activate(int bank);
  void shift(Tick by) { next_due_ += by; }
  void skip_until(Tick t);  // self-refresh looks after itself

 private:
  bool is_time(bool has_requests) const {
    const int left = owed_ - begun_;
    if (has_requests) return left > postpone_;
    return left > 0 || (left > -pull_in_ && !is_working());
  }
  Mask choose(Mask with_work, bool has_requests);
  static Mask bit(int bank) { return Mask{1} << static_cast<unsigned>(bank); }

  RefreshMode mode_;
  int postpone_, pull_in_, raaimt_, per_interval_;
  Tick interval_ = kNever, next_due_ = kNever;
  Mask all_banks_, turn_;  // banks whose turn of this round is to come
  int owed_ = 0, begun_ = 0, most_owed_ = 0;
  bool is_all_bank_ = false;
  Mask blocked_ = 0, to_manage_ = 0, managed_ = 0;
  std::array<int, kMostBanks> activates_{};
};

}  // namespace astrolabe::memory
