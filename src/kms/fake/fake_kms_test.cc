// What the fake adds to a healthy KMS (kms_conformance_test.cc shows that it is one).
#include "kms/fake/fake_kms.h"

#include <gtest/gtest.h>

namespace keyhold::kms {
namespace {

using std::chrono::seconds;

class FakeKmsTest : public testing::Test {
 protected:
  FakeKmsTest()
      : kms_(clock_, crypto::system_random()),
        client_(kms_.make_client(kms_.create_key("orders")).value()),
        key_(crypto::Key256::generate(crypto::system_random()).value()),
        ciphertext_(client_->wrap(key_, {}, Deadline::never()).value().ciphertext) {}

  std::optional<Fault> probe(Deadline deadline = Deadline::never()) {
    const auto probed = client_->probe(ciphertext_, {}, deadline);
    if (probed) return std::nullopt;
    return probed.error().fault();
  }

  ManualClock clock_;
  FakeKms kms_;
  std::unique_ptr<Client> client_;
  crypto::Key256 key_;
  ByteVector ciphertext_;
};

TEST_F(FakeKmsTest, ScriptedOutcomesAreTakenInTurnAndThenTheTruth) {
  kms_.script(Operation::probe, {ScriptedOutcome::failing(Fault::denied), ScriptedOutcome::ok(),
                                 ScriptedOutcome::failing(Fault::throttled)});
  EXPECT_EQ(kms_.pending_script(Operation::probe), 3U);
  EXPECT_EQ(probe(), Fault::denied);
  EXPECT_TRUE(client_->unwrap(ciphertext_, {}, Deadline::never()).has_value());
  EXPECT_EQ(probe(), std::nullopt);
  EXPECT_EQ(probe(), Fault::throttled);
  EXPECT_EQ(probe(), std::nullopt);
  EXPECT_EQ(kms_.pending_script(Operation::probe), 0U);
}

TEST_F(FakeKmsTest, EveryFaultCanBeScripted) {
  for (int number = 1; number <= 7; ++number) {
    const auto fault = static_cast<Fault>(number);
    kms_.script(Operation::probe, {ScriptedOutcome::failing(fault)});
    EXPECT_EQ(probe(), fault);
  }
}

TEST_F(FakeKmsTest, OutcomeForAllHoldsUntilItIsLifted) {
  kms_.script_all(ScriptedOutcome::failing(Fault::unavailable));
  EXPECT_EQ(probe(), Fault::unavailable);
  EXPECT_EQ(client_->describe(Deadline::never()).error().fault(), Fault::unavailable);
  kms_.script_all(std::nullopt);
  EXPECT_EQ(probe(), std::nullopt);
}

TEST_F(FakeKmsTest, DelayPassesOnTheClockAndEndsAtTheDeadline) {
  kms_.script(Operation::probe,
              {ScriptedOutcome::slow(seconds(2)), ScriptedOutcome::slow(seconds(2))});
  const BootTime start = clock_.boot_now();
  EXPECT_EQ(probe(Deadline::after(clock_, seconds(3))), std::nullopt);
  EXPECT_EQ(clock_.boot_now() - start, seconds(2));
  EXPECT_EQ(probe(Deadline::after(clock_, seconds(1))), Fault::unavailable);
  EXPECT_EQ(clock_.boot_now() - start, seconds(3));
}

TEST_F(FakeKmsTest, WrongKeyIsAnAnswerWithAnotherKey) {
  kms_.script(Operation::unwrap, {ScriptedOutcome::bent(ScriptedOutcome::Bend::wrong_key)});
  const auto unwrapped = client_->unwrap(ciphertext_, {}, Deadline::never());
  ASSERT_TRUE(unwrapped.has_value());
  const auto access = crypto::SecretAccess::grant();
  EXPECT_FALSE(crypto::equal_constant_time(unwrapped->key.bytes(access), key_.bytes(access)));
}

TEST_F(FakeKmsTest, BrokenCiphertextNeverUnwraps) {
  kms_.script(Operation::wrap, {ScriptedOutcome::bent(ScriptedOutcome::Bend::broken_ciphertext)});
  ciphertext_ = client_->wrap(key_, {}, Deadline::never()).value().ciphertext;
  EXPECT_EQ(probe(), Fault::malformed);
}

TEST_F(FakeKmsTest, RequestsAreRecordedWithContextAndOutcome) {
  kms_.disable("orders");
  EXPECT_EQ(probe(), Fault::disabled);
  const auto requests = kms_.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].operation, Operation::wrap);
  EXPECT_EQ(requests[0].fault, std::nullopt);
  EXPECT_EQ(requests[1].operation, Operation::probe);
  EXPECT_EQ(requests[1].key, "orders");
  EXPECT_EQ(requests[1].context, WrapContext{});
  EXPECT_EQ(requests[1].fault, Fault::disabled);
  EXPECT_EQ(kms_.calls(Operation::probe), 1U);
  EXPECT_EQ(kms_.calls(Operation::describe), 0U);
}

TEST_F(FakeKmsTest, SpecOfAnotherKmsIsAConfigurationFault) {
  KeySpec spec = kms_.spec("orders");
  spec.uri = KeyUri("local:///srv/kms/orders");
  EXPECT_EQ(kms_.make_client(spec).error().fault(), Fault::configuration);
}

}  // namespace
}  // namespace keyhold::kms
