// Denials: when they end a lease, and what clears them.
#include <gtest/gtest.h>

#include "control/test_lease.h"

namespace keyhold::control {
namespace {

constexpr auto kSuccess = ProbeAnswer::success;
constexpr auto kDenied = ProbeAnswer::denied;
constexpr auto kAmbiguous = ProbeAnswer::ambiguous;
constexpr auto kUnavailable = ProbeAnswer::unavailable;

// Probes of a lease that serves begin at 0, 3, 6 … s and are answered 100 ms later.
constexpr nanoseconds kFirstDenial = milliseconds(3100);

TestLease denied_at_3100(const LeasePolicy& policy = {}, std::vector<LockboxId> lockboxes = {1}) {
  TestLease host(policy, std::move(lockboxes));
  host.run_for(seconds(1));
  host.answers[1] = kDenied;
  host.run_until(kFirstDenial);
  EXPECT_EQ(host.when("alert:denied/1"), kFirstDenial);
  return host;
}

TEST(LeaseDenial, ConfirmedWhenNothingSucceedsForTwoAndAHalfSeconds) {
  TestLease host = denied_at_3100();
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("seal:denied"), kFirstDenial + milliseconds(2500));
  EXPECT_EQ(host.lease.cause(), SealCause::denied);
}

TEST(LeaseDenial, ProbesEveryHalfSecondUntilItIsDecided) {
  TestLease host = denied_at_3100();
  host.run_until(milliseconds(5500));
  for (const int at : {3000, 3500, 4000, 4500, 5000, 5500}) {
    EXPECT_EQ(host.when("probe:1", milliseconds(at)), milliseconds(at));
  }
}

TEST(LeaseDenial, TransientOneFollowedBySuccessSealsNothing) {
  TestLease host = denied_at_3100();
  host.answers.clear();
  host.run_for(minutes(1));
  EXPECT_EQ(host.when("alert:denial_cleared/1"), milliseconds(3600));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
  EXPECT_FALSE(host.when("alert:sealed"));
  EXPECT_EQ(host.when("probe:1", milliseconds(3600)), milliseconds(6500)) << "not hurried any more";
}

TEST(LeaseDenial, FlappingAnswersSealNothing) {
  TestLease host;
  for (int i = 0; i < 100; ++i) {
    host.answers[1] = i % 2 == 0 ? kDenied : kSuccess;
    host.run_until(host.now() + milliseconds(700));
  }
  EXPECT_FALSE(host.when("alert:sealed"));
}

TEST(LeaseDenial, CutNetworkDoesNotClearIt) {
  TestLease host = denied_at_3100();
  host.answers[1] = kUnavailable;
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("seal:denied"), kFirstDenial + milliseconds(2500));
}

TEST(LeaseDenial, WaitsForTwoTries) {
  TestLease host = denied_at_3100();
  host.latency = milliseconds(1300);
  host.answers[1] = kUnavailable;
  host.run_for(seconds(5));
  // At 3.5 and 4.8 s, each 1.3 s long: the second ends at 6.1 s.
  EXPECT_EQ(host.when("seal:denied"), milliseconds(6100));
}

TEST(LeaseDenial, WaitsForTriesNoLongerThanTwoDeadlines) {
  TestLease host = denied_at_3100();
  host.answers[1].reset();
  EXPECT_EQ(host.lease.valid_until(), host.at(kFirstDenial + milliseconds(4500)));
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("seal:denied"), kFirstDenial + milliseconds(4500));
}

TEST(LeaseDenial, SuccessThatCameTooLateDoesNotClearIt) {
  TestLease host = denied_at_3100();
  host.latency = milliseconds(1300);
  host.run_until(milliseconds(3500));
  host.answers.clear();
  host.run_for(seconds(5));
  // The first try, asked for at 3.5 s, is denied at 4.8 s; the second succeeds at 6.1 s.
  EXPECT_EQ(host.when("seal:denied"), milliseconds(6100));
  EXPECT_FALSE(host.when("alert:denial_cleared/1").value_or(seconds(100)) < milliseconds(6100));
}

