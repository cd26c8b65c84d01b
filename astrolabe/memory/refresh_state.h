#pragma once

// Which refresh one pseudo-channel owes and which it works on.
//
// Every tREFI (all-bank) or tREFI / banks (per bank) one more is due. It is begun at once if there
// is no request, else when more are owed than may be postponed. While one is worked on its bank
// (or all) takes no other command: open rows are closed, then the refresh starts. Per bank, every
// bank has its turn once in a round; within a round banks without requests go first.
// Refresh management (RFM): a bank that was activated RAAIMT times is given a RFMpb in the same
// way. Assumption: all SIDs of a pseudo-channel refresh together in an all-bank refresh.

#include <array>
#include <cstdint>

#include "astrolabe/memory/controller_settings.h"
#include "astrolabe/memory/dram_spec.h"

namespace astrolabe::memory {

class RefreshState {
 public:
  using Mask = std::uint64_t;
  RefreshState(const DramSpec& spec, const ControllerSettings& settings, Tick first_due);

  Tick next_due() const { return next_due_; }
  int owed() const { return owed_; }
  int most_owed() const { return most_owed_; }
  bool is_working() const { return command_ != Command::kRead; }
  bool is_all_bank() const { return command_ == Command::kRefreshAll; }
  Command command() const { return command_; }  // kRead: none
  int bank() const { return bank_; }
  Mask blocked() const { return blocked_; }  // banks that take no other command

  void become_due();
  // Begins a refresh if it is time to; `with_work`: banks with queued requests.
  bool begin(Mask with_work, bool has_requests) {
    if (is_working()) return false;
    const bool is_time = has_requests ? owed_ > postpone_ : owed_ > -pull_in_;
    return (is_time || to_manage_ != 0) && choose(with_work);
  }
  void finish();  // the refresh command started
  void note_activate(int bank);
  void skip_until(Tick t);  // self-refresh looks after itself

 private:
  bool choose(Mask with_work);
  static Mask bit(int bank) { return Mask{1} << static_cast<unsigned>(bank); }

  RefreshMode mode_;
  int postpone_, pull_in_, raaimt_;
  Tick interval_ = kNever, next_due_ = kNever;
  Mask all_banks_, turn_;  // banks whose turn of this round is to come
  int owed_ = 0, most_owed_ = 0, bank_ = -1;
  Command command_ = Command::kRead;
  Mask blocked_ = 0, to_manage_ = 0;
  std::array<int, kMostBanks> activates_{};
};

}  // namespace astrolabe::memory
