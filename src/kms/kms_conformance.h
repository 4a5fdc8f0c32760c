// What every KMS provider must do: one suite, run through an adapter to the provider's KMS.
//
// A provider's test includes this header and says:
//   INSTANTIATE_TEST_SUITE_P(Local, KmsConformance, testing::Values(&make_local_adapter));
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "crypto/secret.h"
#include "kms/client.h"
#include "kms/test_kms_adapter.h"

namespace keyhold::kms {

// Null where the KMS cannot be reached from here (its server is not installed, or nobody gave
// credentials): the suite is then skipped.
using MakeKmsAdapter = std::unique_ptr<KmsAdapter> (*)();

class KmsConformance : public testing::TestWithParam<MakeKmsAdapter> {
 protected:
  void SetUp() override {
    kms_ = GetParam()();
    if (kms_ == nullptr)
      GTEST_SKIP() << "no server of it here, or no credentials (the head of its conformance test "
                      "names the variables)";
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    const std::string reason = kms_->lacks(test.substr(0, test.find('/')));
    if (!reason.empty()) GTEST_SKIP() << reason;
    client_ = client_of(kms_->create_key("orders"));
    key_ = fresh_key();
  }

  std::unique_ptr<Client> client_of(const KeySpec& spec) {
    auto client = kms_->make_client(spec);
    EXPECT_TRUE(client.has_value());
    return *std::move(client);
  }

  static crypto::Key256 fresh_key() {
    return crypto::Key256::generate(crypto::system_random()).value();
  }

  static WrapContext context() {
    WrapContext context;
    context.org = OrgId("org-1");
    context.cluster = ClusterId("cluster-1");
    context.region = RegionName("us-east-1");
    context.purpose = Purpose::serve;
    context.key_id = KeyId(ByteVector(16, 0x5a));
    context.version = 7;
    return context;
  }

  [[nodiscard]] Deadline soon() const {
    return Deadline::after(kms_->clock(), std::chrono::seconds(30));
  }

  static bool same_key(const crypto::Key256& a, const crypto::Key256& b) {
    const auto access = crypto::SecretAccess::grant();
    return crypto::equal_constant_time(a.bytes(access), b.bytes(access));
  }

  ByteVector wrap_one() {
    auto wrapped = client_->wrap(key_, context(), soon());
    EXPECT_TRUE(wrapped.has_value()) << wrapped.error().message();
    return wrapped ? wrapped->ciphertext : ByteVector();
  }

  void expect_unwraps(ByteView ciphertext) {
    const auto unwrapped = client_->unwrap(ciphertext, context(), soon());
    ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
    EXPECT_TRUE(same_key(unwrapped->key, key_));
  }

  // Unwrap and probe alike: the probe is what revocation rests on.
  void expect_refused(Fault fault, ByteView ciphertext, const WrapContext& with) {
    const auto unwrapped = client_->unwrap(ciphertext, with, soon());
    ASSERT_FALSE(unwrapped.has_value());
    EXPECT_EQ(unwrapped.error().fault(), fault) << unwrapped.error().message();
    EXPECT_FALSE(unwrapped.error().message().empty());
    const auto probed = client_->probe(ciphertext, with, soon());
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
  }

  void expect_wrap_refused(Fault fault) {
    const auto wrapped = client_->wrap(key_, context(), soon());
    ASSERT_FALSE(wrapped.has_value());
    EXPECT_EQ(wrapped.error().fault(), fault) << wrapped.error().message();
  }

