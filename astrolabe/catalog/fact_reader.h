#pragma once

// Reads the facts of one entity, remembers which were used and which are missing. A missing fact is
// an outcome, not an exception: the reading of an entity then has no value and a reason that names
// every missing fact. A misspelt entity or attribute stays an InputError of the catalogue.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::catalog {

// A value read from the catalogue, or the reason why there is none.
template <class T>
struct Reading {
  std::optional<T> value;
  std::string reason;              // "missing: hbm9.die_area (not public)"; empty with a value
  std::vector<std::string> facts;  // "entity.attribute" that were used
};

class FactReader {
 public:
  FactReader(const Catalog& catalog, std::string entity)
      : catalog_(catalog), entity_(std::move(entity)) {}

  // The used value; zero or "" when missing, which complete() then refuses.
  template <Dim D>
  Quantity<D> quantity(std::string_view attribute) {
    return note(catalog_.find<D>(entity_, attribute), attribute).value_or(Quantity<D>());
  }
  double number(std::string_view attribute) {
    return note(catalog_.find_number(entity_, attribute), attribute).value_or(0);
  }
  std::string text(std::string_view attribute) {
    return note(catalog_.find_text(entity_, attribute), attribute).value_or("");
  }
  std::vector<std::pair<Quarter, double>> path(std::string_view attribute, const Dim& dim);

  // Facts that may be absent: noted as used when present, never as missing.
  template <Dim D>
  std::optional<Quantity<D>> optional_quantity(std::string_view attribute) {
    return note_if_present(catalog_.find<D>(entity_, attribute), attribute);
  }
  std::optional<double> optional_number(std::string_view attribute) {
    return note_if_present(catalog_.find_number(entity_, attribute), attribute);
  }
  std::optional<Quarter> optional_quarter(std::string_view attribute) {
    return note_if_present(catalog_.find_quarter(entity_, attribute), attribute);
  }

  const Catalog& facts() const { return catalog_; }
  bool is_complete() const { return missing_.empty(); }

  // Takes over what another reading used and, if it failed, its reason.
  template <class T>
  T take(Reading<T> other) {
    used_.insert(used_.end(), other.facts.begin(), other.facts.end());
    if (!other.value) missing_.push_back(other.reason);
    return other.value ? std::move(*other.value) : T{};
  }

  template <class T>
  Reading<T> finish(T value) const {
    Reading<T> r;
    r.facts = used_;
    if (is_complete()) {
      r.value = std::move(value);
    } else {
      r.reason = reason();
    }
    return r;
  }

 private:
  template <class T>
  std::optional<T> note(std::optional<T> value, std::string_view attribute) {
    value ? add_used(attribute) : add_missing(attribute);
    return value;
  }
  template <class T>
  std::optional<T> note_if_present(std::optional<T> value, std::string_view attribute) {
    if (value) add_used(attribute);
    return value;
  }
  void add_used(std::string_view attribute);
  void add_missing(std::string_view attribute);
  std::string reason() const;

  const Catalog& catalog_;
  std::string entity_;
  std::vector<std::string> used_, missing_;
};

}  // namespace astrolabe::catalog
