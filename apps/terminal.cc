#include "apps/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace astrolabe {

namespace {
constexpr std::chrono::seconds kLong(2);
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool stderr_has_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return stderr_is_terminal() && (no_color == nullptr || *no_color == '\0');
}

std::string printable(const std::string& text) {
  std::string s = text;
  for (char& c : s) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\t') {
      c = ' ';
    } else if (code < 0x20 || code == 0x7f) {
      c = '?';
    }
  }
  return s;
}

void Progress::start(const std::string& stage) {
  finish();
  stage_ = stage;
  begin_ = printed_ = Clock::now();
}

void Progress::update(const std::string& detail) {
  const auto now = Clock::now();
  if (stage_.empty() || now - printed_ < kLong) return;
  printed_ = now;
  print(detail);
}

void Progress::finish() {
  if (!stage_.empty() && Clock::now() - begin_ >= kLong) print("done");
  stage_.clear();
}

void Progress::print(const std::string& text) const {
  if (!stderr_is_terminal()) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  std::fprintf(stderr, "%s: %s (%.1f s)\n", stage_.c_str(), printable(text).c_str(), seconds);
}

}  // namespace astrolabe
