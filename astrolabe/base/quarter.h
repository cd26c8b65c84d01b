#pragma once

// Calendar quarters, the time step of a plan. "2028Q3" is the only spelling; a date "2026-04-15",
// "2026-04" or "2026" maps to the quarter that contains its first day.

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace astrolabe {

class Quarter {
 public:
  constexpr Quarter() = default;
  constexpr Quarter(int year, int quarter) : index_(year * 4 + quarter - 1) {}

  constexpr int year() const { return index_ / 4; }
  constexpr int quarter() const { return index_ % 4 + 1; }
  constexpr Quarter operator+(int quarters) const { return from_index(index_ + quarters); }
  constexpr Quarter operator-(int quarters) const { return from_index(index_ - quarters); }
  constexpr int operator-(Quarter o) const { return index_ - o.index_; }
  constexpr auto operator<=>(const Quarter&) const = default;

  std::string text() const;  // "2028Q3"

  // nullopt when `text` is neither a quarter nor a date.
  static std::optional<Quarter> parse(std::string_view text);

 private:
  static constexpr Quarter from_index(int i) {
    Quarter q;
    q.index_ = i;
    return q;
  }
  int index_ = 0;
};

}  // namespace astrolabe
