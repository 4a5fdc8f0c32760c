#include "crypto/rsa_oaep.h"

#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace keyhold::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

// The sending side, as a customer's own tool has it.
ByteVector encrypt_to(ByteView public_der, ByteView message, const EVP_MD* digest) {
  const unsigned char* at = public_der.data();
  const std::unique_ptr<EVP_PKEY, Free> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(public_der.size())));
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  EXPECT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest), 1);
  std::size_t size = 512;
  ByteVector out(size);
  EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &size, message.data(), message.size()), 1);
  out.resize(size);
  return out;
}

TEST(RsaOaep, KeyThatWasEncryptedToItArrives) {
  const RsaKey made = RsaKey::generate(2048).value();
  const RsaKey again = RsaKey::from_der(made.private_der()).value();
  const ByteVector material(32, 7);
  const auto arrived =
      again.decrypt_oaep_sha256(encrypt_to(made.public_der(), material, EVP_sha256())).value();
  EXPECT_TRUE(equal_constant_time(arrived.bytes(SecretAccess::grant()), material));
}

TEST(RsaOaep, AnotherSizeHashOrKeyIsRefused) {
  const RsaKey key = RsaKey::generate(2048).value();
  const ByteVector der = key.public_der();
  EXPECT_EQ(
      key.decrypt_oaep_sha256(encrypt_to(der, ByteVector(31, 7), EVP_sha256())).error().code(),
      Code::invalid_argument);
  EXPECT_EQ(key.decrypt_oaep_sha256(encrypt_to(der, ByteVector(32, 7), EVP_sha1())).error().code(),
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
