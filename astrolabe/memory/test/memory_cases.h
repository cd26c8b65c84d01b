#pragma once

#include <cstdint>
#include <string>

#include "astrolabe/memory/traffic.h"

namespace astrolabe::memory {

// Sanitizers make a simulation some thirty times slower: tests whose strength is their number of
// cases run a part of them there. The optimised build runs them all.
#ifdef __SANITIZE_ADDRESS__
inline constexpr int kShareOfCases = 10;
#else
inline constexpr int kShareOfCases = 1;
#endif

inline const std::string kData = ASTROLABE_SOURCE_DIR "/data";

inline Traffic traffic(const std::string& name, std::uint64_t requests) {
  Traffic t = parse_traffic(name);
  t.requests = requests;
  return t;
}

}  // namespace astrolabe::memory
