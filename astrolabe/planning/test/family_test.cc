#include "astrolabe/planning/family.h"

#include <gtest/gtest.h>

#include <set>

#include "astrolabe/base/csv.h"

namespace astrolabe::planning {
namespace {

TEST(Family, EveryFamilyStandsInTheTheoryPageWithItsFormulaAndUnit) {
  const std::string page = read_text_file(ASTROLABE_SOURCE_DIR "/docs/theory/planning.md");
  std::set<std::string> names;
  for (int i = 0; i < kFamilies; ++i) {
    const FamilyText& text = family_text(static_cast<Family>(i));
    const std::string row =
        std::string("| `") + text.name + "` | `" + text.formula + "` | " + text.unit + " |";
    EXPECT_NE(page.find(row), std::string::npos) << "docs/theory/planning.md lacks: " << row;
    EXPECT_TRUE(names.insert(text.name).second) << text.name;
  }
}

}  // namespace
}  // namespace astrolabe::planning
