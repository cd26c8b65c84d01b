#pragma once

// The plain reference of Channel: every tick is stepped through, every queued request looked at,
// every constraint row checked against the last start of each command on each bank. Nothing of it
// is event-driven, and no timing state is shared with the simulator (the bookkeeping of which
// refresh is owed is: RefreshState). Slow, short, and the definition of right.

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "astrolabe/memory/channel.h"
#include "astrolabe/memory/test/plain_lane.h"

namespace astrolabe::memory {

class CycleSteppedChannel {
 public:
  CycleSteppedChannel(const DramSpec& spec, const ControllerSettings& settings,
                      std::vector<Request> requests)
      : spec_(spec), settings_(settings), requests_(requests.begin(), requests.end()) {
    for (int p = 0; p < spec.organization.pseudo_channels; ++p) {
      const double phase = static_cast<double>(p) / spec.organization.pseudo_channels;
      const auto first = static_cast<Tick>(phase * static_cast<double>(spec.ticks("tREFI")));
      lanes_.emplace_back(spec_, RefreshState(spec, settings, first));
      lanes_.back().banks.resize(
          static_cast<std::size_t>(spec.organization.banks_per_pseudo_channel()));
      const auto share = [&](std::size_t n) {
        return std::max<std::size_t>(
            1, n / static_cast<std::size_t>(spec.organization.pseudo_channels));
      };
      lanes_.back().room[0] = share(settings.read_queue);
      lanes_.back().room[1] = share(settings.write_queue);
    }
  }

  std::vector<IssuedCommand> run() {
    for (std::size_t p = 0; p < lanes_.size(); ++p) fill(p, 0);
    for (Tick t = 0; !is_finished(); ++t) step(t);
    return log_;
  }

 private:
  using Queued = PlainRequest;
  using Bank = PlainBank;
  using Lane = PlainLane;
  struct Pick {
    std::size_t lane = 0;
    Command command = Command::kRead;
    int bank = -1;
    std::uint64_t key = ~std::uint64_t{0};
    bool is_set = false;
  };

  bool is_finished() const {
    if (!requests_.empty()) return false;
    for (const Lane& l : lanes_) {
      if (!l.waiting.empty() || !l.queue[0].empty() || !l.queue[1].empty()) return false;
    }
    return true;
  }

  // Requests of a lane's direction that wait for a bank, in service order.
  const Queued* oldest(const Lane& l, int bank, bool must_hit) const {
    const Queued* best = nullptr;
    for (const Queued& q : l.queue[l.direction]) {
      if (q.request.bank != bank) continue;
      if (must_hit && l.banks[static_cast<std::size_t>(bank)].row != q.request.row) continue;
      if (best == nullptr || q.key < best->key) best = &q;
    }
    return best;
  }

  void consider(Pick* best, std::size_t lane, Command command, int bank, std::uint64_t key) const {
    if (best->is_set && key >= best->key) return;
    *best = {lane, command, bank, key, true};
  }

  void step(Tick t) {
    work_timers(t);
    std::size_t served = lanes_.size();
    if (t % 2 == 0 && t >= column_free_) served = step_column(t);
    if (t >= row_free_) step_row(t);
    if (served < lanes_.size()) {
      fill(served, t);
      Lane& l = lanes_[served];
      if (l.queue[0].empty() && l.queue[1].empty()) l.refresh.begin(0, false);
    }
  }

  std::size_t step_column(Tick t) {
    Pick best;
    for (std::size_t p = 0; p < lanes_.size(); ++p) {
      const Lane& l = lanes_[p];
      const Command command = l.direction == 0 ? Command::kRead : Command::kWrite;
      for (int b = 0; b < static_cast<int>(l.banks.size()); ++b) {
        const Queued* hit = oldest(l, b, true);
        if (hit == nullptr || is_blocked(l, b)) continue;
        if (l.banks[static_cast<std::size_t>(b)].capped[l.direction]) continue;
        if (l.timing.is_legal(command, b, t)) consider(&best, p, command, b, hit->key);
      }
    }
    if (!best.is_set) return lanes_.size();
    Lane& l = lanes_[best.lane];
    Bank& bank = l.banks[static_cast<std::size_t>(best.bank)];
    const Queued hit = *oldest(l, best.bank, true);
    const bool is_oldest = oldest(l, best.bank, false)->key == hit.key;
    bank.shared_bypass = is_oldest ? 0 : bank.shared_bypass + 1;
    if (settings_.hit_cap > 0 && bank.shared_bypass >= settings_.hit_cap) {
      bank.capped[l.direction] = true;
    }
    start(best, t, static_cast<std::int32_t>(hit.request.row), hit.request.column);
    column_free_ = t + 2;
    auto& queue = l.queue[l.direction];
    queue.erase(std::find_if(queue.begin(), queue.end(),
                             [&](const Queued& q) { return q.key == hit.key; }));
    return best.lane;
  }

