#pragma once

// How a channel is controlled: queues, page policy, refresh. Ticks are half tCK.

#include <cstddef>
#include <cstdint>

#include "astrolabe/memory/dram_command.h"

namespace astrolabe::memory {

enum class PagePolicy : std::uint8_t {
  kOpen,      // a row stays open until another one is wanted
  kClosed,    // a row that no queued request wants is closed
  kAdaptive,  // closed for banks where keeping it open did not pay (two-bit counter a bank)
};
enum class RefreshMode : std::uint8_t { kNone, kAllBank, kPerBank };

struct ControllerSettings {
  std::size_t read_queue = 32, write_queue = 32;  // entries of a channel, shared out evenly between
                                                  // its pseudo-channels
  double write_high = 0.8, write_low = 0.2;       // watermarks, share of the write queue
  int hit_cap = 16;  // younger hits a bank may serve before its oldest request; 0: no cap
  PagePolicy page_policy = PagePolicy::kOpen;
  RefreshMode refresh = RefreshMode::kAllBank;
  int postpone = 0;           // refreshes that may wait while there are requests
  int pull_in = 0;            // refreshes ahead of time while there are none
  double temperature_c = 85;  // above 85 C tREFI halves, above 95 C it is a quarter
  int raaimt = 0;             // activates of a bank between RFM commands; 0: no RFM
  Tick power_down_after = 0;  // idle ticks of a channel until PDE; 0: never
  Tick self_refresh_after = 0;
};

// How many times as often a DRAM of this temperature is to be refreshed as at 85 C.
inline int refresh_rate(double temperature_c) {
  return temperature_c > 95 ? 4 : temperature_c > 85 ? 2 : 1;
}

}  // namespace astrolabe::memory
