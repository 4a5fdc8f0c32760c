#include "base/text.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

TEST(Text, WildcardsFit) {
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

TEST(Text, NoWildcardPatternIsSlow) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(matches_wildcard(pattern + "b", std::string(20'000, 'a')));
}

TEST(Text, PartsAreOneMoreThanSeparators) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(trim(" \t a b \t"), "a b");
  EXPECT_EQ(trim(" "), "");
}

TEST(Text, AShellTakesAQuotedTextAsOneWord) {
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("x';y"), R"('x'\'';y')");
}

TEST(Text, OnlyAsciiChangesItsCase) {
  EXPECT_EQ(to_lower("KMS:Decrypt-É"), "kms:decrypt-É");
}

}  // namespace
}  // namespace keyhold
