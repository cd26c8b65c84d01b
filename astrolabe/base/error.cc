#include "astrolabe/base/error.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace astrolabe {

std::string SourcePosition::text() const {
  return line > 0 ? file + ":" + std::to_string(line) : file;
}

namespace {

std::string compose(const SourcePosition& where, const std::string& key, const std::string& given,
                    const std::string& allowed) {
  std::string s;
  if (!where.file.empty()) s += where.text() + ": ";
  if (!key.empty()) s += key + ": ";
  s += "given " + given;
  if (!allowed.empty()) s += "; allowed: " + allowed;
  return s;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

InputError::InputError(SourcePosition where, std::string key, std::string given,
                       std::string allowed)
    : std::runtime_error(compose(where, key, given, allowed)),
      where_(std::move(where)),
      key_(std::move(key)),
      given_(std::move(given)),
      allowed_(std::move(allowed)) {}

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 200) return "";
  const std::size_t limit = std::max<std::size_t>(2, word.size() / 3);
  std::string best;
  std::size_t best_distance = limit + 1;
  for (const std::string& c : candidates) {
    const std::size_t distance = edit_distance(word, c);
    if (distance < best_distance) {
      best_distance = distance;
      best = c;
    }
  }
  return best;
}

std::string join_alternatives(const std::vector<std::string>& words, std::size_t limit) {
  std::string s;
  const std::size_t n = std::min(limit, words.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0) s += (i + 1 == words.size()) ? " or " : ", ";
    s += words[i];
  }
  if (n < words.size()) s += " and " + std::to_string(words.size() - n) + " more";
  return s;
}

void fail_demand(const char* expression, const char* file, int line, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: internal error: %s does not hold: %s\n", file, line, expression,
               detail.c_str());
  std::abort();
}

}  // namespace astrolabe
