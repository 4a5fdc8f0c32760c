#include "crypto/rsa_sign.h"

#include <string>

#include <gtest/gtest.h>

#include "crypto/test_rsa_key.h"

namespace keyhold::crypto {
namespace {

// By OpenSSL's older interface, which says the padding and the digest in words.
bool verifies(EVP_PKEY* key, ByteView message, ByteView signature) {
  unsigned char digest[32];
  unsigned size = 0;
  EXPECT_EQ(EVP_Digest(message.data(), message.size(), digest, &size, EVP_sha256(), nullptr), 1);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  EXPECT_EQ(EVP_PKEY_verify_init(context), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()), 1);
  const bool good = EVP_PKEY_verify(context, signature.data(), signature.size(), digest, size) == 1;
  EVP_PKEY_CTX_free(context);
  return good;
}

TEST(RsaSign, SignatureIsPkcs1OverSha256AndTheSameEachTime) {
  const TestKey key = new_rsa_test_key(2048);
  const std::string pem = to_pem(key.get());
  const ByteView message = as_bytes("header.claims");
  const auto signature = rsa_sign_sha256(pem, message);
  ASSERT_TRUE(signature.has_value());
  EXPECT_EQ(signature->size(), 256U);
  EXPECT_TRUE(verifies(key.get(), message, *signature));
  EXPECT_FALSE(verifies(key.get(), as_bytes("header.claimz"), *signature));
  EXPECT_EQ(rsa_sign_sha256(pem, message).value(), *signature);
}

TEST(RsaSign, WhatIsNoStrongRsaKeyInTheClearIsRefused) {
  const TestKey weak = new_rsa_test_key(1024);
  const TestKey good = new_rsa_test_key(2048);
  const TestKey curve(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::string pem = to_pem(good.get());
  for (const std::string& bad :
       {std::string(), std::string("nonsense"), pem.substr(0, pem.size() / 2), to_pem(weak.get()),
        to_pem(curve.get()), to_pem(good.get(), EVP_aes_256_cbc()), std::string(40'000, 'A')}) {
    const auto signature = rsa_sign_sha256(bad, as_bytes("message"));
    ASSERT_FALSE(signature.has_value());
    EXPECT_EQ(signature.error().code(), Code::invalid_argument);
    EXPECT_EQ(signature.error().message().find("BEGIN"), std::string::npos);
  }
}

}  // namespace
}  // namespace keyhold::crypto
