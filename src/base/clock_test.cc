#include "base/clock.h"

#include <ctime>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

nanoseconds kernel_time(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

TEST(SystemClock, BootTimeIsTheKernelsBootTime) {
  const nanoseconds before = kernel_time(CLOCK_BOOTTIME);
  const nanoseconds read = system_clock().boot_now().time_since_epoch();
  const nanoseconds after = kernel_time(CLOCK_BOOTTIME);
  EXPECT_LE(before, read);
  EXPECT_LE(read, after);
}

TEST(SystemClock, WallTimeIsTheKernelsRealTime) {
  const nanoseconds read = system_clock().wall_now().time_since_epoch();
  const nanoseconds difference = kernel_time(CLOCK_REALTIME) - read;
  EXPECT_LT(std::chrono::abs(difference), seconds(60));
}

TEST(ManualClock, StandsStillUntilItIsMoved) {
  ManualClock clock;
  const BootTime boot = clock.boot_now();
  const WallTime wall = clock.wall_now();
  EXPECT_EQ(clock.boot_now(), boot);
  clock.advance(milliseconds(1500));
  EXPECT_EQ(clock.boot_now() - boot, milliseconds(1500));
  EXPECT_EQ(clock.wall_now() - wall, milliseconds(1500));
}

TEST(ManualClock, SettingTheWallLeavesTheBootTime) {
  ManualClock clock;
  const BootTime boot = clock.boot_now();
  clock.set_wall(WallTime(seconds(5)));
  EXPECT_EQ(clock.wall_now(), WallTime(seconds(5)));
  EXPECT_EQ(clock.boot_now(), boot);
}

TEST(Deadline, ExpiresAtItsInstant) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(clock, seconds(2));
  EXPECT_EQ(deadline.remaining(clock), seconds(2));
  clock.advance(seconds(2) - nanoseconds(1));
  EXPECT_FALSE(deadline.expired(clock));
  EXPECT_EQ(deadline.remaining(clock), nanoseconds(1));
  clock.advance(nanoseconds(1));
  EXPECT_TRUE(deadline.expired(clock));
}

TEST(Deadline, NothingRemainsAfterItsInstant) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(clock, seconds(2));
  clock.advance(seconds(3));
  EXPECT_TRUE(deadline.expired(clock));
  EXPECT_EQ(deadline.remaining(clock), nanoseconds(0));
}

TEST(Deadline, ASetWallClockDoesNotMoveIt) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(clock, seconds(2));
  clock.set_wall(clock.wall_now() + std::chrono::hours(1000));
  EXPECT_EQ(deadline.remaining(clock), seconds(2));
}

TEST(Deadline, NeverDoesNotExpire) {
  ManualClock clock;
  clock.advance(std::chrono::hours(24 * 365 * 100));
  EXPECT_FALSE(Deadline::never().expired(clock));
  EXPECT_EQ(Deadline::never().remaining(clock), nanoseconds::max());
}

}  // namespace
}  // namespace keyhold
