#include "astrolabe/base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace astrolabe {
namespace {

TEST(SplitMix64, MatchesTheReferenceSequence) {
  // First outputs for seed 1234567 of the reference implementation by Vigna (prng.di.unimi.it).
  std::uint64_t state = 1234567;
  EXPECT_EQ(split_mix_64(&state), 6457827717110365317u);
  EXPECT_EQ(split_mix_64(&state), 3203168211198807973u);
  EXPECT_EQ(split_mix_64(&state), 9817491932198370423u);
}

TEST(RandomStream, MatchesXoshiro256StarStarByHand) {
  // State {1, 2, 3, 4}. Word 1: rotl(2*5, 7) * 9 = 1280 * 9 = 11520. Then s = {7, 0, 262146,
  // rotl(6, 45)}: word 2 reads s[1] = 0. Then s[1] = 0 ^ (262146 ^ 7) = 262149: word 3 is
  // rotl(262149 * 5, 7) * 9 = 1310745 * 128 * 9.
  RandomStream r({1, 2, 3, 4});
  EXPECT_EQ(r.next(), 11520u);
  EXPECT_EQ(r.next(), 0u);
  EXPECT_EQ(r.next(), 1310745u * 128u * 9u);
}

TEST(RandomStream, IsNamedBySeedAndStream) {
  RandomStream a(1, 7), b(1, 7), c(1, 8), d(2, 7);
  std::set<std::uint64_t> words;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t word = a.next();
    EXPECT_EQ(word, b.next());
    words.insert(word);
    words.insert(c.next());
    words.insert(d.next());
  }
  EXPECT_EQ(words.size(), 300u);
}

TEST(RandomStream, UniformHasItsMomentsAndRange) {
  RandomStream r(42, 0);
  const int n = 200000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double u = r.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  // Five standard errors: sqrt(1/12/n) for the mean, sqrt(4/45/n) for the mean square.
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
}

TEST(RandomStream, NormalHasTheMomentsOfANormal) {
  RandomStream r(42, 1);
  const int n = 200000;
  double m1 = 0, m2 = 0, m4 = 0;
  for (int i = 0; i < n; ++i) {
    const double z = r.normal();
    m1 += z / n;
    m2 += z * z / n;
    m4 += z * z * z * z / n;
  }
  // Variances of z, z^2, z^4 are 1, 2, 96.
  EXPECT_NEAR(m1, 0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(m2, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m4, 3, 5 * std::sqrt(96.0 / n));
}

TEST(RandomStream, BelowIsUniformOverItsValues) {
  RandomStream r(3, 9);
  int counts[6] = {};
  const int n = 60000;
  for (int i = 0; i < n; ++i) ++counts[r.below(6)];
  // Binomial standard error sqrt(n p (1-p)) = sqrt(60000 * 5/36) = 91.
  for (int c : counts) EXPECT_NEAR(c, n / 6, 5 * 91);
  EXPECT_EQ(r.below(1), 0u);
}

}  // namespace
}  // namespace astrolabe
