// The way back: proof of access, orders and tombstones, keys that do not come.
#include <gtest/gtest.h>

#include "control/test_lease.h"

namespace keyhold::control {
namespace {

constexpr auto kSuccess = ProbeAnswer::success;
constexpr auto kDenied = ProbeAnswer::denied;
constexpr auto kUnavailable = ProbeAnswer::unavailable;
const SealOrdered kRevoke{SealCause::order};
const UnsealOrdered kRestore{SealCause::order};
const SealOrdered kLocalSeal{SealCause::local_order};
const UnsealOrdered kLocalUnseal{SealCause::local_order};

// Sealed at 0 by nothing but a start; probes begin at 0, 3, 6 … s as long as none succeeds.
TestLease sealed_start(const LeasePolicy& policy = {}, std::vector<LockboxId> lockboxes = {1},
                       std::optional<SealCause> tombstone = std::nullopt) {
  TestLease host(policy, LeaseStart{std::move(lockboxes), std::nullopt, tombstone});
  return host;
}

// Of lockboxes that are denied until 10 s.
TestLease back_at_10(const LeasePolicy& policy = {}, std::vector<LockboxId> lockboxes = {1}) {
  TestLease host = sealed_start(policy, lockboxes);
  for (const LockboxId id : lockboxes) host.answers[id] = kDenied;
  host.run_until(seconds(10));
  host.answers.clear();
  return host;
}

TEST(LeaseUnseal, TakesThreeSuccessesASecondApart) {
  TestLease host = back_at_10();
  host.run_for(seconds(10));
  EXPECT_EQ(host.when("probe:1", seconds(10)), seconds(12));
  EXPECT_EQ(host.when("probe:1", milliseconds(12001)), seconds(13));
  EXPECT_EQ(host.when("probe:1", milliseconds(13001)), seconds(14));
  EXPECT_EQ(host.when("unseal"), milliseconds(14100));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
  EXPECT_EQ(host.lease.cause(), std::nullopt);
}

TEST(LeaseUnseal, DenialStartsTheCountAnew) {
  TestLease host = back_at_10();
  host.run_until(milliseconds(13500));
  host.answers[1] = kDenied;
  host.run_until(milliseconds(14200));  // the third, at 14 s
  host.answers.clear();
  host.run_until(seconds(30));
  EXPECT_EQ(host.when("unseal"), milliseconds(19100));  // 17, 18, 19 s
}

TEST(LeaseUnseal, OutageBetweenDoesNotStartTheCountAnew) {
  TestLease host = back_at_10();
  host.run_until(milliseconds(12500));
  host.answers[1] = kUnavailable;
  host.run_until(milliseconds(13500));
  host.answers.clear();
  host.run_until(seconds(30));
  EXPECT_LE(host.when("unseal").value(), milliseconds(15200));
}

TEST(LeaseUnseal, SuccessesThatAreTooCloseCountOnce) {
  TestLease host = back_at_10();
  host.run_until(milliseconds(13200));
  host.answers[1].reset();
  host.run_until(milliseconds(14500));
  host.apply(ProbeEnded{1, host.at(seconds(14)), kDenied});
  // Of the same moment again and again, as a driver would that probed all the time.
  host.run_until(milliseconds(17010));
  for (int i = 0; i < 5; ++i) {
    host.apply(ProbeEnded{1, host.at(host.now()), kSuccess});
    host.run_for(milliseconds(1));
  }
  EXPECT_FALSE(host.when("unseal"));
}

TEST(LeaseUnseal, EveryLockboxHasToSucceedUnderAnyDenied) {
  TestLease host = back_at_10({}, {1, 2});
  host.answers[2] = kUnavailable;
  host.run_until(seconds(60));
  EXPECT_FALSE(host.when("unseal"));
  host.answers.clear();
  host.run_until(seconds(70));
  EXPECT_TRUE(host.when("unseal"));
}

TEST(LeaseUnseal, DenialOfOneStartsTheOtherAnewUnderAnyDenied) {
  TestLease host = back_at_10({}, {1, 2});
  host.answers[2] = kDenied;
  host.run_until(milliseconds(19500));  // 1 has long had its three
  host.answers.clear();
  host.answers[1] = kUnavailable;
  host.run_until(seconds(60));
  EXPECT_FALSE(host.when("unseal"));
}

TEST(LeaseUnseal, OneLockboxIsEnoughUnderAllDenied) {
  LeasePolicy policy;
  policy.seal_when = SealWhen::all_denied;
  TestLease host = back_at_10(policy, {1, 2});
  host.answers[2] = kDenied;
  host.run_until(seconds(20));
  EXPECT_EQ(host.when("unseal"), milliseconds(14100));
  EXPECT_EQ(host.lease.phase(), LeasePhase::degraded);
}

TEST(LeaseUnseal, SettlingLockboxIsNotWaitedFor) {
  TestLease host = back_at_10();
  host.answers[2] = kDenied;
  host.apply(LockboxAdded{2});
  host.run_until(seconds(20));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
}

TEST(LeaseUnseal, NothingUnsealsWhileSealing) {
  TestLease host;
  host.run_for(seconds(1));
  host.seals = false;
  host.answers[1] = kDenied;
  host.run_until(milliseconds(5600));
  host.answers.clear();
  host.run_for(minutes(1));
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealing);
  EXPECT_FALSE(host.when("probe:1", milliseconds(5601)));
}

TEST(LeaseUnseal, SuccessThatBeganBeforeTheSealCountsForNothing) {
  TestLease host;
  host.run_until(milliseconds(3050));  // a probe is under way
  host.answers[1].reset();
  host.apply(kLocalSeal);
  host.apply(kLocalUnseal);
  host.run_for(milliseconds(10));  // asked for again as soon as the other one ended
  host.answers.clear();
  host.run_until(seconds(10));
  EXPECT_EQ(host.when("unseal"), milliseconds(5200)) << "3.1, 4.1 and 5.1 s";
}

TEST(LeaseUnseal, DenialMeanwhileSealsAsSoonAsTheKeysAreThere) {
  for (const LeaseEvent& outcome : {LeaseEvent(KeysFetched{}), LeaseEvent(KeysNotFetched{})}) {
    TestLease host = back_at_10();
    host.fetch.reset();
    host.run_until(milliseconds(14200));
    host.answers[1] = kDenied;
    host.run_until(milliseconds(17200));
    host.answers.clear();
    host.run_until(seconds(19));
    ASSERT_EQ(host.lease.phase(), LeasePhase::unsealing);
    host.seals = false;
    EXPECT_EQ(host.apply(outcome), "seal:denied alert:sealed");
  }
}

TEST(LeaseUnseal, DenialOfASettlingLockboxMeanwhileSealsNothing) {
  TestLease host = back_at_10();
  host.fetch.reset();
  host.answers[3] = kDenied;
  host.run_until(milliseconds(12500));
  host.apply(LockboxAdded{2});  // settles with its third success, at 16.6 s, after the Unseal
  host.run_until(milliseconds(13900));
  host.apply(LockboxAdded{3});  // denied at 14 and 17 s
  host.run_until(seconds(18));
  ASSERT_EQ(host.lease.phase(), LeasePhase::unsealing);
  EXPECT_EQ(host.apply(KeysFetched{}), "alert:unsealed");
}

TEST(LeaseUnseal, OrderMeanwhileSealsAsSoonAsTheKeysAreThere) {
  TestLease host = back_at_10();
  host.fetch.reset();
  host.run_until(milliseconds(14200));
  EXPECT_EQ(host.apply(kRevoke), "tombstone:order");
  host.apply(KeysFetched{});
  EXPECT_EQ(host.when("seal:order"), milliseconds(14200));
  host.run_for(minutes(1));
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealed);
}