  std::unique_ptr<KmsAdapter> kms_;
  std::unique_ptr<Client> client_;  // of the key "orders"
  crypto::Key256 key_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KmsConformance);

TEST_P(KmsConformance, SpecIsTheOneTheClientWasMadeOf) {
  const KeySpec spec = kms_->create_key("billing");
  EXPECT_EQ(client_of(spec)->spec(), spec);
}

TEST_P(KmsConformance, WrapThenUnwrapGivesTheKeyBack) {
  const auto wrapped = client_->wrap(key_, context(), soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  EXPECT_LE(wrapped->ciphertext.size(), 16U * 1024);
  EXPECT_FALSE(wrapped->algorithm.empty());
  EXPECT_FALSE(wrapped->request_id.empty());
  const auto unwrapped = client_->unwrap(wrapped->ciphertext, context(), soon());
  ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  EXPECT_TRUE(same_key(unwrapped->key, key_));
  EXPECT_EQ(unwrapped->key_version, wrapped->key_version);
  EXPECT_FALSE(unwrapped->request_id.empty());
  EXPECT_NE(unwrapped->request_id, wrapped->request_id);
}

TEST_P(KmsConformance, CiphertextHoldsNoPieceOfTheKeyAndDiffersEachTime) {
  const ByteVector first = wrap_one();
  const ByteVector second = wrap_one();
  EXPECT_NE(first, second);
  const ByteView bytes = key_.bytes(crypto::SecretAccess::grant());
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    const ByteView piece = bytes.subspan(at, 8);
    EXPECT_EQ(std::search(first.begin(), first.end(), piece.begin(), piece.end()), first.end());
  }
}

TEST_P(KmsConformance, UnwrapWithAnyFieldOfTheContextChangedIsMalformed) {
  const ByteVector ciphertext = wrap_one();
  std::vector<WrapContext> others(7, context());
  others[0].org = OrgId("org-2");
  others[1].cluster = ClusterId("cluster-2");
  others[2].region = RegionName("eu-west-1");
  others[3].purpose = Purpose::restore;
  others[4].key_id = KeyId(ByteVector(16, 0x5b));
  others[5].version = 8;
  others[6].org = OrgId("cluster-1");  // the same texts, at exchanged places
  others[6].cluster = ClusterId("org-1");
  for (const WrapContext& other : others) expect_refused(Fault::malformed, ciphertext, other);
  expect_unwraps(ciphertext);
}

TEST_P(KmsConformance, ContextMayHoldAnyText) {
  WrapContext odd = context();
  odd.org = OrgId("\"quoted\", back\\slash, tab\t, line\n, nul-free control \x01");
  odd.cluster = ClusterId(
      "Gr\xc3\xb6\xc3\x9f"
      "e \xe2\x82\xac \xf0\x9f\x94\x91");
  odd.region = RegionName();
  const auto wrapped = client_->wrap(key_, odd, soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  const auto unwrapped = client_->unwrap(wrapped->ciphertext, odd, soon());
  ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  EXPECT_TRUE(same_key(unwrapped->key, key_));
}

TEST_P(KmsConformance, ContextThatNoKmsTakesIsAConfigurationFault) {
  WrapContext not_text = context();
  not_text.org = OrgId("\xff");
  WrapContext too_large = context();
  too_large.cluster = ClusterId(std::string(kMaxContextSizeBytes, 'c'));
  for (const WrapContext& bad : {not_text, too_large}) {
    const auto wrapped = client_->wrap(key_, bad, soon());
    ASSERT_FALSE(wrapped.has_value());
    EXPECT_EQ(wrapped.error().fault(), Fault::configuration);
  }
}

TEST_P(KmsConformance, UnwrapOfACiphertextWithAnyByteChangedIsMalformed) {
  const ByteVector ciphertext = wrap_one();
  for (std::size_t at = 0; at < ciphertext.size(); ++at) {
    SCOPED_TRACE("byte " + std::to_string(at));
    ByteVector tampered = ciphertext;
    tampered[at] ^= 0x01U;
    expect_refused(Fault::malformed, tampered, context());
  }
}

TEST_P(KmsConformance, UnwrapOfACiphertextOfAnotherLengthIsMalformed) {
  const ByteVector ciphertext = wrap_one();
  for (std::size_t size = 0; size < ciphertext.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size));
    expect_refused(Fault::malformed, ByteView(ciphertext).first(size), context());
  }
  ByteVector longer = ciphertext;
  longer.push_back(0);
  expect_refused(Fault::malformed, longer, context());
  longer.resize(16UL * 1024 + 1);
  expect_refused(Fault::malformed, longer, context());
}

