#include "astrolabe/base/quarter.h"

#include <charconv>

namespace astrolabe {

namespace {

std::optional<int> to_int(std::string_view s) {
  int v = 0;
  const auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (code != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return v;
}

}  // namespace

std::string Quarter::text() const {
  return std::to_string(year()) + "Q" + std::to_string(quarter());
}

std::optional<Quarter> Quarter::parse(std::string_view s) {
  if (s.size() < 4) return std::nullopt;
  const auto y = to_int(s.substr(0, 4));
  if (!y || *y < 1900 || *y > 2200) return std::nullopt;
  if (s.size() == 4) return Quarter(*y, 1);
  if (s.size() == 6 && s[4] == 'Q') {
    const auto q = to_int(s.substr(5));
    if (!q || *q < 1 || *q > 4) return std::nullopt;
    return Quarter(*y, *q);
  }
  if ((s.size() == 7 || s.size() == 10) && s[4] == '-') {
    const auto m = to_int(s.substr(5, 2));
    if (!m || *m < 1 || *m > 12) return std::nullopt;
    if (s.size() == 10) {
      const auto d = to_int(s.substr(8, 2));
      if (s[7] != '-' || !d || *d < 1 || *d > 31) return std::nullopt;
    }
    return Quarter(*y, (*m - 1) / 3 + 1);
  }
  return std::nullopt;
}

}  // namespace astrolabe
