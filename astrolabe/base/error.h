#pragma once

// Three tools for three readers. ASTROLABE_ASSERT: a bug, checked wherever assertions are on;
// ASTROLABE_DEMAND: a bug, checked always; InputError: a user's file, option or argument is wrong.
// What the modelled world answers (does not fit, infeasible) is a status value, never an exception.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace astrolabe {

// Where a value was written. `line` 0 means the file as a whole.
struct SourcePosition {
  std::string file;
  int line = 0;
  std::string text() const;  // "file:line" or "file"
};

// Bad input: where, which key, what was given, what is allowed. what() is one line:
// "scenario.toml:41: grid_power_mw: given -3; allowed: a number >= 0".
class InputError : public std::runtime_error {
 public:
  InputError(SourcePosition where, std::string key, std::string given, std::string allowed);

  const SourcePosition& where() const { return where_; }
  const std::string& key() const { return key_; }
  const std::string& given() const { return given_; }
  const std::string& allowed() const { return allowed_; }

 private:
  SourcePosition where_;
  std::string key_, given_, allowed_;
};

// The candidate nearest to `word` by edit distance (insert, delete, replace, swap), or "" when
// none is near enough (distance above a third of the word's length, at least 2) to suggest.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

// "a, b, c or d": for the `allowed` part of a message. Shows at most `limit` and counts the rest.
std::string join_alternatives(const std::vector<std::string>& words, std::size_t limit = 12);

[[noreturn]] void fail_demand(const char* expression, const char* file, int line,
                              const std::string& detail);

}  // namespace astrolabe

#define ASTROLABE_DEMAND(condition, detail)                                               \
  do {                                                                                    \
    if (!(condition)) ::astrolabe::fail_demand(#condition, __FILE__, __LINE__, (detail)); \
  } while (false)

#ifdef ASTROLABE_ASSERTIONS
#define ASTROLABE_ASSERT(condition, detail) ASTROLABE_DEMAND(condition, detail)
#else
#define ASTROLABE_ASSERT(condition, detail) \
  do {                                      \
  } while (false)
#endif
