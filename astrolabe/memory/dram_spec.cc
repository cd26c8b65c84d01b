#include "astrolabe/memory/dram_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "astrolabe/base/csv.h"
#include "astrolabe/memory/latency_expression.h"

namespace astrolabe::memory {

namespace {

constexpr std::array<std::string_view, kLevels> kLevelNames = {"PseudoChannel", "Sid", "BankGroup",
                                                               "Bank"};
constexpr std::array<const char*, 6> kStandards = {"HBM2",  "HBM2E", "HBM3",
                                                   "HBM3E", "HBM4",  "HBM4E"};

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> found;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) found.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

template <std::size_t N>
std::vector<std::string> as_strings(const std::array<std::string_view, N>& names, std::size_t n) {
  return {names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n)};
}

template <std::size_t N>
std::size_t position_of(const std::string& word, const std::array<std::string_view, N>& names,
                        std::size_t n, const SourcePosition& where, const std::string& key) {
  for (std::size_t i = 0; i < n; ++i) {
    if (names[i] == word) return i;
  }
  throw InputError(where, key, word.empty() ? "nothing" : "'" + word + "'",
                   join_alternatives(as_strings(names, n)));
}

std::vector<Command> commands(const CsvTable& table, const CsvTable::Row& row,
                              const std::string& column) {
  std::vector<Command> found;
  for (const std::string& word : words(table.cell(row, column))) {
    found.push_back(static_cast<Command>(
        position_of(word, kCommandNames, kTimedCommands, table.position(row), column)));
  }
  if (found.empty()) {
    throw InputError(table.position(row), column, "nothing",
                     join_alternatives(as_strings(kCommandNames, kTimedCommands)));
  }
  return found;
}

int window_of(const CsvTable& table, const CsvTable::Row& row) {
  const double window = parse_number(table.cell(row, "window"), table.position(row), "window");
  if (window < 1 || window > 16 || window != std::floor(window)) {
    throw InputError(table.position(row), "window", table.cell(row, "window"),
                     "a whole number from 1 to 16");
  }
  return static_cast<int>(window);
}

// What a row must satisfy to be meant as written.
void check(const Constraint& c, const DramSpec& spec) {
  if (c.ticks < 0) {
    throw InputError(c.where, "latency", c.latency + " = " + std::to_string(c.ticks / 2) + " tCK",
                     "a latency of 0 tCK or more");
  }
  if (c.ticks > 2 * spec.timing.find("tREFI")->second) {
    throw InputError(c.where, "latency", c.latency + " = " + std::to_string(c.ticks / 2) + " tCK",
                     "less than tREFI: a row between refreshes could never be met");
  }
  if (c.window > 1 && c.preceding != c.following) {
    throw InputError(c.where, "window", std::to_string(c.window),
                     "1, or the same command as preceding and following");
  }
  const auto is_rare = [](Command command) { return command >= Command::kPrechargeAll; };
  if (c.window > 1 && std::any_of(c.following.begin(), c.following.end(), is_rare)) {
    throw InputError(c.where, "window", std::to_string(c.window),
                     "1 for commands other than RD, WR, ACT and PREpb");
  }
  // PseudoChannel rounds no column command up to a rising edge; precharges may start on others.
  const auto is_precharge = [](Command command) {
    return command == Command::kPrecharge || command == Command::kPrechargeAll;
  };
  if (std::any_of(c.preceding.begin(), c.preceding.end(), is_precharge) &&
      std::any_of(c.following.begin(), c.following.end(), is_column)) {
    throw InputError(c.where, "following", "RD or WR after a precharge",
                     "ACT, precharges and refreshes: an ACT lies between");
  }
  if (c.is_sibling && c.level == Level::kPseudoChannel) {
    throw InputError(c.where, "sibling", "yes", "no at PseudoChannel: they are independent");
  }
}

// A window of n commands that is shorter than n commands at their own spacing binds never.
void check_windows(const DramSpec& spec) {
  for (const Constraint& w : spec.constraints) {
    if (w.window == 1) continue;
    for (const Constraint& c : spec.constraints) {
      if (c.window == 1 && !c.is_sibling && c.level <= w.level && c.preceding == w.preceding &&
          std::includes(c.following.begin(), c.following.end(), w.following.begin(),
                        w.following.end()) &&
          w.ticks < (w.window - 1) * c.ticks) {
        throw InputError(w.where, "latency",
                         w.latency + " = " + std::to_string(w.ticks / 2) + " tCK",
                         "at least the burst of " + std::to_string(w.window) + " it bounds: " +
                             std::to_string((w.window - 1) * c.ticks / 2) + " tCK at " + c.latency);
      }
    }
  }
}

