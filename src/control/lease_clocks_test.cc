// Outages, the stuck host, and what a policy changes.
#include <gtest/gtest.h>

#include "control/test_lease.h"

namespace keyhold::control {
namespace {

constexpr auto kDenied = ProbeAnswer::denied;
constexpr auto kUnavailable = ProbeAnswer::unavailable;

LeasePolicy with_grace(nanoseconds grace) {
  LeasePolicy policy;
  policy.grace = grace;
  return policy;
}

TEST(LeaseGrace, OutageThatOutlastsItSeals) {
  TestLease host;
  host.run_for(seconds(1));
  host.answers[1] = kUnavailable;
  host.run_for(hours(1) + seconds(10));
  EXPECT_EQ(host.when("alert:outage/1"), milliseconds(3100));
  // A probe begins at its end, and fails 100 ms later.
  EXPECT_EQ(host.when("seal:grace_over"), hours(1) + milliseconds(3200));
}

TEST(LeaseGrace, HangingProbesDelayItsEndByTwoDeadlinesAtMost) {
  TestLease host(with_grace(seconds(4)));
  host.run_for(seconds(1));
  host.answers[1] = kUnavailable;
  host.run_until(milliseconds(3100));
  host.answers[1].reset();
  EXPECT_EQ(host.lease.valid_until(), host.at(milliseconds(9100)));
  host.run_for(seconds(10));
  EXPECT_EQ(host.when("seal:grace_over"), milliseconds(9100));
}

// An outage of any length below the grace, met at any moment of a probe's round (I5).
TEST(LeaseGrace, I5ShorterOutageSealsNothing) {
  for (const nanoseconds latency : {milliseconds(1), milliseconds(300), milliseconds(999)}) {
    for (nanoseconds begins = seconds(3); begins < seconds(6); begins += milliseconds(50)) {
      TestLease host(with_grace(seconds(20)));
      host.run_until(begins);
      host.answers[1] = kUnavailable;
      host.latency = latency;
      host.run_for(seconds(20) - milliseconds(1));
      host.answers.clear();
      host.latency = milliseconds(300);
      host.run_for(minutes(1));
      ASSERT_FALSE(host.when("alert:sealed")) << begins.count() << " ns, " << latency.count();
      ASSERT_EQ(host.lease.phase(), LeasePhase::serving);
    }
  }
}

TEST(LeaseGrace, SuccessStartsItAnew) {
  TestLease host(with_grace(seconds(20)));
  for (int i = 0; i < 20; ++i) {
    host.answers[1] = kUnavailable;
    host.run_for(seconds(15));
    host.answers.clear();
    host.run_for(milliseconds(3100));
  }
  EXPECT_FALSE(host.when("alert:sealed"));
  EXPECT_GE(host.count("alert:outage_over/1"), 19);
}

TEST(LeaseGrace, ZeroAsksOnceMoreAndSeals) {
  TestLease host(with_grace({}));
  host.run_for(seconds(1));
  host.answers[1] = kUnavailable;
  host.run_for(seconds(5));
  EXPECT_EQ(host.when("probe:1", milliseconds(3001)), milliseconds(3100));
  EXPECT_EQ(host.when("seal:grace_over"), milliseconds(3200));
}

TEST(LeaseGrace, ZeroBearsOneUnansweredProbe) {
  TestLease host(with_grace({}));
  host.run_for(seconds(1));
  host.answers[1] = kUnavailable;
  host.run_until(milliseconds(3050));
  host.answers.clear();
  host.run_for(seconds(5));
  EXPECT_FALSE(host.when("alert:sealed"));
}

TEST(LeaseGrace, RunsPerLockboxUnderAnyDenied) {
  TestLease host(with_grace(seconds(20)), {1, 2});
  host.run_for(seconds(1));
  host.answers[2] = kUnavailable;
  host.run_for(seconds(30));
  EXPECT_EQ(host.when("seal:grace_over"), milliseconds(23200));
}

TEST(LeaseGrace, IsSharedUnderAllDenied) {
  LeasePolicy policy = with_grace(seconds(20));
  policy.seal_when = SealWhen::all_denied;
  TestLease host(policy, {1, 2});
  host.run_for(seconds(1));
  host.answers[2] = kUnavailable;
  host.run_until(minutes(5) + seconds(1));
  EXPECT_FALSE(host.when("alert:sealed"));
  host.answers[1] = kUnavailable;  // first at 5:03.1
  host.run_for(minutes(1));
  EXPECT_EQ(host.when("seal:grace_over"), minutes(5) + milliseconds(23200));
}

TEST(LeaseGrace, OutageOfOneAndDenialOfTheOtherSealUnderAllDenied) {
  LeasePolicy policy = with_grace(seconds(20));
  policy.seal_when = SealWhen::all_denied;
  TestLease host(policy, {1, 2});
  host.answers[1] = kDenied;
  host.answers[2] = kUnavailable;
  host.run_for(minutes(1));
  EXPECT_EQ(host.when("seal:grace_over"), milliseconds(20200));
}

TEST(LeaseGrace, ShorterOneOfANewPolicyHoldsAtOnce) {
  TestLease host;
  host.answers[1] = kUnavailable;
  host.run_until(minutes(5));
  host.apply(PolicyChanged{with_grace(minutes(1))});
  EXPECT_EQ(host.when("seal:grace_over"), minutes(5));
}

TEST(LeaseGrace, LongerOneOfANewPolicyHoldsAtOnce) {
  TestLease host(with_grace(seconds(20)));
  host.answers[1] = kUnavailable;
  host.run_until(seconds(15));
  host.apply(PolicyChanged{});
  host.run_for(minutes(30));
  EXPECT_FALSE(host.when("alert:sealed"));
}

TEST(LeaseStuck, HostWhoseProbesDoNotEndSeals) {
  TestLease host;
  host.run_for(seconds(1));
  EXPECT_EQ(host.lease.valid_until(), host.at(milliseconds(10100)));
  host.answers[1].reset();
  host.run_for(seconds(20));
  EXPECT_EQ(host.when("seal:stuck"), milliseconds(10100));
}

TEST(LeaseStuck, OneLockboxWhoseProbesDoNotEndIsEnough) {
  TestLease host({}, {1, 2});
  host.run_for(seconds(1));
  host.answers[2].reset();
  host.run_for(seconds(20));
  EXPECT_EQ(host.when("seal:stuck"), milliseconds(10100));
}

TEST(LeaseStuck, TimeOfASuspendedMachineCounts) {
  TestLease host;
  host.run_for(seconds(1));
  host.stall(hours(2));
  host.apply(Tick{});
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealed) << "and probing again";
  EXPECT_EQ(host.when("seal:stuck"), hours(2) + seconds(1));
  host.run_for(seconds(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
}

TEST(LeaseStuck, SuccessThatWaitedInTheQueueDoesNotHelp) {
  TestLease host;
  host.run_for(seconds(1));
  host.answers[1].reset();
  host.run_until(milliseconds(3010));
  host.seals = false;
  host.stall(seconds(10));
  host.apply(ProbeEnded{1, host.at(seconds(3)), ProbeAnswer::success});
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealing);
}

TEST(LeaseStuck, FetchOfKeysThatTookTooLongBeginsNoLease) {
  TestLease host(LeasePolicy{}, {{1}, BootTime(hours(1) - seconds(10)), std::nullopt});
  host.apply(Tick{});
  EXPECT_TRUE(host.when("seal:stuck"));
}

TEST(LeaseStuck, SuspensionUnderConfirmationSeals) {
  TestLease host;
  host.run_for(seconds(1));
  host.answers[1] = kDenied;
  host.run_until(milliseconds(3200));
  host.stall(seconds(5));
  host.apply(Tick{});
  EXPECT_TRUE(host.when("seal:denied"));
}

TEST(LeaseProbes, JitterMovesThemByAFifth) {
  for (const auto& [jitter, next] :
       {std::pair(0.0, milliseconds(2400)), std::pair(0.5, milliseconds(3000)),
        std::pair(0.999, milliseconds(3598))}) {
    const BootTime start(hours(1));
    Lease lease({}, {{1}, start, std::nullopt}, start);
    EXPECT_EQ(describe(lease.step(Tick{}, start, jitter).actions), "probe:1");
    const auto step =
        lease.step(ProbeEnded{1, start, ProbeAnswer::success}, start + milliseconds(9), 0.1);
    EXPECT_EQ(std::chrono::floor<milliseconds>(step.wake_at - start), next);
  }
}

TEST(LeaseProbes, AnswerOfARemovedLockboxSaysNothing) {
  TestLease host({}, {1, 2});
  host.answers[2] = kDenied;
  host.apply(Tick{});
  host.apply(LockboxRemoved{2});
  host.run_for(minutes(1));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
  EXPECT_EQ(host.count("probe:2"), 1);
}

}  // namespace
}  // namespace keyhold::control
