// RSA keys for tests, made when they are asked for.
#pragma once

#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace keyhold::crypto {

using TestKey = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

inline TestKey new_rsa_test_key(unsigned bits) {
  return {EVP_RSA_gen(bits), EVP_PKEY_free};
}

// PKCS#8, in the clear or, with a cipher, under the password "secret".
inline std::string to_pem(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher == nullptr ? nullptr : "secret",
                                cipher == nullptr ? 0 : 6, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

// The same one of 2048 bits for the whole process.
inline const std::string& test_rsa_key() {
  static const std::string pem = to_pem(new_rsa_test_key(2048).get());
  return pem;
}

}  // namespace keyhold::crypto
