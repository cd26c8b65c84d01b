#include "astrolabe/base/table.h"

#include <gtest/gtest.h>

#include "astrolabe/base/csv.h"

namespace astrolabe {
namespace {

TEST(Table, WritesCsvThatTheReaderReadsBack) {
  Table t{"fleet", "Fleet", {{"quarter", "Quarter", {}}, {"it_power_mw", "IT power", {}}}, {}};
  t.add_row({std::string("2028Q3"), 1234.5});
  t.add_row({std::string("a, \"b\""), -0.0});
  EXPECT_EQ(to_csv(t), "quarter,it_power_mw\n2028Q3,1234.5\n\"a, \"\"b\"\"\",0\n");
  EXPECT_EQ(CsvTable::parse(to_csv(t), "x").rows()[1].cells[0], "a, \"b\"");
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenItCannotWrite) {
  EXPECT_THROW(write_file_atomically("/proc/astrolabe_cannot_exist/x", "y"), InputError);
}

}  // namespace
}  // namespace astrolabe
