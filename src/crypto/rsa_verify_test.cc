#include "crypto/rsa_verify.h"

#include <gtest/gtest.h>

#include "crypto/rsa_sign.h"

namespace keyhold::crypto {
namespace {

TEST(RsaVerify, TakesTheSignatureOfItsPairAlone) {
  const auto pair = generate_rsa_pem();
  const auto other = generate_rsa_pem();
  ASSERT_TRUE(pair.has_value() && other.has_value());
  const auto signature = rsa_sign_sha256(pair->private_key, as_bytes("message"));
  ASSERT_TRUE(signature.has_value());
  EXPECT_TRUE(rsa_verify_sha256(pair->public_key, as_bytes("message"), *signature));
  EXPECT_FALSE(rsa_verify_sha256(pair->public_key, as_bytes("messagf"), *signature));
  EXPECT_FALSE(rsa_verify_sha256(other->public_key, as_bytes("message"), *signature));
}

TEST(RsaVerify, ChangedSignatureOrNoKeyIsRefused) {
  const auto pair = generate_rsa_pem();
  ASSERT_TRUE(pair.has_value());
  auto signature = rsa_sign_sha256(pair->private_key, as_bytes("message"));
  ASSERT_TRUE(signature.has_value());
  EXPECT_FALSE(rsa_verify_sha256("no key", as_bytes("message"), *signature));
  EXPECT_FALSE(rsa_verify_sha256(pair->private_key, as_bytes("message"), *signature));
  EXPECT_FALSE(rsa_verify_sha256(pair->public_key, as_bytes("message"), {}));
  signature->back() ^= 1;
  EXPECT_FALSE(rsa_verify_sha256(pair->public_key, as_bytes("message"), *signature));
}

}  // namespace
}  // namespace keyhold::crypto
