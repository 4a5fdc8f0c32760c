#include "base/text_match.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

TEST(TextMatch, WildcardsFit) {
  for (const auto& [pattern, text] :
       std::vector<std::pair<std::string, std::string>>{{"*", ""},
                                                        {"*", "a"},
                                                        {"a*", "a"},
                                                        {"a*c", "abbbc"},
                                                        {"a?c", "abc"},
                                                        {"*b*", "abc"},
                                                        {"kms:*", "kms:Decrypt"},
                                                        {"*a*a*", "aa"},
                                                        {"", ""},
                                                        {"**", "x"}}) {
    EXPECT_TRUE(matches_wildcard(pattern, text)) << pattern << " " << text;
  }
  for (const auto& [pattern, text] : std::vector<std::pair<std::string, std::string>>{
           {"", "a"}, {"a", ""}, {"a?c", "ac"}, {"a*c", "ab"}, {"*b", "abc"}, {"?", ""}}) {
    EXPECT_FALSE(matches_wildcard(pattern, text)) << pattern << " " << text;
  }
}

TEST(TextMatch, NoWildcardPatternIsSlow) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(matches_wildcard(pattern + "b", std::string(20'000, 'a')));
}

TEST(TextMatch, OnlyAsciiChangesItsCase) {
  EXPECT_EQ(to_lower("KMS:Decrypt-É"), "kms:decrypt-É");
}

}  // namespace
}  // namespace keyhold
