#include "base/timestamp.h"

#include <chrono>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

using std::chrono::milliseconds;

TEST(Timestamp, FormatsAndParsesBack) {
  const std::pair<std::int64_t, std::string_view> kCases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1'772'357'400'250, "2026-03-01T09:30:00.250Z"},
      {951'782'399'999, "2000-02-28T23:59:59.999Z"},
      {9'214'646'399'999, "2261-12-31T23:59:59.999Z"},
  };
  for (const auto& [ms, text] : kCases) {
    EXPECT_EQ(format_timestamp(WallTime(milliseconds(ms))), text);
    EXPECT_EQ(parse_timestamp(text), WallTime(milliseconds(ms))) << text;
  }
}

TEST(Timestamp, CutsToMilliseconds) {
  EXPECT_EQ(format_timestamp(WallTime(std::chrono::nanoseconds(1'999'999))),
            "1970-01-01T00:00:00.001Z");
}

TEST(Timestamp, AnythingElseIsNone) {
  for (const char* text :
       {"", "2026-03-01", "2026-03-01T09:30:00Z", "2026-03-01T09:30:00.250",
        "2026-03-01 09:30:00.250Z", "2026-03-01T09:30:00.250+00:00", "2026-13-01T09:30:00.250Z",
        "2026-02-30T09:30:00.250Z", "2026-03-01T24:30:00.250Z", "2026-03-01T09:60:00.250Z",
        "2026-03-01T09:30:60.250Z", "1969-12-31T23:59:59.999Z", "2262-01-01T00:00:00.000Z",
        "-026-03-01T09:30:00.250Z"}) {
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace keyhold
