#include "crypto/aead.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/ipsec_mb.h"
#include "crypto/test_backends.h"
#include "crypto/test_process_memory.h"

namespace keyhold::crypto {
namespace {

constexpr unsigned kSeed = 20'261'124;

class Aead : public EveryAeadBackend {};

Key256 random_key() {
  return Key256::generate(system_random()).value();
}

AeadKey random_aead() {
  return AeadKey::expand(random_key()).value();
}

ByteVector random_bytes(std::size_t size_bytes) {
  ByteVector bytes(size_bytes);
  system_random().fill(bytes);
  return bytes;
}

Nonce nonce_of(std::uint32_t number) {
  Nonce nonce{};
  store_le(nonce, number);
  return nonce;
}

struct Sealed {
  ByteVector ciphertext;
  ByteVector tag;
};

Sealed seal(const AeadKey& key, const Nonce& nonce, ByteView aad, ByteView plaintext) {
  Sealed sealed{.ciphertext = ByteVector(plaintext.size()), .tag = ByteVector(kTagSizeBytes)};
  key.seal(nonce, aad, plaintext, sealed.ciphertext, sealed.tag);
  return sealed;
}

TEST_P(Aead, OpenGivesThePlaintextBack) {
  const AeadKey key = random_aead();
  const ByteVector plaintext = random_bytes(4080);
  const ByteVector aad = random_bytes(13);
  const Sealed sealed = seal(key, nonce_of(1), aad, plaintext);
  ByteVector opened(plaintext.size());
  EXPECT_TRUE(key.open(nonce_of(1), aad, sealed.ciphertext, sealed.tag, opened));
  EXPECT_EQ(opened, plaintext);
}

TEST_P(Aead, SealsAndOpensInPlace) {
  const AeadKey key = random_aead();
  const ByteVector plaintext = random_bytes(1000);
  const Sealed expected = seal(key, nonce_of(1), {}, plaintext);
  ByteVector bytes = plaintext;
  ByteVector tag(kTagSizeBytes);
  key.seal(nonce_of(1), {}, bytes, bytes, tag);
  EXPECT_EQ(bytes, expected.ciphertext);
  EXPECT_TRUE(key.open(nonce_of(1), {}, bytes, tag, bytes));
  EXPECT_EQ(bytes, plaintext);
}

TEST_P(Aead, PlaintextIsNotTouchedBySeal) {
  const AeadKey key = random_aead();
  const ByteVector plaintext = random_bytes(5000);
  const ByteVector before = plaintext;
  seal(key, nonce_of(1), {}, plaintext);
  EXPECT_EQ(plaintext, before);
}

TEST_P(Aead, EveryFlippedBitIsRefusedAndNoPlaintextIsLeft) {
  const AeadKey key = random_aead();
  const ByteVector aad = random_bytes(5);
  const Sealed sealed = seal(key, nonce_of(1), aad, random_bytes(33));
  ByteVector all = aad;
  all.insert(all.end(), sealed.ciphertext.begin(), sealed.ciphertext.end());
  all.insert(all.end(), sealed.tag.begin(), sealed.tag.end());
  for (std::size_t bit = 0; bit < all.size() * 8; ++bit) {
    ByteVector bad = all;
    bad.at(bit / 8) = static_cast<std::uint8_t>(bad.at(bit / 8) ^ (1U << (bit % 8)));
    const ByteView view = bad;
    ByteVector opened(33, 0xee);
    EXPECT_FALSE(key.open(nonce_of(1), view.first(5), view.subspan(5, 33), view.last(16), opened));
    EXPECT_TRUE(all_zero(opened)) << "bit " << bit;
  }
}

TEST_P(Aead, OtherNonceOrKeyIsRefused) {
  const AeadKey key = random_aead();
  const Sealed sealed = seal(key, nonce_of(1), {}, random_bytes(64));
  ByteVector opened(64);
  EXPECT_FALSE(key.open(nonce_of(2), {}, sealed.ciphertext, sealed.tag, opened));
  EXPECT_FALSE(random_aead().open(nonce_of(1), {}, sealed.ciphertext, sealed.tag, opened));
}

TEST_P(Aead, EmptyMessageIsAuthenticatedWithItsAad) {
  const AeadKey key = random_aead();
  const Sealed sealed = seal(key, nonce_of(1), as_bytes("header"), {});
  EXPECT_TRUE(key.open(nonce_of(1), as_bytes("header"), {}, sealed.tag, {}));
  EXPECT_FALSE(key.open(nonce_of(1), as_bytes("Header"), {}, sealed.tag, {}));
  EXPECT_FALSE(key.open(nonce_of(1), {}, {}, sealed.tag, {}));
}

TEST_P(Aead, OneKeySealsAndOpensOnManyThreads) {
  const AeadKey key = random_aead();
  const ByteVector plaintext = random_bytes(3000);
  const Sealed expected = seal(key, nonce_of(1), {}, plaintext);
  std::atomic<int> wrong = 0;
  const auto work = [&](std::uint32_t thread) {
    ByteVector opened(plaintext.size());
    for (std::uint32_t i = 0; i < 300; ++i) {
      const Nonce own = nonce_of(thread * 1000 + i + 2);
      const Sealed sealed = seal(key, own, {}, plaintext);
      if (!key.open(own, {}, sealed.ciphertext, sealed.tag, opened)) ++wrong;
      if (!key.open(nonce_of(1), {}, expected.ciphertext, expected.tag, opened)) ++wrong;
      if (opened != plaintext) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 8; ++thread) threads.emplace_back(work, thread);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(Aead, MovedKeyWorksAndItsSourceIsEmpty) {
  AeadKey source = random_aead();
  const Sealed sealed = seal(source, nonce_of(1), {}, as_bytes("words"));
  AeadKey target = random_aead();
  target = std::move(source);
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): what a move leaves is the point
  ByteVector opened(5);
  EXPECT_TRUE(target.open(nonce_of(1), {}, sealed.ciphertext, sealed.tag, opened));
  const AeadKey last(std::move(target));
  EXPECT_TRUE(target.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(last.open(nonce_of(1), {}, sealed.ciphertext, sealed.tag, opened));
}

TEST_P(Aead, KeyStaysWithTheBackEndItWasExpandedFor) {
  const AeadKey key = random_aead();
  const Sealed sealed = seal(key, nonce_of(1), {}, as_bytes("words"));
  const AeadBackend& before = set_aead_backend(openssl_backend());
  ByteVector opened(5);
  EXPECT_TRUE(key.open(nonce_of(1), {}, sealed.ciphertext, sealed.tag, opened));
  set_aead_backend(before);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// The third and fourth round key, as every implementation with AES-NI lays them out: a piece of the
// schedule that is not the key itself.
ByteVector inverted_schedule_piece(const Key256& key) {
  alignas(16) std::array<std::uint8_t, 240> encryption{};
  alignas(16) std::array<std::uint8_t, 240> decryption{};
  IMB_AES_KEYEXP_256(ipsec_mb_manager(), key.bytes(SecretAccess::grant()).data(), encryption.data(),
                     decryption.data());
  ByteVector piece = inverted(ByteView(encryption).subspan(32, 32));
  wipe(encryption);
  wipe(decryption);
  return piece;
}

// Invariant I3: nothing derived from a key outlives it.
TEST_P(Aead, I3ReleasedKeyLeavesNoScheduleInMemory) {
  if (ipsec_mb_manager() == nullptr) GTEST_SKIP() << "needs AES-NI";
  Key256 key = random_key();
  const ByteVector key_bytes = inverted(key.bytes(SecretAccess::grant()));
  const ByteVector piece = inverted_schedule_piece(key);
  AeadKey aead = AeadKey::expand(key).value();
  const ByteVector plaintext = random_bytes(4096);
  const Sealed sealed = seal(aead, nonce_of(1), {}, plaintext);
  ByteVector opened(plaintext.size());
  ASSERT_TRUE(aead.open(nonce_of(1), {}, sealed.ciphertext, sealed.tag, opened));
  EXPECT_GE(occurrences_in_memory(piece), 1U);
  EXPECT_GE(occurrences_in_memory(key_bytes), 1U);
  EXPECT_EQ(
      in_child([&] {
        return std::to_string(occurrences_in_memory(piece) + occurrences_in_memory(key_bytes));
      }),
      "0");
  aead.release();
  key.release();
  EXPECT_EQ(occurrences_in_memory(piece), 0U);
  EXPECT_EQ(occurrences_in_memory(key_bytes), 0U);
}
#endif

// Whoever forks keeps no key schedule, not even on OpenSSL's heap, and cannot seal under zeros.
TEST_P(Aead, AForkedChildHasNoKeyAndCannotUseWhatIsLeft) {
  AeadKey aead = random_aead();
  ByteVector tag(kTagSizeBytes);
  EXPECT_EQ(in_child([&] {
              aead.release();
              const AeadKey own = random_aead();
              own.seal(nonce_of(1), {}, {}, {}, tag);
              return std::string("released");
            }),
            "released");
  EXPECT_DEATH(aead.seal(nonce_of(1), {}, {}, {}, tag), "a seal under a wiped AEAD key");
  EXPECT_DEATH((void)aead.open(nonce_of(1), {}, {}, tag, {}), "an open under a wiped AEAD key");
  aead.seal(nonce_of(1), {}, {}, {}, tag);
}

TEST_P(Aead, WrongSizesAbort) {
  const AeadKey key = random_aead();
  ByteVector short_tag(15);
  ByteVector bytes(16);
  EXPECT_DEATH(key.seal(nonce_of(1), {}, bytes, bytes, short_tag), "sizes");
  EXPECT_DEATH(AeadKey().seal(nonce_of(1), {}, {}, {}, bytes), "empty AEAD key");
}

INSTANTIATE_TEST_SUITE_P(Backend, Aead, every_aead_backend(), aead_backend_name);

// The two back ends under one key.
class BothBackends : public ::testing::Test {
 protected:
  void SetUp() override {
    if (ipsec_mb_backend() == nullptr) GTEST_SKIP() << "libipsec-mb does not run on this CPU";
    const Key256 key = random_key();
    const AeadBackend& before = set_aead_backend(openssl_backend());
    openssl_ = AeadKey::expand(key).value();
    set_aead_backend(*ipsec_mb_backend());
    ipsec_mb_ = AeadKey::expand(key).value();
    set_aead_backend(before);
  }

  void expect_same(const Nonce& nonce, ByteView aad, ByteView plaintext, std::size_t misalignment) {
    buffer_.resize(plaintext.size() + misalignment + 1);
    const MutableByteView out = MutableByteView(buffer_).subspan(misalignment, plaintext.size());
    const Sealed expected = seal(openssl_, nonce, aad, plaintext);
    ByteVector tag(kTagSizeBytes);
    ipsec_mb_.seal(nonce, aad, plaintext, out, tag);
    ASSERT_TRUE(std::ranges::equal(out, expected.ciphertext));
    ASSERT_EQ(tag, expected.tag);
    ASSERT_TRUE(ipsec_mb_.open(nonce, aad, expected.ciphertext, expected.tag, out));
    ASSERT_TRUE(std::ranges::equal(out, plaintext));
    ASSERT_TRUE(openssl_.open(nonce, aad, expected.ciphertext, tag, out));
    ASSERT_TRUE(std::ranges::equal(out, plaintext));
  }

  AeadKey openssl_;
  AeadKey ipsec_mb_;
  ByteVector buffer_;
};

TEST_F(BothBackends, AgreeOnEveryShortLength) {
  const ByteVector plaintext = random_bytes(1100);
  const ByteVector aad = random_bytes(300);
  for (std::size_t size_bytes = 0; size_bytes < plaintext.size(); ++size_bytes) {
    SCOPED_TRACE(size_bytes);
    ASSERT_NO_FATAL_FAILURE(expect_same(nonce_of(static_cast<std::uint32_t>(size_bytes)),
                                        ByteView(aad).first(size_bytes % aad.size()),
                                        ByteView(plaintext).first(size_bytes), size_bytes % 67));
  }
}

TEST_F(BothBackends, AgreeOnRandomLengthsAndAlignments) {
  std::minstd_rand random(kSeed);
  const ByteVector plaintext = random_bytes(70'100);
  for (std::uint32_t round = 0; round < 400; ++round) {
    const std::size_t from = random() % 100;
    const std::size_t size_bytes = random() % 70'001;
    const std::size_t aad_size_bytes = random() % 5000;
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << " round " << round);
    ASSERT_NO_FATAL_FAILURE(
        expect_same(nonce_of(round), ByteView(plaintext).subspan(random() % 100, aad_size_bytes),
                    ByteView(plaintext).subspan(from, size_bytes), random() % 64));
  }
}

}  // namespace
}  // namespace keyhold::crypto
