#pragma once

// The scheduler of one pseudo-channel: FR-FCFS over its own read and write queue.
//
//   Direction: writes once the write queue is at its high watermark or there are no reads, until
//   it is at its low watermark with reads waiting, or empty.
//   Column command: of the requests of the direction whose row is open, the one whose timings allow
//   it first; of several at that tick, the first in service order. A bank that served `hit_cap`
//   younger hits past its oldest request serves no more of them.
//   Row command: the refresh in work; else for the oldest request of each bank without a hit an ACT
//   or a PREpb, chosen likewise; else a row that the page policy wants closed.
//
// The channel asks for the best command at or after a tick; nothing is scanned per clock. The best
// column command, ACT and PREpb are kept between answers: what becomes possible is compared with
// them, and banks are gone through again only after a command of that kind or when a bus was taken.

#include <algorithm>
#include <array>
#include <cstdint>

#include "astrolabe/memory/dram_device.h"
#include "astrolabe/memory/refresh_state.h"
#include "astrolabe/memory/request_queues.h"
#include "astrolabe/memory/statistics.h"

namespace astrolabe::memory {

// A command that could start at `at`, and its order among others at that tick.
struct Choice {
  Tick at = kNever;
  std::uint64_t key = ~std::uint64_t{0};
  int bank = -1;
  Command command = Command::kRead;

  bool before(const Choice& other) const {
    return at != other.at ? at < other.at : key < other.key;
  }
};

// The best of the candidates that were offered.
struct BestChoice : Choice {
  std::uint64_t oldest = ~std::uint64_t{0};  // the least key of all candidates

  bool offer(Tick t, std::uint64_t k, int b) {
    oldest = std::min(oldest, k);
    if (t > at || (t == at && k >= key)) return false;
    at = t;
    key = k;
    bank = b;
    return true;
  }
  // No candidate may start before `t` any more. The oldest stays the best without another look.
  bool wait(Tick t) {
    if (key != oldest) return false;
    at = t;
    return true;
  }
};

// What a falling edge may not carry: PREab right after a row command to the same pseudo-channel.
struct RowPairing {
  Tick falling_edge = -1;
  int pseudo_channel = -1;
};

class PseudoChannel {
 public:
  using Mask = RequestQueues::Mask;
  PseudoChannel(const DramSpec& spec, const TimingPlan& plan, const ControllerSettings& settings,
                int number, Tick first_refresh);

  RequestQueues& queues() { return queues_; }
  const RequestQueues& queues() const { return queues_; }
  RefreshState& refresh() { return refresh_; }
  const RefreshState& refresh() const { return refresh_; }
  const Statistics& statistics() const { return statistics_; }
  DeviceTiming& timing() { return timing_; }

  const Choice& best_column(Tick floor) {
    column_floor_ = floor;
    if (column_changed_ || (column_.at < floor && !column_.wait(rising(floor)))) look_for_column();
    return column_;
  }
  const Choice& best_row(Tick floor, const RowPairing& pairing) {
    if (activate_changed_ || precharge_changed_ || row_.at < floor || row_offered_ ||
        refresh_.is_working()) {
      look_for_row(floor, pairing);
    }
    return row_;
  }

  // The last answers.
  const Choice& column() const { return column_; }
  const Choice& row() const { return row_; }

  void add(const Request& request, std::uint64_t key, Tick arrival, Tick now);
  // Returns the request that is served; it stands until the next one is added.
  const RequestQueues::Entry& start_column(const Choice& choice, Tick floor);
  // Returns the row of an ACT.
  std::uint32_t start_row(const Choice& choice);
  void choose_direction();
  void end(Tick t);  // counts what is left of the data bus and of open banks up to t
  void forget() { column_changed_ = activate_changed_ = precharge_changed_ = true; }

 private:
  static Mask bit(int bank) { return Mask{1} << static_cast<unsigned>(bank); }
  static Tick rising(Tick t) { return t + (t & 1); }
  std::size_t d() const { return static_cast<std::size_t>(direction_); }

  Mask banks_with_hit() const {
    return queues_.with_hit(direction_) & ~capped_[d()] & ~refresh_.blocked();
  }
  Mask banks_to_close() const;
  void look_for_column();
  void look_for_row(Tick floor, const RowPairing& pairing);
  void look_for_activate();
  void look_for_precharge();
  void offer_column(int bank);
  void offer_activate(int bank);
  void offer_precharge(int bank);
  Tick column_floor(Command command) const;
  Tick activate_floor() const;
  Tick column_at(Tick floor, Command command, int bank) const;
  Tick precharge_at(int bank) const;
  void note_activate(int bank, Tick t);
  Choice refresh_choice(Tick floor, const RowPairing& pairing) const;
  void count_loss(Tick t, const RequestQueues::Entry& entry, Tick floor);
  Tick turnaround_end(int group) const;
  void note_bypass(int bank, bool is_oldest);
  void note_page_outcome(int bank, std::uint32_t row);
  void close_bank(int bank, Tick t);

  struct BankHistory {
    Tick activate_bank_ready = -kNever, activate_ready = -kNever, activate = -kNever;
    Tick refresh_end = 0, opened = 0;
    std::uint32_t last_row = RequestQueues::kClosed;
    int bypassed = 0;
    std::uint8_t keep_open = 2;  // two-bit counter
  };

  const DramSpec* spec_;
  ControllerSettings settings_;
  int number_;
  std::size_t high_, low_;
  Tick slot_, tCL_, tCWL_, tWTRS_, tWTRL_, tRTW_, tRCDRD_, tRCDWR_, tRFCab_, tRFCpb_,
      activate_offset_;
  bool may_close_on_falling_;
  DeviceTiming timing_;
  RequestQueues queues_;
  RefreshState refresh_;
  Direction direction_ = Direction::kRead;
  std::array<Mask, 2> capped_{};
  Mask closes_early_ = 0;
  std::array<BankHistory, kMostBanks> history_{};
  std::array<Tick, 32> last_write_of_group_{};
  Tick last_read_ = -kNever, last_write_ = -kNever;
  Tick slot_free_ = 0, empty_until_ = 0, refresh_end_ = 0;
  bool was_empty_ = true;
  BestChoice column_, activate_, precharge_;
  Choice row_;
  Tick column_floor_ = 0, row_floor_ = 0;
  bool column_changed_ = true, activate_changed_ = true, precharge_changed_ = true;
  bool row_offered_ = true;
  Statistics statistics_;
};

}  // namespace astrolabe::memory
