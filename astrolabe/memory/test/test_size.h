#pragma once

// Sanitizers make a simulation some thirty times slower: tests whose strength is their number of
// cases run a part of them there. The optimised build runs them all.

namespace astrolabe::memory {

#ifdef __SANITIZE_ADDRESS__
inline constexpr int kShareOfCases = 10;
#else
inline constexpr int kShareOfCases = 1;
#endif

}  // namespace astrolabe::memory
