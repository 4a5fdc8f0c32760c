#include "cli/units.h"

#include <gtest/gtest.h>

namespace keyhold::cli {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;

TEST(Size, PowersOf1024WhateverTheSpelling) {
  EXPECT_EQ(*parse_bytes("0"), 0U);
  EXPECT_EQ(*parse_bytes("4096"), 4096U);
  EXPECT_EQ(*parse_bytes("64KiB"), 65536U);
  EXPECT_EQ(*parse_bytes("64K"), 65536U);
  EXPECT_EQ(*parse_bytes("2GB"), std::uint64_t{2} << 30);
}

TEST(Size, NonsenseAndOverflowAreUsageErrors) {
  for (const auto* text : {"", "K", "-1", "1.5G", "1Q", "1KiBs", "99999999999T"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Size, ThreeDigitsForPeople) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_bytes(std::uint64_t{64} << 20), "64.0 MiB");
  EXPECT_EQ(format_bytes((std::uint64_t{1} << 20) - 1), "1.00 MiB");
}

TEST(Count, GroupedByThousands) {
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

TEST(Time, Rfc3339InUtc) {
  EXPECT_EQ(format_time(WallTime(1'700'000'000s)), "2023-11-14T22:13:20Z");
}

TEST(Time, DistanceInTheLargestUnit) {
  const WallTime now(1'700'000'000s);
  EXPECT_EQ(format_distance(now, now), "just now");
  EXPECT_EQ(format_distance(now + 1s, now), "in 1 second");
  EXPECT_EQ(format_distance(now + 720h, now), "in 30 days");
  EXPECT_EQ(format_distance(now - 2h, now), "2 hours ago");
}

}  // namespace
}  // namespace keyhold::cli
