#include "astrolabe/base/random.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "astrolabe/base/error.h"

namespace astrolabe {

std::uint64_t split_mix_64(std::uint64_t* state) {
  *state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream_id) {
  std::uint64_t origin = split_mix_64(&seed) + stream_id * 0xd1342543de82ef95u;
  for (std::uint64_t& word : state_) word = split_mix_64(&origin);
}

RandomStream::RandomStream(const std::array<std::uint64_t, 4>& state) : state_(state) {
  ASTROLABE_DEMAND((state[0] | state[1] | state[2] | state[3]) != 0, "all-zero state");
}

std::uint64_t RandomStream::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

double RandomStream::uniform(double low, double high) { return low + (high - low) * uniform(); }

std::uint64_t RandomStream::below(std::uint64_t n) {
  ASTROLABE_DEMAND(n >= 1, "below(0)");
  // Words under 2^64 mod n would make the small remainders likelier: draw again.
  const std::uint64_t rejected = (std::numeric_limits<std::uint64_t>::max() - n + 1) % n;
  while (true) {
    const std::uint64_t word = next();
    if (word >= rejected) return word % n;
  }
}

double RandomStream::normal() {
  const double radius = std::sqrt(2 * exponential());
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double RandomStream::exponential() { return -std::log1p(-uniform()); }

}  // namespace astrolabe
