#include "base/environment.h"

#include <array>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

Status check(const char* variable) {
  const std::array<const char*, 3> variables = {"HOME=/root", variable, "PATH=/bin"};
  return check_environment(variables);
}

TEST(Environment, WhatIsOnTheListOrNotOursMayBeThere) {
  for (const char* variable :
       {"KEYHOLD_LOG=debug", "KEYHOLD_KMS_WAIT=", "KEYHOLD_SERVER=https://x", "KEYHOLD_CONFIG",
        "KEYHOLD_DEV_AWS_KEY_URI=x", "KEYHOLD_TEST_CRASH_ROUNDS=1", "KEYHOLDER=1", "keyhold_log=1",
        "XKEYHOLD_FOO=1", ""}) {
    EXPECT_TRUE(check(variable)) << variable;
  }
}

TEST(Environment, AnyOtherIsAnErrorThatNamesTheNearest) {
  const Status refused = check("KEYHOLD_KMS_WIAT=forever");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_NE(refused.error().message().find("KEYHOLD_KMS_WIAT; did you mean KEYHOLD_KMS_WAIT?"),
            std::string::npos)
      << refused.error().message();
  EXPECT_EQ(refused.error().message().find("forever"), std::string::npos);  // may be a secret
  EXPECT_FALSE(check("KEYHOLD_="));
  EXPECT_FALSE(check("KEYHOLD_DEVICE=x"));
  EXPECT_FALSE(check("KEYHOLD_kms_wait=x"));
}

TEST(Environment, OfThisProcessIsLookedAt) {
  ASSERT_TRUE(check_environment());
  ::setenv("KEYHOLD_NONSENSE", "1", 1);
  EXPECT_FALSE(check_environment());
  ::unsetenv("KEYHOLD_NONSENSE");
}

}  // namespace
}  // namespace keyhold