Constraint read_constraint(const CsvTable& table, const CsvTable::Row& row, const DramSpec& spec) {
  Constraint c;
  c.where = table.position(row);
  c.level = static_cast<Level>(
      position_of(table.cell(row, "level"), kLevelNames, kLevels, c.where, "level"));
  c.preceding = commands(table, row, "preceding");
  c.following = commands(table, row, "following");
  c.latency = table.cell(row, "latency");
  c.window = window_of(table, row);
  const std::string& sibling = table.cell(row, "sibling");
  if (sibling != "yes" && sibling != "no") {
    throw InputError(c.where, "sibling", sibling.empty() ? "nothing" : sibling, "yes or no");
  }
  c.is_sibling = sibling == "yes";
  const ExpressionValue value =
      evaluate(c.latency, [&spec](std::string_view name) -> std::optional<std::int64_t> {
        const auto found = spec.timing.find(name);
        if (found == spec.timing.end()) return std::nullopt;
        return found->second;
      });
  if (!value.value) {
    throw InputError(c.where, "latency", c.latency + " (" + value.problem + ")",
                     "an expression in the parameters of timing.csv");
  }
  c.ticks = 2 * *value.value;
  check(c, spec);
  return c;
}

void read_constraints(const std::string& path, DramSpec* spec) {
  const CsvTable table = CsvTable::read(path);
  for (const CsvTable::Row& row : table.rows()) {
    const std::vector<std::string> standards = words(table.cell(row, "standards"));
    for (const std::string& standard : standards) {
      if (std::find(kStandards.begin(), kStandards.end(), standard) == kStandards.end()) {
        throw InputError(table.position(row), "standards", standard,
                         join_alternatives({kStandards.begin(), kStandards.end()}));
      }
    }
    if (std::find(standards.begin(), standards.end(), spec->standard) == standards.end()) continue;
    spec->constraints.push_back(read_constraint(table, row, *spec));
  }
  check_windows(*spec);
}

struct ParameterRow {
  std::string value, unit, scales;
  SourcePosition where;
};
using ParameterRows = std::map<std::string, ParameterRow, std::less<>>;

const ParameterRow& get(const ParameterRows& rows, const std::string& preset,
                        const std::string& name, const std::string& file) {
  const auto found = rows.find(name);
  if (found == rows.end()) {
    throw InputError({file, 0}, preset + "." + name, "nothing", "a row for this parameter");
  }
  return found->second;
}

int count(const ParameterRow& row, const std::string& name, int most) {
  const double value = parse_number(row.value, row.where, name);
  if (value < 1 || value > most || value != std::floor(value)) {
    throw InputError(row.where, name, row.value,
                     "a whole number from 1 to " + std::to_string(most));
  }
  return static_cast<int>(value);
}

// Whole tCK of the row at the clock that is used; `own_tck` is the one of the table.
std::int64_t cycles(const ParameterRow& row, const std::string& name, double own_tck, double tck) {
  const double value = parse_number(row.value, row.where, name);
  if (value < 0 || value > 1e6) throw InputError(row.where, name, row.value, "0 to 1000000");
  const bool is_clock = row.scales == "clock";
  if (row.scales != "clock" && row.scales != "time") {
    throw InputError(row.where, "scales", row.scales.empty() ? "nothing" : row.scales,
                     "clock or time");
  }
  if (row.unit == "tCK") {
    return static_cast<std::int64_t>(std::ceil(value * (is_clock ? 1 : own_tck / tck) - 1e-6));
  }
  if (row.unit == "ns" && !is_clock) {
    return static_cast<std::int64_t>(std::ceil(value / tck - 1e-6));
  }
  throw InputError(row.where, "unit", row.unit, "tCK, or ns if it scales with time");
}

ParameterRows read_rows(const std::string& path, const std::string& preset) {
  const CsvTable table = CsvTable::read(path);
  ParameterRows rows;
  std::set<std::string> known;
  for (const CsvTable::Row& row : table.rows()) {
    known.insert(table.cell(row, "preset"));
    if (table.cell(row, "preset") != preset) continue;
    const std::string& name = table.cell(row, "parameter");
    const bool is_new =
        rows.try_emplace(name, ParameterRow{table.cell(row, "value"), table.cell(row, "unit"),
                                            table.cell(row, "scales"), table.position(row)})
            .second;
    if (!is_new) throw InputError(table.position(row), preset + "." + name, "two rows", "one row");
  }
  if (rows.empty()) {
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string nearest = nearest_word(preset, names);
    throw InputError({}, "preset",
                     nearest.empty() ? preset : preset + " (nearest: " + nearest + ")",
                     join_alternatives(names));
  }
  return rows;
}

constexpr std::array<const char*, 25> kRequired = {
    "tBL",  "tCL",    "tCWL",   "tRCDRD", "tRCDWR", "tRP",   "tRAS", "tRC",   "tWR",
    "tRTP", "tCCDS",  "tCCDL",  "tCCDR",  "tRRDS",  "tRRDL", "tFAW", "tWTRS", "tWTRL",
    "tRTW", "tRREFD", "tRFCpb", "tRFCab", "tREFI",  "tXP",   "tXS"};

