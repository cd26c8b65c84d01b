#include <algorithm>
#include <charconv>
#include <sstream>

#include "astrolabe/memory/line_reader.h"
#include "astrolabe/memory/trace_checker.h"

namespace astrolabe::memory {

// The words of a trace; their place in this list is their number.
const std::vector<std::string>& trace_words() {
  static const std::vector<std::string> words = {"ACT",   "PREpb", "PREab", "RD",    "WR",
                                                 "REFpb", "REFab", "RFMpb", "RFMab", "PDE",
                                                 "PDX",   "SRE",   "SRX"};
  return words;
}

namespace {

const std::vector<std::string>& levels() {
  static const std::vector<std::string> names = {"PseudoChannel", "Sid", "BankGroup",
                                                 "Bank",          "Row", "Column"};
  return names;
}

class RuleLine {
 public:
  RuleLine(std::string_view line, SourcePosition where) : where_(std::move(where)) {
    std::istringstream stream{std::string(line)};
    for (std::string word; stream >> word;) words_.push_back(word);
  }
  std::size_t size() const { return words_.size(); }
  const std::string& word(std::size_t i) const {
    if (i >= words_.size()) {
      throw InputError(where_, "rule", "too few words",
                       "see the head of data/memory/rules/hbm3.rules");
    }
    return words_[i];
  }
  int index(std::size_t i, const std::vector<std::string>& names) const {
    const auto found = std::find(names.begin(), names.end(), word(i));
    if (found == names.end())
      throw InputError(where_, "rule", word(i), join_alternatives(names, 20));
    return static_cast<int>(found - names.begin());
  }
  std::int64_t number(std::size_t i, std::int64_t least = 0,
                      std::int64_t most = 1'000'000'000) const {
    const std::string& text = word(i);
    std::int64_t value = 0;
    const auto r = std::from_chars(text.data(), text.data() + text.size(), value);
    if (r.ec != std::errc() || r.ptr != text.data() + text.size() || value < least ||
        value > most) {
      throw InputError(
          where_, word(0), text,
          "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
  }
  const SourcePosition& where() const { return where_; }

 private:
  std::vector<std::string> words_;
  SourcePosition where_;
};

// As many as TraceChecker remembers of a command.
constexpr std::int64_t kLongestWindow = 32;
constexpr std::int64_t kLargestSize = 1 << 20;
constexpr std::int64_t kMostChannelBanks = 1 << 16;
constexpr std::int64_t kMostPostponed = 64;
// Ticks of it are whole at the highest rate of refreshes, that of the hottest dies.
constexpr std::int64_t kShortestRefresh = 2;

void read_spacing(const RuleLine& line, TraceRules* rules) {
  TraceRules::Rule r;
  const bool is_window = line.word(0) == "window";
  r.kind = is_window                 ? TraceRules::Kind::kWindow
           : line.word(0) == "apart" ? TraceRules::Kind::kApart
                                     : TraceRules::Kind::kGap;
  r.level = line.index(1, {"PseudoChannel", "Sid", "BankGroup", "Bank"});
  r.before = line.index(2, trace_words());
  r.after = is_window ? r.before : line.index(3, trace_words());
  if (is_window) r.count = static_cast<int>(line.number(3, 1, kLongestWindow));
  r.ticks = 2 * line.number(4);
  r.name = line.word(5);
  rules->rules.push_back(r);
}

void read_rule(const RuleLine& line, TraceRules* rules) {
  const std::string& what = line.word(0);
  if (what == "gap" || what == "apart" || what == "window") {
    read_spacing(line, rules);
  } else if (what == "organisation") {
    for (std::size_t i = 1; i < line.size(); i += 2) {
      rules->size[static_cast<std::size_t>(line.index(i, levels()))] =
          line.number(i + 1, 1, kLargestSize);
    }
  } else if (what == "holds") {
    (line.index(1, {"row", "column"}) == 0 ? rules->row_bus
                                           : rules->column_bus)[line.index(2, trace_words())] =
        line.number(3, 1);
  } else if (what == "counts") {
    rules->counts_late[line.index(1, trace_words())] = line.number(2);
  } else if (what == "falling") {
    for (std::size_t i = 1; i < line.size(); ++i) {
      rules->may_start_on_falling[static_cast<std::size_t>(line.index(i, trace_words()))] = true;
    }
  } else if (what == "power_up") {
    rules->power_up = 2 * line.number(1);
  } else if (what == "self_refresh_exit") {
    rules->self_refresh_exit = 2 * line.number(1);
  } else if (what == "refresh") {
    rules->refresh_interval = 2 * line.number(1, kShortestRefresh);
    rules->postponed = static_cast<int>(line.number(2, 0, kMostPostponed));
  } else {
    throw InputError(line.where(), "rule", what,
                     "organisation, holds, counts, falling, gap, apart, window, power_up, "
                     "self_refresh_exit or refresh");
  }
}

}  // namespace

TraceRules TraceRules::read(const std::string& path) {
  LineReader reader(path);
  TraceRules rules;
  rules.may_start_on_falling.assign(trace_words().size(), false);
  for (std::string_view line; reader.next(&line);) {
    const std::size_t hash = line.find('#');
    const RuleLine words(line.substr(0, hash), reader.position());
    if (words.size() > 0) read_rule(words, &rules);
  }
  for (std::size_t i = 0; i < levels().size(); ++i) {
    if (rules.size[i] == 0) {
      throw InputError({path, 0}, "organisation", "no " + levels()[i], "a size for it");
    }
  }
  std::int64_t banks = 1;
  for (std::size_t i = 0; i < 4; ++i)
    banks = std::min(banks * rules.size[i], kMostChannelBanks + 1);
  if (banks > kMostChannelBanks) {
    throw InputError({path, 0}, "organisation", "more banks",
                     "at most " + std::to_string(kMostChannelBanks) + " in a channel");
  }
  if (rules.refresh_interval == 0) {
    throw InputError({path, 0}, "refresh", "no such line", "refresh TREFI POSTPONED");
  }
  return rules;
}

}  // namespace astrolabe::memory
