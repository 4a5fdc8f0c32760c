#include "devcloud/versions.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace keyhold::devcloud {
namespace {

using std::chrono::milliseconds;

class VersionsTest : public testing::Test {
 protected:
  Status set(int value) {
    return versions_.change([&](int& now) -> Status {
      now = value;
      return {};
    });
  }

  ManualClock clock_;
  milliseconds delay_{0};
  std::vector<int> saved_;
  bool disk_full_ = false;
  Versions<int> versions_{1, clock_,
                          [this](const int& value) -> Status {
                            if (disk_full_) return fail(Code::no_space, "full");
                            saved_.push_back(value);
                            return {};
                          },
                          [this] { return delay_; }};
};

TEST_F(VersionsTest, ChangeIsSavedAndSeenAtOnceWithoutADelay) {
  ASSERT_TRUE(set(2));
  EXPECT_EQ(*versions_.newest(), 2);
  EXPECT_EQ(*versions_.visible(), 2);
  EXPECT_EQ(saved_, std::vector<int>{2});
}

TEST_F(VersionsTest, ChangeBecomesVisibleAfterItsDelay) {
  delay_ = milliseconds(100);
  ASSERT_TRUE(set(2));
  EXPECT_EQ(*versions_.newest(), 2);
  EXPECT_EQ(*versions_.visible(), 1);
  clock_.advance(milliseconds(99));
  EXPECT_EQ(*versions_.visible(), 1);
  clock_.advance(milliseconds(1));
  EXPECT_EQ(*versions_.visible(), 2);
}

TEST_F(VersionsTest, LaterChangeNeverOvertakesAnEarlierOne) {
  delay_ = milliseconds(100);
  ASSERT_TRUE(set(2));
  delay_ = milliseconds(0);
  ASSERT_TRUE(set(3));
  EXPECT_EQ(*versions_.visible(), 1);
  clock_.advance(milliseconds(100));
  EXPECT_EQ(*versions_.visible(), 3);
}

TEST_F(VersionsTest, WhatCannotBeSavedDoesNotHappen) {
  disk_full_ = true;
  EXPECT_EQ(set(2).error().code(), Code::no_space);
  EXPECT_EQ(*versions_.newest(), 1);
}

TEST_F(VersionsTest, RefusedEditChangesNothing) {
  const Status refused = versions_.change([](int& now) -> Status {
    now = 2;
    return fail(Code::busy, "no");
  });
  EXPECT_EQ(refused.error().code(), Code::busy);
  EXPECT_EQ(*versions_.newest(), 1);
  EXPECT_TRUE(saved_.empty());
}

}  // namespace
}  // namespace keyhold::devcloud
