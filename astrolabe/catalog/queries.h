#pragma once

// What a reader asks the catalogue: which facts there are, what one entity is, on which sources the
// facts rest, and why a value is the one that is used. Each answer is a text of aligned columns (at
// most kAnswerWidth characters wide) and the same as a Table, for JSON or a page.
// Every function throws InputError, with the nearest name, for what the catalogue does not hold.

#include <cstddef>
#include <string>
#include <string_view>

#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe::catalog {

inline constexpr std::size_t kAnswerWidth = 100;

struct Answer {
  std::string text;
  Table table;
};

// Without a kind: the kinds, with their number of entities, facts, missing facts and own estimates.
// With one: its entities, with the same numbers.
Answer list(const Catalog& catalog, std::string_view kind = "");

// The used value of every attribute of an entity, in the order of the schema.
Answer show(const Catalog& catalog, std::string_view entity);

// Without an id: all sources with grade and number of facts. With one: the facts that rest on it.
Answer sources(const Catalog& catalog, std::string_view id = "");

// Every row of "entity.attribute" (of all quarters, for a dated attribute without one): value,
// range, date, source with address and grade, file:line, which row is used and why.
Answer why(const Catalog& catalog, std::string_view key);

}  // namespace astrolabe::catalog
