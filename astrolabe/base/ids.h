#pragma once

// Typed indices: SiteId and AcceleratorId are both integers, and passing one for the other does
// not compile. An id is an index into the vector that owns the things it names.

#include <compare>
#include <cstddef>

namespace astrolabe {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  explicit constexpr Id(std::size_t index) : index_(static_cast<int>(index)) {}
  constexpr bool is_valid() const { return index_ >= 0; }
  constexpr std::size_t index() const { return static_cast<std::size_t>(index_); }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  int index_ = -1;
};

}  // namespace astrolabe