TEST(LeaseUnseal, KeysThatDoNotComeAreFetchedAgainAfterThreeSuccesses) {
  TestLease host = back_at_10();
  host.fetch = KeysNotFetched{kUnavailable};
  host.run_until(seconds(15));
  host.fetch = KeysFetched{};
  host.run_until(seconds(25));
  EXPECT_EQ(host.count("unseal"), 2);
  EXPECT_GE(host.when("unseal", milliseconds(14101)).value(), milliseconds(16100));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
}

TEST(LeaseUnseal, DeniedKeysAreTold) {
  TestLease host = back_at_10();
  host.fetch = KeysNotFetched{kDenied};
  host.run_until(milliseconds(14200));
  EXPECT_TRUE(host.when("alert:denied"));
  EXPECT_EQ(host.lease.cause(), SealCause::denied);
}

TEST(LeaseUnseal, LostRingWaitsForAnOperator) {
  TestLease host = back_at_10();
  host.fetch = KeysNotFetched{kUnavailable, /*ring_lost=*/true};
  host.run_until(minutes(5));
  EXPECT_EQ(host.count("unseal"), 1);
  EXPECT_EQ(host.lease.cause(), SealCause::lost_ring);
  host.apply(kRestore);
  host.run_for(minutes(1));
  EXPECT_EQ(host.count("unseal"), 1) << "an order about something else";
  host.fetch = KeysFetched{};
  host.apply(kLocalUnseal);
  host.run_for(seconds(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
}

TEST(LeaseOrders, SealLeavesATombstoneBeforeAnythingElse) {
  TestLease host;
  host.seals = false;
  EXPECT_EQ(host.apply(kRevoke), "tombstone:order seal:order alert:sealed");
  EXPECT_EQ(host.lease.tombstone(), SealCause::order);
}

TEST(LeaseOrders, OnlyItsOwnCauseClearsATombstone) {
  for (const auto& [seal, other, own] : {std::tuple(kRevoke, kLocalUnseal, kRestore),
                                         std::tuple(kLocalSeal, kRestore, kLocalUnseal)}) {
    TestLease host;
    host.apply(seal);
    EXPECT_EQ(host.apply(other), "");
    host.run_for(minutes(10) + seconds(1));
    EXPECT_EQ(host.lease.phase(), LeasePhase::sealed);
    EXPECT_EQ(host.lease.cause(), seal.cause);
    EXPECT_EQ(host.apply(own), "clear_tombstone probe:1");
    host.run_for(seconds(10));
    EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
  }
}

TEST(LeaseOrders, ThreeSuccessesAreNeededAfterRestoreToo) {
  TestLease host;
  host.apply(kRevoke);
  host.run_until(milliseconds(60500));
  host.apply(kRestore);
  host.run_for(minutes(1));
  EXPECT_EQ(host.when("unseal"), milliseconds(62600));
}

TEST(LeaseOrders, RestoreDuringTheSealClearsTheTombstoneOnly) {
  TestLease host;
  host.seals = false;
  host.apply(kRevoke);
  EXPECT_EQ(host.apply(kRestore), "clear_tombstone");
  host.run_for(minutes(1));
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealing);
  host.apply(SealEnded{});
  host.run_for(seconds(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
}

TEST(LeaseOrders, TombstoneHoldsOverARestart) {
  TestLease host = sealed_start({}, {1}, SealCause::order);
  host.run_for(minutes(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealed);
  EXPECT_GT(host.count("probe:1"), 190) << "access is watched all the same";
  EXPECT_LT(host.count("probe:1"), 210) << "without hurry";
}

TEST(LeaseOrders, RevokeTakesThePlaceOfALocalSealButNotTheReverse) {
  TestLease host;
  host.apply(kLocalSeal);
  EXPECT_EQ(host.apply(kRevoke), "tombstone:order");
  EXPECT_EQ(host.apply(kLocalSeal), "");
  EXPECT_EQ(host.apply(kLocalUnseal), "");
  EXPECT_EQ(host.lease.tombstone(), SealCause::order);
}

TEST(LeaseOrders, UnsealDoesNotOverrideTheKms) {
  TestLease host;
  host.answers[1] = kDenied;
  host.run_for(seconds(30));
  host.apply(kLocalUnseal);
  host.apply(kRestore);
  host.run_for(minutes(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealed);
}

TEST(LeaseOrders, SealedByTheKmsAndByOrderNeedsBoth) {
  TestLease host;
  host.answers[1] = kDenied;
  host.run_for(seconds(10));
  host.apply(kRevoke);
  EXPECT_EQ(host.lease.cause(), SealCause::order);
  host.apply(kRestore);
  EXPECT_EQ(host.lease.cause(), SealCause::denied);
  host.run_for(minutes(1));
  EXPECT_EQ(host.lease.phase(), LeasePhase::sealed);
  host.answers.clear();
  host.run_for(seconds(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::serving);
}

TEST(LeaseUnseal, NotServingIsValidUntilNever) {
  TestLease host = sealed_start();
  EXPECT_EQ(host.lease.valid_until(), BootTime::min());
  host.fetch.reset();
  host.run_for(seconds(10));
  EXPECT_EQ(host.lease.phase(), LeasePhase::unsealing);
  EXPECT_EQ(host.lease.valid_until(), BootTime::min());
}

}  // namespace
}  // namespace keyhold::control
