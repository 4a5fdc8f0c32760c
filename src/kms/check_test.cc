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

// Opens whatever it wrapped, under any context.
class OpenToAll final : public Client {
 public:
  explicit OpenToAll(std::unique_ptr<Client> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] const KeySpec& spec() const override { return inner_->spec(); }
  Result<WrappedKey> wrap(const crypto::Key256& key, const WrapContext& context,
                          Deadline deadline) override {
    context_ = context;
    return inner_->wrap(key, context, deadline);
  }
  Result<UnwrappedKey> unwrap(ByteView ciphertext, const WrapContext&, Deadline deadline) override {
    return inner_->unwrap(ciphertext, context_, deadline);
  }
  Result<KeyDescription> describe(Deadline deadline) override { return inner_->describe(deadline); }
  Result<std::string> probe(ByteView ciphertext, const WrapContext& context,
                            Deadline deadline) override {
    return inner_->probe(ciphertext, context, deadline);
  }

 private:
  std::unique_ptr<Client> inner_;
  WrapContext context_;
};

TEST_F(KmsCheck, AKmsThatOpensUnderAnyContextFails) {
  OpenToAll client(kms_.make_client(spec_).value());
  const CheckReport report =
      check_key(client, {}, clock_, crypto::system_random(), std::chrono::seconds(5));
  EXPECT_EQ(outcome_of(report, "unwrap"), Outcome::passed);
  EXPECT_EQ(outcome_of(report, "unwrap with another context"), Outcome::failed);
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->fault(), Fault::malformed);
}

// A refusal of everything is no refusal of another context.
TEST_F(KmsCheck, AnotherContextIsNotTriedWhereNothingIsOpened) {
  kms_.script(Operation::unwrap, {ScriptedOutcome::failing(Fault::denied)});
  const CheckReport report = check();
  EXPECT_EQ(outcome_of(report, "unwrap"), Outcome::failed);
  EXPECT_EQ(outcome_of(report, "unwrap with another context"), Outcome::skipped);
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
