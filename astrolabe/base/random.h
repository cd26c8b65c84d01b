#pragma once

// Pseudo-random numbers that a run can be told to repeat: a stream is named by (seed, stream id),
// so sample 7 of a study draws the same numbers on any number of threads, and can be drawn alone.
//
// Generator: xoshiro256** (Blackman and Vigna 2021, "Scrambled linear pseudorandom number
// generators", ACM TOMS 47), period 2^256 - 1. Its four words are the SplitMix64 outputs (Steele,
// Lea and Flood 2014, OOPSLA) that start at mix(seed) + stream id * odd constant, so that near
// seeds and near ids give unrelated streams; an overlap of two streams is as good as impossible.
//
// Integers and uniform numbers are the same bytes on every platform. normal() and exponential() go
// through log, sqrt and cos of the C library, whose last bit may differ between platforms.

#include <array>
#include <cstdint>

namespace astrolabe {

// One step of SplitMix64: advances `state` and returns the next word.
std::uint64_t split_mix_64(std::uint64_t* state);

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream_id);
  // The state as such; at least one word must be other than zero.
  explicit RandomStream(const std::array<std::uint64_t, 4>& state);

  std::uint64_t next();                     // uniform on 0 .. 2^64-1
  double uniform();                         // [0, 1), 53 bits
  double uniform(double low, double high);  // [low, high)
  std::uint64_t below(std::uint64_t n);     // 0 .. n-1, without bias; n >= 1
  double normal();                          // mean 0, variance 1 (Box-Muller, cosine branch)
  double exponential();                     // mean 1

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace astrolabe