TEST_P(KmsConformance, UnwrapOfAnotherKeysCiphertextIsMalformed) {
  const auto other = client_of(kms_->create_key("billing"));
  const auto wrapped = other->wrap(key_, context(), soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  expect_refused(Fault::malformed, wrapped->ciphertext, context());
}

TEST_P(KmsConformance, ProbeSucceedsWhileTheKeyIsEnabled) {
  const auto probed = client_->probe(wrap_one(), context(), soon());
  ASSERT_TRUE(probed.has_value()) << probed.error().message();
  EXPECT_FALSE(probed->empty());
}

TEST_P(KmsConformance, DisabledKeyRefusesUntilItIsEnabled) {
  const ByteVector ciphertext = wrap_one();
  kms_->disable("orders");
  expect_refused(Fault::disabled, ciphertext, context());
  expect_wrap_refused(Fault::disabled);
  kms_->enable("orders");
  expect_unwraps(ciphertext);
  EXPECT_TRUE(client_->probe(ciphertext, context(), soon()).has_value());
}

TEST_P(KmsConformance, KeyPendingDeletionRefusesUntilItIsCancelledAndEnabled) {
  const ByteVector ciphertext = wrap_one();
  kms_->schedule_deletion("orders");
  expect_refused(Fault::disabled, ciphertext, context());
  expect_wrap_refused(Fault::disabled);
  kms_->cancel_deletion("orders");
  kms_->enable("orders");
  expect_unwraps(ciphertext);
}

TEST_P(KmsConformance, DestroyedKeyIsNotFound) {
  const ByteVector ciphertext = wrap_one();
  kms_->schedule_deletion("orders");
  kms_->pass_deletion_date();
  expect_refused(Fault::not_found, ciphertext, context());
  expect_wrap_refused(Fault::not_found);
  EXPECT_EQ(client_->describe(soon()).error().fault(), Fault::not_found);
}

TEST_P(KmsConformance, MissingKeyIsNotFound) {
  const ByteVector ciphertext = wrap_one();
  client_ = client_of(kms_->missing_key());
  expect_refused(Fault::not_found, ciphertext, context());
  expect_wrap_refused(Fault::not_found);
  EXPECT_EQ(client_->describe(soon()).error().fault(), Fault::not_found);
}

TEST_P(KmsConformance, RotatedKeyWrapsUnderItsNewVersionAndUnwrapsTheOld) {
  const auto before = client_->wrap(key_, context(), soon());
  ASSERT_TRUE(before.has_value()) << before.error().message();
  kms_->rotate("orders");
  const auto after = client_->wrap(key_, context(), soon());
  ASSERT_TRUE(after.has_value()) << after.error().message();
  EXPECT_NE(after->key_version, before->key_version);
  EXPECT_EQ(client_->describe(soon()).value().primary_version, after->key_version);
  expect_unwraps(before->ciphertext);
  expect_unwraps(after->ciphertext);
  const auto old = client_->unwrap(before->ciphertext, context(), soon());
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(old->key_version, before->key_version);
}

TEST_P(KmsConformance, DescribeTellsTheState) {
  const auto state = [&] { return client_->describe(soon()).value(); };
  const KeyDescription enabled = state();
  EXPECT_EQ(enabled.state, KeyState::enabled);
  EXPECT_FALSE(enabled.primary_version.empty());
  EXPECT_FALSE(enabled.deletion_date.has_value());
  EXPECT_FALSE(enabled.request_id.empty());
  kms_->disable("orders");
  EXPECT_EQ(state().state, KeyState::disabled);
  kms_->enable("orders");
  kms_->schedule_deletion("orders");
  const KeyDescription pending = state();
  EXPECT_EQ(pending.state, KeyState::pending_deletion);
  ASSERT_TRUE(pending.deletion_date.has_value());
  EXPECT_GT(*pending.deletion_date, kms_->clock().wall_now());
}

TEST_P(KmsConformance, ExpiredDeadlineIsUnavailable) {
  const ByteVector ciphertext = wrap_one();
  const Deadline past = Deadline::after(kms_->clock(), std::chrono::nanoseconds::zero());
  EXPECT_EQ(client_->wrap(key_, context(), past).error().fault(), Fault::unavailable);
  EXPECT_EQ(client_->unwrap(ciphertext, context(), past).error().fault(), Fault::unavailable);
  EXPECT_EQ(client_->probe(ciphertext, context(), past).error().fault(), Fault::unavailable);
  EXPECT_EQ(client_->describe(past).error().fault(), Fault::unavailable);
}

TEST_P(KmsConformance, AnotherClientOfTheKeyUnwrapsAndSeesItDisabled) {
  const ByteVector ciphertext = wrap_one();
  const auto first = std::exchange(client_, client_of(client_->spec()));
  expect_unwraps(ciphertext);
  kms_->disable("orders");
  expect_refused(Fault::disabled, ciphertext, context());
}

TEST_P(KmsConformance, ThreadsShareAClient) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 10;
  std::vector<int> failures(kThreads, 0);
  std::vector<std::set<std::string>> request_ids(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      WrapContext own = context();
      own.version = static_cast<std::uint32_t>(t);
      for (int round = 0; round < kRounds; ++round) {
        const crypto::Key256 key = fresh_key();
        const auto wrapped = client_->wrap(key, own, soon());
        const auto unwrapped = wrapped ? client_->unwrap(wrapped->ciphertext, own, soon())
                                       : tl::unexpected(wrapped.error());
        const bool good = unwrapped && same_key(unwrapped->key, key);
        if (!good) ++failures[t];
        if (good) request_ids[t].insert(unwrapped->request_id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (std::size_t t = 0; t < kThreads; ++t) {
    EXPECT_EQ(failures[t], 0);
    all.merge(request_ids[t]);
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kRounds));
}

}  // namespace keyhold::kms
