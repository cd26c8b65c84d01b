#pragma once

// One HBM channel, event by event: two pseudo-channels that share a row and a column command bus.
//
// At a tick, in this order: refreshes become due and requests arrive; at most one column command
// starts, then at most one row command, each the best of the two schedulers (earliest; at one tick
// the first in service order); then the room they made is filled from the source, whose requests
// are seen from the next tick on. Between such ticks nothing can happen, so the clock jumps to the
// next. The outcome is the same, command by command, as that of stepping through every tick
// (test/cycle_stepped_channel.h).
//
// A closed loop keeps the queues full; an open loop brings each request at its arrival. The source
// is read in order; it may run ahead of a full queue by `kLookAhead` requests per pseudo-channel.
// Power-down and self-refresh: a channel without requests and refreshes in work for so many ticks
// enters them, and leaves when a request arrives or (power-down) a refresh is due.
// Idle rounds of refreshes (tREFI; per bank, all banks once) are simulated until one has the same
// commands as that before it, a round later. No timing and no count reaches further back, so all
// that follow are alike: they are counted, not simulated, but for those next to the next arrival.
// Not if a command log is kept.

#include <atomic>
#include <vector>

#include "astrolabe/memory/pseudo_channel.h"

namespace astrolabe::memory {

struct IssuedCommand {
  Tick clock = 0;
  Command command = Command::kRead;
  std::int8_t pseudo_channel = -1;
  std::int16_t bank = -1;
  std::int32_t row = -1, column = -1;
};

// A read whose data is there, or a write that has its place in the queue.
struct Answer {
  Tick at = 0;
  std::uint32_t requester = 0;
};

class Channel {
 public:
  static constexpr std::size_t kLookAhead = 256;
  enum class Progress : std::uint8_t {
    kFinished,    // all requests of the source are served
    kPaused,      // nothing more to do up to the tick
    kNeedsInput,  // the source has no more for now
    kInterrupted  // from outside, or refreshes are too late
  };

  // `refresh_phase`: how far into its refresh interval the channel starts, 0 to 1.
  Channel(const DramSpec& spec, const TimingPlan& plan, const ControllerSettings& settings,
          double refresh_phase);

  void set_source(RequestSource* source) { source_ = source; }
  // The source has all that arrives up to the tick of a run: the rest is not waited for.
  void set_timely_source(RequestSource* source) {
    source_ = source;
    waits_for_input_ = false;
  }
  void set_command_log(std::vector<IssuedCommand>* log) { log_ = log; }
  void set_interrupt(const std::atomic<bool>* flag) { interrupt_ = flag; }
  void set_answers(std::vector<Answer>* answers) { answers_ = answers; }
  // Runs to the end of the source or until the next event is after `until`.
  Progress run(Tick until = kNever);
  // The statistics, with every data bus counted up to `end` (at least the last burst).
  Statistics statistics(Tick end = 0) const;
  Tick last_burst() const;
  std::int64_t served() const;
  Tick now() const { return now_; }  // nothing more starts before it

 private:
  struct Ring {
    std::array<Request, kLookAhead> items;
    std::size_t begin = 0, end = 0;  // counted on; places are their remainders
    bool empty() const { return begin == end; }
    bool full() const { return end - begin == kLookAhead; }
    const Request& front() const { return items[begin % kLookAhead]; }
    void push(const Request& r) { items[end++ % kLookAhead] = r; }
    void pop() { ++begin; }
  };
  struct Lane {
    Lane(const DramSpec& spec, const TimingPlan& plan, const ControllerSettings& settings, int n,
         Tick first_refresh)
        : controller(spec, plan, settings, n, first_refresh), number(n) {}
    PseudoChannel controller;
    int number;
    Ring waiting;  // read from the source, not yet in a queue
    Tick next_timer = 0;
  };
  enum class Power : std::uint8_t { kUp, kDown, kSelfRefresh };

  struct Next {  // whose commands come first
    Lane *column, *row;
  };
  Next look_again(Lane* first, Lane* last);
  void step(Tick t, const Next& next);
  void start_column(Lane* lane, Tick t);
  void start_row(Lane* lane, Tick t);
  void fill(Lane* lane, Tick t);
  bool pull(const Lane& lane);
  void hand_out();
  void work_timers(Tick t);
  void set_timer(Lane* lane, bool is_awaited);
  bool is_finished() const;
  void log(Tick t, Command command, int lane, int bank, std::int64_t row, std::int32_t column) {
    log_->push_back({t, command, static_cast<std::int8_t>(lane), static_cast<std::int16_t>(bank),
                     static_cast<std::int32_t>(row), column});
  }
  bool is_idle() const;
  bool skip_idle(Tick from, Tick until);
  std::array<Tick*, 13> moved();
  Tick next_power_event() const;
  void change_power(Tick t);
  void wake(Tick t);
  void note_power(Tick t, Command command);

  const DramSpec* spec_;
  ControllerSettings settings_;
  std::vector<Lane> lanes_;
  RequestSource* source_ = nullptr;
  std::vector<IssuedCommand>* log_ = nullptr;
  std::vector<Answer>* answers_ = nullptr;
  const std::atomic<bool>* interrupt_ = nullptr;
  std::array<Request, kLookAhead> batch_;
  std::size_t batch_at_ = 0, batch_size_ = 0;
  bool source_ended_ = false, source_dry_ = false, needs_input_ = false, is_finished_ = false;
  bool waits_for_input_ = true, is_too_late_ = false;
  Tick fill_tick_ = 0;
  std::uint64_t next_key_ = 1;
  Tick now_ = 0, row_free_ = 0, column_free_ = 0, next_timer_ = 0;
  RowPairing pairing_;
  Tick row_bus_ticks_ = 0, column_bus_ticks_ = 0;
  Power power_ = Power::kUp;
  Tick idle_since_ = 0, power_since_ = 0, power_down_ticks_ = 0, self_refresh_ticks_ = 0;
  std::array<std::int64_t, 4> power_commands_{};
};

}  // namespace astrolabe::memory
