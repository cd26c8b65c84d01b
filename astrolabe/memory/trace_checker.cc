#include "astrolabe/memory/trace_checker.h"

#include <algorithm>
#include <charconv>

namespace astrolabe::memory {

const std::vector<std::string>& trace_words();

namespace {

enum Word : int {
  kAct,
  kPrePb,
  kPreAb,
  kRd,
  kWr,
  kRefPb,
  kRefAb,
  kRfmPb,
  kRfmAb,
  kPde,
  kPdx,
  kSre,
  kSrx
};

constexpr std::string_view kHeader =
    "clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column";
constexpr std::array<std::string_view, 7> kColumns = {
    "Channel", "PseudoChannel", "Sid", "BankGroup", "Bank", "Row", "Column"};

// How many of the columns, from Channel on, a command fills.
int fields_of(int command) {
  switch (command) {
    case kAct:
      return 6;
    case kRd:
    case kWr:
      return 7;
    case kPrePb:
    case kRefPb:
    case kRfmPb:
      return 5;
    case kPreAb:
    case kRefAb:
    case kRfmAb:
      return 2;
    default:
      return 1;
  }
}

bool parse_int(std::string_view text, std::int64_t* value) {
  const auto r = std::from_chars(text.data(), text.data() + text.size(), *value);
  return !text.empty() && r.ec == std::errc() && r.ptr == text.data() + text.size();
}

std::string cut(std::string_view text) { return std::string(text.substr(0, 60)); }

}  // namespace

TraceChecker::Row TraceChecker::parse(std::string_view line, const SourcePosition& where) const {
  std::array<std::string_view, 9> cells;
  std::size_t n = 0;
  for (std::size_t at = 0;; ++n) {
    const std::size_t comma = line.find(',', at);
    if (n < cells.size()) cells[n] = line.substr(at, comma - at);
    if (comma == std::string_view::npos) break;
    at = comma + 1;
  }
  if (n + 1 != cells.size()) {
    throw InputError(where, "columns", std::to_string(n + 1), "9: " + std::string(kHeader));
  }
  Row row;
  row.line = where.line;
  if (!parse_int(cells[0], &row.clock) || row.clock < 0) {
    throw InputError(where, "clock", cut(cells[0]), "a whole number of half tCK");
  }
  const auto found = std::find(trace_words().begin(), trace_words().end(), cells[1]);
  if (found == trace_words().end()) {
    throw InputError(where, "command", cut(cells[1]), join_alternatives(trace_words(), 20));
  }
  row.command = static_cast<int>(found - trace_words().begin());
  for (std::size_t i = 0; i < row.at.size(); ++i) {
    if (!parse_int(cells[i + 2], &row.at[i])) {
      throw InputError(where, std::string(kColumns[i]), cut(cells[i + 2]), "a whole number, or -1");
    }
  }
  check_range(row, where);
  return row;
}

void TraceChecker::check_range(const Row& row, const SourcePosition& where) const {
  const int filled = fields_of(row.command);
  for (int i = 0; i < 7; ++i) {
    const std::int64_t v = row.at[static_cast<std::size_t>(i)];
    const std::int64_t size = i == 0 ? 65536 : rules_.size[static_cast<std::size_t>(i) - 1];
    if (i < filled ? (v < 0 || v >= size) : v < -1 || v >= size) {
      throw InputError(where, std::string(kColumns[static_cast<std::size_t>(i)]), std::to_string(v),
                       "0 to " + std::to_string(size - 1) + (i < filled ? "" : ", or -1"));
    }
  }
}

void TraceChecker::report(const Row& row, const std::string& text) {
  ++violation_count_;
  if (violations_.size() >= 100) return;
  violations_.push_back({row.line, "clock " + std::to_string(row.clock) + " " +
                                       trace_words()[static_cast<std::size_t>(row.command)] + ": " +
                                       text});
}

std::int64_t TraceChecker::effective(const Row& row) const {
  const auto late = rules_.counts_late.find(row.command);
  return row.clock + (late == rules_.counts_late.end() ? 0 : late->second);
}

// A number for the node of a level, or -1 if the command is for the whole pseudo-channel.
std::int64_t TraceChecker::node_of(const Row& row, int level) const {
  if (level == 0) return 0;
  if (fields_of(row.command) < 5) return -1;
  std::int64_t node = row.at[2];
  if (level >= 2) node = node * rules_.size[2] + row.at[3];
  if (level >= 3) node = node * rules_.size[3] + row.at[4];
  return node;
}

void TraceChecker::check_power(const Row& row, ChannelState* c) {
  const bool leaves = row.command == kPdx || row.command == kSrx;
  if ((c->is_down || c->is_asleep) && !leaves) report(row, "in power-down or self-refresh");
  if (row.clock < c->ready) report(row, "before the exit of power-down or self-refresh is over");
  if (row.command == kPdx) {
    if (!c->is_down) report(row, "not in power-down");
    c->is_down = false;
    c->ready = row.clock + rules_.power_up;
  } else if (row.command == kSrx) {
    if (!c->is_asleep) report(row, "not in self-refresh");
    c->is_asleep = false;
    c->ready = row.clock + rules_.self_refresh_exit;
  } else if (row.command == kPde) {
    c->is_down = true;
  } else if (row.command == kSre) {
    c->is_asleep = true;
    for (const auto& [number, lane] : c->lanes) {
      for (const auto& [id, bank] : lane.banks) {
        if (bank.open_row >= 0) report(row, "a bank is open");
      }
    }
  }
}

void TraceChecker::check_bus(const Row& row, ChannelState* c) {
  const bool is_falling = row.clock % 2 == 1;
  if (is_falling && !rules_.may_start_on_falling[static_cast<std::size_t>(row.command)]) {
    report(row, "starts on a falling edge");
  }
  const auto on_row = rules_.row_bus.find(row.command);
  if (on_row != rules_.row_bus.end()) {
    if (row.clock < c->row_free) report(row, "the row command bus is taken");
    if (is_falling && c->has_rising && row.clock == c->row_free &&
        c->last_rising.at[1] == row.at[1]) {
      const bool either_all = fields_of(row.command) < 5 || fields_of(c->last_rising.command) < 5;
      if (either_all || node_of(row, 3) == node_of(c->last_rising, 3)) {
        report(row, "paired with a row command to the same bank or pseudo-channel");
      }
    }
    c->has_rising = !is_falling;
    c->last_rising = row;
    c->row_free = row.clock + on_row->second;
  }
  const auto on_column = rules_.column_bus.find(row.command);
  if (on_column != rules_.column_bus.end()) {
    if (row.clock < c->column_free) report(row, "the column command bus is taken");
    c->column_free = row.clock + on_column->second;
  }
}

void TraceChecker::check_rules(const Row& row, const Lane& lane) {
  const std::int64_t now = effective(row);
  for (const TraceRules::Rule& rule : rules_.rules) {
    if (rule.after != row.command) continue;
    const std::int64_t own = node_of(row, rule.level);
    for (const auto& [id, node] : lane.nodes[static_cast<std::size_t>(rule.level)]) {
      if (own >= 0 && (id == own) == (rule.kind == TraceRules::Kind::kApart)) continue;
      const std::vector<std::int64_t>& recent = node.recent[static_cast<std::size_t>(rule.before)];
      const auto count = static_cast<std::size_t>(rule.count);
      if (recent.size() < count) continue;
      const std::int64_t before = recent[recent.size() - count];
      if (now - before >= rule.ticks) continue;
      report(row, rule.name + ": " + std::to_string(now - before) + " ticks after " +
                      trace_words()[static_cast<std::size_t>(rule.before)] + ", at least " +
                      std::to_string(rule.ticks));
    }
  }
}

void TraceChecker::check_state(const Row& row, Lane* lane) {
  const auto all_closed = [lane] {
    return std::all_of(lane->banks.begin(), lane->banks.end(),
                       [](const auto& b) { return b.second.open_row < 0; });
  };
  Bank* bank = fields_of(row.command) >= 5 ? &lane->banks[node_of(row, 3)] : nullptr;
  switch (row.command) {
    case kAct:
      if (bank->open_row >= 0) report(row, "the bank is open");
      bank->open_row = row.at[5];
      break;
    case kRd:
    case kWr:
      if (bank->open_row < 0) {
        report(row, "the bank is closed");
      } else if (row.at[5] != bank->open_row) {
        report(row, "row " + std::to_string(bank->open_row) + " is open");
      }
      break;
    case kPrePb:
      bank->open_row = -1;
      break;
    case kPreAb:
      for (auto& [id, b] : lane->banks) b.open_row = -1;
      break;
    case kRefPb:
    case kRfmPb:
      if (bank->open_row >= 0) report(row, "the bank is open");
      break;
    case kRefAb:
    case kRfmAb:
      if (!all_closed()) report(row, "a bank is open");
      break;
    default:
      break;
  }
}

void TraceChecker::check_refresh(const Row& row, ChannelState* c) {
  const std::int64_t due = row.clock / rules_.refresh_interval;
  if (c->lanes.size() < static_cast<std::size_t>(rules_.size[0])) {
    for (std::int64_t p = 0; p < rules_.size[0]; ++p) {
      c->lanes[p].refreshes.resize(static_cast<std::size_t>(rules_.banks()));
    }
  }
  for (auto& [number, lane] : c->lanes) {
    if (row.command == kSrx) {
      std::fill(lane.refreshes.begin(), lane.refreshes.end(), due);
    } else if (row.clock >= lane.deadline && (!c->is_asleep || row.command == kSre)) {
      audit(row, number, &lane);
    }
  }
  if (row.command == kRefAb || row.command == kRefPb) note_refresh(row, &c->lanes[row.at[1]]);
}

// Refreshes that are missing are taken as given once they are reported.
void TraceChecker::audit(const Row& row, std::int64_t pseudo_channel, Lane* lane) {
  if (!rules_.counts_refresh_all && !rules_.counts_refresh_bank) return;
  const std::int64_t least = row.clock / rules_.refresh_interval - most_owed();
  const auto worst = std::min_element(lane->refreshes.begin(), lane->refreshes.end());
  if (*worst < least) {
    const std::int64_t bank = worst - lane->refreshes.begin();
    const auto late = std::count_if(lane->refreshes.begin(), lane->refreshes.end(),
                                    [least](std::int64_t n) { return n < least; });
    std::string text = "refresh: Channel " + std::to_string(row.at[0]) + ", PseudoChannel " +
                       std::to_string(pseudo_channel);
    text += ", Sid " + std::to_string(bank / rules_.size[3] / rules_.size[2]);
    text += ", BankGroup " + std::to_string(bank / rules_.size[3] % rules_.size[2]);
    text += ", Bank " + std::to_string(bank % rules_.size[3]) + " is owed ";
    text += std::to_string(least + most_owed() - *worst) + ", at most ";
    text += std::to_string(most_owed()) + " (" + std::to_string(late) + " of " +
            std::to_string(rules_.banks()) + " banks too late)";
    report(row, text);
    for (std::int64_t& n : lane->refreshes) n = std::max(n, least);
  }
  const std::int64_t fewest = *std::min_element(lane->refreshes.begin(), lane->refreshes.end());
  lane->deadline = (fewest + most_owed() + 1) * rules_.refresh_interval;
}

// One that comes too far ahead of time does not count.
void TraceChecker::note_refresh(const Row& row, Lane* lane) {
  const bool is_all = row.command == kRefAb;
  if (!(is_all ? rules_.counts_refresh_all : rules_.counts_refresh_bank)) return;
  const std::int64_t most = row.clock / rules_.refresh_interval + 1 + rules_.postponed;
  const auto first = lane->refreshes.begin() + (is_all ? 0 : node_of(row, 3));
  const auto last = is_all ? lane->refreshes.end() : first + 1;
  if (is_all && *std::max_element(first, last) >= most) {
    report(row, "more refreshes ahead of time than may be pulled in");
  }
  for (auto n = first; n != last; ++n) *n = std::min(*n + 1, most);
}

void TraceChecker::remember(const Row& row, Lane* lane) const {
  for (int level = 0; level < 4; ++level) {
    const std::int64_t id = node_of(row, level);
    if (id < 0) continue;
    Node& node = lane->nodes[static_cast<std::size_t>(level)][id];
    if (node.recent.empty()) node.recent.resize(trace_words().size());
    std::vector<std::int64_t>& recent = node.recent[static_cast<std::size_t>(row.command)];
    if (recent.size() >= 64) recent.erase(recent.begin(), recent.begin() + 32);
    recent.push_back(effective(row));
  }
}

void TraceChecker::check_line(std::string_view line, const SourcePosition& where) {
  if (!has_header_) {
    if (line != kHeader) throw InputError(where, "header", cut(line), std::string(kHeader));
    has_header_ = true;
    return;
  }
  const Row row = parse(line, where);
  ++commands_;
  if (row.clock < last_clock_) report(row, "the clock goes back");
  last_clock_ = std::max(last_clock_, row.clock);
  ChannelState& channel = channels_[row.at[0]];
  check_power(row, &channel);
  check_bus(row, &channel);
  check_refresh(row, &channel);
  if (fields_of(row.command) < 2) return;
  Lane& lane = channel.lanes[row.at[1]];
  check_rules(row, lane);
  check_state(row, &lane);
  remember(row, &lane);
}

}  // namespace astrolabe::memory
