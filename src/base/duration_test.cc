#include "base/duration.h"

#include <gtest/gtest.h>

namespace keyhold {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;

TEST(Duration, EveryUnitIsRead) {
  EXPECT_EQ(*parse_duration("30d"), 720h);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("0"), 0ms);
}

TEST(Duration, NonsenseIsAUsageError) {
  for (const auto* text : {"", "5", "d", "-1s", "1 h", "1w", "99999999999d", "1.5h", "5S"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::invalid_argument) << text;
  }
}

TEST(Duration, WrittenAsItIsRead) {
  for (const auto span : {0ms, 1ms, 1500ms, 90000ms, 3'600'000ms, 2'592'000'000ms}) {
    EXPECT_EQ(*parse_duration(format_duration(span)), span);
  }
  EXPECT_EQ(format_duration(720h), "30d");
  EXPECT_EQ(format_duration(90min), "1h30m");
}

}  // namespace
}  // namespace keyhold
