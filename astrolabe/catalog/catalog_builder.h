#pragma once

// Turns the rows of all tables into a Catalog: the checks and conversions that need more than one
// row, in this order: entities unique across kinds; one used row per attribute (choices*.csv decide
// where there are several); the scenario's overrides; KRW at the used rate and the bounds of the
// schema; required attributes; references.

#include <map>
#include <string>
#include <vector>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/catalog/fact_tables.h"

namespace astrolabe::catalog {

class CatalogBuilder {
 public:
  void read(const std::string& data_dir);
  void apply(const std::vector<Override>& overrides);
  Catalog finish();

 private:
  using Rows = std::vector<ReadFact>;

  CsvTable read_table(const std::string& path);
  void add_source(Source source);
  void add_facts(const CsvTable& table, const std::string& kind);
  std::vector<std::string> kinds() const;
  std::vector<std::string> entities(const std::string& kind) const;  // all, for an empty kind
  void choose_used_rows(const std::vector<Choice>& choices);
  void apply_choice(const Choice& choice);
  void apply_override(const Override& change);
  double krw_per_usd(const SourcePosition& needed_at) const;
  void convert_money();
  void check_required() const;
  void check_references() const;

  std::vector<AttributeSchema> schema_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::string> kind_of_;
  std::map<std::string, Rows> rows_;  // entity -> rows
  std::map<std::string, std::string> file_hashes_;
};

}  // namespace astrolabe::catalog
