#include "cli/reconcile.h"

#include <gtest/gtest.h>

namespace keyhold::cli {
namespace {

using audit::Record;
using kms::AccessLogEntry;

const std::string kOurKek(32, '1');
const std::string kOtherKek(32, '2');

WallTime at(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(1'700'000'000 + seconds));
}

AccessLogEntry entry(const std::string& id, std::int64_t seconds,
                     const std::string& operation = "probe", const std::string& kek = kOurKek) {
  AccessLogEntry made;
  made.time = at(seconds);
  made.request_id = id;
  made.operation = operation;
  made.key = "orders";
  made.outcome = "ok";
  if (operation != "describe") made.context["key_id"] = kek;
  made.pid = 42;
  return made;
}

class ReconcileTest : public testing::Test {
 protected:
  ReconcileTest() {
    source_.kms_directory = "/kms";
    source_.read_at = at(10'000);
  }
  void record(std::string_view event, std::int64_t seconds, const std::string& id = {},
              const std::string& outcome = "ok") {
    Record made;
    made.seq = records_.size() + 1;
    made.time = at(seconds);
    made.event = event;
    made.outcome = outcome;
    made.request_id = id;
    if (!id.empty()) made.key_uri = uri_;
    if (!id.empty() && event != "describe") made.key_id = kOurKek;
    records_.push_back(made);
  }
  [[nodiscard]] Reconciliation reconcile() const {
    Reconciler reconciler(source_, entries_);
    for (const Record& one : records_) reconciler.take(one);
    return std::move(reconciler).finish();
  }

  Reconciler::Source source_;
  std::vector<AccessLogEntry> entries_;
  std::vector<Record> records_;
  std::string uri_ = "local:///kms/orders";
};

TEST_F(ReconcileTest, TheSameCallsInBothAreGood) {
  record("start", 1);
  int seconds = 2;
  for (const char* operation : {"wrap", "unwrap", "probe", "describe"}) {
    entries_.push_back(entry(operation, seconds, operation));
    record(operation, seconds, operation);
    ++seconds;
  }
  entries_.push_back(entry("disable", 20, "disable"));  // the customer's own, no call of ours
  const Reconciliation found = reconcile();
  EXPECT_TRUE(found.is_good());
  EXPECT_EQ(found.in_both, 4U);
  EXPECT_EQ(found.of_others, 0U);
}

TEST_F(ReconcileTest, ACallThatIsInOneOnlyIsNamed) {
  record("start", 1);
  record("probe", 2, "ours");
  record("stop", 3);
  entries_.push_back(entry("theirs", 100));
  const Reconciliation found = reconcile();
  ASSERT_EQ(found.only_in_audit.size(), 1U);
  EXPECT_EQ(found.only_in_audit[0].request_id, "ours");
  EXPECT_EQ(found.only_in_audit[0].seq, 2U);
  ASSERT_EQ(found.only_in_kms.size(), 1U);
  EXPECT_EQ(found.only_in_kms[0].request_id, "theirs");
  EXPECT_EQ(found.only_in_kms[0].pid, 42);
  EXPECT_FALSE(found.is_good());
}

TEST_F(ReconcileTest, ACallToldTwiceIsNamed) {
  record("start", 1);
  entries_.push_back(entry("a", 2));
  record("probe", 2, "a");
  record("probe", 3, "a");
  EXPECT_EQ(reconcile().only_in_audit.size(), 1U);
}

TEST_F(ReconcileTest, AnotherOutcomeOperationOrKeyIsADifference) {
  record("start", 1);
  for (const char* id : {"a", "b", "c"}) entries_.push_back(entry(id, 2));
  entries_[0].outcome = "disabled";
  entries_[1].operation = "unwrap";
  entries_[2].key = "other";
  for (const char* id : {"a", "b", "c"}) record("probe", 2, id);
  const Reconciliation found = reconcile();
  EXPECT_EQ(found.different.size(), 3U);
  EXPECT_EQ(found.in_both, 3U);
  EXPECT_FALSE(found.is_good());
}

TEST_F(ReconcileTest, CallsOfOtherStoresAndOtherKmssAreCountedAside) {
  record("start", 1);
  record("probe", 2, "mine");
  uri_ = "local:///elsewhere/orders";
  record("probe", 3, "far");
  entries_ = {entry("mine", 2), entry("x", 3, "unwrap", kOtherKek), entry("y", 4, "describe")};
  entries_.push_back(entry("z", 5, "describe"));
  entries_.back().key = "never-ours";
  const Reconciliation found = reconcile();
  EXPECT_TRUE(found.is_good());
  EXPECT_EQ(found.of_others, 2U);
  EXPECT_EQ(found.not_attributable, 1U);
  EXPECT_EQ(found.other_kms, 1U);
}

TEST_F(ReconcileTest, ADescribeOfAKeyThatIsOursAloneMustBeRecorded) {
  record("start", 1);
  record("probe", 2, "mine");
  entries_ = {entry("mine", 2), entry("y", 4'000, "describe")};
  EXPECT_EQ(reconcile().only_in_kms.size(), 1U);
}

TEST_F(ReconcileTest, TheKeyRingsIdTellsOursWhereTheLogIsGone) {
  source_.key_ids.insert(kOurKek);
  entries_ = {entry("a", 2)};
  EXPECT_EQ(reconcile().only_in_kms.size(), 1U);
}

TEST_F(ReconcileTest, WhatAKilledHostMayHaveLostIsExplained) {
  record("start", 1);
  record("probe", 100, "a");
  record("start", 5'000);  // no stop before it
  record("stop", 5'001);
  entries_ = {entry("a", 100), entry("late", 102), entry("parallel", 90), entry("much", 2'000),
              entry("after", 5'500)};
  const Reconciliation found = reconcile();
  ASSERT_EQ(found.lost_at_a_crash.size(), 2U);
  ASSERT_EQ(found.only_in_kms.size(), 2U);
  EXPECT_EQ(found.only_in_kms[0].request_id, "much");
  EXPECT_EQ(found.only_in_kms[1].request_id, "after");
}

TEST_F(ReconcileTest, ACleanStopExplainsNothing) {
  record("start", 1);
  record("stop", 100);
  record("checkpoint", 100);
  record("unwrap", 199, "next");  // the next host asks for the keys before it says that it serves
  record("start", 200);
  record("stop", 201);
  entries_ = {entry("b", 150), entry("next", 199, "unwrap")};
  EXPECT_EQ(reconcile().only_in_kms.size(), 1U);
}

TEST_F(ReconcileTest, CallsUnderWayAreNotCompared) {
  record("start", 9'990);
  record("stop", 9'991);
  record("probe", 10'001, "newer");  // than the reading of the KMS's log
  entries_ = {entry("b", 9'999)};
  source_.key_ids.insert(kOurKek);
  const Reconciliation found = reconcile();
  EXPECT_TRUE(found.is_good());
  EXPECT_EQ(found.under_way, 1U);
}

TEST_F(ReconcileTest, WhatTheKmsHasGivenUpIsCounted) {
  record("start", 1);
  record("probe", 2, "old");
  record("probe", 500, "missing");
  entries_ = {entry("first", 100, "probe", kOtherKek)};
  EXPECT_EQ(reconcile().only_in_audit.size(), 2U);
  source_.kms_log_was_cut = true;
  const Reconciliation found = reconcile();
  EXPECT_EQ(found.before_kms_log, 1U);
  EXPECT_EQ(found.only_in_audit.size(), 1U);
}

TEST_F(ReconcileTest, ARequestThatNeverReachedTheKmsIsInNoLog) {
  record("start", 1);
  record("probe", 2, "", "unavailable");
  EXPECT_TRUE(reconcile().is_good());
}

}  // namespace
}  // namespace keyhold::cli
