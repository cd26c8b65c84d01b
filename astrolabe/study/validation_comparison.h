#pragma once

// Fills one validation case: the published rows of an attribute, each beside a figure of ours.

#include <string>
#include <string_view>

#include "astrolabe/study/chain_validation.h"

namespace astrolabe::study {

class Comparison {
 public:
  Comparison(const catalog::Catalog& catalog, std::string id, std::string claim, double tolerance);

  // What the next rows have in common.
  Comparison& of(std::string quantity, Evidence evidence, std::string known_gap = "");

  // Ours beside every published row of checks.<entity>.<attribute>, or beside those of one source.
  template <Dim D>
  void compare(const std::string& subject, Quantity<D> ours, std::string_view entity,
               std::string_view attribute, std::string_view source = "") {
    add_rows(subject, ours.base(), D, entity, attribute, source);
  }
  void compare(const std::string& subject, double ours, std::string_view entity,
               std::string_view attribute, std::string_view source = "") {
    add_rows(subject, ours, Dim{}, entity, attribute, source);
  }

  // Ours beside a figure that is not in the catalogue's checks; `theirs` says all but ours.
  void add(const std::string& subject, double ours, ValidationRow theirs);
  void not_computed(const std::string& reason) { case_.not_computed.push_back(reason); }

  ValidationCase finish() { return std::move(case_); }

 private:
  void add_rows(const std::string& subject, double ours, const Dim& dim, std::string_view entity,
                std::string_view attribute, std::string_view source);

  const catalog::Catalog& catalog_;
  ValidationCase case_;
  std::string quantity_, known_gap_;
  Evidence evidence_ = Evidence::kIndependent;
};

// validation_serving.cc: the published day of DeepSeek.
ValidationCase validate_deepseek_day(const catalog::Catalog& catalog, const std::string& cases_dir);

// validation_world.cc: DRAM of the world, and the stock of H100-equivalents by 2030.
ValidationCase validate_world_dram(const catalog::Catalog& catalog);
ValidationCase validate_h100_equivalents(const catalog::Catalog& catalog);

}  // namespace astrolabe::study
