#include "host/retry.h"

#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

namespace keyhold::host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Result<nanoseconds> wait_of(const char* text) {
  ::setenv("KEYHOLD_KMS_WAIT", text, 1);
  auto wait = kms_wait_from_environment(seconds(7));
  ::unsetenv("KEYHOLD_KMS_WAIT");
  return wait;
}

TEST(KmsWait, ReadsNumbersWithUnits) {
  EXPECT_EQ(wait_of("0"), nanoseconds(0));
  EXPECT_EQ(wait_of("30"), seconds(30));
  EXPECT_EQ(wait_of("30s"), seconds(30));
  EXPECT_EQ(wait_of("5m"), std::chrono::minutes(5));
  EXPECT_EQ(wait_of("2h"), std::chrono::hours(2));
  EXPECT_EQ(wait_of("forever"), kForever);
  EXPECT_EQ(wait_of(""), seconds(7));
  EXPECT_EQ(kms_wait_from_environment(seconds(7)), seconds(7));
}

TEST(KmsWait, AnythingElseIsAnErrorNotADefault) {
  for (const char* text : {"soon", "-1", "5d", "5 s", "s", "99999999999999999999", "9999999h"}) {
    const auto wait = wait_of(text);
    ASSERT_FALSE(wait) << text;
    EXPECT_EQ(wait.error().code(), Code::invalid_argument) << text;
  }
}

TEST(Backoff, DoublesUpToItsBoundAndVariesWithinTheJitter) {
  const RetryPolicy policy{
      .first_pause = milliseconds(100), .longest_pause = milliseconds(350), .jitter = 0.25};
  Backoff backoff(policy, crypto::system_random());
  for (const milliseconds full :
       {milliseconds(100), milliseconds(200), milliseconds(350), milliseconds(350)}) {
    const nanoseconds pause = backoff.next();
    EXPECT_LE(pause, full);
    EXPECT_GE(pause, full * 3 / 4);
  }
}

struct Story {
  int attempts = 0;
  std::vector<nanoseconds> pauses;
};

Story run(const RetryPolicy& policy, const std::vector<Code>& answers, Status& outcome) {
  Story story;
  outcome = retry_outages(
      policy, system_clock(), crypto::system_random(),
      [&]() -> Status {
        const auto at = static_cast<std::size_t>(story.attempts++);
        if (at >= answers.size()) return {};
        return fail(answers[at], "scripted");
      },
      [&](const Error&, nanoseconds pause) { story.pauses.push_back(pause); });
  return story;
}

TEST(RetryOutages, GoesOnWhileItIsAnOutage) {
  const RetryPolicy policy{
      .wait = kForever, .first_pause = milliseconds(1), .longest_pause = milliseconds(2)};
  Status outcome;
  const Story story = run(policy, {Code::unavailable, Code::unavailable}, outcome);
  EXPECT_TRUE(outcome);
  EXPECT_EQ(story.attempts, 3);
  EXPECT_EQ(story.pauses.size(), 2U);
}

TEST(RetryOutages, WithoutAWaitThereIsOneAttempt) {
  Status outcome;
  const Story story = run({}, {Code::unavailable, Code::unavailable}, outcome);
  EXPECT_EQ(outcome.error().code(), Code::unavailable);
  EXPECT_EQ(story.attempts, 1);
  EXPECT_EQ(story.pauses, std::vector<nanoseconds>{nanoseconds::zero()});
}

TEST(RetryOutages, AnyOtherErrorIsFinal) {
  const RetryPolicy policy{.wait = kForever, .first_pause = milliseconds(1)};
  for (const Code code : {Code::denied, Code::wrong_key, Code::integrity, Code::not_found}) {
    Status outcome;
    const Story story = run(policy, {code}, outcome);
    EXPECT_EQ(outcome.error().code(), code);
    EXPECT_EQ(story.attempts, 1);
  }
}

}  // namespace
}  // namespace keyhold::host
