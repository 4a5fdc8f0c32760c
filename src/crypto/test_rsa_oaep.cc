#include "crypto/test_rsa_oaep.h"

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

}  // namespace

ByteVector encrypt_oaep(ByteView public_der, ByteView message, const char* digest) {
  const unsigned char* at = public_der.data();
  const std::unique_ptr<EVP_PKEY, Free> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(public_der.size())));
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  const EVP_MD* const hash = EVP_get_digestbyname(digest);
  EXPECT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), hash), 1);
  std::size_t size = 512;
  ByteVector out(size);
  EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &size, message.data(), message.size()), 1);
  out.resize(size);
  return out;
}

}  // namespace keyhold::crypto
