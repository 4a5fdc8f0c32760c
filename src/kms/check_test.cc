#include "kms/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "kms/fake/fake_kms.h"

namespace keyhold::kms {
namespace {

using testing::HasSubstr;
using Outcome = CheckStep::Outcome;

class KmsCheck : public testing::Test {
 protected:
  CheckReport check() {
    const auto client = kms_.make_client(spec_).value();
    WrapContext context;
    context.org = OrgId("acme");
    context.cluster = ClusterId("orders");
    return check_key(*client, context, clock_, crypto::system_random(), std::chrono::seconds(5));
  }
  static Outcome outcome_of(const CheckReport& report, const std::string& name) {
    for (const CheckStep& step : report.steps) {
      if (step.name == name) return step.outcome;
    }
    ADD_FAILURE() << "no step " << name;
    return Outcome::skipped;
  }

  ManualClock clock_;
  FakeKms kms_{clock_, crypto::system_random()};
  KeySpec spec_ = kms_.create_key("orders");
};

TEST_F(KmsCheck, AGoodKeyPassesEachStep) {
  const CheckReport report = check();
  EXPECT_FALSE(report.failure);
  EXPECT_EQ(report.steps.size(), 5U);
  for (const CheckStep& step : report.steps) EXPECT_EQ(step.outcome, Outcome::passed) << step.name;
  EXPECT_TRUE(report.warnings.empty());
}

TEST_F(KmsCheck, WhatNeedsAFailedStepIsSkipped) {
  kms_.script(Operation::wrap, {ScriptedOutcome::failing(Fault::denied)});
  const CheckReport report = check();
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->fault(), Fault::denied);
  EXPECT_EQ(outcome_of(report, "describe"), Outcome::passed);
  EXPECT_EQ(outcome_of(report, "wrap"), Outcome::failed);
  EXPECT_EQ(outcome_of(report, "unwrap"), Outcome::skipped);
  EXPECT_EQ(outcome_of(report, "probe"), Outcome::skipped);
}

TEST_F(KmsCheck, ADeniedDescribeDoesNotHideTheRest) {
  kms_.script(Operation::describe, {ScriptedOutcome::failing(Fault::denied)});
  const CheckReport report = check();
  EXPECT_EQ(outcome_of(report, "describe"), Outcome::failed);
  EXPECT_EQ(outcome_of(report, "unwrap"), Outcome::passed);
}

TEST_F(KmsCheck, AnotherKeyThanWasWrappedIsAFailure) {
  kms_.script(Operation::unwrap, {ScriptedOutcome::bent(ScriptedOutcome::Bend::wrong_key)});
  const CheckReport report = check();
  EXPECT_EQ(outcome_of(report, "unwrap"), Outcome::failed);
  EXPECT_EQ(report.failure->fault(), Fault::malformed);
}

TEST_F(KmsCheck, AKmsThatOpensUnderAnyContextFails) {
  kms_.script(Operation::unwrap, {ScriptedOutcome::bent(ScriptedOutcome::Bend::wrong_key),
                                  ScriptedOutcome::failing(Fault::unavailable)});
  const CheckReport report = check();
  EXPECT_EQ(outcome_of(report, "unwrap with another context"), Outcome::failed);
}

TEST_F(KmsCheck, APendingDeletionIsWarnedOfWithItsDate) {
  kms_.schedule_deletion("orders", 7);
  const CheckReport report = check();
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_THAT(report.warnings.front(), HasSubstr("pending deletion: it is destroyed on 20"));
  EXPECT_EQ(report.failure->fault(), Fault::disabled);
}

}  // namespace
}  // namespace keyhold::kms
