#include "astrolabe/base/error.h"

#include <gtest/gtest.h>

namespace astrolabe {
namespace {

TEST(InputError, SaysWhereWhatWasGivenAndWhatIsAllowed) {
  const InputError e({"s.toml", 41}, "grid_mw", "-3", "a number >= 0");
  EXPECT_STREQ(e.what(), "s.toml:41: grid_mw: given -3; allowed: a number >= 0");
}

TEST(NearestWord, FindsTyposAndRefusesStrangers) {
  const std::vector<std::string> words = {"pohang", "ulsan", "jeonnam"};
  EXPECT_EQ(nearest_word("phoang", words), "pohang");
  EXPECT_EQ(nearest_word("jeonam", words), "jeonnam");
  EXPECT_EQ(nearest_word("reykjavik", words), "");
}

}  // namespace
}  // namespace astrolabe
