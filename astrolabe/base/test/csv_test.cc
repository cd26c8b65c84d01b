#include "astrolabe/base/csv.h"

#include <gtest/gtest.h>

namespace astrolabe {
namespace {

TEST(Csv, QuotedCellsKeepCommasQuotesAndNewlinesAndRowsKeepTheirLine) {
  const auto t = CsvTable::parse("a,b\n# comment\n1,\"x, \"\"y\"\"\nz\"\n\n2,w\r\n", "t.csv");
  ASSERT_EQ(t.rows().size(), 2u);
  EXPECT_EQ(t.cell(t.rows()[0], "b"), "x, \"y\"\nz");
  EXPECT_EQ(t.rows()[0].line, 3);
  EXPECT_EQ(t.rows()[1].line, 6);
  EXPECT_EQ(t.cell(t.rows()[1], "b"), "w");
}

std::string message_of(const std::string& text) {
  try {
    CsvTable::parse(text, "t.csv");
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

// Published test vectors of FNV-1a 64: "" and "a" (Fowler, Noll, Vo; draft-eastlake-fnv).
TEST(ContentHash, IsFnv1a) {
  EXPECT_EQ(content_hash(""), "cbf29ce484222325");
  EXPECT_EQ(content_hash("a"), "af63dc4c8601ec8c");
}

TEST(Csv, ErrorsNameFileAndLine) {
  EXPECT_EQ(message_of("a,b\n1\n"), "t.csv:2: given 1 cells; allowed: 2 cells, as in the header");
  EXPECT_EQ(message_of("a,b\n1,\"x\n"),
            "t.csv:2: given a quote that is never closed; allowed: \"...\"");
  EXPECT_EQ(message_of("a,a\n"), "t.csv:1: a: given the column twice; allowed: once");
}

TEST(Csv, NumbersAreFiniteAndWhole) {
  EXPECT_DOUBLE_EQ(parse_number("-1.5e3", {"f", 1}, "k"), -1500);
  for (const char* bad : {"", "nan", "inf", "1x", " 1", "0x10"}) {
    EXPECT_THROW(parse_number(bad, {"f", 1}, "k"), InputError) << bad;
  }
}

}  // namespace
}  // namespace astrolabe
