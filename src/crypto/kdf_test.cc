#include "crypto/kdf.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/block_prf.h"
#include "crypto/hmac.h"
#include "crypto/test_process_memory.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kBlock = 16;

Key256 counting_key() {
  ByteVector bytes(Key256::kSizeBytes);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return Key256::copy_of(bytes, SecretAccess::grant()).value();
}

bool same(const Key256& a, const Key256& b) {
  return equal_constant_time(a.bytes(SecretAccess::grant()), b.bytes(SecretAccess::grant()));
}

TEST(Hkdf, KeyIsTheFirstBlockOfTheStandardsOutput) {
  const Key256 input = counting_key();
  const Key256 derived = hkdf_sha256(input, as_bytes("salt"), as_bytes("info")).value();
  ByteVector expected(Key256::kSizeBytes);
  hkdf_sha256_of(input.bytes(SecretAccess::grant()), as_bytes("salt"), as_bytes("info"), expected);
  EXPECT_TRUE(equal_constant_time(derived.bytes(SecretAccess::grant()), expected));
}

TEST(Hkdf, KeySaltAndInfoEachMatter) {
  const Key256 input = counting_key();
  const Key256 derived = hkdf_sha256(input, as_bytes("salt"), as_bytes("info")).value();
  EXPECT_FALSE(same(derived, *hkdf_sha256(input, as_bytes("salT"), as_bytes("info"))));
  EXPECT_FALSE(same(derived, *hkdf_sha256(input, as_bytes("salt"), as_bytes("inf"))));
  EXPECT_FALSE(same(derived, *hkdf_sha256(derived, as_bytes("salt"), as_bytes("info"))));
}

TEST(Hkdf, ManyThreadsDeriveTheSame) {
  const Key256 input = counting_key();
  const Key256 expected = hkdf_sha256(input, as_bytes("salt"), as_bytes("info")).value();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        if (!same(expected, *hkdf_sha256(input, as_bytes("salt"), as_bytes("info")))) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Computed apart, with Python's cryptography, from the construction in kdf.h.
TEST(CheckValue, BytesAreThoseOfTheDocumentedConstruction) {
  EXPECT_EQ(to_hex(check_value(counting_key()).value()), "5d34b0009b0abc392a9f05d0cd5c4ed5");
}

TEST(CheckValue, OtherKeyHasAnother) {
  const Key256 other = Key256::generate(system_random()).value();
  EXPECT_NE(check_value(counting_key()).value(), check_value(other).value());
}

TEST(Hmac, EmptyMessageAndKeyAreTaken) {
  // RFC 2104 with nothing in either place.
  EXPECT_EQ(to_hex(hmac_sha256_of({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Invariant I3, for what OpenSSL holds while it computes: the key as it is, and under HMAC's pads.
TEST(Hmac, I3NothingOfTheKeyIsLeftInMemory) {
  Key256 key = Key256::generate(system_random()).value();
  std::vector<ByteVector> needles;
  for (const unsigned pad : {0x00U, 0x36U, 0x5cU}) {
    ByteVector needle = inverted(key.bytes(SecretAccess::grant()));
    for (std::uint8_t& byte : needle) byte = static_cast<std::uint8_t>(byte ^ pad);
    needles.push_back(needle);
  }
  (void)hmac_sha256(key, as_bytes("message"));
  Key256 derived = hkdf_sha256(key, as_bytes("salt"), as_bytes("info")).value();
  needles.push_back(inverted(derived.bytes(SecretAccess::grant())));
  EXPECT_GE(occurrences_in_memory(needles.front()), 1U);
  EXPECT_GE(occurrences_in_memory(needles.back()), 1U);
  key.release();
  derived.release();
  for (const ByteVector& needle : needles) EXPECT_EQ(occurrences_in_memory(needle), 0U);
}
#endif

TEST(BlockPrf, BackEndsAgreeOnManyBlocks) {
  if (ipsec_mb_block_prf() == nullptr) GTEST_SKIP() << "libipsec-mb does not run on this CPU";
  const Key256 key = Key256::generate(system_random()).value();
  const BlockPrf openssl = BlockPrf::create_with(openssl_block_prf(), key).value();
  const BlockPrf ipsec_mb = BlockPrf::create_with(*ipsec_mb_block_prf(), key).value();
  ByteVector input(200'000);
  system_random().fill(input);
  std::minstd_rand random(7);
  for (int round = 0; round < 200; ++round) {
    const std::size_t size_bytes = random() % (round < 100 ? 60 : 12'000) * kBlock;
    const ByteView blocks = ByteView(input).subspan(random() % 100, size_bytes);
    ByteVector a(size_bytes);
    ByteVector b(size_bytes);
    openssl.evaluate(blocks, a);
    ipsec_mb.evaluate(blocks, b);
    ASSERT_EQ(a, b) << "round " << round;
  }
}

TEST(BlockPrf, WorksInPlaceAndBlockByBlock) {
  const BlockPrf prf = BlockPrf::create(counting_key()).value();
  ByteVector input(64 * kBlock);
  system_random().fill(input);
  ByteVector whole = input;
  prf.evaluate(whole, whole);
  for (std::size_t at = 0; at < input.size(); at += kBlock) {
    ByteVector one(kBlock);
    prf.evaluate(ByteView(input).subspan(at, kBlock), one);
    EXPECT_TRUE(std::ranges::equal(one, ByteView(whole).subspan(at, kBlock)));
  }
}

TEST(BlockPrf, ManyThreadsShareOne) {
  const BlockPrf prf = BlockPrf::create(counting_key()).value();
  ByteVector input(1000 * kBlock);
  system_random().fill(input);
  ByteVector expected(input.size());
  prf.evaluate(input, expected);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      ByteVector output(input.size());
      for (int i = 0; i < 50; ++i) {
        prf.evaluate(input, output);
        if (output != expected) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BlockPrf, MoveAndReleaseLeaveItEmpty) {
  BlockPrf source = BlockPrf::create(counting_key()).value();
  BlockPrf target;
  EXPECT_TRUE(target.empty());
  target = std::move(source);
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): what a move leaves is the point
  EXPECT_FALSE(target.empty());
  target.release();
  EXPECT_TRUE(target.empty());
}

TEST(BlockPrfDeathTest, PartOfABlockAborts) {
  const BlockPrf prf = BlockPrf::create(counting_key()).value();
  ByteVector bytes(17);
  EXPECT_DEATH(prf.evaluate(bytes, bytes), "sizes");
}

}  // namespace
}  // namespace keyhold::crypto
