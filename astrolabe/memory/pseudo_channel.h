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
// Each bank waits for one kind of command and stands in that list (WaitingBanks), in service order.
// The channel asks for the best command at or after a tick; nothing is scanned per clock. The best
// column command, ACT and PREpb are kept between answers: a bank that joins their list is compared
// with them, and the list is gone through again only after a command of that kind, when the best
// left it or when a bus was taken, and only until a bank that may start as soon as any.

#include <algorithm>
#include <array>
#include <cstdint>

#include "astrolabe/memory/dram_device.h"
#include "astrolabe/memory/refresh_state.h"
#include "astrolabe/memory/request_queues.h"
#include "astrolabe/memory/statistics.h"
#include "astrolabe/memory/waiting_banks.h"

namespace astrolabe::memory {

// When a command could start, and its place among others at that tick.
struct Turn {
  Tick at = kNever;
  std::uint64_t key = ~std::uint64_t{0};

  // As one number of two words, which are compared without a branch.
  bool before(const Turn& other) const { return order() < other.order(); }
  __int128 order() const {
    return static_cast<__int128>(static_cast<unsigned __int128>(at) << 64U | key);
  }
};
struct Choice : Turn {
  int bank = -1;
  Command command = Command::kRead;
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
    if (kept(Wait::kColumn).at < floor) {
      direction_ == Direction::kRead ? look<Command::kRead>(floor) : look<Command::kWrite>(floor);
    }
    return kept(Wait::kColumn);
  }
  const Turn& best_row(Tick floor, const RowPairing& pairing) {
    if ((row_.at < floor) | refresh_.is_working()) look_for_row(floor, pairing);
    return row_;
  }

  // The last answers. A column command leaves bank and command of the row's alone.
  const Choice& column() const { return kept(Wait::kColumn); }
  const Turn& row_turn() const { return row_; }
  const Choice& row() const { return kept(row_list_); }

  void add(const Request& request, std::uint64_t key, Tick arrival, Tick now);
  // Returns the request that is served; it stands until the next one is added.
  const RequestQueues::Entry& start_column(int bank, Tick t, Tick floor) {
    return direction_ == Direction::kRead ? serve<Direction::kRead>(bank, t, floor)
                                          : serve<Direction::kWrite>(bank, t, floor);
  }
  // Returns the row of an ACT.
  std::uint32_t start_row(Command command, int bank, Tick t) {
    ++statistics_.commands[index(command)];
    if (command == Command::kActivate) {
      return direction_ == Direction::kRead ? activate<Direction::kRead>(bank, t)
                                            : activate<Direction::kWrite>(bank, t);
    }
    command == Command::kPrecharge ? precharge(bank, t) : start_rare(command, bank, t);
    return RequestQueues::kClosed;
  }
  void choose_direction();
  void begin_refresh() {  // if it is time to
    const Mask work = queues_.with_work(Direction::kRead) | queues_.with_work(Direction::kWrite);
    const Mask begun = refresh_.begin(work, !queues_.empty());
    if (begun != 0) place_refreshed(begun);
  }
  // Of a pseudo-channel without requests and open rows: a command `times` more, and all that it did
  // later by so much.
  void repeat(Command command, std::int64_t times) {
    statistics_.commands[index(command)] += times;
  }
  void shift(Tick by);
  void end(Tick t);  // counts what is left of the data bus and of open banks up to t, and sums

 private:
  // The best of a list, to be looked for again when `at` is kStale or too early.
  struct Kept : Choice {
    Tick soonest = 0;  // that any bank of the list may start when it was looked for
  };
  static constexpr Tick kStale = -1;

  static Mask bit(int bank) { return Mask{1} << static_cast<unsigned>(bank); }
  static Tick rising(Tick t) { return t + (t & 1); }
  std::size_t d() const { return static_cast<std::size_t>(direction_); }
  Kept& kept(Wait list) { return kept_[static_cast<std::size_t>(list)]; }
  const Kept& kept(Wait list) const { return kept_[static_cast<std::size_t>(list)]; }
  template <Wait list>
  Command command_of() const {
    if (list == Wait::kActivate) return Command::kActivate;
    if (list == Wait::kPrecharge) return Command::kPrecharge;
    return static_cast<Command>(direction_);  // RD, WR
  }
  static constexpr Wait list_of(Command command) {
    if (command == Command::kActivate) return Wait::kActivate;
    return command == Command::kPrecharge ? Wait::kPrecharge : Wait::kColumn;
  }
  // On the next edge that may carry the command.
  Tick on_edge(Command command, Tick t) const {
    return command == Command::kPrecharge && may_close_on_falling_ ? t : rising(t);
  }
  // What SID, bank group and bank allow, on an edge that may carry the command: only an ACT waits
  // for what may have started on a falling one, a PREpb (RD and WR never do: dram_spec.cc).
  Tick soonest_of_bank(Command command, int bank) const {
    const Tick t =
        std::max(timing_.earliest_in_group(command, bank), timing_.earliest_in_bank(command, bank));
    return command == Command::kActivate ? rising(t) : t;
  }

  template <Direction direction>
  const RequestQueues::Entry& serve(int bank, Tick t, Tick floor);
  void place(int bank);
  void place_served(int bank, std::uint64_t next_hit);
  void place_all();
  void place_refreshed(Mask banks);
  void forget();
  template <Wait list>
  void enter(int bank, std::uint64_t key);
  template <Wait list>
  void offer(int bank, std::uint64_t key);
  void expire(Wait list) {
    kept(list).at = kStale;
    if (list != Wait::kColumn) row_.at = kStale;
  }
  template <Command command>
  void look(Tick floor);
  void look_for_row(Tick floor, const RowPairing& pairing);
  // Rare: inlined, these two would cost their callers registers.
  [[gnu::noinline]] void offer_early_closing();
  [[gnu::noinline]] void offer_refreshes(Tick floor, const RowPairing& pairing);
  template <Direction direction>
  std::uint32_t activate(int bank, Tick t);  // returns the row
  void precharge(int bank, Tick t);
  void start_rare(Command command, int bank, Tick t);
  Choice refresh_of(int bank, Tick floor, const RowPairing& pairing) const;
  void count_loss(Tick t, const RequestQueues::Entry& entry, Tick floor);
  Tick turnaround_end(std::size_t group) const;
  void note_bypass(int bank, bool is_oldest);
  void note_page_outcome(int bank, std::uint32_t row);
  void close_bank(int bank, Tick t);

  struct BankHistory {
    Tick activate_bank_ready = -kNever, activate_ready = -kNever, activate = -kNever;
    Tick refresh_end = 0;
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
  std::array<Tick, kMostBanks> last_write_of_group_{};
  Tick last_read_ = -kNever, last_write_ = -kNever;
  Tick slot_free_ = 0, empty_until_ = 0, refresh_end_ = 0;
  bool was_empty_ = true;
  WaitingBanks waiting_;
  // By list; of banks that wait for nothing, the refresh in work.
  std::array<Kept, 4> kept_;
  Wait row_list_ = Wait::kNothing;  // whose best is the row command
  Turn row_;                        // its turn
  Statistics statistics_;
};

}  // namespace astrolabe::memory
