#include "astrolabe/base/unit.h"

#include <array>
#include <cctype>
#include <charconv>
#include <vector>

namespace astrolabe {

namespace {

struct Symbol {
  const char* text;    // in data files
  const char* suffix;  // in keys, "" where none
  Unit unit;
};

constexpr Dim kNone{};
constexpr Dim kSecond{.second = 1}, kByte{.byte = 1}, kFlop{.flop = 1}, kJoule{.joule = 1},
    kUsd{.usd = 1}, kToken{.token = 1}, kWafer{.wafer = 1}, kCarbon{.kg_co2e = 1},
    kMetre{.metre = 1}, kArea{.metre = 2}, kVolume{.metre = 3}, kPower{.second = -1, .joule = 1},
    kRate{.second = -1}, kFlopRate{.second = -1, .flop = 1};
constexpr double kYear = 365.25 * 86400;

constexpr Symbol kSymbols[] = {
    {"1", "", {kNone, 1}},
    {"%", "percent", {kNone, 0.01}},
    {"thousand", "thousand", {kNone, 1e3}},
    {"million", "million", {kNone, 1e6}},
    {"billion", "billion", {kNone, 1e9}},
    // time
    {"s", "s", {kSecond, 1}},
    {"ms", "ms", {kSecond, 1e-3}},
    {"us", "us", {kSecond, 1e-6}},
    {"ns", "ns", {kSecond, 1e-9}},
    {"min", "min", {kSecond, 60}},
    {"h", "h", {kSecond, 3600}},
    {"day", "day", {kSecond, 86400}},
    {"days", "days", {kSecond, 86400}},
    {"week", "week", {kSecond, 7 * 86400}},
    {"month", "month", {kSecond, kYear / 12}},
    {"months", "months", {kSecond, kYear / 12}},
    {"quarter", "quarter", {kSecond, kYear / 4}},
    {"quarters", "quarters", {kSecond, kYear / 4}},
    {"year", "year", {kSecond, kYear}},
    {"years", "years", {kSecond, kYear}},
    {"Hz", "hz", {kRate, 1}},
    {"MHz", "mhz", {kRate, 1e6}},
    {"GHz", "ghz", {kRate, 1e9}},
    // data; the suffix of GB is gb, of Gbit gbit
    {"B", "b", {kByte, 1}},
    {"KB", "kb", {kByte, 1e3}},
    {"MB", "mb", {kByte, 1e6}},
    {"GB", "gb", {kByte, 1e9}},
    {"TB", "tb", {kByte, 1e12}},
    {"PB", "pb", {kByte, 1e15}},
    {"KiB", "kib", {kByte, 1024}},
    {"MiB", "mib", {kByte, 1048576}},
    {"GiB", "gib", {kByte, 1073741824}},
    {"bit", "bit", {kByte, 0.125}},
    {"Gbit", "gbit", {kByte, 0.125e9}},
    {"Tbit", "tbit", {kByte, 0.125e12}},
    // compute
    {"FLOP", "flop", {kFlop, 1}},
    {"TFLOP", "tflop", {kFlop, 1e12}},
    {"TFLOPS", "tflops", {kFlopRate, 1e12}},
    {"PFLOPS", "pflops", {kFlopRate, 1e15}},
    // energy and power
    {"J", "j", {kJoule, 1}},
    {"pJ", "pj", {kJoule, 1e-12}},
    {"Wh", "wh", {kJoule, 3600}},
    {"kWh", "kwh", {kJoule, 3.6e6}},
    {"MWh", "mwh", {kJoule, 3.6e9}},
    {"GWh", "gwh", {kJoule, 3.6e12}},
    {"TWh", "twh", {kJoule, 3.6e15}},
    {"W", "w", {kPower, 1}},
    {"kW", "kw", {kPower, 1e3}},
    {"MW", "mw", {kPower, 1e6}},
    {"GW", "gw", {kPower, 1e9}},
    // money
    {"USD", "usd", {kUsd, 1}},
    {"kUSD", "kusd", {kUsd, 1e3}},
    {"MUSD", "musd", {kUsd, 1e6}},
    {"BUSD", "busd", {kUsd, 1e9}},
    {"KRW", "krw", {kUsd, 1, 1}},
    {"BKRW", "bkrw", {kUsd, 1e9, 1}},
    {"TKRW", "tkrw", {kUsd, 1e12, 1}},
    // what flows
    {"token", "token", {kToken, 1}},
    {"tokens", "tokens", {kToken, 1}},
    {"Mtokens", "mtokens", {kToken, 1e6}},
    {"Gtokens", "gtokens", {kToken, 1e9}},
    {"Ttokens", "ttokens", {kToken, 1e12}},
    {"wafer", "wafer", {kWafer, 1}},
    {"wafers", "wafers", {kWafer, 1}},
    {"kwafers", "kwafers", {kWafer, 1e3}},
    {"gCO2e", "gco2e", {kCarbon, 1e-3}},
    {"kgCO2e", "kgco2e", {kCarbon, 1}},
    {"tCO2e", "tco2e", {kCarbon, 1e3}},
    // space
    {"mm", "mm", {kMetre, 1e-3}},
    {"m", "m", {kMetre, 1}},
    {"km", "km", {kMetre, 1e3}},
    {"mm2", "mm2", {kArea, 1e-6}},
    {"cm2", "cm2", {kArea, 1e-4}},
    {"m2", "m2", {kArea, 1}},
    {"litre", "litre", {kVolume, 1e-3}},
    {"m3", "m3", {kVolume, 1}},
    {"ML", "ml", {kVolume, 1e3}},
    {"deg", "deg", {kNone, 1}},
    // things that are counted
    {"dies", "dies", {kNone, 1}},
    {"die", "die", {kNone, 1}},
    {"stacks", "stacks", {kNone, 1}},
    {"stack", "stack", {kNone, 1}},
    {"layers", "layers", {kNone, 1}},
    {"layer", "layer", {kNone, 1}},
    {"packages", "packages", {kNone, 1}},
    {"package", "package", {kNone, 1}},
    {"accelerators", "accelerators", {kNone, 1}},
    {"accelerator", "accelerator", {kNone, 1}},
    {"racks", "racks", {kNone, 1}},
    {"rack", "rack", {kNone, 1}},
    {"nodes", "nodes", {kNone, 1}},
    {"users", "users", {kNone, 1}},
    {"user", "user", {kNone, 1}},
    {"requests", "requests", {kNone, 1}},
    {"events", "events", {kNone, 1}},
    {"pins", "pins", {kNone, 1}},
    {"SM", "sm", {kNone, 1}},
    {"elements", "elements", {kNone, 1}},
    {"params", "params", {kNone, 1}},
};

Unit power_of(const Unit& u, int n) {
  Unit r;
  for (int i = 0; i < (n < 0 ? -n : n); ++i) {
    r.dim = n < 0 ? r.dim - u.dim : r.dim + u.dim;
    r.factor = n < 0 ? r.factor / u.factor : r.factor * u.factor;
    r.krw_exponent += n < 0 ? -u.krw_exponent : u.krw_exponent;
  }
  return r;
}

void multiply(Unit* a, const Unit& b) {
  a->dim = a->dim + b.dim;
  a->factor *= b.factor;
  a->krw_exponent += b.krw_exponent;
}

}  // namespace

std::optional<Unit> parse_unit(std::string_view text) {
  Unit result;
  bool divide = false;
  std::size_t at = 0;
  if (text.empty()) return std::nullopt;
  while (true) {
    const std::size_t end = std::min(text.find_first_of("/*", at), text.size());
    std::string_view factor = text.substr(at, end - at);
    int exponent = 1;
    if (const auto caret = factor.find('^'); caret != std::string_view::npos) {
      const std::string_view digits = factor.substr(caret + 1);
      const auto [p, code] =
          std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
      if (code != std::errc() || p != digits.data() + digits.size() || exponent < -9 ||
          exponent > 9) {
        return std::nullopt;
      }
      factor = factor.substr(0, caret);
    }
    const Unit* unit = nullptr;
    for (const Symbol& s : kSymbols) {
      if (factor == s.text) unit = &s.unit;
    }
    if (unit == nullptr) return std::nullopt;
    multiply(&result, power_of(*unit, divide ? -exponent : exponent));
    if (end == text.size()) return result;
    divide = text[end] == '/';
    at = end + 1;
  }
}

std::optional<Unit> parse_unit_suffix(std::string_view suffix) {
  Unit result;
  bool divide = false;
  std::size_t at = 0;
  if (suffix.empty()) return std::nullopt;
  while (at <= suffix.size()) {
    const std::size_t end = std::min(suffix.find('_', at), suffix.size());
    const std::string_view word = suffix.substr(at, end - at);
    if (word == "per") {
      if (at == 0 && end == suffix.size()) return std::nullopt;
      divide = true;
    } else {
      const Unit* unit = nullptr;
      for (const Symbol& s : kSymbols) {
        if (!word.empty() && word == s.suffix) unit = &s.unit;
      }
      if (unit == nullptr) return std::nullopt;
      multiply(&result, power_of(*unit, divide ? -1 : 1));
    }
    at = end + 1;
  }
  if (suffix.size() >= 4 && suffix.substr(suffix.size() - 4) == "_per") return std::nullopt;
  return result;
}

std::string dim_text(const Dim& dim) {
  struct Named {
    Dim dim;
    const char* name;
  };
  static const std::vector<Named> names = {
      {kNone, "a plain number"},
      {kSecond, "a time"},
      {kByte, "an amount of data"},
      {kFlop, "an amount of compute (FLOP)"},
      {kJoule, "an energy"},
      {kUsd, "money"},
      {kToken, "tokens"},
      {kWafer, "wafers"},
      {kCarbon, "an emission (kgCO2e)"},
      {kMetre, "a length"},
      {kArea, "an area"},
      {kVolume, "a volume"},
      {kPower, "a power"},
      {kRate, "a rate per time"},
      {kFlopRate, "a compute rate (FLOP/s)"},
      {Dim{.second = -1, .byte = 1}, "a bandwidth"},
      {Dim{.second = -1, .token = 1}, "tokens per time"},
      {Dim{.second = -1, .wafer = 1}, "wafers per time"},
      {Dim{.second = -1, .usd = 1}, "money per time"},
      {Dim{.joule = -1, .usd = 1}, "money per energy"},
      {Dim{.second = 1, .joule = -1, .usd = 1}, "money per power"},
      {Dim{.usd = 1, .token = -1}, "money per token"},
      {Dim{.usd = 1, .wafer = -1}, "money per wafer"},
      {Dim{.joule = -1, .kg_co2e = 1}, "an emission per energy"},
      {Dim{.joule = 1, .wafer = -1}, "an energy per wafer"},
      {Dim{.metre = -2}, "a number per area"},
  };
  for (const Named& n : names) {
    if (n.dim == dim) return n.name;
  }
  std::string s;
  const std::array<std::pair<signed char, const char*>, 9> parts = {{{dim.second, "s"},
                                                                     {dim.byte, "byte"},
                                                                     {dim.flop, "FLOP"},
                                                                     {dim.joule, "joule"},
                                                                     {dim.usd, "USD"},
                                                                     {dim.token, "token"},
                                                                     {dim.wafer, "wafer"},
                                                                     {dim.kg_co2e, "kgCO2e"},
                                                                     {dim.metre, "metre"}}};
  for (const auto& [exponent, name] : parts) {
    if (exponent == 0) continue;
    if (!s.empty()) s += "*";
    s += name;
    if (exponent != 1) s += "^" + std::to_string(exponent);
  }
  return s;
}

}  // namespace astrolabe