  void consider_refresh(Pick* best, std::size_t p, Tick t) const {
    const Lane& l = lanes_[p];
    if (l.refresh.is_all_bank()) {
      const bool any_open = std::any_of(l.banks.begin(), l.banks.end(),
                                        [](const Bank& b) { return b.row.has_value(); });
      const bool is_paired = t % 2 == 1 && t == pairing_edge_ && pairing_lane_ == p;
      if (any_open && is_paired) return;
      const Command command = any_open ? Command::kPrechargeAll : Command::kRefreshAll;
      if (may_start(command, t) && l.timing.is_legal(command, -1, t)) {
        consider(best, p, command, -1, 0);
      }
      return;
    }
    for (int b = 0; b < static_cast<int>(l.banks.size()); ++b) {
      if (!is_blocked(l, b)) continue;
      const bool is_open = l.banks[static_cast<std::size_t>(b)].row.has_value();
      const Command command = is_open ? Command::kPrecharge : l.refresh.command(b);
      if (may_start(command, t) && l.timing.is_legal(command, b, t)) {
        consider(best, p, command, b, 0);
      }
    }
  }

  bool may_start(Command command, Tick t) const {
    const bool is_precharge = command == Command::kPrecharge || command == Command::kPrechargeAll;
    return t % 2 == 0 || (is_precharge && spec_.has_falling_edge_precharge);
  }

  void consider_bank(Pick* best, std::size_t p, int b, Tick t) const {
    const Lane& l = lanes_[p];
    const Bank& bank = l.banks[static_cast<std::size_t>(b)];
    if (is_blocked(l, b)) return;
    const Queued* first = oldest(l, b, false);
    if (first == nullptr) return;
    if (!bank.row) {
      if (may_start(Command::kActivate, t) && l.timing.is_legal(Command::kActivate, b, t)) {
        consider(best, p, Command::kActivate, b, first->key);
      }
      return;
    }
    if (oldest(l, b, true) != nullptr && !bank.capped[l.direction]) return;
    if (may_start(Command::kPrecharge, t) && l.timing.is_legal(Command::kPrecharge, b, t)) {
      consider(best, p, Command::kPrecharge, b, first->key);
    }
  }

  void consider_closing(Pick* best, std::size_t p, int b, Tick t) const {
    const Lane& l = lanes_[p];
    const Bank& bank = l.banks[static_cast<std::size_t>(b)];
    const bool is_early = settings_.page_policy == PagePolicy::kClosed || (bank.closes_early);
    if (!is_early || !bank.row || is_blocked(l, b)) return;
    for (const auto& queue : l.queue) {
      for (const Queued& q : queue) {
        if (q.request.bank == b) return;
      }
    }
    if (may_start(Command::kPrecharge, t) && l.timing.is_legal(Command::kPrecharge, b, t)) {
      consider(best, p, Command::kPrecharge, b, ~std::uint64_t{0} - 1);
    }
  }

