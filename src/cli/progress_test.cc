#include <gtest/gtest.h>

#include "cli/output.h"

namespace keyhold::cli {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

TEST(ProgressLine, ShareSpeedAndTimeLeft) {
  EXPECT_EQ(progress_line("verifying", 25 * kMiB, 100 * kMiB, 5, 99, false),
            "verifying [##########..............................]  25%  5.00 MiB/s  0:15 left");
}

TEST(ProgressLine, SaysNoSpeedBeforeItKnowsOne) {
  EXPECT_EQ(progress_line("verifying", 0, 100, 0, 40, false),
            "verifying [" + std::string(22, '.') + "]   0%");
}

TEST(ProgressLine, MoreThanPromisedStaysAtTheEnd) {
  EXPECT_TRUE(progress_line("x", 300, 100, 0, 40, false).ends_with("] 100%"));
}

TEST(ProgressLine, LeavesTheBarOutWhereItIsTooNarrow) {
  EXPECT_EQ(progress_line("verifying", 50, 100, 0, 20, false), "verifying   50%");
}

}  // namespace
}  // namespace keyhold::cli
