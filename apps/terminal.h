#pragma once

// What goes to a terminal and what does not: colour only on a terminal and without NO_COLOR
// (no-color.org), progress only for stages that take long, and no control characters from files.

#include <chrono>
#include <string>

namespace astrolabe {

bool stderr_is_terminal();
bool stderr_has_color();

// `text` in one line: control characters, which could rewrite the terminal, as '?'.
std::string printable(const std::string& text);

// Lines on stderr about stages over two seconds, if stderr is a terminal.
class Progress {
 public:
  void start(const std::string& stage);    // ends the stage before
  void update(const std::string& detail);  // at most a line every two seconds
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void print(const std::string& text) const;

  std::string stage_;
  Clock::time_point begin_, printed_;
};

}  // namespace astrolabe