  void step_row(Tick t) {
    Pick best;
    for (std::size_t p = 0; p < lanes_.size(); ++p) {
      const int banks = static_cast<int>(lanes_[p].banks.size());
      consider_refresh(&best, p, t);
      for (int b = 0; b < banks; ++b) consider_bank(&best, p, b, t);
      for (int b = 0; b < banks; ++b) consider_closing(&best, p, b, t);
    }
    if (!best.is_set) return;
    Lane& l = lanes_[best.lane];
    std::int32_t row = -1;
    if (best.command == Command::kActivate) {
      const Queued* first = oldest(l, best.bank, false);
      row = static_cast<std::int32_t>(first->request.row);
      open(&l.banks[static_cast<std::size_t>(best.bank)], first->request.row);
      l.refresh.note_activate(best.bank);
    } else if (best.command == Command::kPrecharge) {
      close(&l.banks[static_cast<std::size_t>(best.bank)]);
    } else if (best.command == Command::kPrechargeAll) {
      for (Bank& b : l.banks) {
        if (b.row) close(&b);
      }
    } else {
      l.refresh.finish(best.command, best.bank);
    }
    start(best, t, row, -1);
    row_free_ = t + (best.command == Command::kActivate ? spec_.activate_ticks : spec_.row_ticks);
    if (t % 2 == 0) {
      pairing_edge_ = row_free_;
      pairing_lane_ = best.lane;
    }
    if (best.command == Command::kActivate || is_refresh(best.command)) begin(&l);
  }

  void open(Bank* bank, std::uint32_t row) {
    if (settings_.page_policy == PagePolicy::kAdaptive && bank->last_row) {
      bank->keep_open += *bank->last_row == row ? 1 : -1;
      bank->keep_open = std::clamp(bank->keep_open, 0, 3);
      bank->closes_early = bank->keep_open < 2;
    }
    bank->row = row;
  }

  static void begin(Lane* l) {
    RefreshState::Mask work = 0;
    for (const auto& queue : l->queue) {
      for (const Queued& q : queue) work |= RefreshState::Mask{1} << q.request.bank;
    }
    l->refresh.begin(work, work != 0);
  }

  void start(const Pick& pick, Tick t, std::int32_t row, std::int32_t column) {
    Lane& l = lanes_[pick.lane];
    l.timing.start(pick.command, pick.bank, t);
    log_.push_back({t, pick.command, static_cast<std::int8_t>(pick.lane),
                    static_cast<std::int16_t>(pick.bank), row, column});
  }

  void work_timers(Tick t) {
    bool is_any = false;
    for (std::size_t p = 0; p < lanes_.size(); ++p) {
      Lane& l = lanes_[p];
      const bool arrives =
          !l.waiting.empty() && l.waiting.front().arrival == t && t > 0 &&
          l.queue[l.waiting.front().is_write].size() < l.room[l.waiting.front().is_write];
      if (l.refresh.next_due() > t && !arrives) continue;
      is_any = true;
      while (l.refresh.next_due() <= t) l.refresh.become_due();
      fill(p, t);
    }
    if (!is_any) return;
    for (Lane& l : lanes_) begin(&l);
  }

  bool pull(std::size_t lane) {
    while (lanes_[lane].waiting.empty()) {
      if (requests_.empty()) return false;
      std::deque<Request>& target = lanes_[requests_.front().pseudo_channel].waiting;
      if (target.size() == Channel::kLookAhead) return false;
      target.push_back(requests_.front());
      requests_.pop_front();
    }
    return true;
  }

  void fill(std::size_t lane, Tick t) {
    Lane& l = lanes_[lane];
    const bool was_full = l.waiting.size() == Channel::kLookAhead;
    bool added = false;
    while (!l.waiting.empty() || pull(lane)) {
      const Request r = l.waiting.front();
      if (r.arrival > t || l.queue[r.is_write].size() >= l.room[r.is_write]) break;
      l.queue[r.is_write].push_back({r, (std::uint64_t{r.qos_class} << 56U) | next_key_++});
      l.waiting.pop_front();
      added = true;
    }
    choose_direction(settings_, &l);
    if (!added || !was_full) return;
    for (std::size_t other = 0; other < lanes_.size(); ++other) {
      if (other != lane && lanes_[other].waiting.empty()) fill(other, t);
    }
  }

  DramSpec spec_;
  ControllerSettings settings_;
  std::deque<Request> requests_;
  std::vector<Lane> lanes_;
  std::vector<IssuedCommand> log_;
  std::uint64_t next_key_ = 1;
  Tick row_free_ = 0, column_free_ = 0, pairing_edge_ = -1;
  std::size_t pairing_lane_ = 0;
};

}  // namespace astrolabe::memory
