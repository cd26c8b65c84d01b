#pragma once

// Units as text, as they stand in data/*.csv ("TB/s", "USD/kW", "wafers/month", "KRW/kWh") and as
// suffixes of keys ("power_mw", "price_usd_per_kwh").
//
// Grammar: factor (("/" | "*") factor)*, factor = symbol ["^" integer]; "1" is dimensionless and
// "%" is 0.01. Nouns that count things (die, stack, accelerator, rack, package, ...) are
// dimensionless. KRW is money that needs an exchange rate: krw_exponent says how often it occurs.

#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/base/quantity.h"

namespace astrolabe {

struct Unit {
  Dim dim;
  double factor = 1;  // value_in_base_units = value * factor * usd_per_krw^krw_exponent
  int krw_exponent = 0;
};

// nullopt when a symbol is unknown or the grammar is broken.
std::optional<Unit> parse_unit(std::string_view text);

// The unit a key's suffix stands for: parse_unit_suffix("usd_per_kwh") is USD/kWh,
// "mw" is MW (megawatt), "kwafers_per_month", "percent". nullopt when unknown.
std::optional<Unit> parse_unit_suffix(std::string_view suffix);

// "power", "energy", "money", ... when the dimension has a common name, else "usd*joule^-1".
std::string dim_text(const Dim& dim);

}  // namespace astrolabe
