#include "base/canonical_json.h"

#include <gtest/gtest.h>

namespace keyhold {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(CanonicalJson, EscapesOnlyWhatRfc8785Escapes) {
  EXPECT_EQ(quoted("plain / text ' \x7f"), "\"plain / text ' \x7f\"");
  EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quoted("\b\t\n\f\r"), R"("\b\t\n\f\r")");
  EXPECT_EQ(quoted(std::string_view("\0\x01\x0b\x1f", 4)), R"("\u0000\u0001\u000b\u001f")");
}

// The string of RFC 8785 section 3.2.2.2's sample: U+20AC $ U+000F LF A ' B " \ \ " /
TEST(CanonicalJson, WritesTheSampleStringOfRfc8785) {
  EXPECT_EQ(quoted("\xe2\x82\xac$\x0f\nA'B\"\\\\\"/"),
            "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
}

TEST(CanonicalJson, LeavesUnicodeAsItIs) {
  EXPECT_EQ(quoted("Gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x94\x91"),
            "\"Gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x94\x91\"");
}

TEST(CanonicalJson, SortsMembersAndHasNoSpace) {
  EXPECT_EQ(canonical_json({}), "{}");
  EXPECT_EQ(canonical_json({{"b", "2"}, {"a", "1"}, {"B", ""}}), R"({"B":"","a":"1","b":"2"})");
}

TEST(Utf8, WellFormedTextIsAccepted) {
  for (const char* text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, EachBadByteBecomesAReplacementCharacter) {
  EXPECT_EQ(make_utf8("good \xc3\xb6"), "good \xc3\xb6");
  EXPECT_EQ(make_utf8("\xff|\xc3|\xed\xa0\x80"),
            "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_TRUE(is_utf8(make_utf8("\xf0\x9f\x94 \xf4\x90\x80\x80")));
}

TEST(Utf8, IllFormedTextIsRefused) {
  const char* const kCases[] = {
      "\x80",              // a follower alone
      "\xc0\x80",          // overlong
      "\xc1\xbf",          // overlong
      "\xc2",              // cut
      "\xc2\x41",          // no follower
      "\xe0\x9f\xbf",      // overlong
      "\xe2\x82",          // cut
      "\xe2\x82\x41",      // no second follower
      "\xed\xa0\x80",      // a surrogate
      "\xf0\x8f\xbf\xbf",  // overlong
      "\xf0\x9f\x94",      // cut
      "\xf4\x90\x80\x80",  // beyond U+10FFFF
      "\xf5\x80\x80\x80",  // no such lead
      "\xff",
      "good \xc3\xb6 then bad \xc3",
  };
  for (const char* text : kCases) EXPECT_FALSE(is_utf8(text)) << text;
}

}  // namespace
}  // namespace keyhold
