#include "crypto/rsa_oaep.h"

#include <gtest/gtest.h>

#include "crypto/test_rsa_oaep.h"

namespace keyhold::crypto {
namespace {

TEST(RsaOaep, KeyThatWasEncryptedToItArrives) {
  const RsaKey made = RsaKey::generate(2048).value();
  const RsaKey again = RsaKey::from_der(made.private_der()).value();
  const ByteVector material(32, 7);
  const auto arrived =
      again.decrypt_oaep_sha256(encrypt_oaep(made.public_der(), material, "SHA256")).value();
  EXPECT_TRUE(equal_constant_time(arrived.bytes(SecretAccess::grant()), material));
}

TEST(RsaOaep, AnotherSizeHashOrKeyIsRefused) {
  const RsaKey key = RsaKey::generate(2048).value();
  const ByteVector der = key.public_der();
  EXPECT_EQ(key.decrypt_oaep_sha256(encrypt_oaep(der, ByteVector(31, 7), "SHA256")).error().code(),
            Code::invalid_argument);
  EXPECT_EQ(key.decrypt_oaep_sha256(encrypt_oaep(der, ByteVector(32, 7), "SHA1")).error().code(),
            Code::integrity);
  EXPECT_EQ(key.decrypt_oaep_sha256(ByteVector(256, 1)).error().code(), Code::integrity);
  EXPECT_EQ(key.decrypt_oaep_sha256({}).error().code(), Code::integrity);
}

TEST(RsaOaep, NoKeyIsMadeOfOtherBitsOrBytes) {
  EXPECT_EQ(RsaKey::generate(1024).error().code(), Code::invalid_argument);
  EXPECT_EQ(RsaKey::from_der(ByteVector(10, 1)).error().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace keyhold::crypto
