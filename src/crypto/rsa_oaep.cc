#include "crypto/rsa_oaep.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/fatal.h"

namespace keyhold::crypto {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeInfo {
  void operator()(PKCS8_PRIV_KEY_INFO* info) const { PKCS8_PRIV_KEY_INFO_free(info); }
};
using Context = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;

template <typename Encode, typename Object>
ByteVector encoded(Encode encode, Object* object) {
  unsigned char* der = nullptr;
  const int size = encode(object, &der);
  require(size > 0, "encoding an RSA key failed inside OpenSSL");
  ByteVector out(der, der + size);
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  return out;
}

bool prepare_oaep(EVP_PKEY_CTX* context) {
  return EVP_PKEY_decrypt_init(context) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

}  // namespace

struct RsaKey::Held {
  std::unique_ptr<EVP_PKEY, FreeKey> key;
};

RsaKey::RsaKey(std::unique_ptr<Held> held) : held_(std::move(held)) {}
RsaKey::RsaKey(RsaKey&&) noexcept = default;
RsaKey& RsaKey::operator=(RsaKey&&) noexcept = default;
RsaKey::~RsaKey() = default;

Result<RsaKey> RsaKey::generate(int bits) {
  if (bits != 2048 && bits != 3072 && bits != 4096) {
    return fail(Code::invalid_argument, "an RSA key of " + std::to_string(bits) + " bits");
  }
  auto held = std::make_unique<Held>();
  held->key.reset(EVP_RSA_gen(static_cast<unsigned>(bits)));
  if (!held->key) return fail(Code::internal, "making an RSA key failed inside OpenSSL");
  return RsaKey(std::move(held));
}

Result<RsaKey> RsaKey::from_der(ByteView private_der) {
  const unsigned char* at = private_der.data();
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeInfo> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(private_der.size())));
  auto held = std::make_unique<Held>();
  if (info) held->key.reset(EVP_PKCS82PKEY(info.get()));
  if (!held->key || EVP_PKEY_is_a(held->key.get(), "RSA") != 1) {
    return fail(Code::invalid_argument, "no RSA key in PKCS#8");
  }
  return RsaKey(std::move(held));
}

ByteVector RsaKey::public_der() const {
  return encoded(&i2d_PUBKEY, held_->key.get());
}

ByteVector RsaKey::private_der() const {
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeInfo> info(EVP_PKEY2PKCS8(held_->key.get()));
  require(info != nullptr, "encoding an RSA key failed inside OpenSSL");
  return encoded(&i2d_PKCS8_PRIV_KEY_INFO, info.get());
}

Result<Key256> RsaKey::decrypt_oaep_sha256(ByteView ciphertext) const {
  const Context context(EVP_PKEY_CTX_new(held_->key.get(), nullptr));
  require(context != nullptr && prepare_oaep(context.get()), "RSA-OAEP failed inside OpenSSL");
  KEYHOLD_TRY_ASSIGN(auto room, SecretBlock::allocate(
                                    static_cast<std::size_t>(EVP_PKEY_get_size(held_->key.get()))));
  const MutableByteView bytes = room.bytes(SecretAccess::grant());
  std::size_t size = bytes.size();
  if (EVP_PKEY_decrypt(context.get(), bytes.data(), &size, ciphertext.data(), ciphertext.size()) !=
      1) {
    return fail(Code::integrity, "not encrypted to this RSA key");
  }
  if (size != Key256::kSizeBytes) {
    return fail(Code::invalid_argument, "what was encrypted is no 256-bit key");
  }
  return Key256::copy_of(bytes.first(size), SecretAccess::grant());
}

}  // namespace keyhold::crypto