Organization read_organization(const ParameterRows& rows, const std::string& preset,
                               const std::string& path) {
  const auto n = [&](const char* name, int most) {
    return count(get(rows, preset, name, path), name, most);
  };
  Organization o;
  o.pseudo_channels = n("PseudoChannel", 2);
  o.sids = n("Sid", 4);
  o.bank_groups = n("BankGroup", 8);
  o.banks = n("Bank", 16);
  o.rows = n("Row", 1 << 20);
  o.columns = n("Column", 256);
  o.channels_per_stack = n("channels_per_stack", 64);
  if (o.banks_per_pseudo_channel() > kMostBanks) {
    throw InputError(get(rows, preset, "Bank", path).where, "Bank",
                     std::to_string(o.banks_per_pseudo_channel()) + " per pseudo-channel",
                     "at most " + std::to_string(kMostBanks));
  }
  return o;
}

void set_row_bus(DramSpec* spec) {
  if (spec->standard != "HBM2" && spec->standard != "HBM2E") return;
  spec->activate_ticks = 4;
  spec->activate_offset = 2;
  spec->row_ticks = 2;
  spec->has_falling_edge_precharge = false;
}

void override_timing(const TimingOverrides& overrides, DramSpec* spec) {
  for (const auto& [name, value] : overrides) {
    const auto found = spec->timing.find(name);
    if (found == spec->timing.end() || value < 0 || value > 1'000'000) {
      std::vector<std::string> known;
      for (const auto& [key, unused] : spec->timing) known.push_back(key);
      throw InputError({}, "timing " + name, std::to_string(value),
                       "0 to 1000000 tCK of " + join_alternatives(known, 40));
    }
    found->second = value;
  }
}

}  // namespace

Bandwidth DramSpec::peak_bandwidth() const {
  return kAccessBytes * units::byte * organization.pseudo_channels /
         (tCK * static_cast<double>(timing.find("tBL")->second));
}

void check_refresh(const DramSpec& spec, int rate, const SourcePosition& where,
                   const std::string& key) {
  const auto t = [&spec](const char* name) { return spec.timing.find(name)->second; };
  const std::int64_t interval = t("tREFI") / rate;
  const std::int64_t row = std::max({t("tRAS"), t("tRCDRD") + t("tRTP"),
                                     t("tRCDWR") + t("tCWL") + t("tBL") + t("tWR")}) +
                           spec.activate_offset / 2 + t("tRP");
  const std::int64_t refresh = std::max(t("tRFCab"), t("tRFCpb"));
  const std::int64_t spaced = t("tRREFD") * spec.organization.banks_per_pseudo_channel();
  if (interval >= std::max(refresh + row, spaced)) return;
  throw InputError(where, key, "refreshes " + std::to_string(interval) + " tCK apart",
                   "at least " + std::to_string(refresh + row) +
                       ", a refresh and the use of one row, and " + std::to_string(spaced) +
                       ", tRREFD times the banks");
}

DramSpec load_spec(const std::string& data_dir, const std::string& preset, double pin_rate_gbps,
                   const TimingOverrides& overrides) {
  const std::string path = data_dir + "/memory/timing.csv";
  const ParameterRows rows = read_rows(path, preset);
  DramSpec spec;
  spec.preset = preset;
  spec.standard = get(rows, preset, "standard", path).value;
  const ParameterRow& rate = get(rows, preset, "pin_rate", path);
  const ParameterRow& clock = get(rows, preset, "tCK", path);
  const double own_rate = parse_number(rate.value, rate.where, "pin_rate");
  const double own_tck = parse_number(clock.value, clock.where, "tCK");
  if (own_rate <= 0 || own_tck <= 0 || own_tck > 100) {
    throw InputError(clock.where, "tCK", clock.value, "0 to 100 ns, at a positive pin rate");
  }
  spec.pin_rate_gbps = pin_rate_gbps > 0 ? pin_rate_gbps : own_rate;
  const double tck = own_tck * own_rate / spec.pin_rate_gbps;
  spec.tCK = tck * units::nanosecond;
  spec.organization = read_organization(rows, preset, path);
  for (const auto& [name, row] : rows) {
    if (row.unit != "tCK" && row.unit != "ns") continue;
    if (name != "tCK") spec.timing[name] = cycles(row, name, own_tck, tck);
  }
  for (const char* name : kRequired) get(rows, preset, name, path);
  set_row_bus(&spec);
  override_timing(overrides, &spec);
  for (const char* name : {"tBL", "tRTP"}) {
    if (spec.timing.find(name)->second > 0) continue;
    throw InputError(get(rows, preset, name, path).where, name, "0", "1 tCK or more");
  }
  read_constraints(data_dir + "/memory/constraints.csv", &spec);
  check_refresh(spec, 1, get(rows, preset, "tREFI", path).where, "tREFI");
  return spec;
}

std::vector<std::string> preset_names(const std::string& data_dir) {
  const CsvTable table = CsvTable::read(data_dir + "/memory/timing.csv");
  std::set<std::string> names;
  for (const CsvTable::Row& row : table.rows()) names.insert(table.cell(row, "preset"));
  return {names.begin(), names.end()};
}

}  // namespace astrolabe::memory
