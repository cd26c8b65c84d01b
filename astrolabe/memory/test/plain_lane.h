#pragma once

// The state of one pseudo-channel of the plain reference, and its choice between reads and writes.

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <vector>

#include "astrolabe/memory/refresh_state.h"
#include "astrolabe/memory/request.h"
#include "astrolabe/memory/test/plain_timing.h"

namespace astrolabe::memory {

struct PlainRequest {
  Request request;
  std::uint64_t key = 0;
};
struct PlainBank {
  std::optional<std::uint32_t> row, last_row;
  int bypassed[2] = {0, 0};
  int shared_bypass = 0;
  bool capped[2] = {false, false};
  int keep_open = 2;
  bool closes_early = false;
};
struct PlainLane {
  PlainLane(const DramSpec& spec, const RefreshState& r) : timing(spec), refresh(r) {}
  std::vector<PlainRequest> queue[2];
  std::size_t room[2] = {1, 1};
  int direction = 0;
  std::vector<PlainBank> banks;
  PlainTiming timing;
  RefreshState refresh;
  std::deque<Request> waiting;
};

inline bool is_blocked(const PlainLane& l, int bank) {
  return ((l.refresh.blocked() >> static_cast<unsigned>(bank)) & 1U) != 0;
}

inline void close(PlainBank* bank) {
  bank->last_row = bank->row;
  bank->row.reset();
  bank->shared_bypass = 0;
  bank->capped[0] = bank->capped[1] = false;
}

inline void choose_direction(const ControllerSettings& settings, PlainLane* l) {
  const double n = static_cast<double>(l->room[1]);
  const auto mark = [&](double share) {
    return std::min<std::size_t>(l->room[1], static_cast<std::size_t>(std::ceil(share * n)));
  };
  const std::size_t high = std::max<std::size_t>(1, mark(settings.write_high)),
                    low = mark(settings.write_low), reads = l->queue[0].size(),
                    writes = l->queue[1].size();
  if (l->direction == 0) {
    if (writes >= high || (reads == 0 && writes > 0)) l->direction = 1;
  } else if (writes == 0 || (writes <= low && reads > 0)) {
    l->direction = 0;
  }
}

}  // namespace astrolabe::memory
