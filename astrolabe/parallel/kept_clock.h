#pragma once

// Times of another clock, each kept by kind of operator and shape: layouts of one model ask for the
// same products, attention and exchanges over and over, and tables cost tens of microseconds an
// answer. Exact: nothing is interpolated. Elementwise kernels, which cost nothing to ask for, are
// passed on. One thread only.

#include <array>
#include <cstddef>
#include <unordered_map>

#include "astrolabe/parallel/kernel_clock.h"

namespace astrolabe::parallel {

class KeptClock final : public KernelClock {
 public:
  // `source` must outlive this.
  explicit KeptClock(const KernelClock& source) : source_(source) {}

  Duration time(const workload::Operator& op) const override;
  std::size_t size() const { return times_.size(); }

 private:
  static constexpr std::size_t kMostFields = 16;

  struct Key {
    std::array<double, kMostFields> fields{};  // the first is the kind
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  static Key key_of(const workload::Operator& op);

  const KernelClock& source_;
  mutable std::unordered_map<Key, Duration, Hash> times_;
};

}  // namespace astrolabe::parallel
