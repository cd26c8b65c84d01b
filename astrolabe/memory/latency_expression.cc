#include "astrolabe/memory/latency_expression.h"

#include <algorithm>
#include <cctype>

namespace astrolabe::memory {

namespace {

class Parser {
 public:
  Parser(std::string_view text, const Parameters& parameters)
      : text_(text), parameters_(parameters) {}

  ExpressionValue parse() {
    const std::int64_t value = sum();
    skip();
    if (problem_.empty() && at_ != text_.size()) fail("end of the expression");
    if (!problem_.empty()) return {std::nullopt, problem_};
    return {value, ""};
  }

 private:
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void fail(const std::string& expected) {
    if (problem_.empty()) {
      problem_ = "expected " + expected + " at '" + std::string(text_.substr(at_)) + "'";
    }
  }
  std::string_view word() {
    skip();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::isalnum(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::int64_t sum() {  // NOLINT(misc-no-recursion)
    if (++depth_ > 20) fail("less nesting");
    std::int64_t value = problem_.empty() ? term() : 0;
    while (problem_.empty()) {
      if (take('+')) {
        value += term();
      } else if (take('-')) {
        value -= term();
      } else {
        break;
      }
    }
    --depth_;
    return value;
  }

  std::int64_t term() {  // NOLINT(misc-no-recursion)
    if (take('(')) {
      const std::int64_t value = sum();
      if (!take(')')) fail("')'");
      return value;
    }
    const std::string_view name = word();
    if (name.empty()) {
      fail("a number or a parameter");
      return 0;
    }
    if (name == "max") return maximum();
    if (std::isdigit(static_cast<unsigned char>(name[0])) != 0) return number(name);
    const std::optional<std::int64_t> value = parameters_(name);
    if (!value && problem_.empty()) problem_ = "unknown parameter " + std::string(name);
    return value.value_or(0);
  }

  std::int64_t maximum() {  // NOLINT(misc-no-recursion)
    if (!take('(')) fail("'('");
    const std::int64_t a = sum();
    if (!take(',')) fail("','");
    const std::int64_t b = sum();
    if (!take(')')) fail("')'");
    return std::max(a, b);
  }

  std::int64_t number(std::string_view digits) {
    std::int64_t value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9' || value > 1'000'000) {
        fail("a whole number up to 1000000");
        return 0;
      }
      value = value * 10 + (c - '0');
    }
    return value;
  }

  std::string_view text_;
  const Parameters& parameters_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string problem_;
};

}  // namespace

ExpressionValue evaluate(std::string_view expression, const Parameters& parameters) {
  return Parser(expression, parameters).parse();
}

}  // namespace astrolabe::memory
