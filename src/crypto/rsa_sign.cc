#include "crypto/rsa_sign.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace keyhold::crypto {
namespace {

constexpr int kLeastBits = 2048;
constexpr int kMostBits = 8192;
constexpr std::size_t kMaxPemBytes = 32U << 10U;

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

// Without this OpenSSL would ask the terminal for a password.
int no_password(char*, int, int, void*) {
  return -1;
}

Key parse_key(std::string_view pem) {
  const std::unique_ptr<BIO, BioDeleter> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return nullptr;
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, nullptr));
}

}  // namespace

Result<ByteVector> rsa_sign_sha256(std::string_view private_key_pem, ByteView message) {
  const auto refused = [] {
    ERR_clear_error();
    return fail(Code::invalid_argument,
                "not an RSA private key of 2048 to 8192 bits in PEM without a password");
  };
  if (private_key_pem.size() > kMaxPemBytes) return refused();
  const Key key = parse_key(private_key_pem);
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return refused();
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kLeastBits || bits > kMostBits) return refused();
  const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
  ByteVector signature(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())));
  std::size_t size = signature.size();
  const bool good =
      context != nullptr &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1;
  if (!good) return refused();
  signature.resize(size);
  return signature;
}

}  // namespace keyhold::crypto