TEST(LeaseDenial, SuccessThatCameWhileTheThreadStoodStillIsTooLate) {
  TestLease host = denied_at_3100();
  host.run_until(milliseconds(4700));
  host.answers[1].reset();
  host.run_until(milliseconds(5100));
  host.stall(seconds(1));
  host.apply(ProbeEnded{1, host.at(milliseconds(5000)), kSuccess});
  EXPECT_EQ(host.when("seal:denied"), milliseconds(6100));
}

TEST(LeaseDenial, SuccessThatCameTooLateDoesNotClearItBeforeTheTriesAreOverEither) {
  TestLease host = denied_at_3100();
  host.answers.clear();
  host.latency = milliseconds(2400);
  host.run_for(seconds(5));
  // At 3.5 s, answered at 5.9 s: too late. The next would end at 8.3 s.
  EXPECT_EQ(host.when("seal:denied"), kFirstDenial + milliseconds(4500));
}

TEST(LeaseDenial, SuccessThatBeganBeforeItCountsForNothing) {
  TestLease host;
  host.run_until(milliseconds(2999));
  host.answers[1].reset();
  host.run_until(milliseconds(3100));
  host.apply(ProbeEnded{1, host.at(milliseconds(10)), kDenied});  // late, from another probe
  host.run_until(milliseconds(3200));
  host.apply(ProbeEnded{1, host.at(milliseconds(3001)), kSuccess});  // began before
  EXPECT_EQ(host.lease.phase(), LeasePhase::degraded);
  EXPECT_FALSE(host.when("alert:denial_cleared/1"));
  host.answers[1] = kUnavailable;
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(5600));
}

TEST(LeaseDenial, LateAnswerThatIsNoDenialSaysNothing) {
  TestLease host = denied_at_3100();
  for (const ProbeAnswer answer : {kSuccess, kUnavailable}) {
    host.apply(ProbeEnded{1, host.at(milliseconds(10)), answer});
  }
  EXPECT_EQ(host.lease.phase(), LeasePhase::degraded);
  EXPECT_FALSE(host.when("alert:denial_cleared/1"));
}

TEST(LeaseDenial, NoTwoProbesOfOneLockboxAreUnderWay) {
  TestLease host = denied_at_3100({}, {1, 2});
  host.latency = milliseconds(950);
  host.run_for(seconds(30));
  EXPECT_FALSE(host.overlapped);
}

TEST(LeaseDenial, AmbiguousAnswerIsAnOutageByDefault) {
  TestLease host;
  host.answers[1] = kAmbiguous;
  host.run_for(minutes(1));
  EXPECT_EQ(host.lease.phase(), LeasePhase::degraded);
  EXPECT_EQ(host.count("alert:ambiguous/1"), 1) << "told once";
  EXPECT_EQ(host.count("alert:outage/1"), 1);
}

TEST(LeaseDenial, AmbiguousAnswerIsADenialWherePolicySaysSo) {
  LeasePolicy policy;
  policy.ambiguous = AmbiguousRule::denial;
  TestLease host(policy);
  host.answers[1] = kAmbiguous;
  host.run_for(seconds(10));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(2600));
  EXPECT_TRUE(host.when("alert:ambiguous/1"));
}

TEST(LeaseDenial, OneLockboxIsEnoughUnderAnyDenied) {
  TestLease host = denied_at_3100({}, {1, 2});
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(5600));
}

LeasePolicy all_denied() {
  LeasePolicy policy;
  policy.seal_when = SealWhen::all_denied;
  return policy;
}

TEST(LeaseDenial, OneLockboxIsNotEnoughUnderAllDenied) {
  TestLease host = denied_at_3100(all_denied(), {1, 2});
  host.run_for(minutes(30));
  EXPECT_EQ(host.lease.phase(), LeasePhase::degraded);
  EXPECT_LT(host.count("probe:1"), 620) << "not hurried for ever";
}

TEST(LeaseDenial, EachOfThemHasToBeConfirmedUnderAllDenied) {
  TestLease host = denied_at_3100(all_denied(), {1, 2});
  host.run_until(seconds(20));
  host.answers[2] = kDenied;
  host.run_until(seconds(30));
  EXPECT_EQ(host.when("alert:denied/2"), milliseconds(21100));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(23600));
}

TEST(LeaseDenial, ConfirmedOneIsClearedBySuccessUnderAllDenied) {
  TestLease host = denied_at_3100(all_denied(), {1, 2});
  host.run_until(seconds(20));
  host.answers.clear();
  host.run_until(seconds(30));
  host.answers[2] = kDenied;
  host.run_until(seconds(60));
  EXPECT_EQ(host.lease.phase(), LeasePhase::degraded);
}

TEST(LeaseDenial, PolicyThatTurnsToAnyDeniedSealsAtOnce) {
  TestLease host = denied_at_3100(all_denied(), {1, 2});
  host.run_until(seconds(20));
  host.apply(PolicyChanged{});
  EXPECT_EQ(host.when("seal:denied"), seconds(20));
}

TEST(LeaseSettling, DenialsOfANewLockboxDoNotCount) {
  TestLease host;
  host.run_for(seconds(1));
  host.answers[2] = kDenied;
  host.apply(LockboxAdded{2});
  host.run_for(minutes(9));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
  EXPECT_FALSE(host.when("alert:denied/2"));
}

TEST(LeaseSettling, DenialsOfTheOldLockboxCountAlways) {
  TestLease host;
  host.run_for(seconds(1));
  host.apply(LockboxAdded{2});
  host.answers[1] = kDenied;
  host.run_for(seconds(10));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(5600));
}

TEST(LeaseSettling, EndsWithTheThirdSuccess) {
  TestLease host;
  host.run_for(seconds(1));
  host.apply(LockboxAdded{2});  // probes at 1, 4, 7 s
  host.run_until(milliseconds(7050));
  host.answers[2] = kDenied;  // of the next, at 10 s
  host.run_until(seconds(20));
  EXPECT_EQ(host.when("alert:denied/2"), milliseconds(10100));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(12600));
}

TEST(LeaseSettling, DenialStartsTheSuccessesAnew) {
  TestLease host;
  host.run_for(seconds(1));
  host.apply(LockboxAdded{2});  // probes at 1, 4, 7 s …
  host.run_for(seconds(1));
  for (int i = 0; i < 50; ++i) {
    host.answers[2] = i % 3 == 1 ? kDenied : kSuccess;
    host.run_for(seconds(3));
  }
  EXPECT_FALSE(host.when("alert:denied/2"));
}

TEST(LeaseSettling, EndsAfterTenMinutes) {
  TestLease host;
  host.answers[2] = kDenied;
  host.apply(LockboxAdded{2});
  host.run_for(minutes(11));
  EXPECT_EQ(host.when("alert:denied/2"), minutes(10) + milliseconds(100));
  EXPECT_EQ(host.when("seal:denied"), minutes(10) + milliseconds(2600));
}

TEST(LeaseSettling, EndsWhenNoSettledLockboxIsLeft) {
  TestLease host;
  host.answers[2] = kDenied;
  host.apply(LockboxAdded{2});
  host.run_for(seconds(10));
  host.apply(LockboxRemoved{1});
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("seal:denied"), milliseconds(12600));
}

TEST(LeaseSettling, NewLockboxIsNoPartOfAllDenied) {
  TestLease host(all_denied());
  host.answers[2] = kUnavailable;
  host.apply(LockboxAdded{2});
  host.answers[1] = kDenied;
  host.run_for(seconds(10));
  EXPECT_TRUE(host.when("seal:denied"));
}

}  // namespace
}  // namespace keyhold::control
